//! The store: eight atomic verbs that every back end has.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oauth::time::NumericDate;

use crate::error::StoreError;

/// A store that many rooms share.
pub type SharedStore = Arc<dyn Store>;

/// Which sort of record: the first half of every key, a constant of the room that owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(&'static str);

impl Kind {
    /// Names a kind in `snake_case`.
    ///
    /// # Panics
    ///
    /// When `name` is empty or holds anything but `a-z`, `0-9` and `_`; in a constant this stops
    /// the build.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty(), "a kind needs a name");
        let mut at = 0;
        while at < bytes.len() {
            assert!(
                matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'_'),
                "a kind is named in snake_case"
            );
            at += 1;
        }
        Self(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One stored record, as the back end sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Names the record within its kind. Never a secret: the key of a secret is its hash.
    pub key: String,
    /// The record; sealed when its kind is secret.
    pub body: Vec<u8>,
    /// Changes with every write and never comes back, not even after the record was removed and
    /// made again. Only `replace` reads it on the way in.
    pub version: i64,
    /// Whose record it is, for [`ListBy::Owner`].
    pub owner: Option<String>,
    /// From this moment on, the record is absent.
    pub expires_at: Option<NumericDate>,
    /// The record's place in the order in which its kind was filled. The store sets it.
    pub position: i64,
    /// Whether a power loss may undo that it was written a moment ago. Only what is written says so.
    pub may_be_lost: bool,
}

impl Entry {
    /// An entry that belongs to nobody and does not expire.
    pub fn new(key: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self {
            key: key.into(),
            body: body.into(),
            version: 0,
            owner: None,
            expires_at: None,
            position: 0,
            may_be_lost: false,
        }
    }

    /// The [`Page::before`] that continues a list after this entry.
    pub fn cursor(&self) -> String {
        self.position.to_string()
    }
}

/// Which part of a list to return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most this many entries.
    pub limit: u32,
    /// The cursor of the last entry already seen ([`Entry::cursor`]); `None` starts at the newest.
    pub before: Option<String>,
}

impl Page {
    /// The position that a list stays below.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownCursor`] when `before` was not made by [`Entry::cursor`].
    pub fn below(&self) -> Result<i64, StoreError> {
        match &self.before {
            None => Ok(i64::MAX),
            Some(cursor) => cursor.parse().map_err(|_| StoreError::UnknownCursor),
        }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self {
            limit: 100,
            before: None,
        }
    }
}

/// Which entries of a kind to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListBy<'a> {
    /// Every entry.
    All,
    /// The entries of this owner.
    Owner(&'a str),
}

/// What is remembered: eight verbs, each of them one atomic step on one record.
///
/// Three promises hold for every back end:
///
/// - An expired entry is absent for every verb.
/// - A change is durable before it is acknowledged, except for [`Store::count`], so that no crash
///   brings back a code, a token or a grant that was redeemed, rotated or revoked.
/// - Of any number of callers who race for one `insert`, `replace` or `take`, exactly one wins.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Reads the entry.
    async fn get(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError>;

    /// Writes the entry, whatever was there before. A record keeps its place in lists.
    async fn put(&self, kind: Kind, key: &str, entry: Entry) -> Result<(), StoreError>;

    /// Writes the entry if its key is free; `false` when it is taken.
    async fn insert(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError>;

    /// Writes the entry if the stored one still has `entry.version`; `false` when it moved on.
    async fn replace(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError>;

    /// Reads and removes the entry in one step.
    async fn take(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError>;

    /// Removes the entry, if it is there.
    async fn remove(&self, kind: Kind, key: &str) -> Result<(), StoreError>;

    /// Lists entries, newest first.
    async fn list(&self, kind: Kind, by: ListBy<'_>, page: Page) -> Result<Vec<Entry>, StoreError>;

    /// Counts one event and returns how many there were in the current window, this one included.
    ///
    /// The first event opens a window of this length (at least one second); the first event after
    /// its end opens the next. Counters have a key space of their own.
    async fn count(&self, kind: Kind, key: &str, window: Duration) -> Result<u64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "snake_case")]
    fn a_kind_in_another_case_is_refused() {
        let _ = Kind::new("Grant");
    }

    #[test]
    fn a_cursor_leads_back_to_its_position() {
        let entry = Entry {
            position: 42,
            ..Entry::new("key", "body")
        };
        let page = Page {
            before: Some(entry.cursor()),
            ..Page::default()
        };
        assert_eq!(page.below().unwrap(), 42);
    }

    #[test]
    fn a_cursor_of_unknown_origin_is_an_error() {
        let page = Page {
            before: Some("x' OR 1".into()),
            ..Page::default()
        };
        assert!(matches!(page.below(), Err(StoreError::UnknownCursor)));
    }
}
