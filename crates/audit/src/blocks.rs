//! Whole lines of a file in blocks, from the end of the file to its beginning, in memory of a bounded size.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::lines::LONGEST;

/// How much is read at once.
const CHUNK: u64 = 1024 * 1024;

/// Blocks of whole lines, the last ones first; the lines of a block are in their order.
#[derive(Debug)]
pub(crate) struct BackwardBlocks {
    file: File,
    /// What has not been read ends here.
    end: u64,
    /// The read part of a line that begins before `end`.
    rest: Vec<u8>,
    block: Vec<u8>,
    /// Whether what stands behind the last newline has been dropped.
    trimmed: bool,
}

impl BackwardBlocks {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let end = file.metadata()?.len();
        Ok(Self {
            file,
            end,
            rest: Vec::new(),
            block: Vec::new(),
            trimmed: false,
        })
    }

    pub(crate) fn next_block(&mut self) -> io::Result<Option<&[u8]>> {
        while self.end > 0 {
            let start = self.end.saturating_sub(CHUNK);
            let length = usize::try_from(self.end - start).unwrap_or_default();
            self.block.clear();
            self.block.resize(length, 0);
            self.read_at(start)?;
            self.block.append(&mut self.rest);
            self.end = start;
            // Behind the first zero there is room for what will come, or somebody is just writing there.
            if let Some(room) = memchr::memchr(0, &self.block) {
                self.block.truncate(room);
                self.trimmed = false;
            }
            if !self.trimmed {
                // What stands behind the last newline is not finished.
                let Some(last) = memchr::memrchr(b'\n', &self.block) else {
                    continue;
                };
                self.block.truncate(last + 1);
                self.trimmed = true;
            }
            // Unless this is the beginning of the file, the first line is not whole.
            let whole = match memchr::memchr(b'\n', &self.block) {
                _ if start == 0 => 0,
                Some(first) => first + 1,
                None => self.block.len(),
            };
            if whole > LONGEST {
                // No line of ours: it is passed over, back to the newline before it.
                self.trimmed = false;
            } else {
                self.rest.extend_from_slice(&self.block[..whole]);
            }
            if whole < self.block.len() {
                return Ok(Some(&self.block[whole..]));
            }
        }
        Ok(None)
    }

    /// Fills the block from `start` on. Where the file ends meanwhile, because its segment was sealed and the room behind
    /// its lines given back, zeros stay.
    fn read_at(&mut self, start: u64) -> io::Result<()> {
        let mut filled = 0;
        while filled < self.block.len() {
            let at = start + filled as u64;
            match self.file.read_at(&mut self.block[filled..], at) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lines_come_from_the_end_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        let line = |n: usize| format!("{n} {}\n", "x".repeat(n * 7919 % 3000));
        let text: String = (0..3000).map(line).collect();
        let room = "\0".repeat(1_500_000);
        std::fs::write(&path, format!("{text}unfinished{room}")).unwrap();
        let mut blocks = BackwardBlocks::open(&path).unwrap();
        let mut found = Vec::new();
        while let Some(block) = blocks.next_block().unwrap() {
            assert_eq!(block.last(), Some(&b'\n'));
            found.insert(0, block.to_vec());
        }
        assert!(found.len() > 2);
        assert_eq!(found.concat(), text.as_bytes());
        std::fs::write(&path, "unfinished").unwrap();
        assert!(
            BackwardBlocks::open(&path)
                .unwrap()
                .next_block()
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_segment_that_is_sealed_meanwhile_is_read_to_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        let text = "a line\n".repeat(200_000);
        let room = "\0".repeat(1_500_000);
        std::fs::write(&path, format!("{text}{room}")).unwrap();
        let mut blocks = BackwardBlocks::open(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(text.len() as u64).unwrap();
        let mut found = 0;
        while let Some(block) = blocks.next_block().unwrap() {
            found += block.len();
        }
        assert_eq!(found, text.len());
    }

    #[test]
    fn a_line_without_end_fills_no_memory_and_is_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        let long = "x".repeat(5 * LONGEST);
        std::fs::write(&path, format!("first\n{long}\nlast\n")).unwrap();
        let mut blocks = BackwardBlocks::open(&path).unwrap();
        let mut found = Vec::new();
        while let Some(block) = blocks.next_block().unwrap() {
            found.push(String::from_utf8(block.to_vec()).unwrap());
            assert!(blocks.rest.len() <= LONGEST);
            assert!(blocks.block.capacity() <= 4 * LONGEST);
        }
        assert_eq!(found, ["last\n", "first\n"]);
    }
}
