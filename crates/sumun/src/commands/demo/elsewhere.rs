//! Identity providers for the demo: simulators beside the house, each on a port of its own.

use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use authorization_server::simulators::{App, Person, Simulator, Vendor};
use oauth::client::fetch::Fetch;
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::SystemClock;
use tokio::net::TcpListener;

use crate::house::{self, House};

/// The simulators of a demo, and where each of them will be.
#[derive(Debug, Default)]
pub(super) struct Elsewhere(Vec<(Simulator, TcpListener, SocketAddr)>);

impl Elsewhere {
    /// Takes a port for each of `names` (`all` is everybody), for a house at `public_url`.
    pub(super) async fn prepare(names: &[String], public_url: &str) -> anyhow::Result<Self> {
        let is_named = |vendor: &Vendor| {
            let is_this = |name: &String| name == "all" || name == vendor.name();
            names.iter().any(is_this)
        };
        let (fetch, mut beside) = (Fetch::new()?, Vec::new());
        for vendor in Vendor::ALL.into_iter().filter(is_named) {
            let listener = house::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
            let address = listener.local_addr()?;
            let app = App {
                client_id: "sumun-demo".to_owned(),
                client_secret: Secret::random(&OsRandom),
                redirect_uri: format!("{public_url}/callback/{}", vendor.name()),
            };
            let unlink_callback = format!("{public_url}/unlink/{}", vendor.name());
            let origin = format!("http://{address}");
            let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
            let simulator = Simulator::new(vendor, &origin, app, clock, random);
            simulator.tell(fetch.clone(), unlink_callback);
            beside.push((simulator, listener, address));
        }
        Ok(Self(beside))
    }

    /// The settings that an operator would write for them; beside Naver, the Naver assistant.
    pub(super) fn settings(&self) -> String {
        let mut text = String::new();
        for (simulator, _, address) in &self.0 {
            text.push_str(&section(simulator));
            if simulator.vendor() == Vendor::Naver {
                write!(
                    text,
                    "\n[[servers]]\nname = \"naver\"\napi = \"http://{address}\"\n"
                )
                .expect("writing to a string cannot fail");
            }
        }
        text
    }

    /// Serves them as long as the house is there; what the screen says about them.
    pub(super) fn serve(self, house: &House) -> Lines {
        let serve = |(simulator, listener, address): (Simulator, _, _)| {
            house.serve_beside(listener, simulator.router());
            (simulator.vendor(), address)
        };
        Lines(self.0.into_iter().map(serve).collect())
    }
}

/// A simulator as a section of a settings file: its vendor's preset, with the addresses of this machine.
fn section(simulator: &Simulator) -> String {
    let provider = simulator.provider(simulator.vendor().name());
    let fields = provider.overrides;
    let texts = [
        ("id", Some(provider.id)),
        ("preset", Some(provider.preset)),
        ("client_id", Some(provider.client_id)),
        (
            "client_secret",
            provider
                .client_secret
                .map(|secret| secret.expose().to_owned()),
        ),
        ("name", fields.name),
        ("name_ko", fields.name_ko),
        ("issuer", fields.issuer),
        ("authorization_endpoint", fields.authorization_endpoint),
        ("token_endpoint", fields.token_endpoint),
        ("userinfo_endpoint", fields.userinfo_endpoint),
        ("email_list_endpoint", fields.email_list_endpoint),
        ("revocation_endpoint", fields.revocation_endpoint),
        ("jwks_uri", fields.jwks_uri),
    ];
    let mut text = "\n[[identity_providers]]\n".to_owned();
    for (key, value) in texts {
        if let Some(value) = value {
            writeln!(text, "{key} = {value:?}").expect("writing to a string cannot fail");
        }
    }
    if let Some(issuers) = fields.id_token_issuers {
        writeln!(text, "id_token_issuers = {issuers:?}").expect("writing to a string cannot fail");
    }
    for (name, value) in provider.variables {
        writeln!(text, "variables.{name} = {value:?}").expect("writing to a string cannot fail");
    }
    text
}

/// Who can sign in where.
#[derive(Debug)]
pub(super) struct Lines(Vec<(Vendor, SocketAddr)>);

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\nPeople elsewhere, at simulators on this machine: choose one on the page, or open an \
             address to withdraw"
        )?;
        for (vendor, address) in &self.0 {
            let people: Vec<_> = vendor.people().iter().map(described).collect();
            let (name, people) = (vendor.name(), people.join(", "));
            writeln!(f, "  {name:<14} http://{address}   {people}")?;
            if *vendor == Vendor::Naver {
                let page = format!("http://{address}/simulator/calendar");
                writeln!(f, "  {:<14} {page}   what the assistant has written", "")?;
            }
        }
        Ok(())
    }
}

fn described(person: &Person) -> String {
    match (person.email, person.email_verified) {
        (None, _) => format!("{} (no e-mail)", person.name),
        (Some(_), true) => person.name.to_owned(),
        (Some(email), false) => format!("{} ({email}, not verified)", person.name),
    }
}
