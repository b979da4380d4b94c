//! `sumun demo`: everything at once on this machine, with people to sign in as.

mod api;
#[cfg(feature = "simulators")]
mod elsewhere;
mod left_behind;

use std::fmt;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use authorization_server::user::{NewUser, UserError, Users};
use examples::demo_api::Account;
use oauth::secret::Secret;

#[cfg(feature = "simulators")]
use self::elsewhere::Elsewhere;
use self::left_behind::in_shell;
use crate::command_line::Demo;
use crate::house::{self, House};
use crate::settings::{self, Environment, ServerKind, Settings, Source};
use crate::telemetry;

/// A person of the demo.
///
/// The passwords are fixed and stand on the screen. That is all right because the demo listens on
/// loopback alone, whatever the environment says, and its data are its own.
struct Person {
    username: &'static str,
    password: &'static str,
    name: &'static str,
    role: &'static str,
    may: &'static str,
}

const PEOPLE: [Person; 2] = [
    Person {
        username: "alice",
        password: "alice-demo",
        name: "Alice Demo",
        role: "User",
        may: "adds todos, and sees and deletes her own",
    },
    Person {
        username: "admin",
        password: "admin-demo",
        name: "Admin Demo",
        role: "Admin",
        may: "sees and deletes everybody's todos, and reads the audit log",
    },
];

pub(super) async fn run(options: Demo, environment: &Environment) -> anyhow::Result<()> {
    let data = match options.data {
        Some(directory) => directory,
        None => usual_directory(environment)?,
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let listener = house::bind(address).await?;
    let address = listener.local_addr()?;
    let url = url_of(address);
    let api = api::Beside::prepare(&url).await?;
    let text = format!("{}{}", include_str!("demo.toml"), api.settings());
    #[cfg(feature = "simulators")]
    let elsewhere = Elsewhere::prepare(&options.identity_providers, &url).await?;
    #[cfg(feature = "simulators")]
    let text = text + &elsewhere.settings();
    let settings = settings_of(&text, address, &data, environment)?;
    let telemetry = telemetry::start(&settings)?;
    let servers = settings.servers.iter();
    let servers = servers.filter(|server| server.kind != ServerKind::Hello);
    let servers = servers.map(|server| (server.kind.name(), server.resource.to_string()));
    let servers = servers.collect();
    let house = House::build(settings, listener).await?;
    add_people(house.users()).await?;
    let config = data.join("demo.toml");
    left_behind::write(&config, &text, address)?;
    let screen = Screen {
        url,
        data,
        config,
        servers,
        api: api.serve(&house),
        #[cfg(feature = "simulators")]
        elsewhere: elsewhere.serve(&house).to_string(),
        #[cfg(not(feature = "simulators"))]
        elsewhere: String::new(),
    };
    let ended = house
        .run(move || Ok(write!(std::io::stdout().lock(), "{screen}")?))
        .await;
    telemetry.end();
    ended
}

/// The public address. The port that every client leaves out is no part of it.
fn url_of(address: SocketAddr) -> String {
    match address.port() {
        80 => format!("http://{}", address.ip()),
        _ => format!("http://{address}"),
    }
}

fn usual_directory(environment: &Environment) -> anyhow::Result<PathBuf> {
    let home = environment.data_home();
    let home = home.context("there is no home directory for the data: name one with --data")?;
    Ok(home.join("sumun/demo"))
}

fn settings_of(
    text: &str,
    address: SocketAddr,
    data: &Path,
    environment: &Environment,
) -> anyhow::Result<Settings> {
    let source = Source {
        name: "the settings of the demo",
        text,
        directory: Path::new(""),
        readable_by_all: false,
    };
    let data = data
        .to_str()
        .context("the data directory must be UTF-8: name another one")?;
    let dictated = [
        ("public_url", url_of(address)),
        ("listen", address.to_string()),
        ("data", data.to_owned()),
    ];
    let settings = settings::parse(source, environment, &dictated);
    Ok(settings.map_err(settings::SettingsError::Problems)?)
}

/// Makes the people known who are not yet.
async fn add_people(users: &Users) -> anyhow::Result<()> {
    for person in &PEOPLE {
        let new = NewUser {
            username: person.username.to_owned(),
            password: Some(Secret::from(person.password)),
            name: Some(person.name.to_owned()),
            email: Some(format!("{}@example.com", person.username)),
            email_verified: true,
            roles: vec![person.role.to_owned()],
        };
        match users.create(new).await {
            // From the last time, with the todos they made then.
            Ok(_) | Err(UserError::UsernameTaken(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What the demo prints when it is ready.
struct Screen {
    url: String,
    data: PathBuf,
    /// Where other commands find the settings.
    config: PathBuf,
    /// Every MCP endpoint.
    servers: Vec<(&'static str, String)>,
    /// The API that the hybrid demo calls.
    api: SocketAddr,
    /// Who can sign in at other places; empty when there are none.
    elsewhere: String,
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url,
            data,
            config,
            servers,
            api,
            elsewhere,
        } = self;
        writeln!(f, "Sumun demo is ready at {url}")?;
        writeln!(
            f,
            "Only this machine can reach it, so the passwords below are no secret.\n"
        )?;
        writeln!(f, "MCP endpoints")?;
        for (name, address) in servers {
            writeln!(f, "  {name:<12} {address}")?;
        }
        writeln!(f, "\nPeople")?;
        for Person {
            username,
            password,
            role,
            may,
            ..
        } in &PEOPLE
        {
            writeln!(f, "  {username}   password {password}   role {role}: {may}")?;
        }
        let accounts = Account::ALL.map(|account| account.name).join(" and ");
        writeln!(
            f,
            "  At the API that `hybrid` calls, http://{api}: {accounts}"
        )?;
        f.write_str(elsewhere)?;
        writeln!(
            f,
            "\nClient configuration, by address or through mcp-remote"
        )?;
        writeln!(
            f,
            r#"  {{"mcpServers": {{"todo": {{"url": "{url}/todo/mcp"}}}}}}"#
        )?;
        writeln!(
            f,
            r#"  {{"mcpServers": {{"todo": {{"command": "npx", "args": ["-y", "mcp-remote", "{url}/todo/mcp"]}}}}}}"#
        )?;
        writeln!(f, "\nTry next")?;
        writeln!(f, "  npx -y -p mcp-remote mcp-remote-client {url}/todo/mcp")?;
        let form = "grant_type=client_credentials&client_id=mcp-client&client_secret=secret\
                    &scope=mcp.access";
        writeln!(f, "  curl -d '{form}' {url}/oauth2/token")?;
        writeln!(
            f,
            "  curl -H \"Authorization: Bearer ACCESS_TOKEN_FROM_ABOVE\" {url}/hello"
        )?;
        let (program, config) = (Environment::program(), config.display().to_string());
        writeln!(
            f,
            "  {} audit tail --config {}",
            in_shell(&program),
            in_shell(&config)
        )?;
        writeln!(f, "Data in {}. Stop with Ctrl-C.", data.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_http_is_left_out_of_the_public_address() {
        assert_eq!(url_of(([127, 0, 0, 1], 80).into()), "http://127.0.0.1");
        assert_eq!(
            url_of(([127, 0, 0, 1], 8080).into()),
            "http://127.0.0.1:8080"
        );
    }
}
