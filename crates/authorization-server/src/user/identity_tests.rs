//! Tests of identities: who arrives as whom, and how nobody arrives as somebody else.

use super::tests::{house, identity, person};
use super::*;
use crate::identity_provider::Identity;

const NAVER: Admission<'_> = Admission {
    provider: "naver",
    sign_up: true,
    link_by_verified_email: false,
};
const CLOSED: Admission<'_> = Admission {
    sign_up: false,
    ..NAVER
};
const BY_EMAIL: Admission<'_> = Admission {
    link_by_verified_email: true,
    ..CLOSED
};
const ANY_WAY: WaysIn<'_> = WaysIn {
    password: true,
    providers: &["naver", "kakao"],
};

/// An identity with an address that the provider has verified, or has not.
fn with_email(subject: &str, email: &str, email_verified: bool) -> Identity {
    Identity {
        email: Some(email.to_owned()),
        email_verified,
        ..identity(subject)
    }
}

async fn known(users: &Users, username: &str, email: &str, email_verified: bool) -> User {
    let new = NewUser {
        email: Some(email.to_owned()),
        email_verified,
        ..person(username)
    };
    users.create(new).await.unwrap()
}

#[tokio::test]
async fn who_comes_back_is_who_came_and_is_called_after_the_provider() {
    let (users, _) = house().await;
    let kim = Identity {
        username: Some("Admin".to_owned()),
        ..identity("1")
    };
    let arrived = users.arrive(NAVER, &kim).await.unwrap();
    assert_eq!(arrived.username, "admin@naver");
    assert!(!arrived.has_password() && arrived.roles.is_empty());
    let renamed = Identity {
        username: Some("root".to_owned()),
        ..kim.clone()
    };
    let again = users.arrive(CLOSED, &renamed).await.unwrap();
    assert_eq!(
        (again.subject, again.username),
        (arrived.subject.clone(), arrived.username)
    );

    // The same identifier elsewhere is somebody else, and so is another one of the same name.
    let elsewhere = Admission {
        provider: "kakao",
        ..NAVER
    };
    assert_ne!(
        users.arrive(elsewhere, &kim).await.unwrap().subject,
        arrived.subject
    );
    let namesake = Identity {
        subject: "2".to_owned(),
        ..kim
    };
    let namesake = users.arrive(NAVER, &namesake).await.unwrap();
    assert_ne!(namesake.subject, arrived.subject);
    assert!(namesake.username.starts_with("admin-") && namesake.username.ends_with("@naver"));
}

#[tokio::test]
async fn two_first_visits_at_once_make_one_person() {
    let (users, _) = house().await;
    let kim = identity("1");
    let (one, two) = tokio::join!(users.arrive(NAVER, &kim), users.arrive(NAVER, &kim));
    assert_eq!(one.unwrap().subject, two.unwrap().subject);
    let people = users
        .people
        .list(store::ListBy::All, store::Page::default());
    assert_eq!(people.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_first_visit_that_was_cut_off_is_finished_by_the_next_one() {
    let (users, _) = house().await;
    let named = Identity {
        username: Some("kim".to_owned()),
        ..identity("1")
    };
    let kim = users.arrive(NAVER, &named).await.unwrap();
    // As after a crash: the identity and the username are there, the person is not.
    users.people.remove(&kim.subject).await.unwrap();
    let again = users.arrive(NAVER, &named).await.unwrap();
    assert_eq!((again.subject, again.username), (kim.subject, kim.username));
}

#[tokio::test]
async fn where_sign_up_is_closed_strangers_stay_out() {
    let (users, _) = house().await;
    let refused = users.arrive(CLOSED, &identity("1")).await;
    assert!(matches!(refused, Err(IdentityError::Unknown)));
    let alice = users.create(person("alice")).await.unwrap();
    users
        .connect(&alice.subject, "naver", &identity("1"))
        .await
        .unwrap();
    let arrived = users.arrive(CLOSED, &identity("1")).await.unwrap();
    assert_eq!(arrived.subject, alice.subject);
}

#[tokio::test]
async fn an_address_makes_nobody_somebody_else_unless_the_operator_says_so() {
    let (users, _) = house().await;
    let alice = known(&users, "alice", "alice@corp.example", true).await;
    let arrived = users
        .arrive(NAVER, &with_email("1", "alice@corp.example", true))
        .await
        .unwrap();
    assert_ne!(arrived.subject, alice.subject);
}

#[tokio::test]
async fn an_address_counts_only_when_both_sides_have_verified_it() {
    let (users, _) = house().await;
    let alice = known(&users, "alice", "alice@corp.example", true).await;
    known(&users, "bob", "bob@corp.example", false).await;
    for (email, verified) in [
        ("alice@corp.example", false),
        ("bob@corp.example", true),
        ("carol@corp.example", true),
    ] {
        let stranger = users
            .arrive(BY_EMAIL, &with_email("1", email, verified))
            .await;
        assert!(matches!(stranger, Err(IdentityError::Unknown)), "{email}");
    }
    let hers = with_email("1", "Alice@Corp.example", true);
    let arrived = users.arrive(BY_EMAIL, &hers).await.unwrap();
    assert_eq!(arrived.subject, alice.subject);
    // From now on the identifier counts, whatever becomes of the address.
    let later = users.arrive(CLOSED, &identity("1")).await.unwrap();
    assert_eq!(later.subject, alice.subject);
}

#[tokio::test]
async fn who_was_given_a_used_address_does_not_become_its_former_owner() {
    let (users, _) = house().await;
    let alice = known(&users, "alice", "desk@corp.example", true).await;
    let address = |subject| with_email(subject, "desk@corp.example", true);
    users.arrive(BY_EMAIL, &address("1")).await.unwrap();
    let successor = users.arrive(BY_EMAIL, &address("2")).await;
    assert!(matches!(successor, Err(IdentityError::Unknown)));
    let open = Admission {
        sign_up: true,
        ..BY_EMAIL
    };
    let successor = users.arrive(open, &address("2")).await.unwrap();
    assert_ne!(successor.subject, alice.subject);

    // Two people have the address now, so nobody from elsewhere is taken for either.
    let elsewhere = Admission {
        provider: "kakao",
        ..BY_EMAIL
    };
    let third = users.arrive(elsewhere, &address("3")).await;
    assert!(matches!(third, Err(IdentityError::Unknown)));
}

#[tokio::test]
async fn the_profile_follows_the_provider_that_it_came_from_and_no_other() {
    let (users, _) = house().await;
    let first = with_email("1", "kim@old.example", true);
    let kim = users.arrive(NAVER, &first).await.unwrap();
    let moved = Identity {
        name: Some("Kim Dan".to_owned()),
        ..with_email("1", "kim@new.example", false)
    };
    users.arrive(NAVER, &moved).await.unwrap();
    let kim = users.find(&kim.subject).await.unwrap().unwrap();
    assert_eq!(kim.name.as_deref(), Some("Kim Dan"));
    assert_eq!(kim.email.as_deref(), Some("kim@new.example"));
    assert!(
        !kim.email_verified,
        "that the old address was verified says nothing of the new one"
    );
    users.arrive(NAVER, &identity("1")).await.unwrap();
    let silent = users.find(&kim.subject).await.unwrap().unwrap();
    assert_eq!(
        silent.email, kim.email,
        "what the provider leaves out stays"
    );

    let alice = known(&users, "alice", "alice@corp.example", true).await;
    let theirs = with_email("2", "mallory@evil.example", true);
    users
        .connect(&alice.subject, "naver", &theirs)
        .await
        .unwrap();
    let arrived = users.arrive(NAVER, &theirs).await.unwrap();
    assert_eq!(arrived.subject, alice.subject);
    assert_eq!(arrived.email.as_deref(), Some("alice@corp.example"));
}

#[tokio::test]
async fn an_identity_is_one_persons_and_a_person_has_one_per_provider() {
    let (users, _) = house().await;
    let kim = users.arrive(NAVER, &identity("1")).await.unwrap();
    let alice = users.create(person("alice")).await.unwrap();
    let taken = users.connect(&alice.subject, "naver", &identity("1")).await;
    assert!(matches!(taken, Err(IdentityError::Taken)));
    users
        .connect(&alice.subject, "naver", &identity("2"))
        .await
        .unwrap();
    users
        .connect(&alice.subject, "naver", &identity("2"))
        .await
        .unwrap();
    let second = users.connect(&alice.subject, "naver", &identity("3")).await;
    assert!(matches!(second, Err(IdentityError::AlreadyConnected(_))));
    let arrived = users.arrive(NAVER, &identity("1")).await.unwrap();
    assert_eq!(arrived.subject, kim.subject);
}

#[tokio::test]
async fn of_two_people_who_connect_an_identity_at_once_one_gets_it() {
    let (users, _) = house().await;
    let alice = users.create(person("alice")).await.unwrap();
    let bob = users.create(person("bob")).await.unwrap();
    let kim = identity("1");
    let (one, two) = tokio::join!(
        users.connect(&alice.subject, "naver", &kim),
        users.connect(&bob.subject, "naver", &kim),
    );
    let (winner, loser) = if one.is_ok() {
        (&alice, &bob)
    } else {
        (&bob, &alice)
    };
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
    let arrived = users.arrive(CLOSED, &kim).await.unwrap();
    assert_eq!(arrived.subject, winner.subject);
    let loser = users.find(&loser.subject).await.unwrap().unwrap();
    assert!(users.identities(&loser).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_last_way_in_stays_open() {
    let (users, _) = house().await;
    let kim = users.arrive(NAVER, &identity("1")).await.unwrap();
    let last = users.disconnect(&kim.subject, "naver", ANY_WAY).await;
    assert!(matches!(last, Err(IdentityError::LastWayIn)));
    let none = users.disconnect(&kim.subject, "kakao", ANY_WAY).await;
    assert!(matches!(none, Err(IdentityError::NotConnected(_))));

    users
        .connect(&kim.subject, "kakao", &identity("9"))
        .await
        .unwrap();
    let only_naver = WaysIn {
        providers: &["naver"],
        ..ANY_WAY
    };
    let gone = users.disconnect(&kim.subject, "naver", only_naver).await;
    assert!(
        matches!(gone, Err(IdentityError::LastWayIn)),
        "kakao is not in the settings"
    );
    let both = tokio::join!(
        users.disconnect(&kim.subject, "naver", ANY_WAY),
        users.disconnect(&kim.subject, "kakao", ANY_WAY),
    );
    assert_eq!(u8::from(both.0.is_ok()) + u8::from(both.1.is_ok()), 1);

    let password = Secret::from("correct horse");
    users.set_password(&kim.subject, password).await.unwrap();
    let providers_only = WaysIn {
        password: false,
        ..ANY_WAY
    };
    let kim = users.find(&kim.subject).await.unwrap().unwrap();
    let left = users.identities(&kim).await.unwrap().remove(0).provider;
    let refused = users.disconnect(&kim.subject, &left, providers_only).await;
    assert!(
        matches!(refused, Err(IdentityError::LastWayIn)),
        "passwords are switched off"
    );
    users
        .disconnect(&kim.subject, &left, ANY_WAY)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_disconnected_identity_is_a_stranger_again() {
    let (users, _) = house().await;
    let alice = users.create(person("alice")).await.unwrap();
    users
        .connect(&alice.subject, "naver", &identity("1"))
        .await
        .unwrap();
    users
        .disconnect(&alice.subject, "naver", ANY_WAY)
        .await
        .unwrap();
    assert!(matches!(
        users.arrive(CLOSED, &identity("1")).await,
        Err(IdentityError::Unknown)
    ));
    let arrived = users.arrive(NAVER, &identity("1")).await.unwrap();
    assert_ne!(arrived.subject, alice.subject);
}

#[tokio::test]
async fn an_identity_that_only_one_side_knows_signs_nobody_in() {
    let (users, _) = house().await;
    let alice = users.create(person("alice")).await.unwrap();
    users
        .connect(&alice.subject, "naver", &identity("1"))
        .await
        .unwrap();
    // As after a crash in the middle of disconnecting: the person has let go of it already.
    let listed = users.people.get(&alice.subject).await.unwrap().unwrap();
    let mut without = listed.record.clone();
    without.identities.clear();
    assert!(users.people.replace(&listed, &without).await.unwrap());
    let arrived = users.arrive(NAVER, &identity("1")).await.unwrap();
    assert_ne!(arrived.subject, alice.subject);
}
