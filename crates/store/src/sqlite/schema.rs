//! The SQLite file: its schema, its version, and the statements of the eight verbs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::StoreError;
use crate::key_file::sync_directory;

/// The newest schema that this program knows (`PRAGMA user_version`).
const SUPPORTED: i32 = 3;

/// "SUMN": tells a store from any other SQLite file (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x5355_4d4e;

/// Counters are as they were in version 1.
const CREATE_COUNTERS: &str = "
CREATE TABLE counter (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    count INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX counter_end ON counter (ends_at);
PRAGMA application_id = 0x53554d4e;
";

/// Version 3. `position` orders records by creation, and so they lie in the file: what is written in the
/// same moment shares pages. Every index ends with the position by itself; those beside the key serve lists and
/// sweeping.
const CREATE_RECORDS: &str = "
CREATE TABLE record (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    owner TEXT,
    expires_at INTEGER,
    body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX record_key ON record (kind, key);
CREATE INDEX record_kind ON record (kind);
CREATE INDEX record_owner ON record (kind, owner) WHERE owner IS NOT NULL;
CREATE INDEX record_expiry ON record (expires_at) WHERE expires_at IS NOT NULL;
PRAGMA user_version = 3;
";

/// Of versions 1 and 2, which differ in what is sealed: records lay in the order of their keys, and each
/// kind counted positions for itself.
const PUT_ASIDE: &str = "
DROP INDEX record_position;
DROP INDEX record_owner;
DROP INDEX record_expiry;
ALTER TABLE record RENAME TO record_before;
";

/// The records that were put aside, those of a kind in their order.
const TAKE_OVER: &str = "
INSERT INTO record (kind, key, version, owner, expires_at, body)
SELECT kind, key, version, owner, expires_at, body FROM record_before ORDER BY kind, position;
DROP TABLE record_before;
";

pub(super) const GET: &str = "
SELECT key, body, version, owner, expires_at, position FROM record
WHERE kind = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)";

// Of the statements that write, only `TAKE` says `RETURNING`, for which SQLite makes a table and a
// journal of every page: it has to tell what it has removed.
pub(super) const LAST_POSITION: &str = "
SELECT coalesce(max(position), 0) FROM record";

pub(super) const MAKE: &str = "
INSERT INTO record (kind, key, body, owner, expires_at, version, position)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (kind, key) DO NOTHING";

// A record that takes the place of an expired one is new, and so is its position. Its version is not
// that of anything before, so that who read the expired one cannot replace it.
pub(super) const TAKE_PLACE: &str = "
UPDATE record SET body = ?3, owner = ?4, expires_at = ?5, version = version + 1, position = ?7
WHERE kind = ?1 AND key = ?2 AND expires_at <= ?6";

pub(super) const OVERWRITE: &str = "
UPDATE record SET body = ?3, owner = ?4, expires_at = ?5, version = version + 1
WHERE kind = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?6)";

pub(super) const REPLACE: &str = "
UPDATE record SET body = ?3, owner = ?4, expires_at = ?5, version = version + 1
WHERE kind = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?6) AND version = ?7";

// The same for a record that stays whose it is, as most do: SQLite writes the entry of an index anew
// when its column is named, whether it is another value or not.
pub(super) const OVERWRITE_OWN: &str = "
UPDATE record SET body = ?3, expires_at = ?5, version = version + 1
WHERE kind = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?6) AND owner IS ?4";

pub(super) const REPLACE_OWN: &str = "
UPDATE record SET body = ?3, expires_at = ?5, version = version + 1
WHERE kind = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?6) AND version = ?7 AND owner IS ?4";

pub(super) const TAKE: &str = "
DELETE FROM record WHERE kind = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)
RETURNING key, body, version, owner, expires_at, position";

pub(super) const REMOVE: &str = "DELETE FROM record WHERE kind = ?1 AND key = ?2";

pub(super) const LIST_ALL: &str = "
SELECT key, body, version, owner, expires_at, position FROM record
WHERE kind = ?1 AND (expires_at IS NULL OR expires_at > ?2) AND position < ?3
ORDER BY position DESC LIMIT ?4";

pub(super) const LIST_OF_OWNER: &str = "
SELECT key, body, version, owner, expires_at, position FROM record
WHERE kind = ?1 AND (expires_at IS NULL OR expires_at > ?2) AND position < ?3 AND owner = ?5
ORDER BY position DESC LIMIT ?4";

pub(super) const COUNTED: &str = "
SELECT count, ends_at FROM counter WHERE kind = ?1 AND key = ?2";

pub(super) const COUNT_FIRST: &str = "
INSERT INTO counter (kind, key, count, ends_at) VALUES (?1, ?2, ?3, ?4)";

pub(super) const COUNT_NEXT: &str = "
UPDATE counter SET count = ?3, ends_at = ?4 WHERE kind = ?1 AND key = ?2";

pub(super) const SWEEP_RECORDS: &str = "
DELETE FROM record WHERE position IN
    (SELECT position FROM record WHERE expires_at <= ?1 LIMIT ?2)";

pub(super) const SWEEP_COUNTERS: &str = "
DELETE FROM counter WHERE (kind, key) IN
    (SELECT kind, key FROM counter WHERE ends_at <= ?1 LIMIT ?2)";

// In the order of the keys, from the place where the last page ended.
pub(super) const LIST_SEALED: &str = "
SELECT key, body, version, owner, expires_at, position, kind FROM record
WHERE (kind, key) > (?1, ?2) AND (expires_at IS NULL OR expires_at > ?3)
    AND substr(body, 1, 3) IN (?5, ?6) AND substr(body, 1, length(?7)) NOT IN (?7, ?8)
ORDER BY kind, key LIMIT ?4";

pub(super) const COUNT_SEALED: &str = "
SELECT count(*) FROM record
WHERE (expires_at IS NULL OR expires_at > ?1) AND substr(body, 1, length(?2)) IN (?2, ?3)";

// The version stays: the record says what it said before.
pub(super) const REWRITE: &str = "
UPDATE record SET body = ?4 WHERE kind = ?1 AND key = ?2 AND version = ?3";

/// Refuses a file that is not ours or too new before SQLite touches it; makes a missing one.
pub(super) fn prepare_file(path: &Path) -> Result<(), StoreError> {
    let not_writable = |source: io::Error| StoreError::NotWritable {
        path: path.to_owned(),
        source: source.into(),
    };
    // SQLite gives its log and its index the mode of the file that they belong to.
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(_) => return sync_directory(path).map_err(not_writable),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(not_writable(error)),
    }
    let mut header = Vec::new();
    let file = File::open(path).map_err(not_writable)?;
    file.take(100)
        .read_to_end(&mut header)
        .map_err(not_writable)?;
    check_header(&header, path)?;
    // A backup that was copied back often has the mode of any new file.
    let mode = fs::metadata(path)
        .map_err(not_writable)?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(not_writable)?;
    }
    Ok(())
}

/// Reads the file header of SQLite: 16 bytes of magic, `user_version` at 60, `application_id` at 68.
fn check_header(header: &[u8], path: &Path) -> Result<(), StoreError> {
    if header.is_empty() {
        return Ok(());
    }
    let number = |at: usize| {
        let bytes = header.get(at..at + 4)?.try_into().ok()?;
        Some(i32::from_be_bytes(bytes))
    };
    let is_sqlite = header.starts_with(b"SQLite format 3\0");
    let (Some(version), Some(application), true) = (number(60), number(68), is_sqlite) else {
        return Err(StoreError::NotAStore {
            path: path.to_owned(),
        });
    };
    check_version(version, application, path)
}

fn check_version(version: i32, application: i32, path: &Path) -> Result<(), StoreError> {
    // A file whose creation was interrupted has neither number yet.
    if application != APPLICATION_ID && (version, application) != (0, 0) {
        return Err(StoreError::NotAStore {
            path: path.to_owned(),
        });
    }
    if version > SUPPORTED {
        return Err(StoreError::NewerSchema {
            found: version,
            supported: SUPPORTED,
            path: path.to_owned(),
        });
    }
    Ok(())
}

/// Brings the file to the newest schema.
///
/// The header may be older than the log next to it, so the version is asked again here.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |error| opening_failed(path, error);
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
    let transaction = transaction.map_err(failed)?;
    let found = transaction.query_row(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)
         FROM pragma_user_version, pragma_application_id",
        (),
        |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?)),
    );
    let (version, application, tables) = found.map_err(failed)?;
    check_version(version, application, path)?;
    // Somebody else's tables, in a database without numbers.
    if version == 0 && tables != 0 {
        return Err(StoreError::NotAStore {
            path: path.to_owned(),
        });
    }
    let steps: &[&str] = match version {
        0 => &[CREATE_COUNTERS, CREATE_RECORDS],
        1 | 2 => &[PUT_ASIDE, CREATE_RECORDS, TAKE_OVER],
        _ => &[],
    };
    for step in steps {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// Says what the operator can do about a file that does not open.
pub(super) fn opening_failed(path: &Path, error: rusqlite::Error) -> StoreError {
    // The low byte is the primary result code: SQLITE_PERM, READONLY, CANTOPEN, NOTADB.
    match error.sqlite_extended_error_code().map(|code| code & 0xff) {
        Some(3 | 8 | 14) => StoreError::NotWritable {
            path: path.to_owned(),
            source: error.into(),
        },
        Some(26) => StoreError::NotAStore {
            path: path.to_owned(),
        },
        _ => StoreError::unavailable(error),
    }
}
