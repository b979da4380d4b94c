//! The last good lists of a server, for the time when it is gone (acceptance G3).
//!
//! They are kept for each caller and each page, so that nobody sees the list of somebody else; not for longer than
//! anybody would take for now, and no more of them than there is room for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::json::Raw;

/// How many lists are kept.
const MOST: usize = 256;
/// How much of them, in bytes, with the requests that they answer.
const ROOM: usize = 16 * 1024 * 1024;
/// How long.
const AGE: Duration = Duration::from_hours(24);

/// The lists of one server.
#[derive(Debug, Default)]
pub(crate) struct LastLists(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    lists: HashMap<String, (Instant, Raw)>,
    bytes: usize,
}

impl LastLists {
    /// Keeps the answer to what `key` names.
    pub(crate) fn keep(&self, key: String, list: &Raw) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget(&key);
        let size = key.len() + list.get().len();
        if size > ROOM / 4 {
            return;
        }
        while kept.lists.len() >= MOST || kept.bytes + size > ROOM {
            let oldest = kept.lists.iter().min_by_key(|(_, (since, _))| *since);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            kept.forget(&oldest);
        }
        kept.bytes += size;
        kept.lists.insert(key, (Instant::now(), list.clone()));
    }

    /// The last answer, unless it is too old to be one.
    pub(crate) fn last(&self, key: &str) -> Option<Raw> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, list) = kept.lists.get(key)?;
        if since.elapsed() <= AGE {
            return Some(list.clone());
        }
        kept.forget(key);
        None
    }
}

impl Kept {
    fn forget(&mut self, key: &str) {
        if let Some((_, list)) = self.lists.remove(key) {
            self.bytes -= key.len() + list.get().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::raw;

    #[tokio::test(start_paused = true)]
    async fn g3_what_is_kept_is_bounded_in_number_in_bytes_and_in_time() {
        let lists = LastLists::default();
        let bytes = || lists.0.lock().unwrap().bytes;
        for number in 0..2 * MOST {
            lists.keep(number.to_string(), &raw(&number));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!(lists.last("0").is_none());
        assert_eq!(lists.last("511").unwrap().get(), "511");
        let large = raw(&"x".repeat(ROOM / 5));
        for number in 0..20 {
            lists.keep(format!("large {number}"), &large);
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(bytes() <= ROOM);
        }
        assert!(lists.last("large 19").is_some() && lists.last("large 0").is_none());
        // One that would leave no room for others is not kept, and neither is the one before it.
        lists.keep("large 19".to_owned(), &raw(&"x".repeat(ROOM / 2)));
        assert!(lists.last("large 19").is_none());
        tokio::time::advance(AGE * 2).await;
        assert!(lists.last("large 18").is_none());
    }
}
