//! Whole lines of a file in blocks, from the end of the file to its beginning.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

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
            self.file.read_exact_at(&mut self.block, start)?;
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
            self.rest.extend_from_slice(&self.block[..whole]);
            if whole < self.block.len() {
                return Ok(Some(&self.block[whole..]));
            }
        }
        Ok(None)
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
}
