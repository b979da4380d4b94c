//! What is remembered.
//!
//! A [`Store`] is a back end that knows eight atomic verbs and nothing of OAuth or MCP; a
//! [`Collection`] is its typed view, which seals what a thief of the file must not read. The
//! records themselves live with their logic, in the rooms above.
//!
//! | file | concept |
//! |---|---|
//! | `store.rs` | [`Store`]: the eight verbs; [`Kind`], [`Entry`], [`Page`], [`ListBy`] |
//! | `collection.rs` | [`Collection`], [`Record`], [`Versioned`]: the typed, sealed view |
//! | `key_ring/`, `key_file.rs` | [`KeyRing`]: the keys, their file and their rotation |
//! | `seal.rs` | the envelope of a sealed value: a data key, wrapped, and what it encrypts |
//! | `mac.rs` | [`MacKeys`]: tags for handles that nobody can forge |
//! | `sqlite/` | [`SqliteStore`]: the embedded back end |
//! | `error.rs` | [`StoreError`], [`KeyRingError`], [`SealError`] |
//!
//! ```
//! use std::sync::Arc;
//!
//! use oauth::random::OsRandom;
//! use oauth::time::SystemClock;
//! use serde::{Deserialize, Serialize};
//! use store::{Collection, Kind, KeyRing, Record, SqliteStore};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Note {
//!     text: String,
//! }
//!
//! impl Record for Note {
//!     const KIND: Kind = Kind::new("note");
//!     const SEALED: bool = true;
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), store::StoreError> {
//! let store = Arc::new(SqliteStore::in_memory(Arc::new(SystemClock)).await?);
//! let notes = Collection::<Note>::new(store, Arc::new(KeyRing::ephemeral(&OsRandom)));
//!
//! notes.put("first", &Note { text: "buy milk".into() }).await?;
//! assert_eq!(notes.take("first").await?.unwrap().text, "buy milk");
//! assert!(notes.take("first").await?.is_none());
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

mod collection;
mod error;
mod key_file;
mod key_ring;
mod mac;
mod pages;
mod seal;
mod sqlite;
mod store;

pub use collection::{Collection, Record, Versioned};
pub use error::{KeyRingError, SealError, StoreError};
pub use key_ring::{KeyInfo, KeyRing, KeyUsage};
pub use mac::MacKeys;
pub use pages::Pages;
pub use sqlite::{Rewrapped, SqliteStore};
pub use store::{Entry, Kind, ListBy, Page, SharedStore, Store};
