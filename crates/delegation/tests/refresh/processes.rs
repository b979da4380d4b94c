//! Two real processes over one file.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use delegation::{
    Credential, Parts, RefreshCredential, RefreshError, RefreshSettings, ValidTokens, Vault,
};
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::{Clock as _, NumericDate, SystemClock};
use store::{KeyRing, SharedStore, SqliteStore};
use tokio::task::JoinSet;

const PROCESSES: usize = 2;
const NAME: &str = "processes::b3_200_callers_in_two_real_processes_cause_one_refresh";

fn credential(number: u32, expires_at: NumericDate) -> Credential {
    Credential {
        access_token: Secret::from(format!("access-{number}")),
        refresh_token: Some(Secret::from(format!("refresh-{number}"))),
        expires_at: Some(expires_at),
        refresh_expires_at: None,
        scope: None,
    }
}

async fn open(directory: &Path) -> (SharedStore, Arc<KeyRing>) {
    let path = directory.join("store.db");
    let store = SqliteStore::open(&path, Arc::new(SystemClock)).await;
    let keys = KeyRing::open_or_create(&directory.join("keyring.json"), &OsRandom, &SystemClock);
    (Arc::new(store.unwrap()), Arc::new(keys.unwrap()))
}

fn note(file: &str) {
    let options = OpenOptions::new().create(true).append(true).open(file);
    options.unwrap().write_all(b"x").unwrap();
}

fn notes(file: impl AsRef<Path>) -> usize {
    fs::read(file).map_or(0, |notes| notes.len())
}

/// A provider that both processes reach, and that answers when both are there.
#[derive(Debug)]
struct Shared;

#[async_trait]
impl RefreshCredential for Shared {
    async fn refresh(&self, _: &str, _: &Credential) -> Result<Credential, RefreshError> {
        note("asked");
        while notes("started") < PROCESSES {
            tokio::task::yield_now().await;
        }
        let end = SystemClock.now().plus(Duration::from_hours(1));
        Ok(credential(2, end))
    }

    async fn discard(&self, _: &str, _: &Credential) {}
}

/// What each of the two processes does.
async fn one_process() {
    let (store, keys) = open(Path::new(".")).await;
    let vault = Vault::new(Arc::clone(&store), Arc::clone(&keys));
    let parts = Parts {
        store,
        keys,
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        refresher: Arc::new(Shared),
    };
    let tokens = ValidTokens::new(parts, RefreshSettings::default());
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let tokens = tokens.clone();
        callers.spawn(async move { tokens.valid_token("alice", "naver").await });
    }
    // The callers have read the credential by the time that it has been read so often after them.
    for _ in 0..20 {
        vault.get("alice", "naver").await.unwrap();
    }
    note("started");
    for token in callers.join_all().await {
        assert_eq!(token.unwrap().expose(), "access-2");
    }
}

#[tokio::test]
async fn b3_200_callers_in_two_real_processes_cause_one_refresh() {
    // The test starts itself twice, in a directory that has a store.
    if Path::new("store.db").exists() {
        return one_process().await;
    }
    let directory = tempfile::tempdir().unwrap();
    let (store, keys) = open(directory.path()).await;
    let ended = credential(1, SystemClock.now());
    let vault = Vault::new(store, keys);
    vault.put("alice", "naver", &ended).await.unwrap();
    let program = std::env::current_exe().unwrap();
    let start = |_| {
        let mut command = Command::new(&program);
        command
            .args(["--exact", NAME])
            .current_dir(directory.path())
            .stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..PROCESSES).map(start).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
    }
    assert_eq!(notes(directory.path().join("asked")), 1);
    let stored = vault.get("alice", "naver").await.unwrap().unwrap();
    assert_eq!(stored.refresh_token.unwrap().expose(), "refresh-2");
}
