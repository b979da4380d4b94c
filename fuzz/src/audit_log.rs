//! Lines of an audit log that somebody else has written: read, exported, and given to the rules.

use audit::rule::{Engine, Thresholds};
use audit::{Exporter, Format, Record};

/// The input as lines. What is read is written again as it was, and leaves as one row and one event.
pub fn run(data: &[u8]) {
    let mut engine = Engine::new(&Thresholds::default());
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let Some(record) = Record::parse(line) else {
            assert!(
                exported(line, Format::Csv).is_none(),
                "no event is exported as one"
            );
            continue;
        };
        let written = serde_json::to_vec(&record).expect("strings and numbers are JSON");
        assert_eq!(
            Record::parse(&written),
            Some(record.clone()),
            "it reads back as another one"
        );
        for finding in engine.observe(&record) {
            assert!(finding.alert.evidence.len() <= 64, "an alert has no end");
        }
        let table = exported(line, Format::Csv).expect("it is an event");
        assert_eq!(table.matches("\r\n").count(), 2, "a row is no row: {table}");
        let event = exported(line, Format::Ocsf).expect("it is an event");
        assert_eq!(event.lines().count(), 1, "an event is no line: {event}");
    }
}

fn exported(line: &[u8], format: Format) -> Option<String> {
    let mut exporter = Exporter::new(Vec::new(), format).ok()?;
    exporter.line(line).ok()?;
    String::from_utf8(exporter.end().ok()?).ok()
}
