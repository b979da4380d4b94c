//! `sumun user`: people are made known, and their passwords never stand on the command line.

use std::path::Path;

use tempfile::tempdir;
use tokio::process::Command;

use crate::house::{Ended, SETTINGS, run, serve_command};

async fn user(directory: &Path, arguments: &[&str], input: &str) -> Ended {
    let serve = serve_command(SETTINGS, directory, 8080);
    let mut command = Command::new(serve.as_std().get_program());
    command.env_clear();
    for (name, value) in serve.as_std().get_envs() {
        command.env(name, value.unwrap());
    }
    command
        .args(["user"])
        .args(arguments)
        .arg("--config")
        .arg(directory.join("sumun.toml"));
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    run(command, input).await
}

#[tokio::test]
async fn a_person_is_made_known_once() {
    let directory = tempdir().unwrap();
    let add = [
        "add",
        "alice",
        "--role",
        "Admin",
        "--email",
        "alice@example.com",
    ];
    let ended = user(directory.path(), &add, "a long password\n").await;
    assert_eq!(
        (ended.code, &*ended.out),
        (Some(0), "alice can sign in\n"),
        "{ended:?}"
    );
    let ended = user(directory.path(), &add, "a long password\n").await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.err,
        "error: there is a user `alice` already; choose another name, or change that one\n"
    );

    let ended = user(directory.path(), &["password", "Alice"], "another password").await;
    assert_eq!(
        ended.out, "alice has a new password and is signed out everywhere\n",
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_person_without_a_password_is_not_said_to_be_able_to_sign_in() {
    let directory = tempdir().unwrap();
    let add = ["add", "bob", "--without-password"];
    let ended = user(directory.path(), &add, "").await;
    assert!(
        ended
            .out
            .starts_with("bob is known, without a password: to sign in takes an account"),
        "{ended:?}"
    );
    let shown = user(directory.path(), &["show", "bob"], "").await;
    let line = shown
        .out
        .lines()
        .find(|line| line.starts_with("created_at"));
    assert!(
        line.is_some_and(|line| line.ends_with('Z')),
        "people read dates: {shown:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_is_told() {
    let directory = tempdir().unwrap();
    let ended = user(directory.path(), &["add", "alice"], "short\n").await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.err, "error: a password has 8 to 1024 characters\n");
    let ended = user(
        directory.path(),
        &["add", "alice", "--role", "Boss"],
        "long enough\n",
    )
    .await;
    assert_eq!(ended.err, "error: there is no role `Boss`\n");
    let ended = user(directory.path(), &["password", "nobody"], "long enough\n").await;
    assert_eq!(
        ended.err,
        "error: there is no user `nobody`: make one with `sumun user add nobody`\n"
    );
}
