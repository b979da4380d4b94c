//! The key ring's file: JSON that nobody but its owner may read.

use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::random::{self, Random};
use oauth::secret::Secret;
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::error::KeyRingError;

/// What stands in the file; never empty. The last key whose time has come seals.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyFile {
    /// Oldest first.
    pub(crate) keys: Vec<StoredKey>,
}

/// One key as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredKey {
    /// Its id.
    pub(crate) kid: String,
    /// When it was made.
    pub(crate) created_at: NumericDate,
    /// When it takes over from the key before it.
    pub(crate) seals_from: NumericDate,
    #[serde(serialize_with = "expose")]
    key: Secret,
}

impl StoredKey {
    /// A new key of 256 random bits.
    pub(crate) fn generate(
        random: &dyn Random,
        created_at: NumericDate,
        seals_from: NumericDate,
    ) -> Self {
        Self {
            kid: random::token::<8>(random),
            created_at,
            seals_from,
            key: Secret::random(random),
        }
    }

    /// The bytes of the key.
    pub(crate) fn material(&self) -> Zeroizing<[u8; 32]> {
        self.decode()
            .expect("a key is 32 bytes: it was made so, or checked when it was read")
    }

    fn decode(&self) -> Option<Zeroizing<[u8; 32]>> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(self.key.expose()).ok()?);
        Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
    }
}

/// The one place where a key is written out.
fn expose<S: Serializer>(key: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.expose())
}

/// Tells one state of the file from the next: every change is another file under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    changed_at: (i64, i64),
}

impl Stamp {
    /// The stamp of the file that is there now.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::from)
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.size(),
            changed_at: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl KeyFile {
    /// Reads the file; `None` if there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<(Self, Stamp)>, KeyRingError> {
        let unreadable = |source| KeyRingError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        // Asked of the open file, so that it is the mode of what is read, wherever a link leads.
        let metadata = file.metadata().map_err(unreadable)?;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyRingError::TooOpen {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(unreadable)?;
        let malformed = |reason| KeyRingError::Malformed {
            path: path.to_owned(),
            reason,
        };
        let file: Self = serde_json::from_str(&text).map_err(|_| {
            malformed("is not JSON of the form {\"keys\": [{kid, created_at, seals_from, key}]}")
        })?;
        file.check().map_err(malformed)?;
        Ok(Some((file, Stamp::from(&metadata))))
    }

    /// Reads the file, which must be there.
    pub(crate) fn read_existing(path: &Path) -> Result<(Self, Stamp), KeyRingError> {
        Self::read(path)?.ok_or_else(|| KeyRingError::Unreadable {
            path: path.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    /// Makes the file, with a first key.
    pub(crate) fn create(path: &Path, first: StoredKey) -> Result<(Self, Stamp), KeyRingError> {
        let draft = Draft::begin(path)?;
        // Whoever wrote before may have made the file since it was looked for.
        if let Some(read) = Self::read(path)? {
            return Ok(read);
        }
        let file = Self { keys: vec![first] };
        let stamp = draft.finish(&file)?;
        Ok((file, stamp))
    }

    /// Adds a key to the file.
    pub(crate) fn append(path: &Path, key: StoredKey) -> Result<(Self, Stamp), KeyRingError> {
        Self::change(path, |keys| keys.push(key))
    }

    /// Takes a key out of the file.
    pub(crate) fn remove(path: &Path, kid: &str) -> Result<(Self, Stamp), KeyRingError> {
        Self::change(path, |keys| keys.retain(|key| key.kid != kid))
    }

    fn change(
        path: &Path,
        change: impl FnOnce(&mut Vec<StoredKey>),
    ) -> Result<(Self, Stamp), KeyRingError> {
        // A link is followed first: renaming over it would leave its target behind.
        let path = &fs::canonicalize(path).map_err(|source| KeyRingError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let draft = Draft::begin(path)?;
        // Read only now: two rotations at once must not lose each other's key.
        let (mut file, _) = Self::read_existing(path)?;
        change(&mut file.keys);
        let stamp = draft.finish(&file)?;
        Ok((file, stamp))
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.keys.is_empty() {
            return Err("holds no key");
        }
        let is_kid = |kid: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=64).contains(&kid.len()) && kid.bytes().all(allowed)
        };
        if !self.keys.iter().all(|key| is_kid(&key.kid)) {
            return Err("holds a kid that is not 1 to 64 letters, digits, - or _");
        }
        let mut kids = HashSet::new();
        if !self.keys.iter().all(|key| kids.insert(&key.kid)) {
            return Err("holds two keys of the same kid");
        }
        if self.keys.iter().any(|key| key.decode().is_none()) {
            return Err("holds a key that is not 32 bytes in base64url");
        }
        Ok(())
    }
}

/// A file that becomes the key ring all at once: a crash leaves the old key ring or the new one,
/// never half of one.
struct Draft<'a> {
    path: &'a Path,
    /// Locked until the draft is finished or dropped. The system unlocks it when a process dies, so
    /// what a killed one leaves behind stops nobody.
    directory: File,
}

impl<'a> Draft<'a> {
    fn begin(path: &'a Path) -> Result<Self, KeyRingError> {
        let lock = || {
            let directory = File::open(directory_of(path))?;
            directory.lock()?;
            Ok(directory)
        };
        let directory = lock().map_err(|source| KeyRingError::NotWritable {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { path, directory })
    }

    fn finish(self, content: &KeyFile) -> Result<Stamp, KeyRingError> {
        let mut unfinished = self.path.as_os_str().to_owned();
        unfinished.push(".new");
        let unfinished = PathBuf::from(unfinished);
        self.write(&unfinished, content).map_err(|source| {
            // If this fails too, the next writer removes it.
            let _ = fs::remove_file(&unfinished);
            KeyRingError::NotWritable {
                path: self.path.to_owned(),
                source,
            }
        })
    }

    fn write(&self, unfinished: &Path, content: &KeyFile) -> io::Result<Stamp> {
        let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
        serde_json::to_writer_pretty(&mut *text, content).expect("strings and numbers are JSON");
        text.push(b'\n');
        match fs::remove_file(unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Made anew, so that its mode is ours and not that of whatever was there.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(unfinished)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(unfinished, self.path)?;
        self.directory.sync_all()?;
        Ok(Stamp::from(&file.metadata()?))
    }
}

/// Makes a new name in the file's directory survive a power loss.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
