//! Records that were read or written a moment ago, in memory for as long as nobody else writes.
//!
//! Another process may write to the file at any time, and what it wrote counts from the moment it is
//! told so. The index of the write-ahead log, the `-shm` file, begins with a header that every commit
//! changes before anybody is told of it (<https://sqlite.org/walformat.html#the_wal_index_file_format>).
//! So the records here hold as long as that header is the one that was left by our own last commit,
//! and each time they are asked for, it is looked at: one read of 48 bytes that are in memory.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Mutex;

use super::connection::{beside, lock};
use crate::store::Entry;

/// About how many bytes of records are kept.
const LIMIT: usize = 16 << 20;

/// What a record costs beside its texts.
const OVERHEAD: usize = 160;

/// What the header of the log index says. Its third word counts commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header([u8; 48]);

impl Header {
    fn commits(&self) -> u32 {
        let [.., a, b, c, d] = *self.0.first_chunk::<12>().expect("it has 48 bytes");
        u32::from_ne_bytes([a, b, c, d])
    }
}

#[derive(Debug)]
pub(super) struct Cache {
    /// Never closed: whoever closes a file gives up every lock that the process has on it (POSIX), and
    /// SQLite's locks are on this one.
    index: ManuallyDrop<File>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The header for which the records hold.
    header: Option<Header>,
    /// What was asked for since `old` was young.
    young: HashMap<String, Entry>,
    old: HashMap<String, Entry>,
    /// How large `young` is.
    bytes: usize,
}

/// What is known of a record.
#[derive(Debug)]
pub(super) enum Found {
    /// This is it, also when it has expired.
    Here(Entry),
    /// It has to be read, and may be kept for this header.
    Elsewhere(Option<Header>),
}

/// What a transaction does to a record.
#[derive(Debug)]
pub(super) enum Change {
    /// It is new, and this one.
    Made(&'static str, Entry),
    /// It is this one instead of the one of before, whose place it has.
    Replaced(&'static str, Entry),
    /// The same, and its version follows that of the one before, which nobody has named.
    Overwritten(&'static str, Entry),
    /// It is gone, or another one that has to be read.
    Gone(String, String),
}

impl Cache {
    /// Of the store in the file `path`, to which there is a connection already.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            index: ManuallyDrop::new(File::open(beside(path, "-shm")?)?),
            known: Mutex::default(),
        })
    }

    /// The record of this kind under this key.
    pub(super) fn find(&self, kind: &str, key: &str) -> Found {
        let Some(header) = self.header() else {
            return Found::Elsewhere(None);
        };
        let mut known = lock(&self.known);
        if known.header != Some(header) {
            return Found::Elsewhere(None);
        }
        let place = place(kind, key);
        if let Some(entry) = known.young.get(&place) {
            return Found::Here(entry.clone());
        }
        match known.old.remove(&place) {
            Some(entry) => {
                known.keep(place, entry.clone());
                Found::Here(entry)
            }
            None => Found::Elsewhere(Some(header)),
        }
    }

    /// Keeps a record that was read after [`Cache::find`] had seen `header`, unless anything was
    /// committed since.
    ///
    /// What is known may be older than the file: between a commit of ours and [`Cache::commit`] a
    /// record can be read that the commit has written already. Kept among those of before, it would
    /// be taken for the one that the commit changed.
    pub(super) fn keep(&self, header: Header, kind: &str, entry: &Entry) {
        let mut known = lock(&self.known);
        if known.header == Some(header) && self.header() == Some(header) {
            known.keep(place(kind, &entry.key), entry.clone());
        }
    }

    /// A transaction of ours has begun, so that nobody else can write. Returns what it begins with, if
    /// nobody else has written since the one before.
    pub(super) fn begin(&self) -> (Option<Header>, bool) {
        let header = self.header();
        let mut known = lock(&self.known);
        let is_next = header.is_some() && known.header == header;
        if !is_next {
            *known = Known {
                header,
                ..Known::default()
            };
        }
        (header, is_next)
    }

    /// The transaction that began with `before` is committed; `has_written` says whether it changed
    /// anything at all.
    pub(super) fn commit(&self, before: Option<Header>, has_written: bool, changes: Vec<Change>) {
        let after = self.header();
        let mut known = lock(&self.known);
        // Somebody else may have been next already.
        let is_ours = before.zip(after).is_some_and(|(before, after)| {
            if has_written {
                after.commits() == before.commits().wrapping_add(1)
            } else {
                after == before
            }
        });
        if !is_ours {
            *known = Known::default();
            return;
        }
        for change in changes {
            match change {
                Change::Made(kind, entry) => known.keep(place(kind, &entry.key), entry),
                Change::Replaced(kind, entry) => {
                    let version = entry.version;
                    known.follow(place(kind, &entry.key), entry, |_| version);
                }
                Change::Overwritten(kind, entry) => {
                    known.follow(place(kind, &entry.key), entry, |before| before + 1);
                }
                Change::Gone(kind, key) => drop(known.forget(&place(&kind, &key))),
            }
        }
        known.header = after;
    }

    /// Forgets everything.
    pub(super) fn forget(&self) {
        *lock(&self.known) = Known::default();
    }

    fn header(&self) -> Option<Header> {
        let mut header = [0; 48];
        let read = self.index.read_exact_at(&mut header, 0);
        read.ok().map(|()| Header(header))
    }
}

impl Known {
    fn keep(&mut self, place: String, entry: Entry) {
        self.forget(&place);
        self.bytes += size(&place, &entry);
        self.young.insert(place, entry);
        if self.bytes > LIMIT / 2 {
            self.old = mem::take(&mut self.young);
            self.bytes = 0;
        }
    }

    /// Keeps `entry` with what the store sets, which follows from the one before; if that is not known,
    /// it has to be read.
    fn follow(&mut self, place: String, entry: Entry, version: impl FnOnce(i64) -> i64) {
        let before = self.forget(&place);
        if let Some(before) = before {
            let entry = Entry {
                version: version(before.version),
                position: before.position,
                ..entry
            };
            self.keep(place, entry);
        }
    }

    fn forget(&mut self, place: &str) -> Option<Entry> {
        let old = self.old.remove(place);
        let young = self.young.remove(place);
        if let Some(entry) = &young {
            self.bytes -= size(place, entry);
        }
        young.or(old)
    }
}

/// No kind holds a zero byte, so that no two places look the same.
fn place(kind: &str, key: &str) -> String {
    [kind, "\0", key].concat()
}

fn size(place: &str, entry: &Entry) -> usize {
    let owner = entry.owner.as_ref().map_or(0, String::len);
    OVERHEAD + 2 * place.len() + entry.body.len() + owner
}
