//! The data directory: the store, and the key ring that opens it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use store::{KeyRing, SqliteStore};

/// What is remembered, opened.
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
    let keys = KeyRing::open_or_create(&directory.join("keyring.json"), &OsRandom, &SystemClock)?;
    let store = SqliteStore::open(&directory.join("sumun.db"), Arc::new(SystemClock)).await?;
    Ok(Data {
        store: Arc::new(store),
        keys: Arc::new(keys),
    })
}
