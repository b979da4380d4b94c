//! A bounded table of verdicts by token, made for being read far more often than written.
//!
//! Reading takes one shared lock of one shard and writes nothing but a mark, which stands already most of
//! the time. Writing is rare, since every entry stands for a verification.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use oauth::secret::Secret;
use oauth::time::NumericDate;

use super::Answer;

/// So many threads hardly ever want the same shard.
const MOST_SHARDS: usize = 16;

/// A shard of fewer entries would evict some while others have room.
const SMALLEST_SHARD: usize = 64;

pub(super) struct Table {
    shards: Box<[RwLock<Shard>]>,
    /// Seeded, so that nobody can choose tokens that are slow to find.
    hashing: RandomState,
    /// Counts revocations.
    generation: AtomicU64,
    /// When what is of no more use was last dropped.
    tidied_at: AtomicI64,
}

/// A part of the table with a lock of its own, away from the locks of others.
#[repr(align(128))]
struct Shard {
    entries: HashTable<Entry>,
    capacity: usize,
    /// The bucket that is looked at next when room is needed.
    hand: usize,
}

struct Entry {
    /// Wiped when it is dropped.
    token: Secret,
    answer: Answer,
    /// Whether it was of use since the hand came by.
    was_used: AtomicBool,
}

/// How many revocations there were at some point.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Generation(u64);

impl Table {
    /// A table of at most `capacity` entries.
    pub(super) fn new(capacity: u64) -> Self {
        let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        let mut shards = MOST_SHARDS;
        while shards > 1 && capacity / shards < SMALLEST_SHARD {
            shards /= 2;
        }
        let shard = || Shard {
            entries: HashTable::new(),
            capacity: capacity / shards,
            hand: 0,
        };
        Self {
            shards: (0..shards).map(|_| RwLock::new(shard())).collect(),
            hashing: RandomState::default(),
            generation: AtomicU64::new(0),
            tidied_at: AtomicI64::new(i64::MIN),
        }
    }

    /// What `read` makes of the answer about `token`.
    pub(super) fn find<T>(
        &self,
        token: &[u8],
        read: impl FnOnce(&Answer) -> Option<T>,
    ) -> Option<T> {
        let hash = self.hashing.hash_one(token);
        let shard = self.read(hash);
        let entry = shard.entries.find(hash, |entry| entry.is_about(token))?;
        let found = read(&entry.answer);
        // Many read at once, and a line that nobody writes is one that all of them have at hand.
        if found.is_some() && !entry.was_used.load(Ordering::Relaxed) {
            entry.was_used.store(true, Ordering::Relaxed);
        }
        found
    }

    /// The present generation, to be asked for before a verification begins.
    pub(super) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::SeqCst))
    }

    /// Remembers `answer`, unless something was revoked since `generation`; says whether it may be used.
    ///
    /// A revocation first counts, then goes through all shards. Whoever sees the old count here holds the
    /// shard before the revocation gets to it, which then finds what was remembered.
    pub(super) fn insert(&self, token: &str, answer: Answer, generation: Generation) -> bool {
        let hash = self.hashing.hash_one(token.as_bytes());
        let mut shard = self.write(hash);
        if self.generation() != generation {
            return false;
        }
        shard.insert(&self.hashing, hash, token, answer);
        true
    }

    /// Forgets `token`.
    pub(super) fn remove(&self, token: &[u8]) {
        let hash = self.hashing.hash_one(token);
        let mut shard = self.write(hash);
        if let Ok(entry) = shard
            .entries
            .find_entry(hash, |entry| entry.is_about(token))
        {
            entry.remove();
        }
    }

    /// Forgets all of which `is_revoked` is true, and all that is being verified at this moment.
    pub(super) fn forget(&self, is_revoked: impl Fn(&Answer) -> bool) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.retain(|answer| !is_revoked(answer));
    }

    /// Drops, and by that wipes, what is of no more use; at most once for each `now`.
    pub(super) fn tidy(&self, now: NumericDate) {
        if self.tidied_at.load(Ordering::Relaxed) != now.0 {
            self.tidy_now(now);
        }
    }

    #[cold]
    fn tidy_now(&self, now: NumericDate) {
        if self.tidied_at.swap(now.0, Ordering::Relaxed) != now.0 {
            self.retain(|answer| answer.is_of_use_to_anybody(now));
        }
    }

    fn retain(&self, is_kept: impl Fn(&Answer) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.entries.retain(|entry| is_kept(&entry.answer));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let count = |shard: &RwLock<Shard>| shard.read().unwrap().entries.len();
        self.shards.iter().map(count).sum()
    }

    fn read(&self, hash: u64) -> RwLockReadGuard<'_, Shard> {
        let shard = &self.shards[self.shard_of(hash)];
        shard.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, hash: u64) -> RwLockWriteGuard<'_, Shard> {
        let shard = &self.shards[self.shard_of(hash)];
        shard.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bits in the middle, since the table of a shard goes by the others.
    fn shard_of(&self, hash: u64) -> usize {
        // There are few shards, and their number is a power of two.
        usize::from(hash.to_le_bytes()[4]) & (self.shards.len() - 1)
    }
}

impl Shard {
    fn insert(&mut self, hashing: &RandomState, hash: u64, token: &str, answer: Answer) {
        let bytes = token.as_bytes();
        if let Some(entry) = self.entries.find_mut(hash, |entry| entry.is_about(bytes)) {
            entry.answer = answer;
            return;
        }
        if self.capacity == 0 {
            return;
        }
        if self.entries.len() >= self.capacity {
            self.evict();
        }
        let entry = Entry {
            token: Secret::from(token),
            answer,
            was_used: AtomicBool::new(false),
        };
        let again = |entry: &Entry| hashing.hash_one(entry.token.expose().as_bytes());
        self.entries.insert_unique(hash, entry, again);
    }

    /// Makes room for one: the first that was of no use since the hand last came by (CLOCK).
    fn evict(&mut self) {
        loop {
            let at = self.hand % self.entries.num_buckets();
            self.hand = at + 1;
            let Ok(mut entry) = self.entries.get_bucket_entry(at) else {
                continue;
            };
            if !std::mem::take(entry.get_mut().was_used.get_mut()) {
                entry.remove();
                return;
            }
        }
    }
}

impl Entry {
    /// Whether this is the verdict on exactly `token`, found out in a time that depends on the length
    /// alone.
    fn is_about(&self, token: &[u8]) -> bool {
        let mine = self.token.expose().as_bytes();
        let pairs = mine.iter().zip(token);
        mine.len() == token.len() && pairs.fold(0, |all, (a, b)| all | (a ^ b)) == 0
    }
}
