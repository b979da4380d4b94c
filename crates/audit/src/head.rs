//! The head file: where the log ends, written beside the log after every group of events.
//!
//! It has two places of a fixed size that are written in turn, so that a crash in the middle of one
//! leaves the other. A head costs no synchronisation: one that is older than the log is no harm,
//! because the events behind it prove themselves by their tags.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::chain::{Head, HeadKey};

/// The size of one place.
const PLACE: usize = 512;

/// The head file, open for writing.
#[derive(Debug)]
pub(crate) struct HeadFile {
    file: File,
    next: u64,
}

/// What a head file says.
#[derive(Debug)]
pub(crate) enum Found {
    /// There is no file.
    Nothing,
    /// There is a file, and nothing in it that we wrote.
    Unreadable,
    /// The latest head.
    Head(Head),
}

impl HeadFile {
    /// Opens the file for writing, and makes it. The latest head in it is overwritten last.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        let bytes = std::fs::read(path)?;
        let sequence = |place: &[u8]| {
            let head: Option<Head> = serde_json::from_slice(place).ok();
            head.map(|head| head.sequence)
        };
        let places: Vec<_> = bytes.chunks(PLACE).take(2).map(sequence).collect();
        let next = u64::from(places.first() > Some(places.get(1).unwrap_or(&None)));
        Ok(Self { file, next })
    }

    /// Writes the head.
    pub(crate) fn write(&mut self, head: &Head) -> io::Result<()> {
        let mut place = serde_json::to_vec(head).expect("strings and numbers are JSON");
        if place.len() >= PLACE {
            return Err(io::Error::other("the head is too long for its place"));
        }
        place.resize(PLACE - 1, b' ');
        place.push(b'\n');
        self.file.write_all_at(&place, self.next * PLACE as u64)?;
        self.next = 1 - self.next;
        Ok(())
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Reads the latest head that `key` has signed for `log`.
pub(crate) fn read(path: &Path, key: &HeadKey, log: &str) -> io::Result<Found> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    let genuine = |place: &[u8]| {
        let head: Head = serde_json::from_slice(place).ok()?;
        (head.log == log && key.verify(&head)).then_some(head)
    };
    let heads = bytes.chunks(PLACE).filter_map(genuine);
    let latest = heads.max_by_key(|head| head.sequence);
    Ok(latest.map_or(Found::Unreadable, Found::Head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Mac;

    #[test]
    fn the_latest_whole_head_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("head");
        let key = HeadKey::new(&[1; 32]);
        let head = |sequence| key.sign("log", sequence, "2026-11-28T00:00:00.000Z", Mac::NOTHING);
        let found = |log: &str| match read(&path, &key, log).unwrap() {
            Found::Head(head) => Some(head.sequence),
            Found::Unreadable => Some(0),
            Found::Nothing => None,
        };
        assert_eq!(found("log"), None);
        let mut file = HeadFile::open(&path).unwrap();
        for sequence in 1..=5 {
            file.write(&head(sequence)).unwrap();
            assert_eq!(found("log"), Some(sequence));
        }
        assert_eq!(found("another log"), Some(0));
        let mut again = HeadFile::open(&path).unwrap();
        assert_eq!(again.next, 1, "5 stands in the first place");
        again.write(&head(6)).unwrap();
        assert_eq!(HeadFile::open(&path).unwrap().next, 0);
        again.write(&head(5)).unwrap();
        again.write(&head(4)).unwrap();
        // A crash in the middle of the next one.
        file.file
            .write_all_at(b"{\"log\":\"torn", PLACE as u64)
            .unwrap();
        assert_eq!(found("log"), Some(5));
        file.file.write_all_at(b"{\"log\":\"torn", 0).unwrap();
        assert_eq!(found("log"), Some(0));
    }
}
