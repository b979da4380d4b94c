//! Opening a log: the lock, the key, and where it ends; what a crash has left is found here.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use oauth::random::Random;

use crate::chain::{Head, Mac};
use crate::error::OpenError;
use crate::event::Mended;
use crate::head::{self, Found};
use crate::key::Keys;
use crate::lines::Lines;
use crate::record::{self, Record};
use crate::segment::{self, Index, Sidecar};
use crate::segment_file::Behind;
use crate::settings::Settings;

/// A log that nobody else writes to.
pub(crate) struct Opened {
    pub(crate) lock: File,
    pub(crate) keys: Keys,
    pub(crate) place: Place,
    /// Whether the key was made now.
    pub(crate) is_new: bool,
}

/// Where the log ends, and what is to be recorded about how it was found.
#[derive(Debug)]
pub(crate) struct Place {
    /// The segment that is written; `None` when a new one must begin.
    pub(crate) segment: Option<Unsealed>,
    /// The number of the last segment; 0 before the first.
    pub(crate) last_segment: u64,
    /// The number of the last event.
    pub(crate) sequence: u64,
    /// Its tag.
    pub(crate) mac: Mac,
    /// What was mended, with the reason, and is not recorded yet.
    pub(crate) mended: Vec<(Mended, &'static str)>,
}

/// The segment that is being written.
#[derive(Clone, Debug)]
pub(crate) struct Unsealed {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) first_sequence: u64,
    /// The earliest time in it, and the latest.
    pub(crate) first_time: String,
    pub(crate) last_time: String,
    pub(crate) previous: Mac,
}

/// Takes the log for this process alone.
pub(crate) fn open(settings: &Settings, random: &dyn Random) -> Result<Opened, OpenError> {
    let directory = &settings.directory;
    let fault = |verb| {
        move |source| OpenError::Io {
            path: settings.directory.clone(),
            verb,
            source,
        }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(fault("made"))?;
    let metadata = fs::metadata(directory).map_err(fault("looked at"))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(OpenError::TooOpen {
            directory: directory.clone(),
            mode,
        });
    }
    let lock = lock(directory)?;
    let segments = segment::list(directory).map_err(fault("listed"))?;
    let had_key = settings.key.exists();
    let keys = Keys::open_or_create(&settings.key, directory, !segments.is_empty(), random)?;
    let place = find_end(directory, &keys).map_err(fault("read"))?;
    let Some(mut place) = place else {
        return Err(OpenError::OtherKey {
            directory: directory.clone(),
            key: settings.key.clone(),
        });
    };
    if had_key && place.last_segment == 0 && place.sequence == 0 {
        // A key is made with its log, and never without: somebody took away all of it, the head too.
        place.mended.push((Mended::default(), "log_missing"));
    }
    Ok(Opened {
        lock,
        keys,
        place,
        is_new: !had_key,
    })
}

/// Takes back the key of a log that could not be begun: with it, the log would look as if somebody had taken it away.
pub(crate) fn take_back(settings: &Settings) -> io::Result<()> {
    let directory = &settings.directory;
    let segments = segment::list(directory)?;
    let segments: Vec<_> = segments
        .into_iter()
        .map(|number| segment::path(directory, number))
        .collect();
    for path in &segments {
        if fs::metadata(path)?.len() > 0 {
            return Ok(());
        }
    }
    segments.iter().try_for_each(|path| segment::remove(path))?;
    segment::remove(&settings.key)
}

/// One log has one writer. The system unlocks it when a process dies, so a killed one stops nobody.
fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join("lock");
    let fault = |source| OpenError::Io {
        path: path.clone(),
        verb: "locked",
        source,
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(fault)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            let known = file.read_to_string(&mut process).is_ok() && !process.trim().is_empty();
            return Err(OpenError::Locked {
                directory: directory.to_owned(),
                process: known.then(|| format!("process {}", process.trim())),
            });
        }
        Err(TryLockError::Error(source)) => return Err(fault(source)),
    }
    // For the message above only; a full disk is no reason to stop here.
    let written = file.set_len(0).and_then(|()| file.rewind());
    let _ = written.and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

/// Finds where the log ends, and cuts off an unfinished last line. `None`: it is another key's log.
pub(crate) fn find_end(directory: &Path, keys: &Keys) -> io::Result<Option<Place>> {
    let head = match head::read(&directory.join("head"), &keys.head, &keys.log)? {
        Found::Head(head) => Some(head),
        Found::Nothing | Found::Unreadable => None,
    };
    let segments = segment::list(directory)?;
    let Some((&last, earlier)) = segments.split_last() else {
        return Ok(Some(no_segments(head.as_ref())));
    };
    for &number in earlier {
        // What is there and is not ours stays, as evidence: `sumun audit verify` tells of it.
        if matches!(Index::of(directory, number, &keys.chain), Index::Nothing) {
            seal_again(directory, number, keys)?;
        }
    }
    let end = scan(directory, last, keys, head.as_ref())?;
    if end.foreign {
        return Ok(None);
    }
    let mut place = Place {
        segment: None,
        last_segment: last,
        sequence: 0,
        mac: Mac::NOTHING,
        mended: Vec::new(),
    };
    let (mut mended, mut reason) = (Mended::default(), None);
    if end.rest > 0 {
        let file = OpenOptions::new()
            .write(true)
            .open(segment::path(directory, last))?;
        file.set_len(end.good_bytes)?;
        file.sync_all()?;
    }
    if end.unfinished > 0 {
        mended.cut_bytes = end.unfinished;
        reason = Some("unfinished_line");
    }
    if let Some((sequence, mac)) = end.last {
        (place.sequence, place.mac) = (sequence, mac);
    } else if let Some(&before) = earlier.last() {
        (place.sequence, place.mac) = end_of(directory, before, keys)?;
    }
    if end.broken {
        // What does not prove itself stays where it is, as evidence; the log goes on in a new segment.
        reason = Some("chain_broken");
        place.sequence = place.sequence.max(end.highest_sequence);
    } else {
        if end.segment.is_none() {
            // It was begun and nothing was written: it is begun again.
            place.last_segment = last - 1;
        }
        // It may have been sealed and no other begun: then nothing is written behind its seal.
        let index = Index::of(directory, last, &keys.chain).ours();
        place.segment = end.segment.filter(|_| index.is_none());
    }
    mended.last_sequence = place.sequence;
    match &head {
        None => reason = reason.or(Some("head_missing")),
        Some(head) if head.sequence > place.sequence => {
            reason = Some("tail_lost");
            mended.head_sequence = Some(head.sequence);
            // The numbers of what is lost are not given again.
            place.sequence = head.sequence;
        }
        Some(_) => {}
    }
    place.mended.extend(reason.map(|reason| (mended, reason)));
    Ok(Some(place))
}

/// There is nothing; or there was something, and the head remembers it.
fn no_segments(head: Option<&Head>) -> Place {
    let lost = head.map(|head| {
        let mended = Mended {
            head_sequence: Some(head.sequence),
            ..Mended::default()
        };
        (mended, "tail_lost")
    });
    Place {
        segment: None,
        last_segment: 0,
        sequence: head.map_or(0, |head| head.sequence),
        mac: Mac::NOTHING,
        mended: lost.into_iter().collect(),
    }
}

/// The last event of a segment and its tag, by an index of ours, or else by the segment itself.
fn end_of(directory: &Path, number: u64, keys: &Keys) -> io::Result<(u64, Mac)> {
    if let Some(sidecar) = Index::of(directory, number, &keys.chain).ours()
        && let Some(mac) = Mac::parse(&sidecar.last)
    {
        return Ok((sidecar.last_sequence, mac));
    }
    let end = scan(directory, number, keys, None)?;
    let (sequence, mac) = end.last.unwrap_or((0, Mac::NOTHING));
    Ok((sequence.max(end.highest_sequence), mac))
}

/// The end of one segment.
#[derive(Default)]
struct End {
    segment: Option<Unsealed>,
    last: Option<(u64, Mac)>,
    good_bytes: u64,
    /// Bytes behind these that are to be cut off: room, and what was not finished.
    rest: u64,
    /// How many of them are more than room.
    unfinished: u64,
    /// There are whole lines that do not prove themselves.
    broken: bool,
    highest_sequence: u64,
    /// Not even the first line proves itself, and it names another log.
    foreign: bool,
}

/// Reads a segment from its start, for as long as its lines prove themselves. Without a head nothing shows that
/// it ends where it should.
fn scan(directory: &Path, number: u64, keys: &Keys, head: Option<&Head>) -> io::Result<End> {
    let mut end = End::default();
    let path = segment::path(directory, number);
    let mut lines = Lines::open(&path, 0)?;
    let mut mac = None;
    while let Some(line) = lines.next()? {
        let previous = match mac {
            Some(mac) => Some(mac),
            None => opening(line, number, keys, &mut end),
        };
        let tag = previous.filter(|_| !end.broken);
        let tag = tag.and_then(|previous| Some((previous, keys.chain.verify(previous, line)?)));
        let sequence = record::sequence(line);
        let (Some((previous, tag)), Some(sequence)) = (tag, sequence) else {
            end.broken = true;
            end.highest_sequence = end.highest_sequence.max(sequence.unwrap_or_default());
            continue;
        };
        let time = record::time(line).unwrap_or_default();
        let segment = end.segment.get_or_insert_with(|| Unsealed {
            events: 0,
            bytes: 0,
            first_sequence: sequence,
            first_time: String::new(),
            last_time: String::new(),
            previous,
        });
        segment.events += 1;
        segment.bytes += line.len() as u64;
        segment.cover(time.to_owned());
        end.good_bytes += line.len() as u64;
        end.last = Some((sequence, tag));
        mac = Some(tag);
    }
    let behind = Behind::of(&path, end.good_bytes, &keys.chain)?;
    // Lines behind a gap are of a group that a machine without power has kept in part, if they prove that we wrote
    // them. It was never acknowledged, unless the head knows of it: then somebody made the gap. Whoever made one may
    // have taken the head away, too.
    let is_known = |(sequence, _): (u64, Mac)| head.is_some_and(|head| head.sequence <= sequence);
    let is_torn = end.last.is_some_and(is_known) && behind.is_ours();
    let has_line = behind.highest_sequence.is_some();
    if !end.broken && (is_torn || !has_line) {
        // A machine that lost power may also have kept the length of a file and not its content.
        (end.rest, end.unfinished) = (behind.bytes, behind.text);
    } else {
        // A whole line that does not prove itself was written by somebody, and stays.
        end.broken |= has_line;
    }
    let highest = behind.highest_sequence.unwrap_or_default();
    end.highest_sequence = end.highest_sequence.max(highest);
    if end.rest > 0 && end.segment.is_none() {
        end.good_bytes = 0;
    }
    Ok(end)
}

/// What the first line says it follows.
fn opening(line: &[u8], number: u64, keys: &Keys, end: &mut End) -> Option<Mac> {
    let record = Record::parse(line);
    let segment = record.as_ref().and_then(|record| record.segment.as_ref())?;
    if segment.log != keys.log {
        end.foreign = true;
        return None;
    }
    // A segment under the name of another one proves nothing about that one.
    let is_named_so = segment.number == number;
    is_named_so.then(|| Mac::parse(&segment.previous)).flatten()
}

/// Writes a sidecar that a crash has kept from being written.
fn seal_again(directory: &Path, number: u64, keys: &Keys) -> io::Result<()> {
    let end = scan(directory, number, keys, None)?;
    let is_whole = !end.broken && end.rest == 0;
    if let (Some(segment), Some((sequence, mac)), true) = (end.segment, end.last, is_whole) {
        segment
            .seal(number, sequence, mac)
            .write(directory, &keys.chain)?;
    }
    Ok(())
}

impl Unsealed {
    /// There is an event of this time; the clock may have been set back before.
    pub(crate) fn cover(&mut self, time: String) {
        if self.first_time.is_empty() || time < self.first_time {
            self.first_time.clone_from(&time);
        }
        if time > self.last_time {
            self.last_time = time;
        }
    }

    /// The sidecar, now that nothing comes any more.
    pub(crate) fn seal(&self, number: u64, last_sequence: u64, last: Mac) -> Sidecar {
        Sidecar {
            number,
            events: self.events,
            bytes: self.bytes,
            first_sequence: self.first_sequence,
            last_sequence,
            first_time: self.first_time.clone(),
            last_time: self.last_time.clone(),
            previous: self.previous.to_string(),
            last: last.to_string(),
        }
    }
}
