//! A disk that fails: what is refused stands nowhere, what is acknowledged stays, and the log says what
//! is missing.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth::random::OsRandom;
use oauth::time::{ManualClock, NumericDate};
use tempfile::TempDir;
use tokio::sync::watch;

use super::open::{self, Opened};
use super::queue::{Queue, Waiting};
use super::writer::Writer;
use super::{Counters, Settings};
use crate::event::{AuditEvent, Outcome, Who};
use crate::faults::{self, Fault};
use crate::record::Record;
use crate::segment;
use crate::settings::OnFailure;
use crate::verify::{Problem, verify};

/// A log whose writer has no thread of its own: it writes when it is told to.
struct World {
    directory: TempDir,
    settings: Settings,
    clock: ManualClock,
    counters: Arc<Counters>,
}

struct Open {
    queue: Arc<Queue>,
    writer: Writer,
    _lock: File,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            settings: Settings::in_directory(directory.path()),
            clock: ManualClock::at(NumericDate(1_795_824_000)),
            counters: Arc::default(),
            directory,
        }
    }

    fn open(&self) -> Open {
        let opened = open::open(&self.settings, &OsRandom).unwrap();
        let Opened {
            lock, keys, place, ..
        } = opened;
        let clock = Arc::new(self.clock.clone());
        let queue = Arc::new(Queue::new(self.settings.durability, clock));
        let (grew, _) = watch::channel(place.sequence);
        let settings = self.settings.clone();
        let counters = self.counters.clone();
        let writer = Writer::new(settings, keys, place, queue.clone(), counters, grew);
        Open {
            queue,
            writer: writer.unwrap(),
            _lock: lock,
        }
    }

    /// What stands in the log: the requests of calls, and the kinds of all else.
    fn story(&self) -> Vec<String> {
        let mut story = Vec::new();
        for number in segment::list(&self.settings.directory).unwrap() {
            let path = segment::path(&self.settings.directory, number);
            let text = fs::read_to_string(path).unwrap();
            for line in text.trim_end_matches('\0').lines() {
                let record = Record::parse(line.as_bytes()).unwrap();
                let reason = record.reason.map(|reason| format!("recovery: {reason}"));
                let said = record.request_id.map(Into::into).or(reason);
                story.push(said.unwrap_or_else(|| record.event_type.into_owned()));
            }
        }
        story
    }

    fn problems(&self) -> Vec<Problem> {
        let found = verify(&self.settings.directory, &self.settings.key, None);
        found.unwrap().problems
    }

    fn inode(&self) -> u64 {
        let path = segment::path(&self.settings.directory, 1);
        fs::metadata(path).unwrap().ino()
    }
}

impl Open {
    fn put(&self, request: &str) -> Waiting {
        let who = Who::new().request(request);
        let call = AuditEvent::tool_call(who, "todo", "create-todo", 1).outcome(Outcome::Success);
        self.queue.put(&call).unwrap()
    }

    fn write(&mut self) {
        let group = self.queue.take(Duration::ZERO, Instant::now()).unwrap();
        self.writer.handle(group);
    }

    /// Whether the call was acknowledged.
    async fn append(&mut self, request: &str) -> bool {
        let waiting = self.put(request);
        self.write();
        waiting.done().await.is_ok()
    }

    /// What the thread does when the log is closed.
    fn close(mut self) {
        self.queue.close();
        self.writer.run();
    }
}

#[tokio::test]
async fn what_could_not_be_synchronised_is_refused_and_stands_nowhere() {
    let world = World::new();
    let mut log = world.open();
    assert!(log.append("r1").await);
    faults::expect(0, &[Fault::Sync]);
    assert!(!log.append("r2").await);
    assert_eq!(world.story(), ["segment_opened", "r1"]);
    assert!(log.append("r3").await);
    log.close();
    assert_eq!(world.story(), ["segment_opened", "r1", "r3"]);
    assert_eq!(world.problems(), []);
}

/// After a failed synchronisation nobody knows what the disk has, so the file is not written any more.
#[tokio::test]
async fn a_file_that_cannot_be_cut_back_is_exchanged_for_one_that_can_be_trusted() {
    for last in [Fault::Cut, Fault::Sync] {
        let world = World::new();
        let mut log = world.open();
        assert!(log.append("r1").await);
        let before = world.inode();
        faults::expect(0, &[Fault::Sync, last]);
        assert!(!log.append("r2").await);
        assert!(log.append("r3").await);
        assert!(faults::are_over());
        assert_ne!(world.inode(), before);
        log.close();
        assert_eq!(world.story(), ["segment_opened", "r1", "r3"], "{last:?}");
        assert_eq!(world.problems(), []);
    }
}

#[tokio::test]
async fn as_long_as_no_file_can_be_trusted_all_is_refused() {
    let world = World::new();
    let mut log = world.open();
    assert!(log.append("r1").await);
    // The second file fails, and then the third one when it is opened.
    faults::expect(0, &[Fault::Sync, Fault::Cut, Fault::Sync]);
    assert!(!log.append("r2").await);
    assert!(!log.append("r3").await);
    for entry in fs::read_dir(&world.settings.directory).unwrap() {
        let path = entry.unwrap().path();
        let is_half = path.extension().is_some_and(|ending| ending == "new");
        assert!(!is_half, "{} takes up room", path.display());
    }
    faults::expect(1, &[Fault::Sync]);
    assert!(!log.append("r4").await);
    assert!(log.append("r5").await);
    assert!(faults::are_over());
    log.close();
    assert_eq!(world.story(), ["segment_opened", "r1", "r5"]);
    assert_eq!(world.problems(), []);
}

#[tokio::test]
async fn a_segment_that_cannot_be_ended_or_begun_is_ended_and_begun_later() {
    // At the end of a day: the last segment, and the first line of the next one.
    for (working, faults) in [
        (0, &[Fault::Sync][..]),
        (1, &[Fault::Sync]),
        (1, &[Fault::Sync, Fault::Cut]),
    ] {
        let world = World::new();
        let mut log = world.open();
        assert!(log.append("r1").await);
        world.clock.advance(Duration::from_hours(24));
        faults::expect(working, faults);
        assert!(!log.append("r2").await);
        assert!(log.append("r3").await);
        assert!(faults::are_over());
        log.close();
        let story = ["segment_opened", "r1", "segment_opened", "r3"];
        assert_eq!(world.story(), story, "{working} {faults:?}");
        assert_eq!(world.problems(), []);
    }
}

#[tokio::test]
async fn nothing_is_written_behind_a_seal() {
    let world = World::new();
    let mut log = world.open();
    assert!(log.append("r1").await);
    world.clock.advance(Duration::from_hours(24));
    faults::expect(1, &[Fault::Sync]);
    assert!(!log.append("r2").await);
    drop(log);
    fs::remove_file(segment::path(&world.settings.directory, 2)).unwrap();
    // The first day again, of which there is a seal.
    let again = World {
        clock: ManualClock::at(NumericDate(1_795_824_000)),
        ..world
    };
    let mut log = again.open();
    assert!(log.append("r3").await);
    log.close();
    let story = ["segment_opened", "r1", "segment_opened", "r3"];
    assert_eq!(again.story(), story);
    assert_eq!(again.problems(), []);
    drop(again.directory);
}

/// What stands in a segment that is sealed cannot be taken back, and is acknowledged.
#[tokio::test]
async fn of_a_group_in_which_a_segment_ends_each_event_is_told_what_became_of_it() {
    for on_failure in [OnFailure::Refuse, OnFailure::Alarm] {
        let mut world = World::new();
        world.settings.on_failure = on_failure;
        let mut log = world.open();
        let yesterday = [log.put("r1"), log.put("r2")];
        world.clock.advance(Duration::from_hours(24));
        let today = [log.put("r3"), log.put("r4")];
        // The events of yesterday, the end of their segment, and the beginning of the next one.
        faults::expect(3, &[Fault::Sync]);
        log.write();
        for written in yesterday {
            assert!(written.done().await.is_ok());
        }
        let is_refused = on_failure == OnFailure::Refuse;
        for unwritten in today {
            assert_eq!(unwritten.done().await.is_err(), is_refused);
        }
        let story = ["segment_opened", "r1", "r2", "segment_opened"];
        assert_eq!(world.story(), story);
        assert_eq!(log.writer.unrecorded, if is_refused { 0 } else { 2 });
        log.close();
        assert!(!is_refused || world.problems().is_empty());
    }
}

#[tokio::test]
async fn what_was_mended_is_told_even_if_the_first_try_fails() {
    let world = World::new();
    let mut log = world.open();
    assert!(log.append("r1").await && log.append("r2").await);
    faults::expect(0, &[Fault::Sync, Fault::Cut]);
    assert!(!log.append("r3").await);
    // The disk has lost the last acknowledged event as well.
    let path = segment::path(&world.settings.directory, 1);
    let text = fs::read_to_string(&path).unwrap();
    let kept: Vec<_> = text.split_inclusive('\n').take(2).collect();
    fs::write(&path, kept.concat()).unwrap();
    // The new file, its opening, and then the line that tells of it.
    faults::expect(2, &[Fault::Sync]);
    assert!(!log.append("r4").await);
    assert_eq!(world.story(), ["segment_opened", "r1"]);
    assert!(log.append("r5").await);
    log.close();
    let story = ["segment_opened", "r1", "recovery: tail_lost", "r5"];
    assert_eq!(world.story(), story);
    let gap = Problem::Gap {
        after: 2,
        before: 4,
    };
    assert_eq!(
        world.problems()[0],
        gap,
        "the lost number is not given again"
    );
}

#[tokio::test]
async fn a_log_that_ends_says_how_many_events_are_missing() {
    let mut world = World::new();
    world.settings.on_failure = OnFailure::Alarm;
    let mut log = world.open();
    faults::expect(0, &[Fault::Sync, Fault::Cut, Fault::Sync]);
    assert!(log.append("r1").await && log.append("r2").await);
    log.close();
    assert_eq!(world.story(), ["segment_opened", "recovery: not_written"]);
    let path = segment::path(&world.settings.directory, 1);
    let text = fs::read_to_string(path).unwrap();
    let record = Record::parse(text.lines().last().unwrap().as_bytes()).unwrap();
    assert_eq!(record.recovery.unwrap().lost_events, 2);
}
