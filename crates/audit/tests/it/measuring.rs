//! How fast the log is: what `scripts/bench audit` prints. Figures of a build without optimisation mean
//! nothing, so it runs when it is asked to.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use audit::{
    Action, AuditEvent, AuditLog, Direction, Durability, Outcome, Query, Reader, Settings, Who,
    verify,
};
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use tokio_util::task::TaskTracker;

/// For how long each mode is measured.
const TURN: Duration = Duration::from_secs(3);

/// How many calls are under way at once.
const CALLERS: usize = 512;

const MILLION: usize = 1_000_000;

fn event(log: &AuditLog, n: usize) -> AuditEvent {
    let who = Who::new()
        .user(
            log.pseudonyms()
                .person("https://auth.example", &(n % 5000).to_string()),
        )
        .client(["claude", "cursor", "vscode", "chatgpt"][n % 4])
        .grant("AAAAAAAAAAAAAAAAAAAAAA")
        .origin([203, 0, 113, u8::try_from(n % 256).unwrap()].into())
        .request(format!("{n:032x}"));
    let tool = [
        "get-customer",
        "search-customers",
        "create-todo",
        "web-search",
    ][n / 4 % 4];
    let call = AuditEvent::tool_call(who, "crm", tool, 2)
        .outcome(if n.is_multiple_of(100) {
            Outcome::Failure
        } else {
            Outcome::Success
        })
        .took(Duration::from_micros(1200));
    if n.is_multiple_of(3) {
        call.found(Direction::Result, Action::Masked, "EMAIL", 2)
            .subject(log.pseudonyms().data_subject(&n.to_string()))
    } else {
        call
    }
}

fn open(directory: &Path, durability: Durability) -> AuditLog {
    let mut settings = Settings::in_directory(directory);
    settings.durability = durability;
    AuditLog::open(settings, Arc::new(SystemClock), &OsRandom).unwrap()
}

/// Events per second with so many callers at once.
fn rate(durability: Durability) -> f64 {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let log = open(directory.path(), durability);
    let count = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    runtime.block_on(async {
        let tasks = TaskTracker::new();
        for caller in 0..CALLERS {
            let (log, count) = (log.clone(), count.clone());
            tasks.spawn(async move {
                let mut n = caller;
                while began.elapsed() < TURN {
                    log.append(event(&log, n)).await.unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                    n += CALLERS;
                }
            });
        }
        tasks.close();
        tasks.wait().await;
    });
    #[expect(clippy::cast_precision_loss, reason = "counts of seconds")]
    let rate = count.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    log.close();
    rate
}

/// The same lines with a synchronisation of their own each, and nothing else.
fn plain_rate() -> f64 {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = directory.path().join("plain");
    let mut file = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < TURN {
        file.write_all(&[b'x'; 420]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// How long it takes the calling side to make an event and put it into the queue, in microseconds.
fn calling_side() -> f64 {
    use std::task::{Context, Waker};
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let log = open(directory.path(), Durability::Group);
    let mut spent = Duration::ZERO;
    for n in 0..100_000 {
        let began = Instant::now();
        let event = event(&log, n);
        let mut append = std::pin::pin!(log.append(event));
        let _ = append
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        spent += began.elapsed();
    }
    log.close();
    spent.as_secs_f64() * 10.0
}

#[test]
#[ignore = "measures: scripts/bench audit"]
fn the_log() {
    let plain = plain_rate();
    println!("plain write + fdatasync of each        {plain:>10.0} events/s");
    for (name, durability) in [
        ("group", Durability::Group),
        ("write", Durability::Write),
        ("fdatasync", Durability::Fdatasync),
    ] {
        let rate = rate(durability);
        println!(
            "{name:<10} with {CALLERS} callers          {rate:>10.0} events/s, {:.1} × plain",
            rate / plain
        );
    }
    println!(
        "the calling side of one event          {:>10.2} µs",
        calling_side()
    );

    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fill(directory.path());
    let reader = Reader::of(&Settings::in_directory(directory.path()));
    println!(
        "a million events are {} MB",
        reader.size().unwrap() / 1_000_000
    );
    let rare = open(directory.path(), Durability::Write)
        .pseudonyms()
        .person("https://auth.example", "4711");
    let person = Query {
        user: Some(rare.to_string()),
        ..Query::default()
    };
    let failed = Query {
        tool: Some("create-todo".into()),
        outcome: Some(Outcome::Failure),
        ..Query::default()
    };
    let personal = Query {
        contains_pii: Some(true),
        ..Query::default()
    };
    let latest = Query {
        newest_first: true,
        limit: Some(100),
        ..Query::default()
    };
    for (name, query) in [
        ("all of one person in 5000", person),
        ("failures of one tool", failed),
        ("everything with personal data", personal),
        ("the latest hundred", latest),
        ("everything", Query::default()),
    ] {
        let began = Instant::now();
        let page = reader.search(&query, |_| Ok(())).unwrap();
        println!(
            "{name:<30} {:>8} events in {:>6} ms",
            page.count,
            began.elapsed().as_millis()
        );
        assert!(began.elapsed() < Duration::from_secs(1) || cfg!(debug_assertions));
    }
    let began = Instant::now();
    let settings = Settings::in_directory(directory.path());
    let found = verify(&settings.directory, &settings.key, None).unwrap();
    assert!(found.is_whole());
    println!(
        "verified                       {:>8} events in {:>6} ms",
        found.events,
        began.elapsed().as_millis()
    );
}

fn fill(directory: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let log = open(directory, Durability::Write);
    runtime.block_on(async {
        let tasks = TaskTracker::new();
        for caller in 0..CALLERS {
            let log = log.clone();
            tasks.spawn(async move {
                for n in (caller..MILLION).step_by(CALLERS) {
                    log.append(event(&log, n)).await.unwrap();
                }
            });
        }
        tasks.close();
        tasks.wait().await;
    });
    log.close();
}
