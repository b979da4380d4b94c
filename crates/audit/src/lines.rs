//! Whole lines of a file, one after the other, in memory of a bounded size.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// How much is read at once, at most, and at first: who follows a log reads little at a time.
const CHUNK: usize = 1024 * 1024;
const FIRST_CHUNK: usize = 64 * 1024;

/// No line of a log is as long as this; what is, is passed over as one broken line.
pub(crate) const LONGEST: usize = 1024 * 1024;

/// Lines with their newline. What stands behind the last newline is not finished, and is no line; nor is
/// there one behind a zero, where the room for what will come begins. (Somebody may be writing there: the
/// second of two pages may be seen without the first.)
#[derive(Debug)]
pub(crate) struct Lines {
    file: File,
    buffer: Vec<u8>,
    /// What of the buffer is filled, and what of that is still to be given out.
    filled: usize,
    start: usize,
    /// The place in the file behind the last line that was given out.
    place: u64,
    ended: bool,
}

impl Lines {
    /// The lines from byte `from` on, where a line must begin.
    pub(crate) fn open(path: &Path, from: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        Ok(Self {
            file,
            buffer: Vec::new(),
            filled: 0,
            start: 0,
            place: from,
            ended: false,
        })
    }

    /// The place in the file behind the last line.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// The next line.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(block) = self.fill()? else {
            return Ok(None);
        };
        let start = self.start;
        let end = memchr::memchr(b'\n', &self.buffer[start..start + block]);
        let end = start + end.map_or(block, |at| at + 1);
        self.start = end;
        self.place += (end - start) as u64;
        Ok(Some(&self.buffer[start..end]))
    }

    /// All whole lines that fit into memory at once.
    pub(crate) fn next_block(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(block) = self.fill()? else {
            return Ok(None);
        };
        let start = self.start;
        self.start += block;
        self.place += block as u64;
        Ok(Some(&self.buffer[start..start + block]))
    }

    /// Sees to it that there is a line, and returns the length of all whole lines that are there.
    fn fill(&mut self) -> io::Result<Option<usize>> {
        loop {
            let unread = &self.buffer[self.start..self.filled];
            if let Some(last) = memchr::memrchr(b'\n', unread) {
                return Ok(Some(last + 1));
            }
            if unread.len() > LONGEST {
                return Ok(Some(unread.len()));
            }
            if self.ended {
                return Ok(None);
            }
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
            let room = (2 * self.buffer.len()).clamp(FIRST_CHUNK, CHUNK);
            if self.buffer.len() < self.filled + room {
                self.buffer.resize(self.filled + room, 0);
            }
            let read = self.file.read(&mut self.buffer[self.filled..])?;
            let text = memchr::memchr(0, &self.buffer[self.filled..self.filled + read]);
            self.filled += text.unwrap_or(read);
            // More may come later, when the file is still written; that is then another reading.
            self.ended = read == 0 || text.is_some();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whole_lines_come_out_as_they_are(lines in proptest::collection::vec("[a-z]{0,9}", 0..9), rest in "[a-z]{0,9}") {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("lines");
            let whole = lines.iter().fold(String::new(), |whole, line| whole + line + "\n");
            std::fs::write(&path, format!("{whole}{rest}")).unwrap();
            let mut read = Lines::open(&path, 0).unwrap();
            let mut found = Vec::new();
            while let Some(line) = read.next().unwrap() {
                found.extend_from_slice(line);
            }
            prop_assert_eq!(&found, whole.as_bytes());
            prop_assert_eq!(read.place(), whole.len() as u64);
        }
    }

    #[test]
    fn a_line_without_end_fills_no_memory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        std::fs::write(&path, vec![b'x'; 5 * LONGEST]).unwrap();
        let mut lines = Lines::open(&path, 0).unwrap();
        while lines.next().unwrap().is_some() {
            assert!(lines.buffer.len() <= LONGEST + 2 * CHUNK);
        }
    }
}
