//! Segments: the files of the log. A sealed one has a sidecar that says what is in it.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chain::{Chain, Mac};
#[cfg(test)]
use crate::faults;

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
        numbers.extend(number_of(&entry?.file_name(), "jsonl"));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The number of a file of this ending, if it has the name that we give to one. Behind the last number there is room for
/// another one, whoever made the file.
pub(crate) fn number_of(name: &OsStr, ending: &str) -> Option<u64> {
    let name = name.to_str()?;
    let number: u64 = name.split('.').next()?.parse().ok()?;
    let is_ours = name == format!("{number:010}.{ending}");
    (is_ours && (1..u64::MAX).contains(&number)).then_some(number)
}

/// Puts the first `length` bytes of a segment into a file of their own, and that in its place.
///
/// After a failed synchronisation the system may have dropped what it could not write and call the file
/// clean (fsync(2)): a later success says nothing about it. A new file says all.
pub(crate) fn rewrite(directory: &Path, number: u64, length: u64) -> io::Result<()> {
    let path = path(directory, number);
    let unfinished = path.with_extension("jsonl.new");
    let written = new_file(&unfinished).and_then(|mut file| {
        io::copy(&mut File::open(&path)?.take(length), &mut file)?;
        sync(&file)?;
        fs::rename(&unfinished, &path)
    });
    if written.is_err() {
        // The disk may be full, and is not to be filled with halves.
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    sync_directory_of(&path)
}

/// Makes what was written survive a power loss.
fn sync(file: &File) -> io::Result<()> {
    #[cfg(test)]
    faults::strike(faults::Fault::Sync)?;
    file.sync_data()
}

/// A file to be renamed when it is whole.
fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Removes a file. One that is gone already is what was wanted.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes the name of a file, or that it is gone, survive a power loss.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// What stands beside a segment. Whoever can write in the directory can put anything there, so that only
/// what proves itself is an index, and anything else is as good as nothing.
#[derive(Debug)]
pub(crate) enum Index {
    /// Nothing: the segment is not sealed.
    Nothing,
    /// Something that we did not write, or not for the segment as it is.
    Foreign,
    /// What we wrote when the segment was sealed.
    Ours(Sidecar),
}

impl Index {
    /// Looks at what stands beside a segment.
    pub(crate) fn of(directory: &Path, number: u64, chain: &Chain) -> Self {
        match fs::read(sidecar_path(directory, number)) {
            Ok(line) => {
                Sidecar::verified(&line, directory, number, chain).map_or(Self::Foreign, Self::Ours)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Nothing,
            Err(_) => Self::Foreign,
        }
    }

    /// What can be believed.
    pub(crate) fn ours(self) -> Option<Sidecar> {
        match self {
            Self::Ours(sidecar) => Some(sidecar),
            Self::Nothing | Self::Foreign => None,
        }
    }
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
        let mut file = new_file(&unfinished)?;
        file.write_all(&line)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        sync_directory_of(&path)
    }

    /// The sidecar of a segment, if it is ours, and the segment as long as it was then.
    fn verified(line: &[u8], directory: &Path, number: u64, chain: &Chain) -> Option<Self> {
        let length = fs::metadata(path(directory, number)).ok()?.len();
        Self::ours(line, number, chain).filter(|sidecar| sidecar.bytes == length)
    }

    fn ours(line: &[u8], number: u64, chain: &Chain) -> Option<Self> {
        let sidecar: Self = serde_json::from_slice(line).ok()?;
        chain.verify(Mac::parse(&sidecar.last)?, line)?;
        (sidecar.number == number).then_some(sidecar)
    }

    /// The sidecars of ours whose segments are not there any more.
    pub(crate) fn left_alone(directory: &Path, chain: &Chain) -> io::Result<Vec<Self>> {
        let mut alone = Vec::new();
        for entry in fs::read_dir(directory)? {
            let Some(number) = number_of(&entry?.file_name(), "json") else {
                continue;
            };
            if !path(directory, number).exists()
                && let Ok(line) = fs::read(sidecar_path(directory, number))
            {
                alone.extend(Self::ours(&line, number, chain));
            }
        }
        Ok(alone)
    }
}
