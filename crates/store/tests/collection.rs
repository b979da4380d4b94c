//! Collections: records that are typed, sealed and bound to their place.

use std::sync::Arc;

use oauth::random::OsRandom;
use oauth::time::{ManualClock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{
    Collection, Entry, KeyRing, Kind, ListBy, Page, Record, SealError, SharedStore, SqliteStore,
    StoreError,
};

const NOW: NumericDate = NumericDate(1_000_000);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Credential {
    subject: String,
    token: String,
    expires_at: Option<NumericDate>,
}

impl Record for Credential {
    const KIND: Kind = Kind::new("credential");
    const SEALED: bool = true;

    fn owner(&self) -> Option<&str> {
        Some(&self.subject)
    }

    fn expires_at(&self) -> Option<NumericDate> {
        self.expires_at
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Client {
    name: String,
}

impl Record for Client {
    const KIND: Kind = Kind::new("client");
}

struct House {
    store: SharedStore,
    keys: Arc<KeyRing>,
}

impl House {
    async fn start() -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let store = SqliteStore::in_memory(clock)
            .await
            .expect("memory is always there");
        Self {
            store: Arc::new(store),
            keys: Arc::new(KeyRing::ephemeral(&OsRandom)),
        }
    }

    fn collection<R: Record>(&self) -> Collection<R> {
        Collection::new(Arc::clone(&self.store), Arc::clone(&self.keys))
    }
}

fn credential(token: &str) -> Credential {
    Credential {
        subject: "alice".into(),
        token: token.into(),
        expires_at: None,
    }
}

#[tokio::test]
async fn each_verb_passes_through() {
    let clients = House::start().await.collection::<Client>();
    let named = |name: &str| Client { name: name.into() };
    assert!(clients.insert("a", &named("one")).await.unwrap());
    assert!(!clients.insert("a", &named("two")).await.unwrap());
    let current = clients.get("a").await.unwrap().unwrap();
    assert_eq!((current.name.as_str(), current.key.as_str()), ("one", "a"));
    assert!(clients.replace(&current, &named("three")).await.unwrap());
    assert!(!clients.replace(&current, &named("four")).await.unwrap());
    clients.put("b", &named("five")).await.unwrap();
    let page = Page {
        limit: 1,
        before: None,
    };
    let first = clients.list(ListBy::All, page.clone()).await.unwrap();
    assert_eq!(first[0].record, named("five"));
    let rest = Page {
        before: Some(first[0].cursor()),
        ..page
    };
    assert_eq!(
        clients.list(ListBy::All, rest).await.unwrap()[0].record,
        named("three")
    );
    clients.remove("b").await.unwrap();
    assert!(clients.get("b").await.unwrap().is_none());
    assert_eq!(clients.take("a").await.unwrap(), Some(named("three")));
    assert_eq!(clients.take("a").await.unwrap(), None);
}

#[tokio::test]
async fn owner_and_expiry_come_from_the_record() {
    let credentials = House::start().await.collection::<Credential>();
    credentials.put("a", &credential("x")).await.unwrap();
    let expired = Credential {
        expires_at: Some(NOW),
        ..credential("x")
    };
    credentials.put("b", &expired).await.unwrap();
    let of_alice = credentials
        .list(ListBy::Owner("alice"), Page::default())
        .await
        .unwrap();
    assert_eq!(
        of_alice
            .iter()
            .map(|found| found.key.as_str())
            .collect::<Vec<_>>(),
        ["a"]
    );
    assert!(
        credentials
            .list(ListBy::Owner("bob"), Page::default())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_list_of_any_length_is_read_to_its_end() {
    let clients = House::start().await.collection::<Client>();
    assert!(clients.all(ListBy::All).await.unwrap().is_empty());
    // One page, two whole ones, and two with something behind them.
    for (from, to) in [(0, 100), (100, 200), (200, 201)] {
        for number in from..to {
            let name = number.to_string();
            let client = Client { name: name.clone() };
            clients.put(&name, &client).await.unwrap();
        }
        let all = clients.all(ListBy::All).await.unwrap();
        let newest_first = (0..to).rev().map(|number| number.to_string());
        assert!(
            all.iter()
                .map(|client| client.name.clone())
                .eq(newest_first)
        );
    }
}

#[tokio::test]
async fn a11_a_sealed_record_is_unreadable_in_the_store() {
    let house = House::start().await;
    house
        .collection()
        .put("a", &credential("canary"))
        .await
        .unwrap();
    house
        .collection()
        .put(
            "c",
            &Client {
                name: "plain".into(),
            },
        )
        .await
        .unwrap();
    let sealed = house
        .store
        .get(Credential::KIND, "a")
        .await
        .unwrap()
        .unwrap()
        .body;
    assert!(sealed.starts_with(b"v3."));
    assert!(!sealed.windows(6).any(|part| part == b"canary"));
    let plain = house
        .store
        .get(Client::KIND, "c")
        .await
        .unwrap()
        .unwrap()
        .body;
    assert_eq!(plain, br#"{"name":"plain"}"#);
}

#[tokio::test]
async fn a_sealed_record_cannot_be_moved_to_another_key() {
    let house = House::start().await;
    let credentials = house.collection::<Credential>();
    credentials
        .put("alice", &credential("of alice"))
        .await
        .unwrap();
    let stolen = house
        .store
        .get(Credential::KIND, "alice")
        .await
        .unwrap()
        .unwrap();
    house
        .store
        .put(Credential::KIND, "mallory", stolen)
        .await
        .unwrap();
    let error = credentials.get("mallory").await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Seal { key, source: SealError::Forged, .. } if key == "mallory"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a11_a_corrupt_record_is_named_but_not_quoted() {
    let house = House::start().await;
    let body = r#"{"name":["canary"]}"#;
    house
        .store
        .put(Client::KIND, "a", Entry::new("a", body))
        .await
        .unwrap();
    let error = house.collection::<Client>().get("a").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the record client/a cannot be read: Data error at column 8"
    );
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn a_sealed_record_cannot_change_its_owner_or_live_longer() {
    let house = House::start().await;
    let credentials = house.collection::<Credential>();
    let short = Credential {
        expires_at: Some(NumericDate(NOW.0 + 60)),
        ..credential("of alice")
    };
    credentials.put("a", &short).await.unwrap();
    let entry = house
        .store
        .get(Credential::KIND, "a")
        .await
        .unwrap()
        .unwrap();
    let changes = [
        Entry {
            owner: Some("mallory".into()),
            ..entry.clone()
        },
        Entry {
            owner: None,
            ..entry.clone()
        },
        Entry {
            expires_at: Some(NumericDate(NOW.0 + 600)),
            ..entry.clone()
        },
        Entry {
            expires_at: None,
            ..entry.clone()
        },
    ];
    for changed in changes {
        house
            .store
            .put(Credential::KIND, "a", changed)
            .await
            .unwrap();
        let error = credentials.get("a").await.unwrap_err();
        assert!(matches!(error, StoreError::Seal { .. }), "{error:?}");
    }
    house.store.put(Credential::KIND, "a", entry).await.unwrap();
    assert_eq!(credentials.get("a").await.unwrap().unwrap().record, short);
}

#[tokio::test]
async fn a_collection_prints_no_more_than_its_kind() {
    let credentials = House::start().await.collection::<Credential>();
    assert_eq!(
        format!("{credentials:?}"),
        "Collection { kind: \"credential\", .. }"
    );
}
