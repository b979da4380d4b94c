//! Retention: whole sealed segments are removed when they are old enough, and the log says so itself.

use std::io;
use std::path::Path;

use super::writer::Writer;
use crate::event::{Action, AuditEvent, Details, EventType, Removed};
use crate::segment::{self, Index, Sidecar};

impl Writer {
    /// Removes what is old enough.
    pub(super) fn clean(&mut self) {
        if let Err(error) = self.remove_old() {
            tracing::error!("audit: old segments could not be removed: {error}");
        }
    }

    fn remove_old(&mut self) -> io::Result<()> {
        let Some(retention) = self.settings.retention else {
            return Ok(());
        };
        let age = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let oldest = self.time_before(age);
        let directory = self.settings.directory.clone();
        self.remove_left_alone(&directory, &oldest)?;
        let mut old = Vec::new();
        for number in segment::list(&directory)? {
            let sidecar = match Index::of(&directory, number, &self.keys.chain) {
                Index::Ours(sidecar) => sidecar,
                // It is not sealed, or is not whole: it stays.
                Index::Nothing => break,
                Index::Foreign => {
                    tracing::error!(
                        segment = number,
                        "audit: the index of a segment is not the one that was written when it was \
                         sealed, so nothing from there on is removed: run `sumun audit verify`"
                    );
                    break;
                }
            };
            if sidecar.last_time >= oldest || number >= self.place.last_segment {
                break;
            }
            old.push(sidecar);
        }
        let (Some(first), Some(last)) = (old.first(), old.last()) else {
            return Ok(());
        };
        let removed = Removed {
            first_segment: first.number,
            last_segment: last.number,
            events: old.iter().map(|sidecar| sidecar.events).sum(),
            first_time: first.first_time.clone(),
            last_time: last.last_time.clone(),
            mac: last.last.clone(),
        };
        tracing::info!(
            segments = old.len(),
            events = removed.events,
            "audit: segments until {} are old enough and are removed",
            removed.last_time
        );
        // Recorded first: a crash in between leaves segments that are removed the next time.
        self.record(
            &AuditEvent::about(EventType::Retention, Details::Retention(removed))
                .action(Action::Removed),
        )?;
        for sidecar in &old {
            segment::remove(&segment::path(&directory, sidecar.number))?;
            segment::remove(&segment::sidecar_path(&directory, sidecar.number))?;
        }
        segment::sync_directory_of(&segment::path(&directory, last.number))
    }

    /// Removes the indices of segments that were removed before a crash came. What is not old enough was left by
    /// somebody else, and stays, as evidence.
    fn remove_left_alone(&self, directory: &Path, oldest: &str) -> io::Result<()> {
        for sidecar in Sidecar::left_alone(directory, &self.keys.chain)? {
            if *sidecar.last_time < *oldest {
                segment::remove(&segment::sidecar_path(directory, sidecar.number))?;
            }
        }
        Ok(())
    }
}
