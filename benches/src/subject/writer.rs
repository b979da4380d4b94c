//! Nothing but durable writes to a SQLite file, by many at once as in a server.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth::time::SystemClock;
use store::{Entry, Kind, SqliteStore, Store as _};
use tokio::task::JoinSet;

use crate::machine::processor_time;

const RECORD: Kind = Kind::new("record");

/// Writes records of so many bytes for so many seconds, and prints the microseconds of time and of
/// processor time that each of them took.
pub(super) async fn run(
    data: &Path,
    writers: usize,
    bytes: usize,
    seconds: u64,
) -> anyhow::Result<()> {
    let directory = tempfile::tempdir_in(data)?;
    let file = directory.path().join("sumun.db");
    let store = Arc::new(SqliteStore::open(&file, Arc::new(SystemClock)).await?);
    let duration = Duration::from_secs(seconds);
    let (began, processor) = (Instant::now(), processor_time("self")?);
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut count = 0_u32;
            while began.elapsed() < duration {
                // Each record is written anew, as most of those in a flow are.
                let key = format!("{writer}-{count}");
                let entry = Entry::new(&*key, vec![b'r'; bytes]);
                store.put(RECORD, &key, entry).await?;
                count += 1;
            }
            Ok::<_, store::StoreError>(count)
        });
    }
    let mut count = 0;
    for written in tasks.join_all().await {
        count += written?;
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
    let processor = processor_time("self")?.saturating_sub(processor);
    writeln!(
        std::io::stdout(),
        "{} {}",
        each(began.elapsed()),
        each(processor)
    )?;
    store.close().await;
    Ok(())
}
