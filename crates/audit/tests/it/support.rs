//! A log in a directory of its own, with a clock that stands still.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use audit::{AuditEvent, AuditLog, OpenError, Outcome, Settings, Who};
use oauth::random::OsRandom;
use oauth::time::{ManualClock, NumericDate};
use tempfile::TempDir;

/// 2026-11-28T00:00:00Z
pub(crate) const NOW: NumericDate = NumericDate(1_795_824_000);

pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) settings: Settings,
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings::in_directory(directory.path());
        Self {
            directory,
            clock: ManualClock::at(NOW),
            settings,
        }
    }

    pub(crate) fn try_open(&self) -> Result<AuditLog, OpenError> {
        AuditLog::open(
            self.settings.clone(),
            Arc::new(self.clock.clone()),
            &OsRandom,
        )
    }

    pub(crate) fn open(&self) -> AuditLog {
        self.try_open().unwrap()
    }

    /// The segments that are there.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.settings.directory).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut segments: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
            .collect();
        segments.sort();
        segments
    }

    /// All lines of the log, without the room behind them.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = |path: PathBuf| fs::read_to_string(path).unwrap();
        let segments = self.segments().into_iter().map(text);
        segments
            .flat_map(|text| {
                text.trim_end_matches('\0')
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

/// The outcome of call `n`.
pub(crate) fn call(n: usize) -> AuditEvent {
    let who = Who::new().client("claude").request(format!("r{n}"));
    AuditEvent::tool_call(who, "todo", "create-todo", 1).outcome(Outcome::Success)
}
