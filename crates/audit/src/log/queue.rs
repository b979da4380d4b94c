//! What waits to be written: events that have come together, and those who wait for them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use oauth::time::Clock;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::error::AuditError;
use crate::event::AuditEvent;
use crate::settings::Durability;

/// The queue between all callers and the one writer.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Wakes the writer when it has nothing to do.
    wake: Condvar,
    clock: Arc<dyn Clock>,
    /// Whether every event is a group of its own.
    alone: bool,
    /// How many calls are under way that will bring an event, or wait for word about theirs.
    expected: AtomicUsize,
    /// The runtime of those who wait, if the log was opened on one.
    runtime: Option<Handle>,
}

#[derive(Debug)]
struct State {
    groups: VecDeque<Group>,
    /// Those who wait for the group that the writer took last, and how many they are.
    taken: Option<(Arc<Done>, usize)>,
    /// Buffers that the writer gave back.
    spare: Option<Vec<u8>>,
    writer: Writing,
    /// Why later events are refused.
    closed: Option<AuditError>,
}

/// What the writer does while nobody has the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// It writes, and needs no word.
    Busy,
    /// It has nothing to do.
    Idle,
    /// It waits for everybody who is expected.
    Pausing,
}

/// Word that an event will come, until it is dropped.
#[derive(Debug)]
pub struct Expected(Arc<Queue>);

impl Drop for Expected {
    fn drop(&mut self) {
        self.0.expected.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Events that are written together.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// What [`AuditEvent::write`] wrote, one behind the other.
    pub(crate) content: Vec<u8>,
    /// Where each event ends, and when it came.
    pub(crate) events: Vec<(usize, i64)>,
    pub(crate) done: Arc<Done>,
}

/// What those who wait for a group will be told.
#[derive(Debug, Default)]
pub(crate) struct Done {
    result: OnceLock<Told>,
    told: Notify,
}

/// How many events of a group stand in the log, and what became of the rest.
#[derive(Debug)]
struct Told {
    written: usize,
    rest: Result<(), AuditError>,
}

/// Wakes those who wait for a group when it is dropped, so that nobody is forgotten, whatever becomes of the runtime.
struct Waking(Arc<Done>);

impl Drop for Waking {
    fn drop(&mut self) {
        self.0.told.notify_waiters();
    }
}

/// An event on its way: the one of this number in its group.
#[derive(Debug)]
pub(crate) struct Waiting {
    number: usize,
    done: Arc<Done>,
}

impl Waiting {
    /// Waits for the word about this event.
    pub(crate) async fn done(&self) -> Result<(), AuditError> {
        loop {
            // Made before the look, so that what is told in between is not missed.
            let told = self.done.told.notified();
            match self.done.result.get() {
                Some(group) if self.number < group.written => return Ok(()),
                Some(group) => return group.rest.clone(),
                None => told.await,
            }
        }
    }
}

/// How many times others go first, as long as that brings more events.
const MOST_TURNS: usize = 4;

impl State {
    /// How many events are in the next group.
    fn gathered(&self) -> usize {
        self.groups.front().map_or(0, |group| group.events.len())
    }
}

thread_local! {
    /// Where an event is written before it is put into the queue, so that nobody waits for that.
    static DRAFT: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(1024));
}

impl Queue {
    pub(crate) fn new(durability: Durability, clock: Arc<dyn Clock>) -> Self {
        Self {
            state: Mutex::new(State {
                groups: VecDeque::new(),
                taken: None,
                spare: None,
                writer: Writing::Busy,
                closed: None,
            }),
            wake: Condvar::new(),
            clock,
            alone: durability == Durability::Fdatasync,
            expected: AtomicUsize::new(0),
            runtime: Handle::try_current().ok(),
        }
    }

    /// Puts an event into the group that is written next.
    pub(crate) fn put(&self, event: &AuditEvent) -> Result<Waiting, AuditError> {
        DRAFT.with_borrow_mut(|draft| {
            draft.clear();
            event.write(draft);
            let mut state = self.lock();
            if let Some(why) = &state.closed {
                return Err(why.clone());
            }
            if state.groups.is_empty() || self.alone {
                let content = state.spare.take().unwrap_or_default();
                state.groups.push_back(Group {
                    content,
                    ..Group::default()
                });
            }
            let group = state.groups.back_mut().expect("there is one now");
            group.content.extend_from_slice(draft);
            // Asked under the lock, so that later events have later times.
            group
                .events
                .push((group.content.len(), self.clock.now_millis()));
            let waiting = Waiting {
                number: group.events.len() - 1,
                done: group.done.clone(),
            };
            let is_due = match state.writer {
                Writing::Busy => false,
                Writing::Idle => true,
                Writing::Pausing => waiting.number + 1 >= self.expected(),
            };
            if is_due {
                state.writer = Writing::Busy;
                self.wake.notify_one();
            }
            Ok(waiting)
        })
    }

    /// Counts in a call that will bring an event.
    pub(crate) fn expect(self: Arc<Self>) -> Expected {
        self.expected.fetch_add(1, Ordering::Relaxed);
        Expected(self)
    }

    fn expected(&self) -> usize {
        self.expected.load(Ordering::Relaxed)
    }

    /// Takes the next group, and not before `pause` as long as somebody is expected who has not come.
    /// `None` after `patience` without one; see [`Queue::is_closed`].
    pub(crate) fn take(&self, patience: Duration, pause: Instant) -> Option<Group> {
        let mut state = self.lock();
        if state.groups.is_empty() && state.closed.is_none() {
            state.writer = Writing::Idle;
            let waited = self.wake.wait_timeout_while(state, patience, |state| {
                state.groups.is_empty() && state.closed.is_none()
            });
            state = waited.expect("nobody panics with the lock").0;
            state.writer = Writing::Busy;
        }
        if !self.alone {
            state = self.pause(self.gather(state), pause);
        }
        let group = state.groups.pop_front();
        let waiting = |group: &Group| (group.done.clone(), group.events.len());
        state.taken = group.as_ref().map(waiting);
        group
    }

    /// Lets those put their events into the group who are about to, where this thread has taken the core
    /// from them: to synchronise costs the same for one event and for many. Where nobody waits for the core,
    /// nobody is waited for.
    fn gather<'q>(&'q self, mut state: MutexGuard<'q, State>) -> MutexGuard<'q, State> {
        let mut known = 0;
        for _ in 0..MOST_TURNS {
            let count = state.gathered();
            if count == known {
                break;
            }
            known = count;
            drop(state);
            thread::yield_now();
            state = self.lock();
        }
        state
    }

    /// Waits for those who are expected, until `end`.
    fn pause<'q>(&self, mut state: MutexGuard<'q, State>, end: Instant) -> MutexGuard<'q, State> {
        while !state.groups.is_empty()
            && state.closed.is_none()
            && state.gathered() < self.expected()
        {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state.writer = Writing::Pausing;
            let waited = self.wake.wait_timeout(state, left);
            state = waited.expect("nobody panics with the lock").0;
            state.writer = Writing::Busy;
        }
        state
    }

    /// Whether nothing will ever come again.
    pub(crate) fn is_closed(&self) -> bool {
        let state = self.lock();
        state.closed.is_some() && state.groups.is_empty()
    }

    /// Whether events are still taken.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().closed.is_none()
    }

    /// Tells those who wait for a group: its first `written` events stand in the log, and of the rest is true what
    /// `rest` says.
    pub(crate) fn tell(&self, group: &Group, written: usize, rest: Result<(), AuditError>) {
        // Told once: the writer has the group alone.
        let _ = group.done.result.set(Told { written, rest });
        let waking = Waking(group.done.clone());
        // Woken from here, each of them would take the core, if this thread shares one with them, find nothing else
        // to do, and lie down again before the next one is woken. So several are woken on a thread of their runtime.
        if group.events.len() > 1
            && let Some(runtime) = &self.runtime
        {
            runtime.spawn(async move { drop(waking) });
        }
    }

    /// Gives a buffer back.
    pub(crate) fn give_back(&self, mut content: Vec<u8>) {
        content.clear();
        self.lock().spare = Some(content);
    }

    /// The time as events are dated.
    pub(crate) fn now_millis(&self) -> i64 {
        self.clock.now_millis()
    }

    /// Refuses later events.
    pub(crate) fn close(&self) {
        self.lock().closed.get_or_insert(AuditError::Closed);
        self.wake.notify_one();
    }

    /// Nobody writes any more: refuses later events, and tells `word` to everybody who still waits. Returns how many
    /// events that are.
    pub(crate) fn abandon(&self, word: &Result<(), AuditError>) -> usize {
        let mut state = self.lock();
        state.closed = Some(AuditError::Abandoned);
        let taken = state.taken.take();
        let groups = std::mem::take(&mut state.groups);
        drop(state);
        let queued = groups
            .into_iter()
            .map(|group| (group.done, group.events.len()));
        let mut count = 0;
        for (done, waiting) in taken.into_iter().chain(queued) {
            let told = Told {
                written: 0,
                rest: word.clone(),
            };
            // The last group that was taken may have got its word before the writer failed.
            if done.result.set(told).is_ok() {
                count += waiting;
            }
            drop(Waking(done));
        }
        count
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with the lock")
    }
}

#[cfg(test)]
mod tests {
    use oauth::time::SystemClock;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::event::{EventType, Who};

    /// Longer than any test lasts.
    const LONG: Duration = Duration::from_mins(10);

    fn queue() -> Arc<Queue> {
        Arc::new(Queue::new(Durability::Group, Arc::new(SystemClock)))
    }

    fn put(queue: &Queue) -> Waiting {
        let event = AuditEvent::new(EventType::CallOutcome, Who::new());
        queue.put(&event).unwrap()
    }

    fn taken(queue: &Queue, pause: Duration) -> usize {
        let group = queue.take(LONG, Instant::now() + pause);
        group.map_or(0, |group| group.events.len())
    }

    #[test]
    fn p5_a_group_waits_for_everybody_who_is_expected() {
        let queue = queue();
        let calls = [queue.clone().expect(), queue.clone().expect()];
        put(&queue);
        let writer = thread::spawn({
            let queue = queue.clone();
            move || taken(&queue, LONG)
        });
        put(&queue);
        assert_eq!(writer.join().unwrap(), 2);
        drop(calls);
    }

    #[test]
    fn p5_a_group_waits_for_nobody_else_and_not_for_ever() {
        let queue = queue();
        put(&queue);
        assert_eq!(taken(&queue, LONG), 1);
        let call = queue.clone().expect();
        put(&queue);
        assert_eq!(taken(&queue, LONG), 1);
        let other = queue.clone().expect();
        put(&queue);
        assert_eq!(taken(&queue, Duration::from_millis(1)), 1);
        drop((call, other));
        assert_eq!(queue.expected(), 0);
    }

    /// Whether two who wait for a group are told, the first of them although it has gone to sleep.
    async fn both_are_told(queue: &Queue) -> bool {
        let (one, other) = (put(queue), put(queue));
        let group = queue.take(LONG, Instant::now()).unwrap();
        let mut asleep = Box::pin(one.done());
        tokio::select! {
            biased;
            _ = &mut asleep => return false,
            () = async {} => {}
        }
        queue.tell(&group, 2, Ok(()));
        let told = async { other.done().await.is_ok() && asleep.await.is_ok() };
        let patience = Duration::from_secs(20);
        tokio::time::timeout(patience, told).await.unwrap_or(false)
    }

    #[tokio::test]
    async fn p5_everybody_in_a_group_is_told() {
        assert!(both_are_told(&queue()).await);
    }

    #[test]
    fn p5_nobody_is_forgotten_when_the_runtime_has_ended_or_there_was_none() {
        let runtime = || Runtime::new().unwrap();
        let (ended, none) = (runtime().block_on(async { queue() }), queue());
        assert!(runtime().block_on(both_are_told(&ended)));
        assert!(runtime().block_on(both_are_told(&none)));
    }
}
