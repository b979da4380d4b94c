//! Stories of the vault: who finds which credential, and what a thief of the store reads.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::sync::Arc;
use std::time::Duration;

use delegation::{Credential, Vault};
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::{Clock, ManualClock, NumericDate};
use store::{KeyRing, Kind, ListBy, Page, SharedStore, SqliteStore, StoreError};

const NOW: NumericDate = NumericDate(1_000_000);

struct House {
    store: SharedStore,
    clock: ManualClock,
    vault: Vault,
}

impl House {
    async fn start() -> Self {
        let clock = ManualClock::at(NOW);
        let store: SharedStore = Arc::new(
            SqliteStore::in_memory(Arc::new(clock.clone()))
                .await
                .unwrap(),
        );
        let keys = Arc::new(KeyRing::ephemeral(&OsRandom));
        Self {
            vault: Vault::new(Arc::clone(&store), keys),
            store,
            clock,
        }
    }

    async fn access_token(&self, subject: &str, provider: &str) -> Option<String> {
        let credential = self.vault.get(subject, provider).await.unwrap();
        credential.map(|credential| credential.access_token.expose().to_owned())
    }
}

fn credential(access_token: &str) -> Credential {
    Credential {
        access_token: Secret::from(access_token),
        refresh_token: Some(Secret::from("canary-refresh")),
        expires_at: Some(NOW.plus(Duration::from_hours(1))),
        refresh_expires_at: None,
        scope: Some("profile email".into()),
    }
}

#[tokio::test]
async fn a_credential_belongs_to_one_person_and_one_provider() {
    let House { vault, .. } = &House::start().await;
    vault
        .put("alice", "naver", &credential("first"))
        .await
        .unwrap();
    vault
        .put("alice", "naver", &credential("second"))
        .await
        .unwrap();
    vault
        .put("alice", "github", &credential("third"))
        .await
        .unwrap();
    vault
        .put("bob", "naver", &credential("fourth"))
        .await
        .unwrap();
    let found = vault.get("alice", "naver").await.unwrap().unwrap();
    assert_eq!(found.access_token.expose(), "second");
    assert_eq!(found.refresh_token.unwrap().expose(), "canary-refresh");
    assert_eq!(found.expires_at, Some(NumericDate(1_003_600)));
    assert_eq!(found.scope.as_deref(), Some("profile email"));
    let connections = vault.list("alice").await.unwrap();
    let providers: Vec<_> = connections
        .iter()
        .map(|connection| connection.provider.as_str())
        .collect();
    assert_eq!(providers, ["github", "naver"]);
    assert!(vault.list("carol").await.unwrap().is_empty());
}

#[tokio::test]
async fn names_that_look_alike_when_put_together_stay_apart() {
    let house = House::start().await;
    let vault = &house.vault;
    vault.put("ab", "c", &credential("one")).await.unwrap();
    vault.put("a", "bc", &credential("two")).await.unwrap();
    assert_eq!(house.access_token("ab", "c").await.unwrap(), "one");
    assert_eq!(house.access_token("a", "bc").await.unwrap(), "two");
}

#[tokio::test]
async fn of_all_who_disconnect_at_once_one_gets_the_credential_to_revoke() {
    let House { vault, .. } = House::start().await;
    vault
        .put("alice", "naver", &credential("once"))
        .await
        .unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let vault = vault.clone();
        callers.spawn(async move { vault.remove("alice", "naver").await.unwrap() });
    }
    let winners: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(winners[0].access_token.expose(), "once");
    assert!(vault.get("alice", "naver").await.unwrap().is_none());
}

#[tokio::test]
async fn a_credential_that_is_of_no_use_is_absent() {
    let house = House::start().await;
    let lasting = credential("renewable");
    let short = Credential {
        refresh_token: None,
        ..credential("short")
    };
    house.vault.put("alice", "naver", &lasting).await.unwrap();
    house.vault.put("alice", "github", &short).await.unwrap();
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(house.clock.now(), short.expires_at.unwrap());
    assert_eq!(house.access_token("alice", "github").await, None);
    assert_eq!(
        house.access_token("alice", "naver").await.unwrap(),
        "renewable"
    );
}

#[tokio::test]
async fn a11_a_thief_of_the_store_reads_no_credential() {
    let house = House::start().await;
    let stolen = credential("canary-access");
    house.vault.put("alice", "naver", &stolen).await.unwrap();
    let kind = Kind::new("credential");
    let entries = house
        .store
        .list(kind, ListBy::All, Page::default())
        .await
        .unwrap();
    let body = String::from_utf8_lossy(&entries[0].body);
    for part in ["canary", "naver", "profile"] {
        assert!(!body.contains(part), "{body}");
    }
    assert_eq!(entries[0].owner.as_deref(), Some("alice"));
    let connections = format!("{:?}", house.vault.list("alice").await.unwrap());
    assert!(!connections.contains("canary"), "{connections}");
}

#[tokio::test]
async fn a_credential_cannot_be_moved_to_another_person() {
    let house = House::start().await;
    house
        .vault
        .put("alice", "naver", &credential("of alice"))
        .await
        .unwrap();
    house
        .vault
        .put("mallory", "naver", &credential("of mallory"))
        .await
        .unwrap();
    let kind = Kind::new("credential");
    let entries = house
        .store
        .list(kind, ListBy::All, Page::default())
        .await
        .unwrap();
    let [of_mallory, of_alice] = entries.try_into().unwrap();
    let moved = store::Entry {
        body: of_alice.body,
        ..of_mallory
    };
    let key = moved.key.clone();
    house.store.put(kind, &key, moved).await.unwrap();
    let error = house.vault.get("mallory", "naver").await.unwrap_err();
    assert!(matches!(error, StoreError::Seal { .. }), "{error:?}");
}
