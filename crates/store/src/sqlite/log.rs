//! The write-ahead log as a file: what is on the disk, and what may be lost with the power.
//!
//! SQLite commits to the log and waits for the disk only when it carries the log over to the file
//! (`synchronous=NORMAL`, <https://sqlite.org/pragma.html#pragma_synchronous>). With `FULL` it would wait
//! within each commit, so that nobody could go on before, and with `fsync`, which is slower.

use std::fs::File;
use std::io;
use std::path::Path;

use super::connection::beside;

/// The file of the log. It stays the same one as long as a connection is open.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    /// The disk has failed once. Nobody knows what it has, and asking again would not tell.
    is_broken: bool,
}

impl Log {
    /// Of the store in the file `path`, to which there is a connection already.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::of(File::open(beside(path, "-wal")?)?))
    }

    pub(super) fn of(file: File) -> Self {
        Self {
            file,
            is_broken: false,
        }
    }

    /// Waits until the disk has everything that was committed.
    ///
    /// # Errors
    /// When the disk fails, and ever after: a system that could not write a page may take it for written.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::other(
                "the disk has failed, so nobody knows what it holds: start anew",
            ));
        }
        let waited = self.file.sync_data();
        self.is_broken = waited.is_err();
        waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_has_failed_once_is_not_believed_again() {
        // What cannot be synchronised.
        let mut log = Log::of(File::open("/dev/null").unwrap());
        log.wait().unwrap_err();
        log.file = tempfile::tempfile().unwrap();
        let error = log.wait().unwrap_err();
        assert!(error.to_string().contains("start anew"), "{error}");
    }
}
