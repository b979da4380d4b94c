//! `sumun keys`: the key ring is rotated while the house runs, and while the house is killed.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use store::{KeyRing, KeyUsage, SqliteStore};
use tempfile::TempDir;
use tokio::process::Command;

use crate::house::{Ended, House, SETTINGS, free_port, run, serve_command};
use crate::http_client::{get, send};

/// A client for whom anybody can begin a sign-in: every one is a sealed record.
const CLIENT: &str = r#"
[[clients]]
client_id = "desk"
redirect_uris = ["http://127.0.0.1:4999/callback"]
auth_method = "none"
"#;

fn settings() -> String {
    format!("{SETTINGS}{CLIENT}")
}

fn keys_command(directory: &Path, arguments: &[&str]) -> Command {
    let serve = serve_command(&settings(), directory, 8080);
    let mut command = Command::new(serve.as_std().get_program());
    command.env_clear();
    for (name, value) in serve.as_std().get_envs() {
        command.env(name, value.unwrap());
    }
    command.arg("keys").args(arguments).arg("--config");
    command.arg(directory.join("sumun.toml"));
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn keys(directory: &Path, arguments: &[&str]) -> Ended {
    run(keys_command(directory, arguments), "").await
}

/// Rotates at once, and waits until the house has brought all records under the new key, which it names.
pub(crate) async fn rotate(house: &House) -> String {
    let ended = keys(house.directory().path(), &["rotate", "--after", "0s"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    house.signal("USR1").await;
    let kid = ended.out.split_whitespace().nth(2).unwrap();
    house.logged(kid).await;
    kid.to_owned()
}

/// Begins a sign-in, and returns the address of its page.
async fn begin(house: &House) -> String {
    let request = format!(
        "{}/authorize?response_type=code&client_id=desk&resource={}/todo/mcp&scope=create:todos\
         &redirect_uri=http://127.0.0.1:4999/callback&state=state\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
        house.url, house.url
    );
    let answer = get(&request, None).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").to_owned()
}

/// Shows a page in the one browser of this test: 200 if its record opens.
async fn status(page: &str) -> u16 {
    let cookie = format!("sumun-browser={}", "b".repeat(43));
    let request = Request::get(page).header("cookie", cookie);
    send(request.body(Body::empty()).unwrap())
        .await
        .status
        .as_u16()
}

/// The data, as the next process finds them: the key ring is whole, and every record opens.
async fn look(directory: &TempDir) -> (KeyRing, SqliteStore) {
    let data = directory.path().join("data");
    let ring = data.join("keyring.json");
    let ring = KeyRing::open_or_create(&ring, &OsRandom, &SystemClock).unwrap();
    let store = SqliteStore::open(&data.join("sumun.db"), Arc::new(SystemClock)).await;
    (ring, store.unwrap())
}

/// The same numbers on every run; which of them are hit depends on the machine.
fn next(seed: &mut u64) -> u64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

#[tokio::test]
async fn a_rotation_is_ordered_and_shown_on_the_command_line() {
    let house = House::with_settings(&settings()).await;
    let directory = house.directory();
    let page = begin(&house).await;
    rotate(&house).await;
    assert_eq!(status(&page).await, 200);
    let ended = keys(directory.path(), &["rotate"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("seals from 20"), "{}", ended.out);

    let list = keys(directory.path(), &["list"]).await;
    let lines: Vec<_> = list.out.lines().collect();
    let [head, first, second, third] = lines.try_into().unwrap();
    assert!(head.ends_with("use"), "{list:?}");
    assert!(first.contains("opens, since 20"), "{first}");
    assert!(second.ends_with("  seals"), "{second}");
    assert!(third.contains("  seals from 20"), "{third}");
    let records = |line: &str| line.split_whitespace().nth(2).unwrap().to_owned();
    assert_eq!(records(first), "0");
    assert_ne!(records(second), "0");
    assert_eq!(records(third), "0");

    let ended = keys(directory.path(), &["rotate", "--after", "soon"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended
            .err
            .contains("write a duration as 45s, 5m, 12h or 30d")
    );
}

#[tokio::test]
async fn a9_a_house_that_is_killed_while_it_rotates_loses_nothing() {
    const ROUNDS: usize = 5;
    let toml = settings();
    let port = free_port();
    let mut house = House::serve(&toml, &Arc::new(tempfile::tempdir().unwrap()), port, &[]).await;
    let directory = house.directory();
    let mut seed = 20_261_121;
    let mut pages = Vec::new();
    for _ in 0..150 {
        pages.push(begin(&house).await);
    }
    let (ring, store) = look(&directory).await;
    let handles = ring.mac_key("handle");
    let mut tags = vec![handles.tag(b"grant")];
    store.close().await;

    for round in 0..ROUNDS {
        // Every second rotation is killed as well; the others are whole.
        let mut rotating = keys_command(directory.path(), &["rotate", "--after", "0s"])
            .spawn()
            .unwrap();
        if round % 2 == 0 {
            assert!(rotating.wait().await.unwrap().success());
        }
        house.signal("USR1").await;
        // The load, which is also what the house is doing when it dies.
        for _ in 0..next(&mut seed) % 8 {
            pages.push(begin(&house).await);
        }
        if round % 2 == 1 {
            rotating.kill().await.unwrap();
        }
        house.stop("KILL").await;

        let (ring, store) = look(&directory).await;
        for (kid, tag) in &tags {
            assert!(ring.mac_key("handle").verify(kid, b"grant", tag));
        }
        tags.push(ring.mac_key("handle").tag(b"grant"));
        store.close().await;
        house = House::serve(&toml, &directory, port, &[]).await;
        for page in &pages {
            assert_eq!(status(page).await, 200, "round {round}");
        }
    }

    // Whatever was left unfinished can be finished.
    rotate(&house).await;
    let (ring, store) = look(&directory).await;
    let keys = ring.keys();
    assert!(keys.len() > ROUNDS / 2 + 1, "{keys:?}");
    for key in keys {
        let records = store.sealed_by(&key.kid).await.unwrap();
        match key.usage {
            KeyUsage::Seals => assert!(records >= pages.len() as u64, "{records}"),
            _ => assert_eq!(records, 0, "{key:?}"),
        }
    }
    store.close().await;
    for page in &pages {
        assert_eq!(status(page).await, 200);
    }
}
