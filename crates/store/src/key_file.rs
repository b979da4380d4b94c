//! The key ring's file: JSON that nobody but its owner may read.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::random::{self, Random};
use oauth::secret::Secret;
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::error::KeyRingError;

/// What stands in the file; never empty. The last key is the newest.
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
    #[serde(serialize_with = "expose")]
    key: Secret,
}

impl StoredKey {
    /// A new key of 256 random bits.
    pub(crate) fn generate(random: &dyn Random, now: NumericDate) -> Self {
        Self {
            kid: random::token::<8>(random),
            created_at: now,
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

impl KeyFile {
    /// Reads the file; `None` if there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, KeyRingError> {
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
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
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
            malformed("is not JSON of the form {\"keys\": [{kid, created_at, key}]}")
        })?;
        file.check().map_err(malformed)?;
        Ok(Some(file))
    }

    /// Makes the file, with a first key.
    pub(crate) fn create(path: &Path, first: StoredKey) -> Result<Self, KeyRingError> {
        let draft = Draft::begin(path)?;
        // Whoever held the draft before may have finished the file since it was looked for.
        if let Some(file) = Self::read(path)? {
            return Ok(file);
        }
        let file = Self { keys: vec![first] };
        draft.finish(&file)?;
        Ok(file)
    }

    /// Adds a key to the file.
    pub(crate) fn append(path: &Path, key: StoredKey) -> Result<Self, KeyRingError> {
        // A link is followed first: renaming over it would leave its target behind.
        let path = &fs::canonicalize(path).map_err(|source| KeyRingError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let draft = Draft::begin(path)?;
        // Read only now: two rotations at once must not lose each other's key.
        let mut file = Self::read(path)?.ok_or_else(|| KeyRingError::Unreadable {
            path: path.clone(),
            source: io::ErrorKind::NotFound.into(),
        })?;
        file.keys.push(key);
        draft.finish(&file)?;
        Ok(file)
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

/// A file that becomes the key ring all at once.
///
/// It is made with `O_EXCL` under a fixed name, so it is also the lock that writers need: a crash
/// or a race leaves the old key ring or the new one, never half of one.
struct Draft<'a> {
    path: &'a Path,
    unfinished: PathBuf,
    file: File,
    finished: bool,
}

impl<'a> Draft<'a> {
    fn begin(path: &'a Path) -> Result<Self, KeyRingError> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".new");
        let unfinished = PathBuf::from(unfinished);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)
        {
            Ok(file) => Ok(Self {
                path,
                unfinished,
                file,
                finished: false,
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(KeyRingError::Busy { path: unfinished })
            }
            Err(source) => Err(KeyRingError::NotWritable {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn finish(mut self, content: &KeyFile) -> Result<(), KeyRingError> {
        let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
        serde_json::to_writer_pretty(&mut *text, content).expect("strings and numbers are JSON");
        text.push(b'\n');
        self.file
            .write_all(&text)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| fs::rename(&self.unfinished, self.path))
            .and_then(|()| sync_directory(self.path))
            .map_err(|source| KeyRingError::NotWritable {
                path: self.path.to_owned(),
                source,
            })?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // If this fails too, the next writer is told which file to delete.
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}

/// Makes a new name in the file's directory survive a power loss.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}
