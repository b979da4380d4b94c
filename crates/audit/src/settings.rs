//! How a log is kept: where, how safely, and for how long.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// What an acknowledgement promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The operating system has the event: it survives the death of this process, not of the machine.
    Write,
    /// The disk has the event. Events that come together share one synchronisation.
    Group,
    /// The disk has the event. Every event has a synchronisation of its own.
    Fdatasync,
}

/// What happens when an event cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Whoever wanted to act is refused: what is not recorded does not happen.
    Refuse,
    /// It happens all the same, loudly, and the log says later how much is missing.
    Alarm,
}

/// How a log is kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory of the segments.
    pub directory: PathBuf,
    /// The file of the key, outside of that directory.
    pub key: PathBuf,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// What happens when an event cannot be written.
    pub on_failure: OnFailure,
    /// A segment that has grown to this size is sealed, and so is one of another day (UTC).
    pub segment_bytes: u64,
    /// How long a sealed segment is kept at least; forever without.
    pub retention: Option<Duration>,
    /// A second place for signed heads, best on another machine or volume.
    pub heads: Option<PathBuf>,
}

impl Settings {
    /// The usual: in `directory/audit`, with the key beside it, in groups, refusing, for two years.
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            directory: directory.join("audit"),
            key: directory.join("audit.key"),
            durability: Durability::Group,
            on_failure: OnFailure::Refuse,
            segment_bytes: 64 * 1024 * 1024,
            retention: Some(Duration::from_hours(2 * 366 * 24)),
            heads: None,
        }
    }
}
