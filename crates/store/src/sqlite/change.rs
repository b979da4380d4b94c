//! What the verbs that write do to one record, within the transaction of the writer.

use aws_lc_rs::rand;
use rusqlite::{Connection, OptionalExtension as _, ToSql};

use super::cache::Change;
use super::schema;
use crate::store::{Entry, Kind};

/// The place that a caller's work has in a transaction.
pub(super) struct Turn<'a> {
    pub(super) connection: &'a Connection,
    /// Which records it changes.
    pub(super) changes: Vec<Change>,
    pub(super) numbers: &'a mut Numbers,
}

/// The numbers that a new record gets.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// The last position, as long as nobody else writes.
    last_position: Option<i64>,
    versions: Vec<i64>,
}

impl Numbers {
    /// Somebody else has written, or a transaction was taken back.
    pub(super) fn forget_position(&mut self) {
        self.last_position = None;
    }

    fn next_position(&mut self, connection: &Connection) -> rusqlite::Result<i64> {
        let last = match self.last_position {
            Some(last) => last,
            None => connection
                .prepare_cached(schema::LAST_POSITION)?
                .query_row((), |row| row.get::<_, i64>(0))?,
        };
        self.last_position = Some(last + 1);
        Ok(last + 1)
    }

    /// A version starts at random and counts up, so that it never comes back: who read a record that
    /// was then removed and made anew cannot replace the new one.
    fn first_version(&mut self) -> i64 {
        if self.versions.is_empty() {
            let mut random = [0; 512];
            rand::fill(&mut random)
                .expect("a machine without randomness cannot keep secrets, so there is no way on");
            let (numbers, _) = random.as_chunks();
            let numbers = numbers.iter().map(|bytes| i64::from_le_bytes(*bytes));
            // Far from the end of the numbers.
            self.versions = numbers.map(|number| number & (i64::MAX >> 1)).collect();
        }
        self.versions.pop().expect("it was filled")
    }
}

impl Turn<'_> {
    /// Writes the entry if its key is free; `false` when it is taken.
    pub(super) fn insert(&mut self, kind: Kind, now: i64, entry: Entry) -> rusqlite::Result<bool> {
        let position = self.numbers.next_position(self.connection)?;
        match self.make(kind, position, entry)? {
            None => Ok(true),
            Some(entry) => self.take_place(kind, position, now, entry),
        }
    }

    /// Writes the entry, whatever was there before: most are new.
    pub(super) fn put(&mut self, kind: Kind, now: i64, entry: Entry) -> rusqlite::Result<()> {
        let position = self.numbers.next_position(self.connection)?;
        let Some(entry) = self.make(kind, position, entry)? else {
            return Ok(());
        };
        if self.run(schema::OVERWRITE_OWN, kind, &entry, &[&now])?
            || self.run(schema::OVERWRITE, kind, &entry, &[&now])?
        {
            self.changes.push(Change::Overwritten(kind.as_str(), entry));
            return Ok(());
        }
        self.take_place(kind, position, now, entry).map(drop)
    }

    /// Makes a record under a key that no record has, not even an expired one; else returns the entry.
    fn make(&mut self, kind: Kind, position: i64, entry: Entry) -> rusqlite::Result<Option<Entry>> {
        let version = self.numbers.first_version();
        if !self.run(schema::MAKE, kind, &entry, &[&version, &position])? {
            return Ok(Some(entry));
        }
        let entry = Entry {
            version,
            position,
            ..entry
        };
        self.changes.push(Change::Made(kind.as_str(), entry));
        Ok(None)
    }

    /// Writes the entry in the place of an expired one; `false` when there is none.
    fn take_place(
        &mut self,
        kind: Kind,
        position: i64,
        now: i64,
        entry: Entry,
    ) -> rusqlite::Result<bool> {
        let is_new = self.run(schema::TAKE_PLACE, kind, &entry, &[&now, &position])?;
        if is_new {
            // Its version is known to the file alone.
            self.gone(kind.as_str(), entry.key);
        }
        Ok(is_new)
    }

    /// Writes the entry if the stored one still has its version; `false` when it moved on.
    pub(super) fn replace(&mut self, kind: Kind, now: i64, entry: Entry) -> rusqlite::Result<bool> {
        let version: &[&dyn ToSql] = &[&now, &entry.version];
        let is_written = self.run(schema::REPLACE_OWN, kind, &entry, version)?
            || self.run(schema::REPLACE, kind, &entry, version)?;
        if is_written {
            let entry = Entry {
                version: entry.version + 1,
                ..entry
            };
            self.changes.push(Change::Replaced(kind.as_str(), entry));
        }
        Ok(is_written)
    }

    /// Counts one event at the moment `now`; a window that begins with it ends at `end`.
    pub(super) fn count(
        &mut self,
        kind: Kind,
        key: &str,
        now: i64,
        end: i64,
    ) -> rusqlite::Result<i64> {
        let place = (kind.as_str(), key);
        let mut counted = self.connection.prepare_cached(schema::COUNTED)?;
        let counted = counted.query_row(place, |row| Ok((row.get(0)?, row.get(1)?)));
        let counted: Option<(i64, i64)> = counted.optional()?;
        let (count, end) = match counted {
            // A window that ends later than one opened now is from before the clock was set back; it
            // must not lock anybody out until then.
            Some((count, ends_at)) if ends_at > now => (count + 1, ends_at.min(end)),
            _ => (1, end),
        };
        let sql = match counted {
            Some(_) => schema::COUNT_NEXT,
            None => schema::COUNT_FIRST,
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute((place.0, place.1, count, end))?;
        Ok(count)
    }

    /// The record is gone, or another one that has to be read.
    pub(super) fn gone(&mut self, kind: &str, key: String) {
        self.changes.push(Change::Gone(kind.to_owned(), key));
    }

    /// Runs a statement whose first five parameters are those of an entry, and `more` after them.
    fn run(
        &self,
        sql: &str,
        kind: Kind,
        entry: &Entry,
        more: &[&dyn ToSql],
    ) -> rusqlite::Result<bool> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.raw_bind_parameter(1, kind.as_str())?;
        statement.raw_bind_parameter(2, &entry.key)?;
        statement.raw_bind_parameter(3, &entry.body)?;
        statement.raw_bind_parameter(4, &entry.owner)?;
        statement.raw_bind_parameter(5, entry.expires_at.map(|date| date.0))?;
        for (at, parameter) in more.iter().enumerate() {
            statement.raw_bind_parameter(6 + at, parameter)?;
        }
        Ok(statement.raw_execute()? > 0)
    }
}
