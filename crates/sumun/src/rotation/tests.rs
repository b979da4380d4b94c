//! Tests of the rotation of a running house.

use oauth::random::OsRandom;
use oauth::time::ManualClock;
use serde::{Deserialize, Serialize};
use store::{Collection, Entry, KeyRing, Kind, Record, SqliteStore, Store as _};
use tempfile::TempDir;

use super::*;

const HANDLES: Duration = Duration::from_hours(24);

#[derive(Serialize, Deserialize)]
struct Note(String);

impl Record for Note {
    const KIND: Kind = Kind::new("note");
    const SEALED: bool = true;
}

struct Desk {
    data: Data,
    clock: ManualClock,
    notes: Collection<Note>,
    rotation: Rotation,
    _directory: TempDir,
}

impl Desk {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(NumericDate(1_000_000));
        let ring = directory.path().join("keyring.json");
        let keys = Arc::new(KeyRing::open_or_create(&ring, &OsRandom, &clock).unwrap());
        let store = SqliteStore::in_memory(Arc::new(clock.clone())).await;
        let store = Arc::new(store.unwrap());
        let notes = Collection::new(store.clone(), Arc::clone(&keys));
        let data = Data { store, keys };
        notes.put("a", &Note("first".into())).await.unwrap();
        Self {
            rotation: Rotation::new(data.clone(), Arc::new(clock.clone()), HANDLES),
            data,
            clock,
            notes,
            _directory: directory,
        }
    }

    fn rotate(&self, delay: Duration) -> String {
        let keys = &self.data.keys;
        keys.rotate(&OsRandom, &self.clock, delay).unwrap()
    }

    fn kids(&self) -> Vec<String> {
        self.data
            .keys
            .keys()
            .into_iter()
            .map(|key| key.kid)
            .collect()
    }

    async fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.rotation.advance().await.unwrap();
    }

    async fn records_of(&self, kid: &str) -> u64 {
        self.data.store.sealed_by(kid).await.unwrap()
    }
}

#[tokio::test]
async fn a9_a_rotation_goes_its_way_by_itself() {
    let mut desk = Desk::new().await;
    let old = desk.kids().remove(0);
    let handles = desk.data.keys.mac_key("refresh-token");
    let (_, tag) = handles.tag(b"grant");
    let new = desk.rotate(Duration::from_mins(5));
    desk.advance(Duration::from_secs(299)).await;
    assert_eq!(desk.records_of(&old).await, 1, "its time has not come");
    desk.advance(Duration::from_secs(1)).await;
    assert_eq!(desk.records_of(&new).await, 1);
    desk.advance(HANDLES).await;
    assert!(handles.verify(&old, b"grant", &tag));
    desk.advance(LEEWAY).await;
    assert_eq!(desk.kids(), [new]);
    assert_eq!(desk.notes.get("a").await.unwrap().unwrap().0, "first");
}

#[tokio::test]
async fn a_key_that_somebody_still_needs_stays() {
    let mut desk = Desk::new().await;
    let old = desk.kids().remove(0);
    let sealed = desk.data.store.get(Note::KIND, "a").await.unwrap().unwrap();
    let new = desk.rotate(Duration::ZERO);
    desk.advance(HANDLES).await;
    // A record that was put in another place does not open.
    let moved = Entry::new("b", sealed.body.clone());
    desk.data.store.put(Note::KIND, "b", moved).await.unwrap();
    desk.advance(LEEWAY).await;
    assert_eq!(desk.kids(), [old.clone(), new.clone()]);
    desk.data.store.remove(Note::KIND, "b").await.unwrap();
    // What another process has sealed with the old key since then is moved as well.
    let late = Entry::new("a", sealed.body);
    desk.data.store.put(Note::KIND, "a", late).await.unwrap();
    desk.advance(Duration::from_mins(59)).await;
    assert_eq!(
        desk.kids(),
        [old, new.clone()],
        "it is not counted every minute"
    );
    desk.advance(Duration::from_mins(1)).await;
    assert_eq!(desk.kids(), [new]);
    assert_eq!(desk.notes.get("a").await.unwrap().unwrap().0, "first");
}

#[tokio::test]
async fn of_several_rotations_only_the_last_key_is_left() {
    let mut desk = Desk::new().await;
    desk.rotate(Duration::ZERO);
    desk.advance(Duration::from_mins(1)).await;
    // A key whose time has not come is overtaken by one that was made after it.
    desk.rotate(Duration::from_hours(48));
    let last = desk.rotate(Duration::ZERO);
    desk.advance(Duration::ZERO).await;
    assert_eq!(desk.records_of(&last).await, 1);
    desk.advance(HANDLES + LEEWAY).await;
    assert_eq!(desk.kids(), [last]);
}
