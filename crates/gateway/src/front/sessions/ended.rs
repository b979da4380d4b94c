//! The sessions that their clients have ended, remembered by the process that was told.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// How many are remembered; the ids of others that ended are valid until they are too old, for their owner
/// alone.
const MOST: usize = 65_536;

/// The sessions of a house that ended last. Clones are the same: endpoints may be made anew, and what has ended
/// stays so.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndedSessions(Arc<Mutex<Ended>>);

#[derive(Debug, Default)]
struct Ended {
    keys: HashSet<Arc<str>>,
    order: VecDeque<Arc<str>>,
}

impl EndedSessions {
    pub(super) fn has(&self, key: &str) -> bool {
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ended.keys.contains(key)
    }

    pub(super) fn add(&self, key: Arc<str>) {
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.keys.insert(Arc::clone(&key)) {
            ended.order.push_back(key);
        }
        if ended.order.len() > MOST
            && let Some(oldest) = ended.order.pop_front()
        {
            ended.keys.remove(&oldest);
        }
    }
}
