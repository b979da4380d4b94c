//! What it costs to mask personal data in results and to record each call on the disk before it is
//! answered: the same house with both and with neither, results of 1 KiB.

use std::path::Path;

use super::expecting;
use super::house::{House, Rooms};
use crate::command_line::Effort;
use crate::neighbour::Neighbour;
use crate::report::{Ratio, table};
use crate::round::rounds;

/// So much of the throughput is to be left.
const TARGET: f64 = 0.80;
/// A call waits for the disk together with those that come meanwhile, so there are more of them at once.
const MORE: usize = 4;

/// Measures and reports.
pub(super) fn run(effort: &Effort, directory: &Path, upstream: &Neighbour) -> anyhow::Result<()> {
    let subject = |rooms, tool, expected| {
        let house = House::prepare(directory, upstream.port, rooms)?;
        anyhow::Ok(expecting(
            expected,
            house.start(),
            house.call(tool),
            upstream,
        ))
    };
    let subjects = [
        subject(Rooms::Bare, "notice", "2026")?,
        subject(Rooms::AuditAndMask, "notice", "2026")?,
        subject(Rooms::Bare, "record", "010-4821-7736")?,
        subject(Rooms::AuditAndMask, "record", "010-****-****")?,
    ];
    let names = [
        "nothing to find: neither masked nor recorded",
        "nothing to find: masked and recorded",
        "three findings: neither masked nor recorded",
        "three findings: masked and recorded",
    ];
    for connections in [effort.connections, effort.connections * MORE] {
        let effort = Effort {
            connections,
            ..*effort
        };
        let turns = rounds(&subjects, &effort)?;
        let title = format!("masking and recording, results of 1 KiB, {connections} connections");
        let mut report = table(&title, &names, &turns);
        report.line("");
        for (what, at) in [("nothing to find", 0), ("three findings", 2)] {
            let what = format!("{what}: masked and recorded / neither");
            report.line(&Ratio::of(&turns[at + 1], &turns[at]).verdict(&what, TARGET));
        }
        report.publish(&format!("protection-{connections}"))?;
    }
    Ok(())
}
