//! The segment that is written, with room behind its end.
//!
//! To synchronise a file that has become longer, a file system writes its own records as well, and waits
//! for them: on ext4 that takes several times as long as to bring new content into a place that the file
//! already has. So the file is made longer ahead of time, by zeros, of which no line has any.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};

use crate::chain::{Chain, split};
#[cfg(test)]
use crate::faults;
use crate::lines::LONGEST;
use crate::record::Record;
use crate::segment::{path, sync_directory_of};

/// How much room is made at once: as much as has been written, within these limits.
const LEAST_ROOM: u64 = 64 * 1024;
const MOST_ROOM: u64 = 1024 * 1024;

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// A segment, open for writing at its end.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    file: File,
    /// Where the next line will stand.
    end: u64,
    /// How long the file is. From `end` on there are zeros.
    length: u64,
}

impl SegmentFile {
    /// Makes a new segment. One that is there already, with anything in it, is never touched.
    pub(crate) fn create(directory: &Path, number: u64) -> io::Result<Self> {
        let path = path(directory, number);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)?;
        if file.metadata()?.len() > 0 {
            return Err(io::Error::other(format!(
                "the segment {number} is there already, and is not empty"
            )));
        }
        sync_directory_of(&path)?;
        Ok(Self::ending_at(file, 0))
    }

    /// Opens a segment that is `end` bytes long.
    pub(crate) fn open(directory: &Path, number: u64, end: u64) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .open(path(directory, number))?;
        Ok(Self::ending_at(file, end))
    }

    fn ending_at(file: File, end: u64) -> Self {
        Self {
            file,
            end,
            length: end,
        }
    }

    /// Writes lines behind the last one. When that fails, nobody knows how much of them is there.
    pub(crate) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all_at(lines, self.end)?;
        self.end += lines.len() as u64;
        self.length = self.length.max(self.end);
        Ok(())
    }

    /// Makes room for `bytes` and for what comes after them, if there is not enough. Where that is not to be
    /// had the file grows line by line, so that a disk is used to its end.
    pub(crate) fn make_room(&mut self, bytes: usize) -> io::Result<()> {
        let needed = self.end + bytes as u64;
        if needed <= self.length {
            return Ok(());
        }
        let length = needed + needed.clamp(LEAST_ROOM, MOST_ROOM);
        // All or nothing: half of the room is not taken on a disk that is nearly full.
        if fallocate(
            &self.file,
            FallocateFlags::KEEP_SIZE,
            self.end,
            length - self.end,
        )
        .is_err()
        {
            return Ok(());
        }
        // What was never written is only a promise to the file system, which it would have to keep later.
        let mut at = needed;
        while at < length {
            let zeros = (length - at).min(ZEROS.len() as u64);
            let zeros = &ZEROS[..usize::try_from(zeros).unwrap_or(ZEROS.len())];
            self.file.write_all_at(zeros, at)?;
            at += zeros.len() as u64;
        }
        self.length = length;
        Ok(())
    }

    /// Makes what was written survive a power loss.
    pub(crate) fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        faults::strike(faults::Fault::Sync)?;
        self.file.sync_data()
    }

    /// Takes back what stands behind the first `end` bytes, so that it stays away.
    pub(crate) fn cut(&mut self, end: u64) -> io::Result<()> {
        #[cfg(test)]
        faults::strike(faults::Fault::Cut)?;
        self.file.set_len(end)?;
        (self.end, self.length) = (end, end);
        self.sync()
    }

    /// Gives the room back, since nothing more will be written, and synchronises.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.length = self.end;
        self.sync()
    }
}

/// What stands behind the lines of a segment that prove themselves.
#[derive(Default)]
pub(crate) struct Behind {
    pub(crate) bytes: u64,
    /// How many of them there are up to the last one that is not zero.
    pub(crate) text: u64,
    /// The highest number of what looks like an event of a log.
    pub(crate) highest_sequence: Option<u64>,
    /// How many whole lines follow from the whole line before them, and how many do not.
    following: u64,
    loose: u64,
}

impl Behind {
    pub(crate) fn of(path: &Path, from: u64, chain: &Chain) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        file.seek(SeekFrom::Start(from))?;
        let mut behind = Self::default();
        let mut before = None;
        let mut line = Vec::new();
        while (&mut file)
            .take(LONGEST as u64)
            .read_until(b'\n', &mut line)?
            > 0
        {
            let text = line.iter().rposition(|byte| *byte != 0);
            behind.text = text.map_or(behind.text, |last| behind.bytes + last as u64 + 1);
            behind.bytes += line.len() as u64;
            let start = line.iter().rposition(|byte| *byte == 0);
            let last = &line[start.map_or(0, |zero| zero + 1)..];
            if let Some(record) = Record::parse(last) {
                behind.highest_sequence = behind.highest_sequence.max(Some(record.sequence));
                let before = before.filter(|_| start.is_none());
                let follows = before.is_some_and(|mac| chain.verify(mac, last).is_some());
                behind.following += u64::from(follows);
                behind.loose += u64::from(!follows);
            }
            before = split(last).map(|(_, mac)| mac);
            line.clear();
        }
        Ok(behind)
    }

    /// Whether these are lines that we wrote, behind one that is not whole: they follow from each other.
    pub(crate) fn is_ours(&self) -> bool {
        self.following > 0 && self.loose <= 1
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn room_is_made_ahead_and_given_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = SegmentFile::create(directory.path(), 1).unwrap();
        let mut written = Vec::new();
        let mut lengths = Vec::new();
        for n in 0..3000 {
            let line = format!("{n} {}\n", "x".repeat(n % 999));
            file.make_room(line.len()).unwrap();
            file.write(line.as_bytes()).unwrap();
            written.extend_from_slice(line.as_bytes());
            let found = fs::read(path(directory.path(), 1)).unwrap();
            assert!(found.starts_with(&written));
            assert!(found[written.len()..].iter().all(|byte| *byte == 0));
            lengths.push(found.len());
        }
        lengths.dedup();
        assert!((4..9).contains(&lengths.len()), "{lengths:?}");
        file.finish().unwrap();
        assert_eq!(fs::read(path(directory.path(), 1)).unwrap(), written);
        file.write(b"more\n").unwrap();
        file.cut(written.len() as u64).unwrap();
        assert_eq!(fs::read(path(directory.path(), 1)).unwrap(), written);
    }
}
