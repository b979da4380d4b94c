//! Segments: the files of the log. A sealed one has a sidecar that says what is in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chain::{Chain, Mac, split};

/// What a sealed segment holds. It is the index of queries, and is itself tagged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sidecar {
    pub(crate) number: u64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) first_sequence: u64,
    pub(crate) last_sequence: u64,
    pub(crate) first_time: String,
    pub(crate) last_time: String,
    /// The tag before its first event.
    pub(crate) previous: String,
    /// The tag of its last event.
    pub(crate) last: String,
}

/// The path of a segment.
pub(crate) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:010}.jsonl"))
}

/// The path of its sidecar.
pub(crate) fn sidecar_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:010}.json"))
}

/// The numbers of the segments that are there, in order.
pub(crate) fn list(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
        let number = number.filter(|number| number.len() == 10);
        let number = number.and_then(|number| number.parse::<u64>().ok());
        numbers.extend(number.filter(|number| *number > 0));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes a new segment. One that is there already, with anything in it, is never touched.
pub(crate) fn create(directory: &Path, number: u64) -> io::Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path(directory, number))?;
    if file.metadata()?.len() > 0 {
        return Err(io::Error::other(format!(
            "the segment {number} is there already, and is not empty"
        )));
    }
    sync_directory(directory)?;
    Ok(file)
}

/// Opens a segment to write on.
pub(crate) fn open(directory: &Path, number: u64) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .open(path(directory, number))
}

pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

impl Sidecar {
    /// Writes the sidecar, all or nothing.
    pub(crate) fn write(&self, directory: &Path, chain: &Chain) -> io::Result<()> {
        let mut line = serde_json::to_vec(self).expect("strings and numbers are JSON");
        // The closing brace comes behind the tag.
        line.pop();
        let last = Mac::parse(&self.last).unwrap_or(Mac::NOTHING);
        chain.tag(last, &line).end_line(&mut line);
        let path = sidecar_path(directory, self.number);
        let unfinished = path.with_extension("json.new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(&line)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        sync_directory(directory)
    }

    /// Reads the sidecar of a segment; `None` if there is none, or one that cannot be read.
    pub(crate) fn read(directory: &Path, number: u64) -> Option<Self> {
        let line = fs::read(sidecar_path(directory, number)).ok()?;
        let sidecar: Self = serde_json::from_slice(&line).ok()?;
        (sidecar.number == number).then_some(sidecar)
    }

    /// Whether the sidecar of a segment is ours; `None` if there is none.
    pub(crate) fn verify(directory: &Path, number: u64, chain: &Chain) -> Option<bool> {
        let line = fs::read(sidecar_path(directory, number)).ok()?;
        let Some(sidecar) = Self::read(directory, number) else {
            return Some(false);
        };
        let last = Mac::parse(&sidecar.last).unwrap_or(Mac::NOTHING);
        Some(split(&line).is_some() && chain.verify(last, &line).is_some())
    }
}
