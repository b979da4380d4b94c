//! `AuditLog`: an event is acknowledged when the promise of the mode holds, and not before.
//!
//! Callers put their event into one queue. One thread takes everything that has come together,
//! numbers, dates and chains it, writes it at once, synchronises it once, and acknowledges it. The
//! more there is to do, the larger the groups become, so that a slow disk costs time and no
//! throughput. A group in which a segment ends is written in two parts; each event is acknowledged
//! when its part is written, and refused when it is not.

mod head_writing;
mod line;
mod mending;
mod open;
mod queue;
mod retention;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use oauth::random::Random;
use oauth::time::Clock;
use tokio::sync::watch;

use crate::error::{AuditError, OpenError};
use crate::event::{AuditEvent, Pseudonyms};
use crate::rule::Finding;
use crate::settings::{OnFailure, Settings};

use open::Opened;
pub use queue::Expected;
use queue::{Queue, Waiting};
use writer::Writer;

/// What the log has done since it was opened.
#[derive(Debug, Default)]
pub struct Counters {
    /// Events that were written.
    pub events: AtomicU64,
    /// Bytes that were written.
    pub bytes: AtomicU64,
    /// Groups in which they were written.
    pub groups: AtomicU64,
    /// Groups that could not be written.
    pub failures: AtomicU64,
    /// Events that are lost, because it was set that a failure refuses nobody.
    pub lost: AtomicU64,
    /// Alerts that were raised.
    pub alerts: AtomicU64,
    /// Alerts that a webhook took.
    pub delivered: AtomicU64,
    /// Alerts that no webhook took.
    pub undelivered: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

/// The audit log, open for writing. Clones are the same log.
///
/// ```
/// use std::sync::Arc;
///
/// use audit::{AuditEvent, AuditLog, EventType, Settings, Who};
/// use oauth::random::OsRandom;
/// use oauth::time::SystemClock;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// let settings = Settings::in_directory(directory.path());
/// let log = AuditLog::open(settings, Arc::new(SystemClock), &OsRandom)?;
/// let who = Who::new().user(log.pseudonyms().person("https://auth.example", "alice"));
/// log.append(AuditEvent::new(EventType::SignIn, who)).await?;
/// log.close();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AuditLog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    settings: Settings,
    pseudonyms: Pseudonyms,
    grown: watch::Receiver<u64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl AuditLog {
    /// Opens the log, and makes it if there is none. What a crash has left is mended and recorded.
    ///
    /// Whoever waits for it is woken by the tokio runtime on which this is called, if it is called on one; that has to
    /// run as long as the log is used.
    ///
    /// # Errors
    /// When another process writes to the log, when its key is missing or could be read by others, or
    /// when the directory cannot be used.
    pub fn open(
        settings: Settings,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
    ) -> Result<Self, OpenError> {
        let Opened {
            lock,
            keys,
            place,
            is_new,
        } = open::open(&settings, random)?;
        let pseudonyms = keys.pseudonyms.clone();
        let queue = Arc::new(Queue::new(settings.durability, clock));
        let counters = Arc::new(Counters::default());
        let (grew, grown) = watch::channel(place.sequence);
        let writer = Writer::new(
            settings.clone(),
            keys,
            place,
            queue.clone(),
            counters.clone(),
            grew,
        );
        let writer = writer.map_err(|source| {
            if is_new && let Err(error) = open::take_back(&settings) {
                tracing::error!("audit: the key of a log that was not begun stays: {error}");
            }
            OpenError::Io {
                path: settings.directory.clone(),
                verb: "written to",
                source,
            }
        })?;
        let thread = start(writer, lock).map_err(|source| OpenError::Io {
            path: settings.directory.clone(),
            verb: "given a thread",
            source,
        })?;
        Ok(Self {
            inner: Arc::new(Inner {
                queue,
                counters,
                settings,
                pseudonyms,
                grown,
                writer: Mutex::new(Some(thread)),
            }),
        })
    }

    /// Records the event. It stands in the order of the calls; the promise of the mode holds when the answer has
    /// come, and the event is written even if nobody waits for that.
    ///
    /// Whoever does not wait does not know whether it was written, and an event that might be lost proves nothing.
    ///
    /// # Errors
    /// When it could not be written. What was to be recorded must not happen then.
    // Nothing of the event is kept while it is waited for, so that who waits is small.
    #[expect(clippy::needless_pass_by_value, reason = "an event is recorded once")]
    pub fn append(
        &self,
        event: AuditEvent,
    ) -> impl Future<Output = Result<(), AuditError>> + Send + use<> {
        let waiting = self.inner.put(&event);
        async move {
            match waiting? {
                Some(waiting) => waiting.done().await,
                None => Ok(()),
            }
        }
    }

    /// Records what a rule has found.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn append_finding(&self, finding: &Finding) -> Result<(), AuditError> {
        self.append(finding.event()).await
    }

    /// Says that a call has begun which will bring an event, so that others who come at the same time may be
    /// written together with it. It holds until it is dropped, and promises nothing.
    pub fn expect(&self) -> Expected {
        self.inner.queue.clone().expect()
    }

    /// Whether events are taken and written: not when the log was closed, and not when its writer has failed.
    pub fn is_written(&self) -> bool {
        self.inner.queue.is_open()
    }

    /// Makes the pseudonyms by which people stand in events.
    pub fn pseudonyms(&self) -> &Pseudonyms {
        &self.inner.pseudonyms
    }

    /// What the log has done so far.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// How the log is kept.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The number of the last event that was acknowledged, and word of every later one.
    pub fn grown(&self) -> watch::Receiver<u64> {
        self.inner.grown.clone()
    }

    /// Writes what is under way, signs the last head, and lets go of the directory. Later events are
    /// refused.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl Inner {
    /// Puts an event into the queue. `None` when it is lost, and it was set that this refuses nobody.
    fn put(&self, event: &AuditEvent) -> Result<Option<Waiting>, AuditError> {
        match self.queue.put(event) {
            Err(AuditError::Abandoned) if self.settings.on_failure == OnFailure::Alarm => {
                Counters::add(&self.counters.lost, 1);
                Ok(None)
            }
            put => put.map(Some),
        }
    }

    fn close(&self) {
        self.queue.close();
        let writer = self
            .writer
            .lock()
            .expect("joining a thread does not panic")
            .take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("audit: the thread that writes the log has panicked");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread holds the lock of the directory as long as it writes.
fn start(mut writer: Writer, lock: File) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("audit".into())
        .spawn(move || {
            // It is not used again, but for saying that it is gone.
            if catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
                writer.abandon();
            }
            // Said aloud, since a child that is just being started may hold the file, too.
            if let Err(error) = lock.unlock() {
                tracing::error!("audit: the directory could not be let go: {error}");
            }
        })
}
