//! Why an event was not recorded, and why there is no log.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::key::KeyError;

/// Why an event was not recorded. Whoever wanted to act must not.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The disk is full, or broken.
    #[error("the event could not be written to the audit log")]
    Unwritable(#[source] Arc<io::Error>),
    /// The log was closed.
    #[error("the audit log is closed")]
    Closed,
    /// Nobody writes it any more, because the writer has failed in a way that it does not know.
    #[error(
        "the audit log is not written any more, because its writer has failed: start the house anew"
    )]
    Abandoned,
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Something about the key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Another process writes to it.
    #[error(
        "the audit log {directory} is being written by another process{}: one log has one writer; \
         stop the other one, or name another directory",
        .process.as_ref().map(|process| format!(" ({process})")).unwrap_or_default()
    )]
    Locked {
        /// The log.
        directory: PathBuf,
        /// The id of the other process, as far as it is known.
        process: Option<String>,
    },
    /// Others may write into it.
    #[error(
        "the directory of the audit log {directory} has mode {mode:04o}, so others can exchange what \
         is in it: chmod 700 {directory}"
    )]
    TooOpen {
        /// The directory.
        directory: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It belongs to another key.
    #[error(
        "the audit log {directory} was written with another key than {key}: restore its key, or move \
         the log away to begin a new one"
    )]
    OtherKey {
        /// The log.
        directory: PathBuf,
        /// The key that does not fit.
        key: PathBuf,
    },
    /// The system refused.
    #[error("the audit log {path} cannot be {verb}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// What the system said.
        source: io::Error,
    },
}
