//! The people who sign in.

use std::process::Stdio;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::process::Command;

use crate::house::{House, free_port, run, serve_command};

/// Somebody with a password.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) username: &'static str,
    pub(crate) password: &'static str,
    pub(crate) role: &'static str,
}

/// Somebody with the role User, also in the demo.
pub(crate) const ALICE: Person = Person {
    username: "alice",
    password: "alice-demo",
    role: "User",
};

/// Somebody with the role Admin, also in the demo.
pub(crate) const ADMIN: Person = Person {
    username: "admin",
    password: "admin-demo",
    role: "Admin",
};

/// A house with these settings and both people.
pub(crate) async fn house_with_people(toml: &str) -> House {
    house_with_people_at(toml, free_port()).await
}

/// The same at a port that the settings know.
pub(crate) async fn house_with_people_at(toml: &str, port: u16) -> House {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    for person in [ALICE, ADMIN] {
        add(person, toml, &directory, port).await;
    }
    House::serve(toml, &directory, port, &[]).await
}

/// `sumun user add`, with the settings and the data of a house that is not there yet.
async fn add(person: Person, toml: &str, directory: &TempDir, port: u16) {
    let serve = serve_command(toml, directory.path(), port);
    let mut command = Command::new(serve.as_std().get_program());
    command.env_clear();
    command.envs(
        serve
            .as_std()
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command.args([
        "user",
        "add",
        person.username,
        "--role",
        person.role,
        "--config",
    ]);
    command.arg(directory.path().join("sumun.toml"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = run(command, person.password).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
