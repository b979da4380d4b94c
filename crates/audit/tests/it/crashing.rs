//! A process that is killed while it writes, and a disk that is full: nothing acknowledged is lost.
//!
//! The writing process is this test program itself, told to run one of the tests below that are
//! ignored otherwise. `scripts/crash` kills two hundred of them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::{AuditLog, Durability, Query, Reader, Record, Settings, verify};
use oauth::random::{OsRandom, Random as _};
use oauth::time::SystemClock;
use tokio_util::task::TaskTracker;

use crate::support::call;

/// How many processes are killed in each mode, here; all of it takes its time.
const KILLS: usize = 8;
const ALL_KILLS: usize = 200;

#[test]
fn p5_kill_9_loses_no_acknowledged_event() {
    kill(KILLS, "group");
    kill(KILLS, "write");
}

#[test]
#[ignore = "takes a minute or two: scripts/crash"]
fn p5_two_hundred_kills_lose_no_acknowledged_event() {
    kill(ALL_KILLS, "group");
    kill(ALL_KILLS, "write");
}

fn kill(times: usize, mode: &str) {
    let mut acknowledged = 0;
    let mut directory = tempfile::tempdir().unwrap();
    for n in 0..times {
        if n % 10 == 9 {
            directory = tempfile::tempdir().unwrap();
        }
        let (mut child, out) = start("crashing::child_that_is_killed", directory.path(), mode);
        let mut out = BufReader::new(out);
        let mut acks = String::new();
        // It is killed at a time of which it knows nothing, soon after it has begun.
        while !acks.contains("ack ") {
            assert_ne!(out.read_line(&mut acks).unwrap(), 0, "{acks}");
        }
        let mut random = [0; 2];
        OsRandom.fill(&mut random);
        let deadline =
            Instant::now() + Duration::from_micros(u64::from(u16::from_be_bytes(random)) / 2);
        while Instant::now() < deadline {
            out.read_line(&mut acks).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        out.read_to_string(&mut acks).unwrap();
        acknowledged += check(directory.path(), &acks);
    }
    let told = format!("{mode}: {times} kills, {acknowledged} acknowledged events, none lost\n");
    std::io::stdout().write_all(told.as_bytes()).unwrap();
    assert!(
        acknowledged > times * 10,
        "too few to prove anything: {acknowledged}"
    );
}

/// Every acknowledged event is there; returns how many there were.
fn check(directory: &Path, acks: &str) -> usize {
    let settings = Settings::in_directory(directory);
    let mut written = std::collections::HashSet::new();
    let reader = Reader::of(&settings);
    let query = Query::default();
    let searched = reader.search(&query, |line| {
        let record = Record::parse(line).unwrap();
        written.extend(record.request_id.map(std::borrow::Cow::into_owned));
        Ok(())
    });
    searched.unwrap();
    // The last line may have been cut by the kill; what was not told was not acknowledged.
    let whole = &acks[..acks.rfind('\n').map_or(0, |end| end + 1)];
    let mut count = 0;
    for ack in whole.lines().filter_map(|line| line.split("ack ").nth(1)) {
        assert!(
            written.contains(ack),
            "the acknowledged event {ack} is lost"
        );
        count += 1;
    }
    let found = verify(&settings.directory, &settings.key, None).unwrap();
    assert!(found.is_whole(), "{:?}", found.problems);
    count
}

fn start(test: &str, directory: &Path, mode: &str) -> (Child, ChildStdout) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    run(
        command.args(["--exact", "--ignored", "--nocapture", test]),
        directory,
        mode,
    )
}

fn run(command: &mut Command, directory: &Path, mode: &str) -> (Child, ChildStdout) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}\n{mode}", directory.display()).unwrap();
    let out = child.stdout.take().unwrap();
    (child, out)
}

/// What the parent said: the directory, and the mode. `None` when nobody is there.
fn told() -> Option<Settings> {
    let mut lines = std::io::stdin().lines();
    let directory = lines.next()?.ok().filter(|line| !line.is_empty())?;
    let mut settings = Settings::in_directory(Path::new(&directory));
    settings.durability = match lines.next()?.ok()?.as_str() {
        "write" => Durability::Write,
        _ => Durability::Group,
    };
    Some(settings)
}

#[test]
#[ignore = "runs in a process of its own"]
fn child_that_is_killed() {
    let Some(mut settings) = told() else { return };
    settings.segment_bytes = 50_000;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = AuditLog::open(settings, Arc::new(SystemClock), &OsRandom).unwrap();
        let tasks = TaskTracker::new();
        for task in 0..16 {
            let log = log.clone();
            tasks.spawn(async move {
                for n in 0.. {
                    let name = std::process::id() as usize * 1_000_000_000 + task * 1_000_000 + n;
                    log.append(call(name)).await.unwrap();
                    println!("ack r{name}");
                }
            });
        }
        tasks.close();
        tasks.wait().await;
    });
}

#[test]
fn p5_a_full_disk_refuses_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("small");
    std::fs::create_dir(&place).unwrap();
    let program = std::env::current_exe().unwrap();
    let program = format!(
        "exec '{}' --exact --ignored --nocapture crashing::child_on_a_full_disk",
        program.display()
    );
    // A disk of its own that is gone with the process, where that is allowed.
    let mount = format!(
        "mount -t tmpfs -o size=400k none '{}' && {program}",
        place.display()
    );
    let may_mount = Command::new("unshare").args(["-m", "true"]).status();
    let mut command = if may_mount.is_ok_and(|status| status.success()) {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &mount]);
        command
    } else {
        // Else a limit on the size of files, which is told in the same way.
        let mut command = Command::new("sh");
        command.args(["-c", &format!("trap '' XFSZ; ulimit -f 300; {program}")]);
        command
    };
    let (mut child, mut out) = run(&mut command, &place, "group");
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success(), "{text}");
    assert!(text.contains("refused, and whole"), "{text}");
    println!("{text}");
}

#[test]
#[ignore = "runs in a process of its own"]
fn child_on_a_full_disk() {
    let Some(settings) = told() else { return };
    let parent = settings.directory.parent().unwrap();
    let ballast = parent.join("ballast");
    std::fs::create_dir_all(parent).unwrap();
    std::fs::write(&ballast, vec![7; 200_000]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = AuditLog::open(settings.clone(), Arc::new(SystemClock), &OsRandom).unwrap();
        let mut acknowledged = 0;
        let refused = loop {
            match log.append(call(acknowledged)).await {
                Ok(()) => acknowledged += 1,
                Err(error) => break error,
            }
            assert!(acknowledged < 10_000, "the disk does not fill");
        };
        for n in 0..20 {
            log.append(call(n)).await.unwrap_err();
        }
        let count = |settings: &Settings| {
            let calls = Query {
                tool: Some("create-todo".into()),
                ..Query::default()
            };
            Reader::of(settings)
                .search(&calls, |_| Ok(()))
                .unwrap()
                .count
        };
        assert_eq!(
            count(&settings),
            acknowledged,
            "what was refused is not there"
        );
        // Room again: the log goes on by itself, if the disk is the limit.
        std::fs::remove_file(&ballast).unwrap();
        if log.append(call(1)).await.is_ok() {
            acknowledged += 1;
        }
        assert_eq!(count(&settings), acknowledged);
        log.close();
        let found = verify(&settings.directory, &settings.key, None).unwrap();
        assert!(found.is_whole(), "{:?}", found.problems);
        println!("{acknowledged} acknowledged, then refused, and whole: {refused}");
    });
}
