//! Verification: whether the log is whole, from the first event that was kept to the last head.
//!
//! The tags show what was edited, deleted, inserted or exchanged. The head shows that the end was cut
//! off. Heads in a second place show that the log was rewritten, or set back together with its head,
//! even by somebody who had the key.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::chain::{Head, Mac, split};
use crate::head::{self, Found};
use crate::key::{KeyError, Keys};
use crate::lines::Lines;
use crate::record::{self, Record};
use crate::segment::{self, Index};
use crate::segment_file::Behind;

/// How many problems are told one by one.
const MOST: usize = 100;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// Which log.
    pub log: String,
    /// The public key with which its heads are verified elsewhere.
    pub public_key: String,
    /// How many segments there are.
    pub segments: usize,
    /// How many events there are.
    pub events: u64,
    /// The first event.
    pub first_sequence: Option<u64>,
    /// The last event.
    pub last_sequence: Option<u64>,
    /// The time of the first event.
    pub first_time: Option<String>,
    /// The time of the last event.
    pub last_time: Option<String>,
    /// The event that the head names as the last one; more may have been written since.
    pub head_sequence: Option<u64>,
    /// How many heads of the second place agree.
    pub heads: u64,
    /// What stands against the log, as far as it fits.
    pub problems: Vec<Problem>,
    /// How many problems there are in all.
    pub problem_count: u64,
    /// What is worth knowing and stands against nothing.
    pub notes: Vec<String>,
}

impl Verification {
    /// Whether nothing stands against the log.
    pub fn is_whole(&self) -> bool {
        self.problem_count == 0
    }

    fn problem(&mut self, problem: Problem) {
        self.problem_count += 1;
        if self.problems.len() < MOST {
            self.problems.push(problem);
        }
    }
}

/// What stands against a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// A line does not follow from the one before.
    BrokenLine {
        /// The segment.
        segment: u64,
        /// The line in it, from 1.
        line: u64,
        /// The event that it claims to be.
        sequence: Option<u64>,
    },
    /// Events are missing.
    Gap {
        /// The last event before.
        after: u64,
        /// The next one that is there.
        before: u64,
    },
    /// A whole segment is missing, or is not what its name says.
    MissingSegment {
        /// The segment.
        segment: u64,
    },
    /// Several segments are missing, one behind the other.
    MissingSegments {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// Segments at the beginning are gone, and no record says that they were removed.
    MissingBeginning {
        /// The first segment that is there.
        first: u64,
    },
    /// The log ends before its head.
    TailLost {
        /// The last event by the head.
        head: u64,
        /// The last event that is there.
        last: u64,
    },
    /// A head names another event than the one that stands in its place.
    OtherHistory {
        /// The event.
        sequence: u64,
        /// Where the head stands.
        place: String,
    },
    /// There is a key, and no log.
    LogMissing,
    /// There is no head that this log has signed.
    NoHead,
    /// The second place has no head of a log that has events.
    NoHeadElsewhere {
        /// Where it should be.
        place: String,
    },
    /// A line of the second place is no head that this log has signed.
    ForgedHead {
        /// The line, from 1.
        line: u64,
    },
    /// The index of a sealed segment does not fit it.
    OtherIndex {
        /// The segment.
        segment: u64,
    },
    /// The log was found broken before, and says so itself.
    Recovered {
        /// The event that says it.
        sequence: u64,
        /// What it says.
        reason: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenLine { segment, line, sequence } => {
                write!(f, "segment {segment}, line {line}")?;
                if let Some(sequence) = sequence {
                    write!(f, " (event {sequence})")?;
                }
                f.write_str(" does not follow from the line before: one of them was changed, moved or removed")
            }
            Self::Gap { after, before } if before > after => {
                write!(f, "events {} to {} are missing", after.saturating_add(1), before - 1)
            }
            Self::Gap { after, before } => {
                write!(f, "event {before} stands behind event {after}")
            }
            Self::MissingSegment { segment } => write!(f, "segment {segment} is missing"),
            Self::MissingSegments { first, last } => {
                write!(f, "segments {first} to {last} are missing")
            }
            Self::MissingBeginning { first } => write!(
                f,
                "the log begins with segment {first}, and no record says that the segments before it were removed"
            ),
            Self::TailLost { head, last } => {
                write!(f, "the head names event {head} as the last one, and the log ends with event {last}")
            }
            Self::OtherHistory { sequence, place } => {
                write!(f, "event {sequence} is not the one that the head in {place} has signed: the log was rewritten")
            }
            Self::LogMissing => f.write_str("there is a key and no log, so all of it was taken away, or it was never begun"),
            Self::NoHeadElsewhere { place } => {
                write!(f, "the second place {place} has no head, though the log has events: they were taken away, or it was named after the house was started")
            }
            Self::NoHead => f.write_str("the head is missing or was not signed by this log, so nobody can tell whether the end was cut off"),
            Self::ForgedHead { line } => write!(f, "line {line} of the second place is no head of this log"),
            Self::OtherIndex { segment } => {
                write!(f, "the index of segment {segment} is not the one that was written when it was sealed")
            }
            Self::Recovered { sequence, reason } => {
                write!(f, "event {sequence} says that the log was found broken: {reason}")
            }
        }
    }
}

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Verifies the log in `directory` with the key in `key`, and the heads in a second place with it.
///
/// # Errors
/// When something cannot be read. What is wrong with the log itself is in the answer.
pub fn verify(
    directory: &Path,
    key: &Path,
    heads: Option<&Path>,
) -> Result<Verification, VerifyError> {
    let keys = Keys::open(key)?;
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |source| VerifyError::Io { path, source }
    };
    // The head first: what is written meanwhile comes behind it.
    let head_path = directory.join("head");
    let head = head::read(&head_path, &keys.head, &keys.log).map_err(fault(&head_path))?;
    // Read before the segments, too.
    let elsewhere = heads.map(|path| match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((path, Vec::new())),
        read => read.map(|text| (path, text)).map_err(fault(path)),
    });
    let elsewhere = elsewhere.transpose()?;
    let numbers = match segment::list(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        list => list.map_err(fault(directory))?,
    };
    let mut walk = Walk::new(&keys, numbers.len());
    match head {
        Found::Head(head) => {
            walk.result.head_sequence = Some(head.sequence);
            walk.expect(&head, &head_path);
        }
        Found::Nothing if numbers.is_empty() => walk.result.problem(Problem::LogMissing),
        Found::Nothing | Found::Unreadable => walk.result.problem(Problem::NoHead),
    }
    if let Some((path, text)) = elsewhere {
        walk.expect_all(&text, path);
        // The first one is put there as soon as there is an event behind the beginning of the log.
        if walk.result.heads == 0 && walk.result.head_sequence.is_some_and(|last| last > 1) {
            let place = path.display().to_string();
            walk.result.problem(Problem::NoHeadElsewhere { place });
        }
    }
    for number in numbers {
        let path = segment::path(directory, number);
        walk.segment(directory, number).map_err(fault(&path))?;
    }
    Ok(walk.end())
}

/// The verification on its way through the log.
struct Walk<'a> {
    keys: &'a Keys,
    result: Verification,
    /// The tag of the line before; `None` when that line had none.
    mac: Option<Mac>,
    last_segment: Option<u64>,
    /// What the first segment says it follows.
    beginning: Option<(u64, Mac)>,
    /// Removed segments: the first one, the last one, and the tag of that.
    removed: Vec<(u64, u64, String)>,
    /// Which tags events must have, by the heads, and where these stand.
    expected: BTreeMap<u64, Vec<(String, String)>>,
}

impl<'a> Walk<'a> {
    fn new(keys: &'a Keys, segments: usize) -> Self {
        Self {
            keys,
            result: Verification {
                log: keys.log.clone(),
                public_key: keys.head.public_key(),
                segments,
                events: 0,
                first_sequence: None,
                last_sequence: None,
                first_time: None,
                last_time: None,
                head_sequence: None,
                heads: 0,
                problems: Vec::new(),
                problem_count: 0,
                notes: Vec::new(),
            },
            mac: None,
            last_segment: None,
            beginning: None,
            removed: Vec::new(),
            expected: BTreeMap::new(),
        }
    }

    fn expect(&mut self, head: &Head, place: &Path) {
        let expected = (head.mac.clone(), place.display().to_string());
        self.expected
            .entry(head.sequence)
            .or_default()
            .push(expected);
    }

    fn expect_all(&mut self, text: &[u8], place: &Path) {
        let mut unfinished = 0;
        for (n, line) in text.split(|byte| *byte == b'\n').enumerate() {
            // A machine that loses power may keep the length of a line and not its content.
            let content = line.iter().rposition(|byte| !matches!(byte, 0 | b' '));
            let Some(last) = content else { continue };
            let head: Result<Head, _> = serde_json::from_slice(&line[..=last]);
            match head {
                Ok(head) if head.log == self.keys.log && self.keys.head.verify(&head) => {
                    self.result.heads += 1;
                    self.expect(&head, place);
                }
                // The beginning of a head says nothing, as if it were not there; whoever can put it in the place of a
                // whole one could also take that away.
                Err(error) if error.is_eof() => unfinished += 1,
                _ => self
                    .result
                    .problem(Problem::ForgedHead { line: n as u64 + 1 }),
            }
        }
        if unfinished > 0 {
            self.result.notes.push(format!(
                "{unfinished} lines of the second place are not finished, as a crash or a full disk leaves them"
            ));
        }
    }

    fn segment(&mut self, directory: &Path, number: u64) -> io::Result<()> {
        if let Some(before) = self.last_segment {
            let (first, last) = (before + 1, number - 1);
            // Told at once, however many: whoever can write in the directory can name a file after any number.
            if first == last {
                self.result
                    .problem(Problem::MissingSegment { segment: first });
            } else if first < last {
                self.result
                    .problem(Problem::MissingSegments { first, last });
            }
        }
        let path = segment::path(directory, number);
        let mut lines = match Lines::open(&path, 0) {
            Ok(lines) => lines,
            // Retention may have come first: then the log begins behind it, which its record has to say.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.begin_anew();
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let (before, mut line_number) = (self.result.events, 0);
        while let Some(line) = lines.next()? {
            line_number += 1;
            self.line(number, line_number, line);
        }
        let rest = Behind::of(&path, lines.place(), &self.keys.chain)?.text;
        if rest > 0 {
            let note =
                format!("segment {number} ends with {rest} bytes of a line that is not finished");
            self.result.notes.push(note);
        }
        self.index(directory, number, self.result.events - before);
        self.last_segment = Some(number);
        Ok(())
    }

    /// What was read so far is not there any more.
    fn begin_anew(&mut self) {
        (self.last_segment, self.mac, self.beginning) = (None, None, None);
        let result = &mut self.result;
        (result.first_sequence, result.last_sequence) = (None, None);
        (result.first_time, result.events) = (None, 0);
    }

    fn line(&mut self, segment: u64, line_number: u64, line: &[u8]) {
        let sequence = record::sequence(line);
        let previous = if line_number == 1 {
            self.opening(segment, line)
        } else {
            self.mac
        };
        let tag = previous.and_then(|previous| self.keys.chain.verify(previous, line));
        if tag.is_none() {
            let broken = Problem::BrokenLine {
                segment,
                line: line_number,
                sequence,
            };
            self.result.problem(broken);
        }
        // The next line is held against what is written here, so that one change is told once.
        self.mac = tag.or_else(|| Some(split(line)?.1));
        self.result.events += 1;
        if let Some(sequence) = sequence {
            self.number(sequence);
            self.head(sequence, tag);
        }
        let time = record::time(line);
        if self.result.first_time.is_none() {
            self.result.first_time = time.map(str::to_owned);
        }
        if let Some(time) = time {
            let last = self.result.last_time.get_or_insert_default();
            time.clone_into(last);
        }
        if tag.is_some() {
            self.own(line);
        }
    }

    /// What the first line of a segment follows: the line before it, which it also names itself.
    fn opening(&mut self, number: u64, line: &[u8]) -> Option<Mac> {
        let record = Record::parse(line);
        let opened = record.as_ref().and_then(|record| record.segment.as_ref());
        let opened = opened.filter(|opened| opened.log == self.keys.log && opened.number == number);
        let Some(opened) = opened else {
            self.result
                .problem(Problem::MissingSegment { segment: number });
            return self.mac;
        };
        let named = Mac::parse(&opened.previous);
        if self.last_segment.is_none() {
            self.beginning = named.map(|mac| (number, mac));
            return named;
        }
        self.mac
    }

    fn number(&mut self, sequence: u64) {
        let after = match self.result.last_sequence {
            Some(last) => last,
            // What retention removed is told by its record.
            None if self.beginning.is_some_and(|(number, _)| number > 1) => {
                sequence.wrapping_sub(1)
            }
            None => 0,
        };
        if sequence != after.wrapping_add(1) {
            self.result.problem(Problem::Gap {
                after,
                before: sequence,
            });
        }
        self.result.first_sequence.get_or_insert(sequence);
        self.result.last_sequence = Some(sequence);
    }

    fn head(&mut self, sequence: u64, tag: Option<Mac>) {
        let Some(expected) = self.expected.remove(&sequence) else {
            return;
        };
        let tag = tag.map(|tag| tag.to_string());
        for (mac, place) in expected {
            if tag.as_ref() != Some(&mac) {
                self.result
                    .problem(Problem::OtherHistory { sequence, place });
            }
        }
    }

    /// What the log says about itself.
    fn own(&mut self, line: &[u8]) {
        const WORDS: [&[u8]; 2] = [
            b",\"event_type\":\"retention\"",
            b",\"event_type\":\"recovery\"",
        ];
        let start = &line[..line.len().min(120)];
        if !WORDS
            .iter()
            .any(|word| memchr::memmem::find(start, word).is_some())
        {
            return;
        }
        let Some(record) = Record::parse(line) else {
            return;
        };
        if let Some(retention) = record.retention {
            let (first, last) = (retention.first_segment, retention.last_segment);
            self.result.notes.push(format!(
                "segments {first} to {last} ({} events until {}) were removed by retention",
                retention.events, retention.last_time
            ));
            let mac = retention.mac.into_owned();
            self.removed.push((first, last, mac));
        }
        if let Some(recovery) = record.recovery {
            let reason = record.reason.unwrap_or_default().into_owned();
            if reason == "unfinished_line" {
                self.result.notes.push(format!(
                    "event {}: a line that was not finished was cut off after a crash ({} bytes); it was never acknowledged",
                    record.sequence, recovery.cut_bytes
                ));
            } else {
                let sequence = record.sequence;
                self.result.problem(Problem::Recovered { sequence, reason });
            }
        }
    }

    fn index(&mut self, directory: &Path, segment: u64, events: u64) {
        let fits = match Index::of(directory, segment, &self.keys.chain) {
            Index::Nothing => return,
            Index::Foreign => false,
            Index::Ours(sidecar) => {
                sidecar.events == events
                    && Some(sidecar.last_sequence) == self.result.last_sequence
                    && self.mac.is_some_and(|mac| mac.to_string() == sidecar.last)
            }
        };
        if !fits {
            self.result.problem(Problem::OtherIndex { segment });
        }
    }

    fn end(mut self) -> Verification {
        if let Some((first, mac)) = self.beginning {
            let mac_text = mac.to_string();
            // A crash may have come between the record and the last of the files; those that are left prove themselves.
            let is_told = |(from, last, tag): &(u64, u64, String)| {
                let is_left = (from + 1..=*last).contains(&first);
                is_left || (last + 1 == first && *tag == mac_text)
            };
            if first > 1 && !self.removed.iter().any(is_told) {
                self.result.problem(Problem::MissingBeginning { first });
            }
        }
        let last = self.result.last_sequence.unwrap_or_default();
        let first = self.result.first_sequence.unwrap_or_default();
        for sequence in std::mem::take(&mut self.expected).into_keys() {
            // Heads of what retention has removed say nothing any more.
            if sequence >= first {
                self.result.problem(Problem::TailLost {
                    head: sequence,
                    last,
                });
            }
        }
        self.result
    }
}
