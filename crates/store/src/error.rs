//! What can go wrong with the store, the key ring and a sealed value.

use std::io;
use std::path::PathBuf;

use crate::store::Kind;

/// Any error, as the back end gave it.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The back end does not answer, or answers with a failure of its own.
    #[error("the store is not available")]
    Unavailable {
        /// What the back end said.
        #[source]
        source: Cause,
    },
    /// The file was written by a newer version of this program; it has not been touched.
    #[error(
        "the store {path} has schema version {found}, this program knows versions up to \
         {supported}: run the newer program, or restore a backup made before the upgrade"
    )]
    NewerSchema {
        /// The version in the file.
        found: i32,
        /// The newest version that this program knows.
        supported: i32,
        /// The file.
        path: PathBuf,
    },
    /// The file, or the directory it is in, cannot be written.
    #[error("the store {path} cannot be written: check that its directory exists and who owns it")]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Cause,
    },
    /// The file holds something else; it has not been touched.
    #[error("the file {path} is not a store of this program: name another file")]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// A record is there, but it is not what its kind should be.
    ///
    /// The parser's own message would quote the record, so only the place is told.
    #[error("the record {kind}/{key} cannot be read: {category:?} error at column {column}")]
    Corrupt {
        /// The record's kind.
        kind: Kind,
        /// The record's key.
        key: String,
        /// What sort of mistake it is: of syntax, of data, or an early end.
        category: serde_json::error::Category,
        /// Where in the record.
        column: usize,
    },
    /// A record is sealed, and cannot be opened.
    #[error("the record {kind}/{key} cannot be opened")]
    Seal {
        /// The record's kind.
        kind: Kind,
        /// The record's key.
        key: String,
        /// Why not.
        #[source]
        source: SealError,
    },
    /// A list was asked to continue at a place that no list has ended at.
    #[error("the cursor is unknown: start the list from its beginning")]
    UnknownCursor,
}

impl StoreError {
    /// The back end failed with `source`.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable {
            source: source.into(),
        }
    }
}

/// Why a sealed value cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It is not a sealed value at all.
    #[error("this is not a sealed value")]
    Malformed,
    /// It was sealed with a key that the key ring does not hold.
    #[error("the key ring has no key {kid}: restore the key ring that belongs to this store")]
    UnknownKey {
        /// The id of the missing key.
        kid: String,
    },
    /// It was changed, cut short, or sealed for another purpose.
    #[error("the sealed value has been changed, or belongs to another record")]
    Forged,
}

/// Why the key ring cannot be opened or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// Others on this machine have access to the file.
    #[error(
        "the key ring {path} has mode {mode:04o}, so others have access to it: chmod 600 {path}"
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file cannot be read.
    #[error("the key ring {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file cannot be written.
    #[error(
        "the key ring {path} cannot be written: check that its directory exists and who owns it"
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is there, but it is not a key ring.
    ///
    /// The parser's own message could quote a key, so only the reason is told.
    #[error("the key ring {path} {reason}: restore it from a backup")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The key is needed, or is not there.
    #[error("the key {kid} is not one that only opens: only such a key can be retired")]
    InUse {
        /// The id of the key.
        kid: String,
    },
}
