//! Waiting for the settings file to change: by the signal `HUP`, and by looking at it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{Change, Loaded};
use crate::settings::{Environment, Settings, SettingsError, load, read_text};

/// How often is looked whether the file has changed.
const LOOKING: Duration = Duration::from_secs(2);

/// A settings file under watch.
#[derive(Debug)]
pub(crate) struct Watch {
    path: PathBuf,
    environment: Environment,
    loaded: Loaded,
    /// The file as it was when it was last read.
    read: Option<Stamp>,
    /// The file as it was when it was last looked at.
    seen: Option<Stamp>,
    hangup: Signal,
    ticks: Interval,
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    size: u64,
    inode: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        // Editors put another file in the place, and containers another link.
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            size: metadata.size(),
            inode: metadata.ino(),
        })
    }
}

impl Watch {
    /// Watches the file from which `settings` were read.
    pub(crate) fn new(
        path: &Path,
        environment: Environment,
        settings: Settings,
    ) -> std::io::Result<Self> {
        let mut ticks = interval(LOOKING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let read = Stamp::of(path);
        let text = std::fs::read_to_string(path)?;
        Ok(Self {
            path: path.to_owned(),
            environment,
            loaded: Loaded::new(settings, &text),
            read,
            seen: read,
            hangup: signal(SignalKind::hangup())?,
            ticks,
        })
    }

    /// Waits until the file says something else, which then counts as taken over.
    ///
    /// A file that cannot be used is an error, and what was in force stays in force.
    pub(crate) async fn change(&mut self) -> Result<Change, SettingsError> {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {}
                _ = self.ticks.tick() => {
                    if !self.has_settled() {
                        continue;
                    }
                }
            }
            let change = self.read_again()?;
            if !change.is_empty() {
                return Ok(change);
            }
        }
    }

    /// Whether the file is another one than was read, and has not changed since the last look: who
    /// writes it may not have finished yet.
    fn has_settled(&mut self) -> bool {
        let now = Stamp::of(&self.path);
        let has_settled = now.is_some() && now != self.read && now == self.seen;
        self.seen = now;
        has_settled
    }

    fn read_again(&mut self) -> Result<Change, SettingsError> {
        // Before reading, so that whatever is written meanwhile is seen as a change.
        self.read = Stamp::of(&self.path);
        let text = read_text(&self.path)?;
        let settings = load(&self.path, &self.environment)?;
        let loaded = Loaded::new(settings, &text);
        let change = self.loaded.change_to(&loaded);
        self.loaded = loaded;
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "public_url = \"https://mcp.example.com\"\ndata = \"data\"\n\
                            [[policy.rules]]\n[[upstreams]]\nname = \"docs\"\ncommand = \"docs\"\n";

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_read_and_a_broken_one_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sumun.toml");
        std::fs::write(&path, SETTINGS).unwrap();
        let environment = Environment::default();
        let settings = load(&path, &environment).unwrap();
        let mut watch = Watch::new(&path, environment, settings).unwrap();

        let more = format!("{SETTINGS}[[upstreams]]\nname = \"more\"\ncommand = \"more\"\n");
        std::fs::write(&path, &more).unwrap();
        let change = watch.change().await.unwrap();
        assert_eq!(
            change.in_words(),
            [
                "the upstream `more` is new",
                "served together at /mcp are: docs, more"
            ]
        );

        std::fs::write(&path, format!("{more}nonsense")).unwrap();
        assert!(watch.change().await.is_err());
        std::fs::write(&path, SETTINGS).unwrap();
        let change = watch.change().await.unwrap();
        assert_eq!(
            change.in_words(),
            [
                "the upstream `more` is gone",
                "served together at /mcp are: docs"
            ]
        );
    }
}
