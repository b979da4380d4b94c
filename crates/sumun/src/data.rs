//! The data directory: the store, and the key ring that opens it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use store::{KeyRing, SqliteStore};

/// What the key ring is asked for by those who encrypt personal data.
pub(crate) const PERSONAL_DATA: &str = "personal data";

/// What is remembered, opened; clones are the same.
#[derive(Clone)]
pub(crate) struct Data {
    /// The records.
    pub(crate) store: Arc<SqliteStore>,
    /// The keys that seal them.
    pub(crate) keys: Arc<KeyRing>,
}

/// Opens the data in `directory`, and makes what is not there yet.
pub(crate) async fn open(directory: &Path) -> anyhow::Result<Data> {
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| {
            format!(
                "the data directory {} cannot be made: name another one, or look who owns the \
             directory above it",
                directory.display()
            )
        })?;
    check_mode(directory)?;
    let (keys, store) = (directory.join("keyring.json"), directory.join("sumun.db"));
    check_pair(&keys, &store)?;
    let keys = KeyRing::open_or_create(&keys, &OsRandom, &SystemClock)?;
    let store = SqliteStore::open(&store, Arc::new(SystemClock)).await?;
    Ok(Data {
        store: Arc::new(store),
        keys: Arc::new(keys),
    })
}

/// Refuses a directory in which others could put files of theirs in the place of ours: the mode of a
/// file says nothing about who may rename it.
fn check_mode(directory: &Path) -> anyhow::Result<()> {
    let path = directory.display();
    let metadata = fs::metadata(directory);
    let metadata =
        metadata.with_context(|| format!("the data directory {path} cannot be looked at"))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        bail!(
            "the data directory {path} has mode {mode:04o}, so others can exchange the key ring in \
             it: chmod 700 {path}"
        );
    }
    Ok(())
}

/// Refuses a store without its key ring. The key ring is made first, so one that is not there has been
/// lost, and a new one in its place would open nothing and look like the right one.
fn check_pair(keys: &Path, store: &Path) -> anyhow::Result<()> {
    if store.is_file() && !keys.exists() {
        bail!(
            "the store {} is there, but its key ring {} is not: restore the key ring from a backup, \
             or move the store away to begin anew",
            store.display(),
            keys.display()
        );
    }
    Ok(())
}
