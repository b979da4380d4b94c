//! `sumun user`: the people who can sign in.

use std::io::{BufRead as _, IsTerminal as _, Read as _, stdin};

use anyhow::{Context as _, bail};
use authorization_server::manage::{
    Change, CreateUser, Management, Precondition, UserChange, UserView,
};
use clap::{Args, Subcommand};
use oauth::secret::Secret;

use super::output::{Output, joined};
use super::{Manage, all};

/// More than any password has; whoever pipes a whole file in gets an error, not a password.
const MOST_INPUT: u64 = 64 * 1024;

/// `sumun user`
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Makes a person known; the password is asked for, or read from standard input
    Add(AddUser),
    /// Lists everybody
    List,
    /// Shows a person
    Show(Username),
    /// Changes what is known of a person, or what they may do
    Change(ChangeUser),
    /// Gives a person another password; it is asked for, or read from standard input
    Password(Username),
    /// Removes a person, with their sessions, grants and consents
    Remove(Username),
}

/// Which person.
#[derive(Debug, Args)]
pub(crate) struct Username {
    /// What the person types to sign in
    username: String,
}

/// `sumun user add`
#[derive(Debug, Args)]
pub(crate) struct AddUser {
    /// What the person types to sign in
    username: String,
    /// A role; may be repeated [default: the default role]
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// The person's name, as others call them
    #[arg(long)]
    name: Option<String>,
    /// Where mail reaches the person
    #[arg(long)]
    email: Option<String>,
    /// Asks for no password: the person signs in at an identity provider
    #[arg(long)]
    without_password: bool,
}

/// `sumun user change`
#[derive(Debug, Args)]
pub(crate) struct ChangeUser {
    /// What the person types to sign in
    username: String,
    /// A role, in place of those that the person has; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Takes every role away, which leaves the default role
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,
    /// The person's name; empty to forget it
    #[arg(long)]
    name: Option<String>,
    /// Where mail reaches the person; empty to forget it
    #[arg(long)]
    email: Option<String>,
    /// Keeps the account from being used, and ends its sessions and grants
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Lets a disabled account be used again
    #[arg(long)]
    enable: bool,
}

impl Manage for UserCommand {
    async fn run(self, management: &Management, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::Add(options) => add(options, management, output).await,
            Self::List => {
                let users = all(async |page| management.users(page).await).await?;
                let columns = ["username", "id", "roles", "name", "email", "state"];
                output.list(&users, columns, row)
            }
            Self::Show(Username { username }) => output.show(&find(management, &username).await?),
            Self::Change(options) => change(options, management, output).await,
            Self::Password(Username { username }) => {
                let user = find(management, &username).await?;
                let password = read_password()?;
                management
                    .set_password(&user.id, password, &Precondition::NONE)
                    .await?;
                let sentence = format!(
                    "{} has a new password and is signed out everywhere",
                    user.username
                );
                output.done(&user, &sentence)
            }
            Self::Remove(Username { username }) => {
                let user = find(management, &username).await?;
                management
                    .remove_user(&user.id, &Precondition::NONE)
                    .await?;
                output.done(&user, &format!("{} is removed", user.username))
            }
        }
    }
}

async fn add(options: AddUser, management: &Management, output: &Output) -> anyhow::Result<()> {
    // Before anybody types a password for nothing.
    for role in &options.roles {
        management.role(role).await?;
    }
    let password = (!options.without_password)
        .then(read_password)
        .transpose()?;
    let user = management.create_user(CreateUser {
        username: options.username,
        password,
        name: options.name,
        email: options.email,
        email_verified: false,
        roles: options.roles,
    });
    let user = user.await?;
    let name = &user.username;
    let sentence = if user.has_password {
        format!("{name} can sign in")
    } else {
        format!(
            "{name} is known, without a password: to sign in takes an account at one of [[identity_providers]], \
             or a password (sumun user password {name})"
        )
    };
    output.done(&user, &sentence)
}

async fn change(
    options: ChangeUser,
    management: &Management,
    output: &Output,
) -> anyhow::Result<()> {
    let user = find(management, &options.username).await?;
    let disabled = (options.disable || options.enable).then_some(options.disable);
    let has_roles = options.no_roles || !options.roles.is_empty();
    let change = UserChange {
        name: or_empty(options.name),
        email: or_empty(options.email),
        email_verified: None,
        roles: has_roles.then_some(options.roles),
        disabled,
    };
    let changed = management
        .change_user(&user.id, change, &Precondition::NONE)
        .await?;
    output.done(&changed, &format!("{} is changed", changed.username))
}

/// An option that empties a field when its value is empty.
pub(super) fn or_empty(option: Option<String>) -> Change<String> {
    match option {
        None => Change::Keep,
        Some(text) if text.is_empty() => Change::Clear,
        Some(text) => Change::Set(text),
    }
}

/// The person with this name.
pub(super) async fn find(management: &Management, username: &str) -> anyhow::Result<UserView> {
    let user = management.user_named(username).await?;
    user.with_context(|| {
        format!("there is no user `{username}`: make one with `sumun user add {username}`")
    })
}

fn row(user: &UserView) -> [String; 6] {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    [
        user.username.clone(),
        user.id.clone(),
        joined(&user.roles),
        or_none(&user.name),
        or_none(&user.email),
        if user.disabled { "disabled" } else { "active" }.to_owned(),
    ]
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
