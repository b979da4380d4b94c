//! What is recorded: who did what to what, and how it ended, in a log that shows what is missing.
//!
//! An [`AuditEvent`] goes into the [`AuditLog`], which answers when the promise of its mode holds. The
//! events are lines of JSON in segments; each is chained to the one before it by a keyed tag, and a
//! signed head says where the log ends.
//!
//! | file | concept |
//! |---|---|
//! | `event/` | [`AuditEvent`], [`Who`], [`Name`], [`Pseudonyms`]: what is recorded, never a value |
//! | `log/` | [`AuditLog`]: one writer, groups, rotation, retention, recovery |
//! | `chain.rs`, `head.rs`, `key.rs` | the tags, the heads, and the key of both |
//! | `segment.rs`, `lines.rs`, `blocks.rs`, `record/` | the files, and how they are read back |
//! | `verify.rs` | [`verify()`]: whether anything was changed, moved, removed or cut off |
//! | `reason.rs` | the reasons that rules look for |
//! | `query.rs` | [`Reader`], [`Query`]: what stands in the log |

#![deny(missing_docs)]

mod blocks;
mod chain;
mod error;
mod event;
mod export;
#[cfg(test)]
mod faults;
mod head;
mod key;
mod lines;
mod log;
mod query;
pub mod reason;
mod record;
pub mod report;
pub mod rule;
mod segment;
mod segment_file;
mod settings;
pub mod simulate;
mod verify;
mod watch;
mod webhook;

pub use error::{AuditError, OpenError};
pub use event::{
    Action, AuditEvent, Direction, EventType, Name, Outcome, Pseudonym, Pseudonyms, Severity, Who,
};
pub use export::{Exporter, Format};
pub use key::KeyError;
pub use log::{AuditLog, Counters, Expected};
pub use query::{Page, Query, Reader};
pub use record::{
    AlertRecord, Found, PersonalData, Record, RecoveryRecord, RetentionRecord, SegmentRecord,
};
pub use settings::{Durability, OnFailure, Settings};
pub use verify::{Problem, Verification, VerifyError, verify};
pub use watch::watch;
pub use webhook::Webhook;
