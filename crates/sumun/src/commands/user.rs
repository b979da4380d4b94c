//! `sumun user`: the people who can sign in.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _, stdin, stdout};

use anyhow::{Context as _, bail};
use authorization_server::AuthorizationServer;
use authorization_server::user::NewUser;
use oauth::secret::Secret;

use crate::command_line::{AddUser, UserPassword};
use crate::settings::{self, Environment, Settings};
use crate::{app, data};

/// More than any password has; whoever pipes a whole file in gets an error, not a password.
const MOST_INPUT: u64 = 64 * 1024;

pub(super) async fn add(options: AddUser, environment: &Environment) -> anyhow::Result<()> {
    let settings = settings::load(&options.config.config, environment)?;
    for role in &options.roles {
        if !settings.authorization_server.roles.contains_key(role) {
            let known: Vec<_> = settings
                .authorization_server
                .roles
                .keys()
                .cloned()
                .collect();
            bail!(
                "there is no role `{role}`: the settings have {}",
                known.join(", ")
            );
        }
    }
    let (data, server) = open(settings).await?;
    let new = NewUser {
        username: options.username.clone(),
        password: Some(read_password()?),
        name: options.name,
        email: options.email,
        email_verified: false,
        roles: options.roles,
    };
    let created = server.users().create(new).await;
    data.store.close().await;
    writeln!(stdout(), "{} can sign in", created?.username)?;
    Ok(())
}

pub(super) async fn password(
    options: UserPassword,
    environment: &Environment,
) -> anyhow::Result<()> {
    let (data, server) = open(settings::load(&options.config.config, environment)?).await?;
    let username = &options.username;
    let user = server.users().find_by_username(username).await?;
    let user = user.with_context(|| {
        format!("there is no user `{username}`: make one with `sumun user add {username}`")
    })?;
    let changed = server
        .users()
        .set_password(&user.subject, read_password()?)
        .await;
    data.store.close().await;
    changed?;
    writeln!(
        stdout(),
        "{} has a new password and is signed out everywhere",
        user.username
    )?;
    Ok(())
}

async fn open(settings: Settings) -> anyhow::Result<(data::Data, AuthorizationServer)> {
    let data = data::open(&settings.data).await?;
    let parts = app::parts(&data)?;
    let server = AuthorizationServer::start(settings.authorization_server, parts).await?;
    Ok((data, server))
}

/// Asks twice on a terminal, without showing what is typed; else reads the first line.
///
/// A password never stands on the command line: other people on the machine see that.
fn read_password() -> anyhow::Result<Secret> {
    if stdin().is_terminal() {
        let ask = |prompt| rpassword::prompt_password(prompt).map(Secret::from);
        let (first, second) = (ask("Password: ")?, ask("Once more: ")?);
        if first.expose() != second.expose() {
            bail!("the two passwords differ: nothing has been changed, try again");
        }
        return Ok(first);
    }
    let mut line = String::new();
    stdin()
        .lock()
        .take(MOST_INPUT)
        .read_line(&mut line)
        .context("no password could be read")?;
    Ok(Secret::from(line.trim_end_matches(['\r', '\n'])))
}
