//! The open connections to one upstream: opened when they are needed, once for all who wait, opened anew
//! when they are lost, and ended when nobody needs them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use oauth::random::Random;
use tokio::time::Instant;

use super::health::backoff;
use super::session::Session;
use super::trouble::Trouble;
use crate::share::Most;

/// A connection that was lost sooner was never any good.
const GOOD_AFTER: Duration = Duration::from_secs(30);
/// How long to wait after a connection was lost for the second time in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long to wait at most.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A connection that was used so lately is not ended to make room for another one.
const IN_USE: Duration = Duration::from_secs(1);

/// How many connections are ended at once.
const ENDED_AT_ONCE: usize = 64;

/// Which connection, and whose it is.
#[derive(Clone, Debug)]
pub(super) struct Owned {
    pub(super) key: Arc<str>,
    /// The only person whom it serves, if there is one.
    pub(super) person: Option<Arc<str>>,
}

/// The connections to one upstream, by whom they are for.
#[derive(Debug)]
pub(super) struct Pool {
    slots: Mutex<Slots>,
    /// How many places are kept for connections that come about, by person. It grows under the lock of the
    /// slots alone, which is taken first.
    openings: Mutex<Openings>,
    most: Most,
    /// Whether what is lost again and again is opened more and more slowly: processes are.
    backs_off: bool,
    random: Arc<dyn Random>,
}

type Openings = HashMap<Option<Arc<str>>, usize>;

#[derive(Debug, Default)]
struct Slots {
    by_key: HashMap<Arc<str>, Arc<Slot>>,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Slot {
    person: Option<Arc<str>>,
    current: Mutex<Option<Arc<Session>>>,
    opening: Turn,
    /// How many connections in a row were lost soon, and when another one may be opened.
    losses: AtomicU32,
    not_before: Mutex<Option<Instant>>,
    opened: Mutex<Option<Instant>>,
}

/// A place that is kept for a connection while it comes about.
struct Place<'a> {
    openings: &'a Mutex<Openings>,
    person: Option<Arc<str>>,
}

impl<'a> Place<'a> {
    fn keep(openings: &'a Mutex<Openings>, person: Option<Arc<str>>) -> Self {
        *lock(openings).entry(person.clone()).or_default() += 1;
        Self { openings, person }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut openings = lock(self.openings);
        if let Some(count) = openings.get_mut(&self.person) {
            *count -= 1;
            if *count == 0 {
                openings.remove(&self.person);
            }
        }
    }
}

/// Whoever holds it does something for all who wait, who share what comes of it.
pub(super) type Turn = tokio::sync::Mutex<Attempt>;

/// What came of the last attempt, if it failed.
#[derive(Debug, Default)]
pub(super) struct Attempt(Option<(Instant, Trouble)>);

impl Attempt {
    /// The failure, for somebody who has waited since `begun`, when it had not happened yet: what failed
    /// for one of those who wait is not tried again for each of the others.
    pub(super) fn passed_on(&self, begun: Instant) -> Result<(), Trouble> {
        match &self.0 {
            Some((when, trouble)) if *when > begun => Err(trouble.clone()),
            _ => Ok(()),
        }
    }

    /// Remembers how it ended.
    pub(super) fn note<T>(&mut self, result: Result<T, Trouble>) -> Result<T, Trouble> {
        self.0 = result
            .as_ref()
            .err()
            .map(|trouble| (Instant::now(), trouble.clone()));
        result
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    fn of(person: Option<&Arc<str>>) -> Arc<Self> {
        let person = person.cloned();
        Arc::new(Self {
            person,
            ..Self::default()
        })
    }

    fn usable(&self) -> Option<Arc<Session>> {
        let current = lock(&self.current);
        let usable = current.as_ref().filter(|session| !session.link.is_gone());
        usable.cloned()
    }

    fn has_session(&self) -> bool {
        lock(&self.current).is_some()
    }

    /// The connection, if it can be used and has come about after `time`.
    fn opened_after(&self, time: Instant) -> Option<Arc<Session>> {
        let is_new = lock(&self.opened).is_some_and(|opened| opened > time);
        self.usable().filter(|_| is_new)
    }

    /// Whether another connection may be opened now, after what became of the last one.
    fn may_open(&self, random: &dyn Random) -> Result<(), Trouble> {
        if let Some(opened) = lock(&self.opened).take() {
            // It was lost: this is the first time that anybody looks.
            if opened.elapsed() >= GOOD_AFTER {
                self.losses.store(0, Ordering::Relaxed);
            } else {
                self.lost(random);
            }
        }
        let not_before = lock(&self.not_before).unwrap_or_else(Instant::now);
        let left = not_before.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        Err(Trouble::Withheld {
            reason: "ends again and again, and is started again in a while",
            retry_after: Some(left.max(Duration::from_secs(1))),
        })
    }

    fn lost(&self, random: &dyn Random) {
        let losses = self.losses.fetch_add(1, Ordering::Relaxed);
        // The first time may be an accident, of which nobody needs to know.
        let pause = match losses {
            0 => Duration::ZERO,
            more => backoff(more - 1, FIRST_PAUSE, LONGEST_PAUSE, random),
        };
        *lock(&self.not_before) = Some(Instant::now() + pause);
    }
}

impl Pool {
    /// Room for so many connections.
    pub(super) fn new(most: Most, backs_off: bool, random: Arc<dyn Random>) -> Self {
        Self {
            slots: Mutex::default(),
            openings: Mutex::default(),
            most,
            backs_off,
            random,
        }
    }

    /// A connection, opened by `open` if there is none. `open` gets the one that was lost.
    pub(super) async fn get(
        &self,
        Owned { key, person }: &Owned,
        open: impl AsyncFnOnce(Option<&Session>) -> Result<Session, Trouble>,
    ) -> Result<Arc<Session>, Trouble> {
        let slot = {
            let mut slots = lock(&self.slots);
            if slots.is_closed {
                return Err(closed());
            }
            slots.slot(key, person.as_ref())
        };
        if let Some(session) = slot.usable() {
            session.touch();
            return Ok(session);
        }
        let begun = Instant::now();
        let mut opening = slot.opening.lock().await;
        if let Some(session) = slot.usable() {
            session.touch();
            return Ok(session);
        }
        opening.passed_on(begun)?;
        if self.backs_off {
            slot.may_open(&*self.random)?;
        }
        let (place, lost) = self.make_room(&slot).await?;
        let session = match opening.note(open(lost.as_deref()).await) {
            Ok(session) => Arc::new(session),
            Err(trouble) => {
                if !matches!(trouble, Trouble::Withheld { .. }) {
                    slot.lost(&*self.random);
                }
                return Err(trouble);
            }
        };
        self.put(key, &slot, session, place).await
    }

    /// The connection of `key`, if there is one.
    pub(super) fn peek(&self, key: &str) -> Option<Arc<Session>> {
        lock(&self.slots).by_key.get(key)?.usable()
    }

    /// The connection of one of the keys that begin with `base` and a line break, used last.
    pub(super) fn peek_of(&self, base: &str) -> Option<Arc<Session>> {
        let slots = lock(&self.slots);
        let of_base = slots.by_key.iter().filter(|(key, _)| is_of(key, base));
        let usable = of_base.filter_map(|(_, slot)| slot.usable());
        usable.min_by_key(|session| session.idle().unwrap_or_default())
    }

    /// Ends the connections of all keys that begin with `base` and a line break.
    pub(super) async fn end_of(&self, base: &str) {
        let keys: Vec<_> = {
            let slots = lock(&self.slots);
            let keys = slots.by_key.keys().filter(|key| is_of(key, base));
            keys.cloned().collect()
        };
        for key in keys {
            self.end(&key).await;
        }
    }

    /// Keeps a connection that was opened elsewhere, `since` when.
    ///
    /// There may be one already. One that is as new is as good, and somebody may use it: it stays. An older
    /// one is of what is not believed any more. Whichever goes is ended.
    pub(super) async fn adopt(
        &self,
        Owned { key, person }: &Owned,
        session: Session,
        since: Instant,
    ) -> Result<Arc<Session>, Trouble> {
        let slot = lock(&self.slots).slot(key, person.as_ref());
        let _opening = slot.opening.lock().await;
        if let Some(other) = slot.opened_after(since) {
            session.link.end().await;
            other.touch();
            return Ok(other);
        }
        match self.make_room(&slot).await {
            Ok((place, _older)) => self.put(key, &slot, Arc::new(session), place).await,
            Err(trouble) => {
                session.link.end().await;
                Err(trouble)
            }
        }
    }

    async fn put(
        &self,
        key: &Arc<str>,
        slot: &Arc<Slot>,
        session: Arc<Session>,
        place: Place<'_>,
    ) -> Result<Arc<Session>, Trouble> {
        let unwanted = {
            let slots = lock(&self.slots);
            let still = slots.by_key.get(key);
            if !slots.is_closed && still.is_some_and(|still| Arc::ptr_eq(still, slot)) {
                *lock(&slot.opened) = Some(Instant::now());
                *lock(&slot.current) = Some(session.clone());
                // From now on it is counted itself.
                drop(place);
                None
            } else {
                Some(place)
            }
        };
        if unwanted.is_none() {
            return Ok(session);
        }
        // The visit has ended while the connection came about.
        session.link.end().await;
        Err(closed())
    }

    /// Keeps a place for a connection of `slot`, which gives back the one that it had. If there is no room,
    /// the connection that has been idle for longest ends; for a person who has their share, one of theirs.
    async fn make_room(&self, slot: &Slot) -> Result<(Place<'_>, Option<Arc<Session>>), Trouble> {
        let (place, former, evicted) = {
            let mut slots = lock(&self.slots);
            let former = lock(&slot.current).take();
            let evicted = self.evicted(&mut slots, slot.person.as_ref())?;
            let place = Place::keep(&self.openings, slot.person.clone());
            (place, former, evicted)
        };
        end_all(former.iter().cloned().chain(evicted).collect()).await;
        Ok((place, former))
    }

    /// The connection that has to end so that `person` may have another one, if one has to.
    fn evicted(
        &self,
        slots: &mut Slots,
        person: Option<&Arc<str>>,
    ) -> Result<Option<Arc<Session>>, Trouble> {
        let (of_all, of_one) = {
            let openings = lock(&self.openings);
            let of_one = openings.get(&person.cloned()).copied().unwrap_or_default();
            (openings.values().sum::<usize>(), of_one)
        };
        let open = |of: &dyn Fn(&Slot) -> bool| {
            let open = slots.by_key.values().filter(|slot| slot.has_session());
            open.filter(|slot| of(slot)).count()
        };
        let is_theirs = |slot: &Slot| slot.person.as_ref() == person;
        if person.is_some() && open(&is_theirs) + of_one >= self.most.of_one {
            let theirs = slots.evict(is_theirs).ok_or(Trouble::Withheld {
                reason: "has as many connections for you as one person may have: end one of your \
                         sessions with it",
                retry_after: Some(Duration::from_secs(5)),
            })?;
            return Ok(Some(theirs));
        }
        if open(&|_| true) + of_all < self.most.of_all {
            return Ok(None);
        }
        let longest = slots.evict(|_| true).ok_or(Trouble::Withheld {
            reason: "is used by as many as it may be",
            retry_after: Some(Duration::from_secs(5)),
        })?;
        Ok(Some(longest))
    }

    /// Ends what has been idle for longer than `limit`.
    pub(super) async fn sweep(&self, limit: Duration) {
        let idle: Vec<_> = {
            let mut slots = lock(&self.slots);
            let is_idle = |slot: &Arc<Slot>| {
                if slot.opening.try_lock().is_err() {
                    return false;
                }
                match &*lock(&slot.current) {
                    Some(session) => session.idle().is_some_and(|idle| idle >= limit),
                    // What is left is the memory of losses.
                    None => lock(&slot.not_before).is_none_or(|time| time.elapsed() >= limit),
                }
            };
            let keys: Vec<_> = slots
                .by_key
                .iter()
                .filter(|(_, slot)| is_idle(slot))
                .map(|(key, _)| key.clone())
                .collect();
            let removed = keys.iter().filter_map(|key| slots.by_key.remove(key));
            removed
                .filter_map(|slot| lock(&slot.current).take())
                .collect()
        };
        end_all(idle).await;
    }

    /// Ends the connection of `key`.
    pub(super) async fn end(&self, key: &str) {
        let slot = lock(&self.slots).by_key.remove(key);
        let session = slot.and_then(|slot| lock(&slot.current).take());
        end_all(session.into_iter().collect()).await;
    }

    /// Ends everything, for good.
    pub(super) async fn close(&self) {
        let slots = {
            let mut slots = lock(&self.slots);
            slots.is_closed = true;
            std::mem::take(&mut slots.by_key)
        };
        let sessions = slots.values().filter_map(|slot| lock(&slot.current).take());
        end_all(sessions.collect()).await;
    }

    /// How many connections are open.
    pub(super) fn len(&self) -> usize {
        let slots = lock(&self.slots);
        slots
            .by_key
            .values()
            .filter(|slot| slot.usable().is_some())
            .count()
    }
}

/// Whether `key` is `base`, a line break, and more.
fn is_of(key: &str, base: &str) -> bool {
    let rest = key.strip_prefix(base);
    rest.is_some_and(|rest| rest.starts_with('\n'))
}

impl Slots {
    fn slot(&mut self, key: &Arc<str>, person: Option<&Arc<str>>) -> Arc<Slot> {
        let slot = self.by_key.entry(key.clone());
        slot.or_insert_with(|| Slot::of(person)).clone()
    }

    /// Takes out the connection that has been idle for longest, of those that may go and are not in use.
    fn evict(&mut self, may_go: impl Fn(&Slot) -> bool) -> Option<Arc<Session>> {
        let of_those = self.by_key.iter().filter(|(_, slot)| may_go(slot));
        let idle = of_those.filter_map(|(key, slot)| {
            let current = lock(&slot.current);
            let idle = current.as_ref()?.idle()?;
            (idle > IN_USE).then(|| (idle, key.clone()))
        });
        let (_, longest) = idle.max()?;
        let slot = self.by_key.remove(&longest)?;
        lock(&slot.current).take()
    }
}

/// Why there are no connections to an upstream that is taken away.
pub(super) fn closed() -> Trouble {
    Trouble::Withheld {
        reason: "is not served any more",
        retry_after: None,
    }
}

async fn end_all(sessions: Vec<Arc<Session>>) {
    let ending = futures_util::stream::iter(sessions);
    let ending =
        ending.for_each_concurrent(ENDED_AT_ONCE, async |session| session.link.end().await);
    ending.await;
}
