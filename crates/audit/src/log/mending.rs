//! What went wrong is cleared up, and recorded, before anything else is written.

use std::io;

use super::open;
use super::writer::Writer;
use crate::event::{self, AuditEvent, Details, EventType, Mended};
use crate::segment;
use crate::segment_file::SegmentFile;

/// A segment that may hold more than was acknowledged, or of which nobody knows what the disk has.
#[derive(Debug)]
pub(super) struct Doubt {
    segment: u64,
    /// How much of it was acknowledged.
    length: u64,
}

impl Writer {
    /// Clears up what is in doubt, and says what was mended and what is missing.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.look_again()?;
        self.tell_what_was_mended()?;
        self.tell_what_is_missing()
    }

    /// The same when there is nothing else to write: nobody waits for it, and it is tried again.
    pub(super) fn settle_alone(&mut self) {
        let settled = self.settle();
        self.tell_growth();
        if let Err(error) = settled {
            tracing::error!(
                unrecorded = self.unrecorded,
                "audit: what went wrong could not be recorded: {error}"
            );
        }
    }

    /// Takes back what stands behind the acknowledged part of the segment.
    pub(super) fn take_back(&mut self) {
        let length = self.place.bytes();
        let cut = self.file.as_mut().map(|file| file.cut(length));
        if !matches!(cut, Some(Ok(()))) {
            self.distrust();
        }
    }

    /// Nothing is written on the segment any more until it has been read again.
    pub(super) fn distrust(&mut self) {
        self.doubt = Some(Doubt {
            segment: self.place.last_segment,
            length: self.place.bytes(),
        });
    }

    /// Brings the acknowledged part of a segment in doubt into a file that can be trusted, and reads
    /// again where the log ends.
    fn look_again(&mut self) -> io::Result<()> {
        let Some(doubt) = &self.doubt else {
            return Ok(());
        };
        let directory = &self.settings.directory;
        match segment::rewrite(directory, doubt.segment, doubt.length) {
            // What somebody took away shows when the end is looked for.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let other = || io::Error::other("what is in the directory is not this log any more");
        let mut found = open::find_end(directory, &self.keys)?.ok_or_else(other)?;
        if found.sequence < self.place.sequence {
            // As when it is opened: the numbers of what is lost are not given again.
            let lost = Mended {
                last_sequence: found.sequence,
                head_sequence: Some(self.place.sequence),
                ..Mended::default()
            };
            found.mended.push((lost, "tail_lost"));
            found.sequence = self.place.sequence;
        }
        // What was found before, and could not be recorded, is still to be recorded.
        let mut mended = std::mem::take(&mut self.place.mended);
        found.mended.retain(|one| !mended.contains(one));
        mended.append(&mut found.mended);
        found.mended = mended;
        self.place = found;
        self.reopen()?;
        self.doubt = None;
        Ok(())
    }

    /// Opens the segment that is written, if there is one.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.file = match &self.place.segment {
            Some(segment) => {
                let number = self.place.last_segment;
                let file = SegmentFile::open(&self.settings.directory, number, segment.bytes)?;
                // What an earlier process has written is acknowledged anew by what follows it.
                file.sync()?;
                Some(file)
            }
            None => None,
        };
        Ok(())
    }

    fn tell_what_was_mended(&mut self) -> io::Result<()> {
        while let Some((mended, reason)) = self.place.mended.first().cloned() {
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
            self.write_own(&recovery(mended, reason))?;
            // Only now: what could not be recorded is tried again.
            self.place.mended.remove(0);
        }
        Ok(())
    }

    fn tell_what_is_missing(&mut self) -> io::Result<()> {
        if self.unrecorded > 0 {
            let mended = Mended {
                lost_events: self.unrecorded,
                last_sequence: self.place.sequence,
                ..Mended::default()
            };
            self.write_own(&recovery(mended, "not_written"))?;
            self.unrecorded = 0;
        }
        Ok(())
    }
}

fn recovery(mended: Mended, reason: &'static str) -> AuditEvent {
    AuditEvent::about(EventType::Recovery, Details::Recovery(mended))
        .action(event::Action::Recovered)
        .reason(reason)
}
