//! Waiting for the settings file to change: by the signal `HUP`, and by looking at it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{Change, Loaded};
use crate::settings::{Environment, Settings, SettingsError, read_text, understand};

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
    /// Whether a change was found that nobody has taken over.
    is_open: bool,
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
            is_open: false,
            hangup: signal(SignalKind::hangup())?,
            ticks,
        })
    }

    /// Waits until the file says something else than what is in force. As long as it is not
    /// [taken](Self::taken), it is offered again at every look.
    ///
    /// A file that cannot be used is an error, and what was in force stays in force.
    pub(crate) async fn change(&mut self) -> Result<Change, SettingsError> {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {}
                _ = self.ticks.tick() => {
                    if !self.is_due() {
                        continue;
                    }
                }
            }
            let change = self.read_again()?;
            if !change.is_empty() {
                self.is_open = true;
                return Ok(change);
            }
            self.taken(change);
        }
    }

    /// What `change` says is in force now.
    pub(crate) fn taken(&mut self, change: Change) {
        self.is_open = false;
        self.loaded = change.loaded;
    }

    /// Whether the file is to be read: it is another one than was read, or what it says was not taken over.
    /// If it has changed since the last look, who writes it may not have finished yet.
    fn is_due(&mut self) -> bool {
        let now = Stamp::of(&self.path);
        let has_settled = now.is_some() && now == self.seen;
        self.seen = now;
        has_settled && (self.is_open || now != self.read)
    }

    fn read_again(&mut self) -> Result<Change, SettingsError> {
        // Before reading, so that whatever is written meanwhile is seen as a change.
        self.read = Stamp::of(&self.path);
        self.is_open = false;
        let text = read_text(&self.path)?;
        let read = |text: &str| understand(&self.path, text, &self.environment);
        self.loaded.change_to(&text, read)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::settings::load;

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
        watch.taken(change);

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
    /// What is offered within a minute.
    async fn soon(watch: &mut Watch) -> Option<Result<Change, SettingsError>> {
        let offered = timeout(Duration::from_mins(1), watch.change()).await;
        offered.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_taken_over_is_offered_until_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sumun.toml");
        std::fs::write(&path, SETTINGS).unwrap();
        let environment = Environment::default();
        let settings = load(&path, &environment).unwrap();
        let mut watch = Watch::new(&path, environment, settings).unwrap();

        std::fs::write(
            &path,
            SETTINGS.replace("command = \"docs\"", "command = \"more\""),
        )
        .unwrap();
        for _ in 0..3 {
            let change = soon(&mut watch).await.expect("it is offered").unwrap();
            assert_eq!(change.in_words(), ["the upstream `docs` has changed"]);
        }
        let change = soon(&mut watch).await.expect("it is offered").unwrap();
        watch.taken(change);
        let nothing = soon(&mut watch).await;
        assert!(nothing.is_none(), "{nothing:?}");

        // Whoever goes back to what is in force has nothing to take over any more.
        std::fs::write(&path, SETTINGS).unwrap();
        soon(&mut watch).await.expect("it is offered").unwrap();
        std::fs::write(
            &path,
            SETTINGS.replace("command = \"docs\"", "command = \"more\""),
        )
        .unwrap();
        let nothing = soon(&mut watch).await;
        assert!(nothing.is_none(), "{nothing:?}");
    }
}
