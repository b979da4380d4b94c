//! Heads: where the log ends is signed, beside the log and in a second place.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::line::text_of;
use super::writer::Writer;
use crate::chain::Head;

/// How often a head is put into the second place.
pub(super) const EXPORT_EVERY: Duration = Duration::from_mins(1);

/// Which heads have been signed.
pub(super) struct Signed {
    sequence: u64,
    pub(super) at: Instant,
    exported: u64,
    exported_at: Option<Instant>,
}

impl Signed {
    /// None yet.
    pub(super) fn none() -> Self {
        Self {
            sequence: 0,
            at: Instant::now(),
            exported: 0,
            exported_at: None,
        }
    }

    /// Whether the last head says that the log ends with this event.
    pub(super) fn covers(&self, sequence: u64) -> bool {
        self.sequence == sequence
    }
}

impl Writer {
    /// Signs where the log ends, if it has grown.
    pub(super) fn sign_head(&mut self) {
        self.signed.at = Instant::now();
        if self.signed.sequence == self.place.sequence {
            return;
        }
        let head = self.make_head();
        match self.head.write(&head) {
            Ok(()) => self.signed.sequence = head.sequence,
            Err(error) => tracing::error!("audit: the head could not be written: {error}"),
        }
    }

    /// Puts a head into the second place, if one is due or must be there `now`.
    pub(super) fn export_head(&mut self, now: bool) {
        let is_due = self
            .signed
            .exported_at
            .is_none_or(|at| at.elapsed() >= EXPORT_EVERY);
        if self.heads.is_none() || self.signed.exported == self.place.sequence || !(now || is_due) {
            return;
        }
        self.signed.exported_at = Some(Instant::now());
        let head = self.make_head();
        let mut line = serde_json::to_vec(&head).expect("strings and numbers are JSON");
        line.push(b'\n');
        let Some(heads) = &mut self.heads else { return };
        match heads.write_all(&line).and_then(|()| heads.sync_data()) {
            Ok(()) => self.signed.exported = head.sequence,
            Err(error) => {
                tracing::error!("audit: no head could be put into the second place: {error}");
            }
        }
    }

    fn make_head(&self) -> Head {
        let now = text_of(self.queue.now_millis());
        let place = &self.place;
        self.keys
            .head
            .sign(&self.keys.log, place.sequence, &now, place.mac)
    }
}
