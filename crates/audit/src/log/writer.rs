//! The one thread that writes: number, date, chain, write, synchronise, acknowledge, sign the head.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Counters;
use super::head_writing::{EXPORT_EVERY, SecondPlace, Signed};
use super::line::{End, text_of};
use super::mending::Doubt;
use super::open::{Place, Unsealed};
use super::queue::{Group, Queue};
use crate::error::AuditError;
use crate::event::{self, AuditEvent, Details, EventType};
use crate::head::HeadFile;
use crate::key::Keys;
use crate::segment_file::SegmentFile;
use crate::settings::{Durability, OnFailure, Settings};

/// How much of the log may be newer than the head. To sign one takes as long as to write many events, so
/// that a busy log signs no more often than this; an event after a pause is signed for at once.
const HEAD_EVERY: Duration = Duration::from_millis(20);

/// To synchronise takes processor time, whatever for: so many times as long passes until the next one, if
/// calls are under way that could share it. It is a tenth of a core then, at most.
const SHARE: u32 = 9;

/// The longest that anybody waits for that.
const LONGEST_PAUSE: Duration = Duration::from_millis(4);

/// How often is looked for segments that are old enough.
const CLEAN_EVERY: Duration = Duration::from_hours(1);

/// What is kept of a buffer after a group that was unusually large.
const LARGEST_SPARE: usize = 8 * 1024 * 1024;

/// The writer and everything that it knows.
pub(crate) struct Writer {
    pub(super) settings: Settings,
    pub(super) keys: Keys,
    pub(super) queue: Arc<Queue>,
    counters: Arc<Counters>,
    grew: watch::Sender<u64>,
    pub(super) place: Place,
    pub(super) file: Option<SegmentFile>,
    pub(super) head: HeadFile,
    pub(super) heads: Option<SecondPlace>,
    pub(super) signed: Signed,
    /// The next group as it will stand in the file.
    out: Vec<u8>,
    /// What must be cleared up before anything is written.
    pub(super) doubt: Option<Doubt>,
    /// Events that are lost and not yet recorded as such.
    pub(super) unrecorded: u64,
    cleaned: Option<Instant>,
    /// Until when a group waits for those who are expected.
    pause: Instant,
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
        let heads = settings.heads.as_deref().map(SecondPlace::open);
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
            signed: Signed::none(),
            out: Vec::new(),
            doubt: None,
            unrecorded: 0,
            cleaned: None,
            pause: Instant::now(),
        };
        writer.reopen()?;
        if writer.place.sequence == 0 {
            // So that there is a head before anything is acknowledged.
            writer.begin_segment(writer.queue.now_millis())?;
        }
        writer.settle()?;
        writer.sign_head();
        Ok(writer)
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(&mut self) {
        loop {
            match self.queue.take(self.patience(), self.pause) {
                Some(group) => self.handle(group),
                None if self.queue.is_closed() => break,
                None => self.settle_alone(),
            }
            if self.signed.at.elapsed() >= HEAD_EVERY {
                self.sign_head();
                self.export_head(false);
            }
            if self.cleaned.is_none_or(|at| at.elapsed() >= CLEAN_EVERY) {
                self.cleaned = Some(Instant::now());
                self.clean();
            }
        }
        self.settle_alone();
        self.sign_head();
        self.export_head(true);
        if let Err(error) = self.finish().and_then(|()| self.head.sync()) {
            tracing::error!("audit: the log could not be synchronised at its end: {error}");
        }
    }

    /// Whoever waits is told that nobody writes any more, after something that should not have been.
    pub(super) fn abandon(&self) {
        let is_refused = self.settings.on_failure == OnFailure::Refuse;
        let word = if is_refused {
            Err(AuditError::Abandoned)
        } else {
            Ok(())
        };
        let events = self.queue.abandon(&word);
        Counters::add(&self.counters.failures, 1);
        if is_refused {
            tracing::error!(
                events,
                "audit: the writer of the log has panicked, so all that is to be recorded is refused from now on: \
                 start the house anew"
            );
        } else {
            Counters::add(&self.counters.lost, events as u64);
            tracing::error!(
                events,
                "audit: the writer of the log has panicked, so events are lost from now on, and nobody is refused: \
                 start the house anew"
            );
        }
    }

    /// How long there may be nothing to do: until the head is due, if the log has grown since the last one.
    fn patience(&self) -> Duration {
        if self.signed.covers(self.place.sequence) {
            CLEAN_EVERY.min(EXPORT_EVERY)
        } else {
            HEAD_EVERY.saturating_sub(self.signed.at.elapsed())
        }
    }

    /// Writes a group, and tells those who wait for it.
    pub(super) fn handle(&mut self, mut group: Group) {
        let count = group.events.len();
        let (written, result) = self.write_group(&group);
        Counters::add(&self.counters.groups, 1);
        self.tell_growth();
        let rest = result.or_else(|error| self.failed(error, (count - written) as u64));
        self.queue.tell(&group, written, rest);
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

    /// Writes the events of a group in their order, as one part for each segment; returns how many of
    /// them stand in the log now, and why not more.
    fn write_group(&mut self, group: &Group) -> (usize, io::Result<()>) {
        let mut written = 0;
        let mut result = self.settle();
        while result.is_ok() && written < group.events.len() {
            match self.write_some(group, written) {
                Ok(next) => written = next,
                Err(error) => result = Err(error),
            }
        }
        (written, result)
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
    pub(super) fn write_own(&mut self, event: &AuditEvent) -> io::Result<()> {
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
        self.settle()?;
        self.write_own(event)?;
        self.tell_growth();
        Ok(())
    }

    /// Lets everybody know of what was acknowledged.
    pub(super) fn tell_growth(&self) {
        let sequence = self.place.sequence;
        self.grew
            .send_if_modified(|last| std::mem::replace(last, sequence) != sequence);
    }

    fn end(&self) -> End {
        End::behind(self.place.sequence, self.place.mac)
    }

    /// Brings `out` into the file, as safely as the mode says, and moves the place to `end`. Of what
    /// fails nothing stays: it is not acknowledged, and must not look as if it were.
    fn put(&mut self, end: End) -> io::Result<()> {
        if let Err(error) = self.append_out() {
            self.take_back();
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
        match self.settings.durability {
            Durability::Write => file.write(&self.out),
            Durability::Group | Durability::Fdatasync => {
                let before = processor_time();
                file.make_room(self.out.len())?;
                file.write(&self.out)?;
                let synchronised = file.sync();
                let taken = processor_time().saturating_sub(before);
                self.pause = Instant::now() + (SHARE * taken).min(LONGEST_PAUSE);
                synchronised
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), SegmentFile::finish)
    }

    /// Seals a segment that is full or of another day, and begins the next one.
    fn rotate_if_due(&mut self, millis: i64) -> io::Result<()> {
        if let Some(current) = &self.place.segment {
            let is_full = current.bytes >= self.settings.segment_bytes;
            let day = text_of(millis);
            if !is_full && current.last_time.get(..10) == day.get(..10) {
                return Ok(());
            }
            let sidecar =
                current.seal(self.place.last_segment, self.place.sequence, self.place.mac);
            if let Err(error) = self.finish() {
                self.distrust();
                return Err(error);
            }
            sidecar.write(&self.settings.directory, &self.keys.chain)?;
            // Nothing is written behind a seal.
            (self.place.segment, self.file) = (None, None);
            self.sign_head();
            self.export_head(true);
        }
        self.begin_segment(millis)
    }

    fn begin_segment(&mut self, millis: i64) -> io::Result<()> {
        let number = self.place.last_segment + 1;
        self.file = Some(SegmentFile::create(&self.settings.directory, number)?);
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
            // The segment is empty again, or will be, and the next attempt begins it once more.
            (self.place.segment, self.file) = (None, None);
            self.place.last_segment = number - 1;
        })
    }
}

/// The processor time that this thread has used so far.
fn processor_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    used.try_into().unwrap_or_default()
}

impl Place {
    /// How long the segment is that is written.
    pub(super) fn bytes(&self) -> u64 {
        self.segment.as_ref().map_or(0, |segment| segment.bytes)
    }
}

impl Writer {
    /// The time this many milliseconds ago, as events are dated.
    pub(super) fn time_before(&self, millis: i64) -> String {
        text_of(self.queue.now_millis().saturating_sub(millis))
    }
}
