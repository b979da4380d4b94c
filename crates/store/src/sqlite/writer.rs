//! The one writer: collects what many callers write and commits it together.
//!
//! A commit that survives a power loss waits for the disk, and SQLite has one writer at a time. So
//! writes queue here, and whatever has arrived while the disk was busy shares the next commit.
//! Each write is one statement, atomic by itself; nobody gets an answer before the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqlitePool, SqliteRow};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::StoreError;

/// How many writes share a commit at most.
const BATCH: usize = 128;

/// How many writes wait in the queue before callers wait to get into it.
const QUEUE: usize = 1024;

/// One SQL statement with its parameters.
pub(super) type Statement = Query<'static, Sqlite, SqliteArguments>;

/// Many callers may share a commit, so they share its failure.
type Answer = Result<Vec<SqliteRow>, Arc<sqlx::Error>>;

/// What a power loss may undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// Nothing: an acknowledged redemption, rotation or revocation must not be undone, and a
    /// replaced password or a replay marker neither, for each would give authority back.
    Durable,
    /// The last moments: counters and the deletion of expired rows, which give nobody authority.
    Relaxed,
}

#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Write>,
    stopping: CancellationToken,
    tasks: TaskTracker,
    commits: Arc<AtomicU64>,
}

struct Write {
    statement: Statement,
    durability: Durability,
    answer: oneshot::Sender<Answer>,
}

impl Writer {
    /// Starts to write: through `durable`, or through `relaxed` if nothing in a batch needs more.
    ///
    /// Two connections, because SQLite sets durability per connection; used in turn by one task,
    /// so they never wait for each other.
    pub(super) fn start(durable: SqlitePool, relaxed: SqlitePool) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let stopping = CancellationToken::new();
        let tasks = TaskTracker::new();
        let commits = Arc::default();
        let counted = Arc::clone(&commits);
        tasks.spawn(write_all(
            waiting,
            stopping.clone(),
            durable,
            relaxed,
            counted,
        ));
        tasks.close();
        Self {
            queue,
            stopping,
            tasks,
            commits,
        }
    }

    /// How many commits there were.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Runs the statement and returns its rows once the change is committed.
    ///
    /// A caller who stops waiting does not stop the write.
    pub(super) async fn run(
        &self,
        statement: Statement,
        durability: Durability,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let closed = || StoreError::unavailable("the store is closed");
        let write = Write {
            statement,
            durability,
            answer,
        };
        self.queue.send(write).await.map_err(|_| closed())?;
        answered
            .await
            .map_err(|_| closed())?
            .map_err(StoreError::unavailable)
    }

    /// Writes what is in the queue, takes nothing more, and closes the file.
    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.wait().await;
    }
}

async fn write_all(
    mut queue: mpsc::Receiver<Write>,
    stopping: CancellationToken,
    durable: SqlitePool,
    relaxed: SqlitePool,
    commits: Arc<AtomicU64>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            received = queue.recv_many(&mut batch, BATCH) => {
                if received == 0 {
                    break;
                }
                let needs_disk = batch.iter().any(|write| write.durability == Durability::Durable);
                commit(if needs_disk { &durable } else { &relaxed }, &mut batch).await;
                commits.fetch_add(1, Ordering::Relaxed);
            }
            () = stopping.cancelled() => queue.close(),
        }
    }
    relaxed.close().await;
    durable.close().await;
}

/// Runs the batch as one transaction, then answers everybody.
async fn commit(pool: &SqlitePool, batch: &mut Vec<Write>) {
    let (statements, callers): (Vec<_>, Vec<_>) = batch
        .drain(..)
        .map(|write| (write.statement, write.answer))
        .unzip();
    // Nobody minds a failed send: its caller has gone away.
    match transact(pool, statements).await {
        Ok(answers) => {
            for (caller, rows) in callers.into_iter().zip(answers) {
                let _ = caller.send(Ok(rows));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for caller in callers {
                let _ = caller.send(Err(Arc::clone(&error)));
            }
        }
    }
}

/// All statements take effect, or none.
///
/// Rows are always fetched to the end, because a statement of SQLite commits only with its last
/// step.
async fn transact(
    pool: &SqlitePool,
    statements: Vec<Statement>,
) -> Result<Vec<Vec<SqliteRow>>, sqlx::Error> {
    let mut answers = Vec::with_capacity(statements.len());
    if statements.len() == 1 {
        // A single statement is a transaction by itself, which saves two round trips.
        for statement in statements {
            answers.push(statement.fetch_all(pool).await?);
        }
        return Ok(answers);
    }
    // A transaction that begins by reading could not wait for another process that writes.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    for statement in statements {
        answers.push(statement.fetch_all(&mut *transaction).await?);
    }
    transaction.commit().await?;
    Ok(answers)
}
