//! Tests of people: unique names, passwords, roles, and guessing.

use oauth::random::OsRandom;
use oauth::time::ManualClock;
use store::SqliteStore;

use super::sign_in::{PER_ADDRESS, PER_USERNAME_AND_ADDRESS, WINDOW};
use super::*;
use crate::address::ClientAddress;
use crate::identity_provider::Identity;

const PASSWORD: &str = "correct horse";
const HOME: ClientAddress = ClientAddress(Some(std::net::IpAddr::V4(std::net::Ipv4Addr::new(
    192, 0, 2, 1,
))));

pub(super) async fn house() -> (Users, ManualClock) {
    let clock = ManualClock::at(NumericDate(1_000_000));
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let store: SharedStore = Arc::new(SqliteStore::in_memory(Arc::clone(&shared)).await.unwrap());
    let keys = Arc::new(KeyRing::ephemeral(&OsRandom));
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    (Users::new(&store, &keys, &shared, &random), clock)
}

pub(super) fn person(username: &str) -> NewUser {
    NewUser {
        username: username.to_owned(),
        password: Some(Secret::from(PASSWORD)),
        name: None,
        email: None,
        email_verified: false,
        roles: Vec::new(),
    }
}

/// Somebody at a provider who is known by nothing but an identifier.
pub(super) fn identity(subject: &str) -> Identity {
    Identity {
        subject: subject.to_owned(),
        username: None,
        name: None,
        email: None,
        email_verified: false,
    }
}

async fn sign_in(users: &Users, username: &str, password: &str) -> Option<String> {
    let password = Secret::from(password);
    let user = users.authenticate(username, &password, HOME).await.unwrap();
    user.map(|user| user.subject)
}

#[tokio::test]
async fn a_username_is_one_persons_in_every_case() {
    let (users, _) = house().await;
    let alice = users.create(person("Alice")).await.unwrap();
    let second = users.create(person("aLICE")).await;
    assert!(matches!(second, Err(UserError::UsernameTaken(name)) if name == "aLICE"));
    let found = users.find_by_username("ALICE").await.unwrap().unwrap();
    assert_eq!(found.subject, alice.subject);
    assert_eq!(found.username, "Alice");
}

#[tokio::test]
async fn of_two_people_who_want_a_name_at_once_one_gets_it() {
    let (users, _) = house().await;
    let (one, two) = tokio::join!(users.create(person("kim")), users.create(person("Kim")));
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
    assert_eq!(
        users
            .people
            .list(store::ListBy::All, store::Page::default())
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn malformed_names_and_short_passwords_are_refused() {
    let (users, _) = house().await;
    for bad in ["", "a b", "할일", "a\u{200b}b", &"x".repeat(65)] {
        let result = users.create(person(bad)).await;
        assert!(matches!(result, Err(UserError::UsernameMalformed)), "{bad}");
    }
    let short = NewUser {
        password: Some(Secret::from("seven77")),
        ..person("kim")
    };
    assert!(matches!(
        users.create(short).await,
        Err(UserError::PasswordLength)
    ));
}

#[tokio::test]
async fn only_the_right_password_of_the_right_person_signs_in() {
    let (users, _) = house().await;
    let alice = users.create(person("alice")).await.unwrap();
    assert_eq!(
        sign_in(&users, " Alice ", PASSWORD).await,
        Some(alice.subject)
    );
    assert_eq!(sign_in(&users, "alice", "wrong horse").await, None);
    assert_eq!(sign_in(&users, "bob", PASSWORD).await, None);
    assert_eq!(sign_in(&users, "할일", PASSWORD).await, None);
}

#[tokio::test]
async fn who_has_no_password_signs_in_with_none() {
    let (users, _) = house().await;
    let without = NewUser {
        password: None,
        ..person("kim")
    };
    let kim = users.create(without).await.unwrap();
    assert!(!kim.has_password());
    for guess in ["", PASSWORD] {
        assert_eq!(sign_in(&users, "kim", guess).await, None);
    }
    let password = Secret::from("battery staple");
    users.set_password(&kim.subject, password).await.unwrap();
    assert!(sign_in(&users, "kim", "battery staple").await.is_some());
}

#[tokio::test]
async fn guessing_stops_even_with_the_right_password_until_the_window_ends() {
    let (users, clock) = house().await;
    users.create(person("alice")).await.unwrap();
    for _ in 0..PER_USERNAME_AND_ADDRESS {
        assert_eq!(sign_in(&users, "alice", "wrong horse").await, None);
    }
    let guess = Secret::from(PASSWORD);
    let late = users.authenticate("ALICE", &guess, HOME).await;
    assert!(matches!(
        late,
        Err(AuthenticateError::TooManyAttempts { .. })
    ));
    // Somebody else's guessing does not lock her out at home.
    let elsewhere = ClientAddress(Some("198.51.100.7".parse().unwrap()));
    assert!(
        users
            .authenticate("alice", &guess, elsewhere)
            .await
            .unwrap()
            .is_some()
    );

    clock.advance(WINDOW);
    assert!(sign_in(&users, "alice", PASSWORD).await.is_some());
}

#[tokio::test]
async fn who_knows_the_password_may_use_it_often() {
    let (users, _) = house().await;
    users.create(person("alice")).await.unwrap();
    for _ in 0..=PER_USERNAME_AND_ADDRESS {
        assert!(sign_in(&users, "alice", PASSWORD).await.is_some());
    }
}

#[tokio::test]
async fn one_address_cannot_try_many_names() {
    let (users, _) = house().await;
    for _ in 0..PER_ADDRESS {
        users
            .store
            .count(User::KIND, "sign-in::192.0.2.1", WINDOW)
            .await
            .unwrap();
    }
    let result = users
        .authenticate("bob", &Secret::from(PASSWORD), HOME)
        .await;
    assert!(matches!(
        result,
        Err(AuthenticateError::TooManyAttempts { .. })
    ));
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one() {
    let (users, _) = house().await;
    let alice = users.create(person("alice")).await.unwrap();
    users
        .set_password(&alice.subject, Secret::from("battery staple"))
        .await
        .unwrap();
    assert_eq!(sign_in(&users, "alice", PASSWORD).await, None);
    assert!(sign_in(&users, "alice", "battery staple").await.is_some());
    let changed = users.find(&alice.subject).await.unwrap().unwrap();
    assert_ne!(changed.password_generation(), alice.password_generation());
    let nobody = users.set_password("nobody", Secret::from(PASSWORD)).await;
    assert!(matches!(nobody, Err(UserError::Unknown(_))));
}

#[tokio::test]
async fn a_password_that_is_replaced_while_it_is_looked_at_signs_nobody_in() {
    let (users, _) = house().await;
    let alice = users.create(person("alice")).await.unwrap();
    let new = PasswordHash::new(&Secret::from("battery staple"), &[1; 16]);
    let cores = u32::try_from(users.cores.available_permits()).unwrap();
    let busy = users.cores.acquire_many(cores).await.unwrap();
    let replacing = async {
        // Until the attempt is counted, which comes after the record was read.
        let counted = format!("sign-in::{}", HOME.rate_key());
        for own in 1.. {
            let all = users.store.count(User::KIND, &counted, WINDOW).await;
            if all.unwrap() > own {
                break;
            }
            tokio::task::yield_now().await;
        }
        let edit = |user: &mut User| {
            user.password = Some(new.clone());
            Ok::<_, StoreError>(())
        };
        users.change(&alice.subject, edit).await.unwrap();
        drop(busy);
    };
    let (signed_in, ()) = tokio::join!(sign_in(&users, "alice", PASSWORD), replacing);
    assert_eq!(signed_in, None);
    let signed_in = sign_in(&users, "alice", "battery staple").await;
    assert_eq!(signed_in, Some(alice.subject));
}
