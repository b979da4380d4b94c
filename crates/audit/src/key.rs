//! The log's own key: a file that only its owner reads, apart from all other keys (mode 0600).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::random::{self, Random};
use oauth::secret::Secret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::chain::{Chain, HeadKey};
use crate::event::Pseudonyms;
use crate::segment::sync_directory_of;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the key of the audit log {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("the key of the audit log {path} cannot be made")]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read it.
    #[error(
        "the key of the audit log {path} has mode {mode:04o}, so others can forge the log: \
         chmod 600 {path}"
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("the key of the audit log {path} belongs to another user (uid {owner}): chown it")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The user it belongs to.
        owner: u32,
    },
    /// It is no key.
    #[error(
        "the key of the audit log {path} is not JSON of the form {{\"log\", \"key\"}}: restore it from a backup"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// There are events, and no key to them.
    #[error(
        "the audit log {directory} is there, but its key {path} is not: restore the key from a \
         backup, or move the log away to begin a new one"
    )]
    Lost {
        /// The log.
        directory: PathBuf,
        /// The key.
        path: PathBuf,
    },
}

/// The keys that are derived from the one in the file, each for one purpose.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// The id of the log that they belong to.
    pub(crate) log: String,
    pub(crate) chain: Chain,
    pub(crate) head: HeadKey,
    pub(crate) pseudonyms: Pseudonyms,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    /// Which log the key is for; it stands in every segment.
    log: String,
    /// 32 bytes in base64url.
    key: String,
}

impl Keys {
    /// Reads the key of the log in `directory`; makes one if there is neither key nor log.
    pub(crate) fn open_or_create(
        path: &Path,
        directory: &Path,
        has_segments: bool,
        random: &dyn Random,
    ) -> Result<Self, KeyError> {
        if let Some(keys) = Self::read(path)? {
            return Ok(keys);
        }
        if has_segments {
            return Err(KeyError::Lost {
                directory: directory.to_owned(),
                path: path.to_owned(),
            });
        }
        create(path, random).map_err(|source| KeyError::NotWritable {
            path: path.to_owned(),
            source,
        })?;
        Self::open(path)
    }

    /// Reads the key, which must be there.
    pub(crate) fn open(path: &Path) -> Result<Self, KeyError> {
        Self::read(path)?.ok_or_else(|| KeyError::Unreadable {
            path: path.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    fn read(path: &Path) -> Result<Option<Self>, KeyError> {
        let unreadable = |source| KeyError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        // Asked of the open file, so that it is about what is read, wherever a link leads.
        let metadata = file.metadata().map_err(unreadable)?;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyError::TooOpen {
                path: path.to_owned(),
                mode,
            });
        }
        let us = rustix::process::geteuid().as_raw();
        if metadata.uid() != us && us != 0 {
            return Err(KeyError::Foreign {
                path: path.to_owned(),
                owner: metadata.uid(),
            });
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(unreadable)?;
        let malformed = || KeyError::Malformed {
            path: path.to_owned(),
        };
        let file: KeyFile = serde_json::from_str(&text).map_err(|_| malformed())?;
        let key = Zeroizing::new(file.key);
        let bytes = URL_SAFE_NO_PAD.decode(&*key).map_err(|_| malformed())?;
        let bytes = Zeroizing::new(bytes);
        if bytes.len() != 32 || file.log.is_empty() {
            return Err(malformed());
        }
        Ok(Some(Self::derive(file.log, &bytes)))
    }

    fn derive(log: String, secret: &[u8]) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derive = |purpose: &str| {
            let tag = hmac::sign(&secret, format!("sumun audit {purpose} {log}").as_bytes());
            Zeroizing::new(tag.as_ref().to_vec())
        };
        Self {
            chain: Chain::new(&derive("chain")),
            head: HeadKey::new(&derive("head")),
            pseudonyms: Pseudonyms::new(&derive("pseudonym")),
            log,
        }
    }
}

/// Makes the file once and for all: who comes second reads what the first one made.
fn create(path: &Path, random: &dyn Random) -> io::Result<()> {
    let secret = Secret::random(random);
    let file = KeyFile {
        log: random::token::<8>(random),
        key: secret.expose().to_owned(),
    };
    let mut text = Zeroizing::new(Vec::with_capacity(512));
    serde_json::to_writer(&mut *text, &file).expect("strings are JSON");
    drop(Zeroizing::new(file.key));
    text.push(b'\n');
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", random::token::<8>(random)));
    let unfinished = PathBuf::from(unfinished);
    let made = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(&text)?;
        file.sync_all()?;
        // A link is made only where nothing is, so an existing key is never overwritten, and a crash
        // leaves a whole key or none.
        match fs::hard_link(&unfinished, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    })();
    let _ = fs::remove_file(&unfinished);
    made?;
    sync_directory_of(path)
}

#[cfg(test)]
mod tests {
    use oauth::random::OsRandom;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.key");
        let made = Keys::open_or_create(&path, directory.path(), false, &OsRandom).unwrap();
        let permissions = fs::metadata(&path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o7777, 0o600);
        let again = Keys::open_or_create(&path, directory.path(), true, &OsRandom).unwrap();
        assert_eq!(made.log, again.log);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Keys::open(&path), Err(KeyError::TooOpen { .. })));
    }

    #[test]
    fn a_log_without_its_key_is_not_continued() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.key");
        let error = Keys::open_or_create(&path, directory.path(), true, &OsRandom).unwrap_err();
        assert!(matches!(error, KeyError::Lost { .. }));
        assert!(!path.exists());
    }
}
