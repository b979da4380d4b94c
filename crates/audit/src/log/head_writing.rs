//! Heads: where the log ends is signed, beside the log and in a second place.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
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

/// The file of heads in the second place, open for adding to it.
pub(super) struct SecondPlace {
    file: File,
    /// Whether it may end in the middle of a line, which a crash or a full disk has left.
    is_torn: bool,
}

impl SecondPlace {
    /// Opens the file, and makes it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(path);
        let file = file.map_err(|error| {
            let path = path.display();
            io::Error::new(
                error.kind(),
                format!("its second place for heads, {path}, cannot be opened: {error}"),
            )
        })?;
        // Where nobody may read, an empty line more does no harm.
        let is_torn = last_byte(path).is_none_or(|last| last != b'\n');
        Ok(Self { file, is_torn })
    }

    /// Adds a head, on a line of its own whatever stands before it.
    fn add(&mut self, head: &Head) -> io::Result<()> {
        let mut line = serde_json::to_vec(head).expect("strings and numbers are JSON");
        line.push(b'\n');
        if self.is_torn {
            line.insert(0, b'\n');
        }
        self.is_torn = true;
        self.file.write_all(&line)?;
        self.file.sync_data()?;
        self.is_torn = false;
        Ok(())
    }
}

/// The last byte of a file; that of an empty one ends a line. `None` if it cannot be read.
fn last_byte(path: &Path) -> Option<u8> {
    let mut file = File::open(path).ok()?;
    if file.metadata().ok()?.len() == 0 {
        return Some(b'\n');
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1)).ok()?;
    file.read_exact(&mut last).ok()?;
    Some(last[0])
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
        let Some(heads) = &mut self.heads else { return };
        match heads.add(&head) {
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
