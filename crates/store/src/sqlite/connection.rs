//! Connections to the file: how they are opened, and those that read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many connections wait for the next read; more are opened where more threads read at once.
const IDLE: usize = 16;

/// How large the log grows before its pages are carried over to the file, in pages of 4 KiB. A page
/// that was written often meanwhile is carried over once.
const LOG_PAGES: u32 = 4000;

/// The connection that writes, which the store takes away when it is closed.
pub(super) type Shared = Arc<Mutex<Option<Connection>>>;

/// Who reads from where.
#[derive(Debug)]
pub(super) enum Readers {
    /// Any number of threads, each on a connection of its own while it reads.
    Many(Pool),
    /// Everybody on the one connection, because another one to `:memory:` is another database.
    One(Shared),
}

impl Readers {
    /// What `read` finds, on this thread. It does not wait for writers.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let found = match self {
            Self::Many(pool) => {
                let connection = pool.lend()?;
                let found = read(&connection);
                pool.take_back(connection);
                found
            }
            Self::One(shared) => {
                let shared = lock(shared);
                read(shared.as_ref().ok_or_else(closed)?)
            }
        };
        found.map_err(StoreError::unavailable)
    }

    /// Waits until nobody reads any more. Every later read fails.
    pub(super) fn close(&self) {
        if let Self::Many(pool) = self {
            pool.close();
        }
    }
}

/// Connections that only read.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Connection>,
    lent: usize,
    is_closed: bool,
}

impl Pool {
    /// Connections to the file `path`. A file that cannot be read is found out now, not at the first
    /// request.
    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let state = State {
            idle: vec![reading(path)?],
            ..State::default()
        };
        Ok(Self {
            path: path.to_owned(),
            state: Mutex::new(state),
            returned: Condvar::new(),
        })
    }

    fn lend(&self) -> Result<Connection, StoreError> {
        let idle = {
            let mut state = lock(&self.state);
            if state.is_closed {
                return Err(closed());
            }
            state.lent += 1;
            state.idle.pop()
        };
        if let Some(connection) = idle {
            return Ok(connection);
        }
        reading(&self.path).map_err(|error| {
            self.returned(&mut lock(&self.state));
            StoreError::unavailable(error)
        })
    }

    fn take_back(&self, connection: Connection) {
        let mut state = lock(&self.state);
        if !state.is_closed && state.idle.len() < IDLE {
            state.idle.push(connection);
        } else {
            // Before it counts as returned: whoever waits for that wants to be the last one.
            drop(connection);
        }
        self.returned(&mut state);
    }

    fn returned(&self, state: &mut State) {
        state.lent -= 1;
        if state.lent == 0 {
            self.returned.notify_all();
        }
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        state.idle.clear();
        while state.lent > 0 {
            let waited = self.returned.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The file that SQLite keeps beside the one at `path`, or beside the one that a link there leads to.
pub(super) fn beside(path: &Path, suffix: &str) -> io::Result<PathBuf> {
    let mut beside = fs::canonicalize(path)?.into_os_string();
    beside.push(suffix);
    Ok(beside.into())
}

/// A connection to the file `path` that reads and writes.
pub(super) fn writing(path: &Path) -> rusqlite::Result<Connection> {
    let connection = opened(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    // A commit waits for nothing; the writer waits for the disk by itself, where somebody has to.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// A database that is gone with its connection.
pub(super) fn in_memory() -> rusqlite::Result<Connection> {
    prepared(Connection::open_in_memory()?)
}

fn reading(path: &Path) -> rusqlite::Result<Connection> {
    opened(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn opened(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // Each connection is used by one thread at a time, so it needs no lock of its own.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    prepared(Connection::open_with_flags(path, flags)?)
}

fn prepared(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(PATIENCE)?;
    // Nothing in the file may run functions: it could have been written by somebody else.
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    // What was removed is overwritten wherever that costs no extra writing.
    connection.pragma_update(None, "secure_delete", "FAST")?;
    // A statement is prepared once: no other values make it look for another plan.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn closed() -> StoreError {
    StoreError::unavailable("the store is closed")
}
