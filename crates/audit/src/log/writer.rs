//! The one thread that writes: number, date, chain, write, synchronise, acknowledge, sign the head.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Counters;
use super::open::{self, Place, Unsealed};
use super::queue::{Group, Queue};
use crate::chain::Mac;
use crate::error::AuditError;
use crate::event::{self, AuditEvent, Details, EventType, Mended, number, timestamp};
use crate::head::HeadFile;
use crate::key::Keys;
use crate::segment;
use crate::settings::{Durability, OnFailure, Settings};

/// How much of the log may be newer than the head while it is written without a pause.
const HEAD_EVERY: Duration = Duration::from_millis(20);

/// How often a head is put into the second place.
const EXPORT_EVERY: Duration = Duration::from_mins(1);

/// How often is looked for segments that are old enough.
const CLEAN_EVERY: Duration = Duration::from_hours(1);

/// What is kept of a buffer after a group that was unusually large.
const LARGEST_SPARE: usize = 8 * 1024 * 1024;

/// The writer and everything that it knows.
pub(crate) struct Writer {
    pub(super) settings: Settings,
    pub(super) keys: Keys,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    grew: watch::Sender<u64>,
    pub(super) place: Place,
    file: Option<File>,
    head: HeadFile,
    heads: Option<File>,
    signed: Signed,
    /// The next group as it will stand in the file.
    out: Vec<u8>,
    /// Nobody knows what is in the file: it must be read again before anything is written.
    doubtful: bool,
    /// Events that are lost and not yet recorded as such.
    unrecorded: u64,
    cleaned: Option<Instant>,
}

/// Which heads have been signed.
struct Signed {
    sequence: u64,
    at: Instant,
    exported: u64,
    exported_at: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(
        settings: Settings,
        keys: Keys,
        place: Place,
        queue: Arc<Queue>,
        counters: Arc<Counters>,
        grew: watch::Sender<u64>,
    ) -> io::Result<Self> {
        let head = HeadFile::open(&settings.directory.join("head"))?;
        let heads = settings.heads.as_ref().map(|path| {
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(0o600).open(path)
        });
        let mut writer = Self {
            settings,
            keys,
            queue,
            counters,
            grew,
            place,
            file: None,
            head,
            heads: heads.transpose()?,
            signed: Signed {
                sequence: 0,
                at: Instant::now(),
                exported: 0,
                exported_at: None,
            },
            out: Vec::new(),
            doubtful: false,
            unrecorded: 0,
            cleaned: None,
        };
        writer.reopen()?;
        if writer.place.sequence == 0 {
            // So that there is a head before anything is acknowledged.
            writer.begin_segment(writer.queue.now_millis())?;
        }
        writer.tell_what_was_mended()?;
        writer.sign_head();
        Ok(writer)
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(&mut self) {
        loop {
            match self.queue.take(CLEAN_EVERY.min(EXPORT_EVERY)) {
                Some(group) => self.handle(group),
                None if self.queue.is_closed() => break,
                None => {}
            }
            if self.signed.at.elapsed() >= HEAD_EVERY || self.queue.is_empty() {
                self.sign_head();
                self.export_head(false);
            }
            if self.cleaned.is_none_or(|at| at.elapsed() >= CLEAN_EVERY) {
                self.cleaned = Some(Instant::now());
                self.clean();
            }
        }
        self.sign_head();
        self.export_head(true);
        if let Err(error) = self.sync().and_then(|()| self.head.sync()) {
            tracing::error!("audit: the log could not be synchronised at its end: {error}");
        }
    }

    fn handle(&mut self, mut group: Group) {
        let count = group.events.len() as u64;
        let written = self.write_group(&group);
        Counters::add(&self.counters.groups, 1);
        let result = match written {
            Ok(()) => {
                self.grew.send_replace(self.place.sequence);
                Ok(())
            }
            Err(error) => self.failed(error, count),
        };
        group.done.tell(result);
        if group.content.capacity() <= LARGEST_SPARE {
            self.queue.give_back(std::mem::take(&mut group.content));
        }
        if self.out.capacity() > LARGEST_SPARE {
            self.out = Vec::new();
        }
    }

    /// What those who wait are told about a failure, and what the operator is.
    fn failed(&mut self, error: io::Error, count: u64) -> Result<(), AuditError> {
        Counters::add(&self.counters.failures, 1);
        match self.settings.on_failure {
            OnFailure::Refuse => {
                tracing::error!(
                    events = count,
                    "audit: events could not be written, so what they are about is refused: {error}"
                );
                Err(AuditError::Unwritable(Arc::new(error)))
            }
            OnFailure::Alarm => {
                Counters::add(&self.counters.lost, count);
                self.unrecorded += count;
                tracing::error!(
                    events = count,
                    "audit: events are lost: they could not be written, and nobody is refused: {error}"
                );
                Ok(())
            }
        }
    }

    /// Writes all of the group, or nothing.
    fn write_group(&mut self, group: &Group) -> io::Result<()> {
        if self.doubtful {
            self.look_again()?;
        }
        if self.unrecorded > 0 {
            let mended = Mended {
                lost_events: self.unrecorded,
                last_sequence: self.place.sequence,
                ..Mended::default()
            };
            self.write_own(&recovery(mended, "not_written"))?;
            self.unrecorded = 0;
        }
        let mut from = 0;
        while from < group.events.len() {
            from = self.write_some(group, from)?;
        }
        Ok(())
    }

    /// Writes events of the group from `from` on, as far as they belong into one segment; returns
    /// where the next ones begin.
    fn write_some(&mut self, group: &Group, from: usize) -> io::Result<usize> {
        let (_, first_millis) = group.events[from];
        self.rotate_if_due(first_millis)?;
        let mut end = self.end();
        let day = end.time_of(first_millis)[..10].to_owned();
        self.out.clear();
        let mut start = from
            .checked_sub(1)
            .map_or(0, |before| group.events[before].0);
        let mut next = from;
        for &(content_end, millis) in &group.events[from..] {
            let is_full = self.place.bytes() + self.out.len() as u64 >= self.settings.segment_bytes;
            let is_other_day = !end.time_of(millis).starts_with(&day);
            if next > from && (is_full || is_other_day) {
                break;
            }
            end.add(
                &mut self.out,
                &self.keys,
                &group.content[start..content_end],
            );
            start = content_end;
            next += 1;
        }
        self.put(end)?;
        Ok(next)
    }

    /// Writes an event of the log's own, by itself.
    fn write_own(&mut self, event: &AuditEvent) -> io::Result<()> {
        let now = self.queue.now_millis();
        self.rotate_if_due(now)?;
        let mut content = Vec::new();
        event.write(&mut content);
        let mut end = self.end();
        end.time_of(now);
        self.out.clear();
        end.add(&mut self.out, &self.keys, &content);
        self.put(end)
    }

    /// Records an event of the log's own; what was to follow must not, if this fails.
    pub(super) fn record(&mut self, event: &AuditEvent) -> io::Result<()> {
        self.write_own(event)?;
        self.grew.send_replace(self.place.sequence);
        Ok(())
    }

    fn end(&self) -> End {
        End {
            sequence: self.place.sequence,
            mac: self.place.mac,
            count: 0,
            time: String::new(),
            millis: i64::MIN,
            earliest: String::new(),
            latest: String::new(),
        }
    }

    /// Brings `out` into the file, as safely as the mode says, and moves the place to `end`.
    fn put(&mut self, end: End) -> io::Result<()> {
        let before = self.place.bytes();
        let written = self.append_out();
        if let Err(error) = written {
            // What stands there now was never acknowledged, and must not look as if it were.
            let cut = self.file.as_ref().map(|file| file.set_len(before));
            self.doubtful = !matches!(cut, Some(Ok(())));
            return Err(error);
        }
        if self.settings.durability != Durability::Write
            && let Err(error) = self.sync()
        {
            // After a failed synchronisation nobody knows what the disk has.
            self.doubtful = true;
            return Err(error);
        }
        Counters::add(&self.counters.events, end.count);
        Counters::add(&self.counters.bytes, self.out.len() as u64);
        if let Some(segment) = &mut self.place.segment {
            segment.events += end.count;
            segment.bytes += self.out.len() as u64;
            segment.cover(end.earliest);
            segment.cover(end.latest);
        }
        self.place.sequence = end.sequence;
        self.place.mac = end.mac;
        Ok(())
    }

    fn append_out(&mut self) -> io::Result<()> {
        let file = self.file.as_mut();
        let file = file.ok_or_else(|| io::Error::other("there is no segment to write on"))?;
        file.write_all(&self.out)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    /// Seals a segment that is full or of another day, and begins the next one.
    fn rotate_if_due(&mut self, millis: i64) -> io::Result<()> {
        if let Some(current) = &self.place.segment {
            let is_full = current.bytes >= self.settings.segment_bytes;
            let day = text_of(millis);
            if !is_full && current.last_time.get(..10) == day.get(..10) {
                return Ok(());
            }
            self.sync()?;
            let sidecar =
                current.seal(self.place.last_segment, self.place.sequence, self.place.mac);
            sidecar.write(&self.settings.directory, &self.keys.chain)?;
            self.sign_head();
            self.export_head(true);
        }
        self.begin_segment(millis)
    }

    fn begin_segment(&mut self, millis: i64) -> io::Result<()> {
        let number = self.place.last_segment + 1;
        self.file = Some(segment::create(&self.settings.directory, number)?);
        let previous = self.place.mac;
        let event = AuditEvent::about(
            EventType::SegmentOpened,
            Details::Segment(event::Opened {
                number,
                log: self.keys.log.clone(),
                previous: previous.to_string(),
            }),
        );
        let mut content = Vec::new();
        event.write(&mut content);
        let former = (self.place.segment.take(), self.place.last_segment);
        self.place.last_segment = number;
        self.place.segment = Some(Unsealed {
            events: 0,
            bytes: 0,
            first_sequence: self.place.sequence + 1,
            first_time: String::new(),
            last_time: String::new(),
            previous,
        });
        let mut end = self.end();
        end.time_of(millis);
        self.out.clear();
        end.add(&mut self.out, &self.keys, &content);
        self.put(end).inspect_err(|_| {
            // The segment stays empty, and the next attempt begins it again.
            (self.place.segment, self.place.last_segment) = former;
            self.doubtful = true;
        })
    }

    /// Reads again where the log ends, after something went wrong.
    fn look_again(&mut self) -> io::Result<()> {
        let other = || io::Error::other("what is in the directory is not this log any more");
        let found = open::find_end(&self.settings.directory, &self.keys)?.ok_or_else(other)?;
        self.place = found;
        self.reopen()?;
        self.doubtful = false;
        self.tell_what_was_mended()
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = match &self.place.segment {
            Some(_) => {
                let file = segment::open(&self.settings.directory, self.place.last_segment)?;
                // What an earlier process has written is acknowledged anew by what follows it.
                file.sync_data()?;
                Some(file)
            }
            None => None,
        };
        Ok(())
    }

    fn tell_what_was_mended(&mut self) -> io::Result<()> {
        let Some((mended, reason)) = self.place.mended.take() else {
            return Ok(());
        };
        if reason == "unfinished_line" {
            tracing::warn!(
                bytes = mended.cut_bytes,
                "audit: the last line was not finished and was cut off; it was never acknowledged"
            );
        } else {
            tracing::error!(
                reason,
                "audit: the log is not as it was left: run `sumun audit verify`"
            );
        }
        self.write_own(&recovery(mended, reason))
    }

    fn sign_head(&mut self) {
        self.signed.at = Instant::now();
        if self.signed.sequence == self.place.sequence {
            return;
        }
        let head = self.make_head();
        match self.head.write(&head) {
            Ok(()) => self.signed.sequence = head.sequence,
            Err(error) => tracing::error!("audit: the head could not be written: {error}"),
        }
    }

    fn export_head(&mut self, now: bool) {
        let is_due = self
            .signed
            .exported_at
            .is_none_or(|at| at.elapsed() >= EXPORT_EVERY);
        if self.heads.is_none() || self.signed.exported == self.place.sequence || !(now || is_due) {
            return;
        }
        self.signed.exported_at = Some(Instant::now());
        let head = self.make_head();
        let mut line = serde_json::to_vec(&head).expect("strings and numbers are JSON");
        line.push(b'\n');
        let Some(heads) = &mut self.heads else { return };
        match heads.write_all(&line).and_then(|()| heads.sync_data()) {
            Ok(()) => self.signed.exported = head.sequence,
            Err(error) => {
                tracing::error!("audit: no head could be put into the second place: {error}");
            }
        }
    }

    fn make_head(&self) -> crate::chain::Head {
        let now = text_of(self.queue.now_millis());
        let place = &self.place;
        self.keys
            .head
            .sign(&self.keys.log, place.sequence, &now, place.mac)
    }
}

impl Place {
    fn bytes(&self) -> u64 {
        self.segment.as_ref().map_or(0, |segment| segment.bytes)
    }
}

/// Where the log will end when a group is written.
struct End {
    sequence: u64,
    mac: Mac,
    count: u64,
    /// The time of the next event as text, made once per millisecond.
    time: String,
    millis: i64,
    /// The times between which the group lies, also if the clock was set back meanwhile.
    earliest: String,
    latest: String,
}

impl End {
    fn time_of(&mut self, millis: i64) -> &str {
        if millis != self.millis {
            self.millis = millis;
            self.time = text_of(millis);
        }
        &self.time
    }

    /// Adds a line to `out`: number, time, content, tag.
    fn add(&mut self, out: &mut Vec<u8>, keys: &Keys, content: &[u8]) {
        self.sequence += 1;
        self.count += 1;
        let start = out.len();
        out.extend_from_slice(b"{\"sequence\":");
        number(out, self.sequence);
        out.extend_from_slice(b",\"timestamp\":\"");
        out.extend_from_slice(self.time.as_bytes());
        out.push(b'"');
        out.extend_from_slice(content);
        self.mac = keys.chain.tag(self.mac, &out[start..]);
        self.mac.end_line(out);
        if self.count == 1 || self.time < self.earliest {
            self.earliest.clone_from(&self.time);
        }
        if self.count == 1 || self.time > self.latest {
            self.latest.clone_from(&self.time);
        }
    }
}

fn recovery(mended: Mended, reason: &'static str) -> AuditEvent {
    AuditEvent::about(EventType::Recovery, Details::Recovery(mended))
        .action(event::Action::Recovered)
        .reason(reason)
}

fn text_of(millis: i64) -> String {
    let mut text = Vec::with_capacity(24);
    timestamp(&mut text, millis);
    String::from_utf8(text).expect("digits and marks are UTF-8")
}

impl Writer {
    /// The time this many milliseconds ago, as events are dated.
    pub(super) fn time_before(&self, millis: i64) -> String {
        text_of(self.queue.now_millis().saturating_sub(millis))
    }
}
