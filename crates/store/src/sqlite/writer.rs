//! The one writer: a thread that collects what many callers write and commits it together.
//!
//! A commit that survives a power loss waits for the disk, and SQLite has one writer at a time. So
//! writes queue here, and whatever has arrived while the disk was busy shares the next commit.
//! Nobody gets an answer before the commit, and nobody whose write must not be undone before the disk has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::cache::Cache;
use super::change::{Numbers, Turn};
use super::connection::{Shared, closed, lock};
use super::log::Log;
use super::work::{Failure, Job, Work, tell};
use crate::error::StoreError;
use crate::store::Entry;

/// How many writes share a commit at most.
const BATCH: usize = 128;

/// How many writes wait in the queue before callers wait to get into it.
const QUEUE: usize = 1024;

/// What a power loss may undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// Nothing: an acknowledged redemption, rotation or revocation must not be undone, and a
    /// replaced password or a replay marker neither, for each would give authority back.
    Durable,
    /// The last moments: counters, the deletion of expired rows, and what says of itself that it may be lost.
    Relaxed,
}

impl Durability {
    /// What `entry` says of itself.
    pub(super) fn of(entry: &Entry) -> Self {
        if entry.may_be_lost {
            Self::Relaxed
        } else {
            Self::Durable
        }
    }
}

#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    /// Cancelled when the thread has come to its end.
    stopped: CancellationToken,
    counts: Arc<Counts>,
}

/// What was done since the store was opened.
#[derive(Debug, Default)]
struct Counts {
    commits: AtomicU64,
    waits: AtomicU64,
}

enum Message {
    Write(Durability, Box<dyn Work>),
    Stop,
}

impl Writer {
    /// Starts to write through the connection in `shared`, and takes it out to close it at the end. Callers are told
    /// on the runtime from which this is called.
    pub(super) fn start(
        shared: Shared,
        cache: Option<Arc<Cache>>,
        log: Option<Log>,
    ) -> Result<Self, StoreError> {
        let runtime = Handle::current();
        let (queue, waiting) = mpsc::channel(QUEUE);
        let stopped = CancellationToken::new();
        let counts = Arc::<Counts>::default();
        let (ended, counted) = (stopped.clone().drop_guard(), Arc::clone(&counts));
        let work = move || {
            write_all(waiting, &shared, cache.as_deref(), log, &counted, &runtime);
            // The last connection folds the log into the file.
            drop(lock(&shared).take());
            drop(ended);
        };
        let thread = thread::Builder::new().name("store-writer".to_owned());
        thread.spawn(work).map_err(StoreError::unavailable)?;
        Ok(Self {
            queue,
            stopped,
            counts,
        })
    }

    /// How many commits there were.
    pub(super) fn commits(&self) -> u64 {
        self.counts.commits.load(Ordering::Relaxed)
    }

    /// How many of them waited for the disk.
    pub(super) fn disk_waits(&self) -> u64 {
        self.counts.waits.load(Ordering::Relaxed)
    }

    /// Runs `work` within a transaction, and returns what it returned once that is as durable as it has to be.
    ///
    /// A caller who stops waiting does not stop the write.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&mut Turn<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, told) = Job::new(work);
        let message = Message::Write(durability, Box::new(job));
        let sent = self.queue.send(message).await;
        sent.map_err(|_| closed())?;
        told.await
            .map_err(|_| closed())?
            .map_err(StoreError::unavailable)
    }

    /// Writes what is in the queue, takes nothing more, and closes the file.
    pub(super) async fn stop(&self) {
        // Whoever stops it a second time finds the queue closed.
        let _ = self.queue.send(Message::Stop).await;
        self.stopped.cancelled().await;
    }
}

fn write_all(
    mut queue: mpsc::Receiver<Message>,
    shared: &Shared,
    cache: Option<&Cache>,
    mut log: Option<Log>,
    counts: &Counts,
    runtime: &Handle,
) {
    let mut numbers = Numbers::default();
    let mut messages = Vec::with_capacity(BATCH);
    let mut batch = Vec::with_capacity(BATCH);
    while queue.blocking_recv_many(&mut messages, BATCH) > 0 {
        gather(&mut queue, &mut messages);
        for message in messages.drain(..) {
            match message {
                Message::Write(durability, work) => batch.push((durability, work)),
                Message::Stop => queue.close(),
            }
        }
        if batch.is_empty() {
            continue;
        }
        let committed = {
            let shared = lock(shared);
            let connection = shared.as_ref().expect("only this thread takes it away");
            transact(connection, cache, &mut numbers, &mut batch)
        };
        counts.commits.fetch_add(1, Ordering::Relaxed);
        let committed = committed.map_err(|error| Arc::new(error) as Failure);
        // Those first who need not wait for the disk: they go on meanwhile.
        let is_durable = |(durability, _): &mut (_, _)| *durability == Durability::Durable;
        let durable = batch.extract_if(.., is_durable);
        let durable: Vec<_> = durable.map(|(_, work)| work).collect();
        let relaxed = batch.drain(..).map(|(_, work)| work).collect();
        tell(committed.clone(), relaxed, runtime);
        let kept = match (committed, &mut log) {
            (Ok(()), Some(log)) if !durable.is_empty() => {
                counts.waits.fetch_add(1, Ordering::Relaxed);
                log.wait().map_err(|error| Arc::new(error) as Failure)
            }
            (committed, _) => committed,
        };
        tell(kept, durable, runtime);
    }
}

/// Lets those write as well who are about to, where this thread has taken the core from them: a commit costs
/// nearly the same for all of them as for one. Where nobody waits for the core, nobody is waited for.
fn gather(queue: &mut mpsc::Receiver<Message>, messages: &mut Vec<Message>) {
    let mut known = 0;
    while known < messages.len() && messages.len() < BATCH {
        known = messages.len();
        thread::yield_now();
        while messages.len() < BATCH
            && let Ok(message) = queue.try_recv()
        {
            messages.push(message);
        }
    }
}

/// All of the batch takes effect, or nothing.
fn transact(
    connection: &Connection,
    cache: Option<&Cache>,
    numbers: &mut Numbers,
    batch: &mut [(Durability, Box<dyn Work>)],
) -> rusqlite::Result<()> {
    let run = |sql| connection.prepare_cached(sql)?.execute(());
    // A transaction that begins by reading could not wait for another process that writes.
    run("BEGIN IMMEDIATE")?;
    // Where there is no cache, there is nobody else.
    let (before, is_next) = cache.map_or((None, true), Cache::begin);
    if !is_next {
        numbers.forget_position();
    }
    let rows = connection.total_changes();
    let mut turn = Turn {
        connection,
        changes: Vec::with_capacity(batch.len()),
        numbers,
    };
    let done = batch
        .iter_mut()
        .try_for_each(|(_, work)| work.run(&mut turn));
    let has_written = connection.total_changes() != rows;
    let done = done.and_then(|()| run("COMMIT").map(drop));
    if done.is_err() && !connection.is_autocommit() {
        // What cannot be rolled back now is rolled back by whoever opens the file next.
        let _ = run("ROLLBACK");
    }
    if done.is_err() {
        turn.numbers.forget_position();
    }
    match cache {
        Some(cache) if done.is_ok() => cache.commit(before, has_written, turn.changes),
        // Who knows how far it came.
        Some(cache) => cache.forget(),
        None => {}
    }
    done
}
