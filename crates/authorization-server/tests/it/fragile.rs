//! A store that breaks in the middle of a request, as it does for a process that is killed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use store::{Entry, Kind, ListBy, Page, SharedStore, Store, StoreError};

/// Which write of the next request is the last that the process lives to see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash {
    /// How many writes succeed before.
    pub(crate) after: u32,
    /// Whether the last write is on the disk, though nobody was told.
    pub(crate) is_written: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Sound,
    Doomed(Crash),
    Broken,
}

#[derive(Debug)]
pub(crate) struct Fragile {
    sound: SharedStore,
    state: Mutex<State>,
}

impl Fragile {
    pub(crate) fn over(sound: SharedStore) -> Arc<Self> {
        let state = Mutex::new(State::Sound);
        Arc::new(Self { sound, state })
    }

    pub(crate) fn doom(&self, crash: Crash) {
        *self.state.lock().unwrap() = State::Doomed(crash);
    }

    /// Makes the store sound again; `true` when it was broken.
    pub(crate) fn mend(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        matches!(std::mem::replace(&mut *state, State::Sound), State::Broken)
    }

    fn read(&self) -> Result<&SharedStore, StoreError> {
        match *self.state.lock().unwrap() {
            State::Broken => Err(broken()),
            State::Sound | State::Doomed(_) => Ok(&self.sound),
        }
    }

    /// Does the write, unless the process has died before; answers, unless it dies with it.
    async fn write<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let before = {
            let mut state = self.state.lock().unwrap();
            let before = *state;
            *state = match before {
                State::Doomed(Crash { after: 0, .. }) | State::Broken => State::Broken,
                State::Doomed(crash) => State::Doomed(Crash {
                    after: crash.after - 1,
                    ..crash
                }),
                State::Sound => State::Sound,
            };
            before
        };
        match before {
            State::Broken => Err(broken()),
            State::Doomed(Crash {
                after: 0,
                is_written,
            }) => {
                if is_written {
                    write.await?;
                }
                Err(broken())
            }
            State::Sound | State::Doomed(_) => write.await,
        }
    }
}

fn broken() -> StoreError {
    StoreError::Unavailable {
        source: "the process was killed".into(),
    }
}

#[async_trait]
impl Store for Fragile {
    async fn get(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        self.read()?.get(kind, key).await
    }

    async fn put(&self, kind: Kind, key: &str, entry: Entry) -> Result<(), StoreError> {
        self.write(self.sound.put(kind, key, entry)).await
    }

    async fn insert(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        self.write(self.sound.insert(kind, key, entry)).await
    }

    async fn replace(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        self.write(self.sound.replace(kind, key, entry)).await
    }

    async fn take(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        self.write(self.sound.take(kind, key)).await
    }

    async fn remove(&self, kind: Kind, key: &str) -> Result<(), StoreError> {
        self.write(self.sound.remove(kind, key)).await
    }

    async fn list(&self, kind: Kind, by: ListBy<'_>, page: Page) -> Result<Vec<Entry>, StoreError> {
        self.read()?.list(kind, by, page).await
    }

    async fn count(&self, kind: Kind, key: &str, window: Duration) -> Result<u64, StoreError> {
        self.read()?.count(kind, key, window).await
    }
}
