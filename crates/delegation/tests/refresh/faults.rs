//! What callers see when a provider fails.

use std::time::Duration;

use delegation::{Credential, ValidTokenError};

use crate::house::House;
use crate::provider::{LIFETIME, Step, TOO_LONG};

/// The moment inside the buffer when a token is due, but still good.
const DUE: Duration = Duration::from_mins(56);

async fn retry_after(house: &House) -> u64 {
    match house.token().await.unwrap_err() {
        ValidTokenError::Unavailable { retry_after, .. } => retry_after.as_secs(),
        error => panic!("an outage signs nobody out: {error:?}"),
    }
}

#[tokio::test]
async fn b1_an_outage_serves_the_token_that_is_still_good_and_leaves_the_provider_alone() {
    for fault in [Step::Outage, Step::Garbage] {
        let house = House::start().await;
        house.connect().await;
        house.provider.expect([fault]);
        house.clock.advance(DUE);
        for tokens in [&house.tokens[0], &house.tokens[1], &house.tokens[0]] {
            let token = tokens.valid_token("alice", "naver").await.unwrap();
            assert_eq!(token.expose(), "canary-access-1");
        }
        assert_eq!(house.provider.times_asked(), 0, "the one request failed");
        house.clock.advance(Duration::from_secs(30));
        assert_eq!(house.token().await.unwrap(), "canary-access-2");
    }
}

#[tokio::test]
async fn b1_an_outage_beyond_the_end_of_the_token_says_when_to_come_again() {
    let house = House::start().await;
    house.connect().await;
    house.provider.expect([Step::Outage]);
    house.clock.advance(LIFETIME);
    assert_eq!(retry_after(&house).await, 20);
    house.clock.advance(Duration::from_secs(12));
    assert_eq!(retry_after(&house).await, 8, "as the other process says");
    house.clock.advance(Duration::from_secs(8));
    assert_eq!(house.token().await.unwrap(), "canary-access-2");
    house.provider.expect([Step::Garbage]);
    house.clock.advance(LIFETIME);
    assert_eq!(retry_after(&house).await, 30);
}

#[tokio::test]
async fn b1_a_refused_token_is_not_served_during_an_outage() {
    let house = House::start().await;
    let refused = house.connect().await.access_token;
    house.provider.expect([Step::Outage]);
    let next = house.tokens[0].valid_token_instead_of(&refused, "alice", "naver");
    let error = next.await.unwrap_err();
    assert!(
        matches!(error, ValidTokenError::Unavailable { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn who_has_withdrawn_at_the_provider_is_asked_to_connect_and_nobody_tries_again() {
    let house = House::start().await;
    house.connect().await;
    house.provider.withdraw();
    house.clock.advance(DUE);
    for tokens in [&house.tokens[0], &house.tokens[1]] {
        let error = tokens.valid_token("alice", "naver").await.unwrap_err();
        assert!(
            matches!(error, ValidTokenError::ConnectAgain { .. }),
            "{error:?}"
        );
    }
    assert_eq!(house.provider.times_asked(), 1);
    assert!(house.vault.get("alice", "naver").await.unwrap().is_none());
    let connections = house.vault.list("alice").await.unwrap();
    assert!(connections[0].has_ended, "the person sees what has ended");
    house.connect().await;
    assert_eq!(house.token().await.unwrap(), "canary-access-2");
    assert!(!house.vault.list("alice").await.unwrap()[0].has_ended);
}

#[tokio::test]
async fn b4_what_an_answer_leaves_out_stays_as_it_was() {
    let house = House::start().await;
    let first = Credential {
        scope: Some("calendar".into()),
        ..house.provider.sign_in()
    };
    house.keep(&first).await;
    house.clock.advance(LIFETIME);
    house.token().await.unwrap();
    let stored = house.vault.get("alice", "naver").await.unwrap().unwrap();
    assert_eq!(stored.scope.as_deref(), Some("calendar"));
    assert_eq!(stored.refresh_token.unwrap().expose(), "canary-refresh-2");
}

#[tokio::test]
async fn who_dies_while_renewing_is_replaced_when_the_lease_ends() {
    let house = House::start().await;
    house.connect().await;
    house.provider.expect([Step::DieBefore]);
    house.clock.advance(LIFETIME);
    let (dead, other) = tokio::join!(house.token(), house.tokens[1].valid_token("alice", "naver"));
    assert_eq!(other.unwrap().expose(), "canary-access-2");
    assert!(matches!(
        dead.unwrap_err(),
        ValidTokenError::Unavailable { .. }
    ));
    assert_eq!(house.token().await.unwrap(), "canary-access-2");
    assert_eq!(house.provider.times_asked(), 1);
}

#[tokio::test]
async fn who_was_too_slow_wins_against_the_marker_that_the_next_one_set() {
    let house = House::start().await;
    house.connect().await;
    // The first holder gets the successor, but sleeps beyond its lease; the second presents the same
    // refresh token, is told that it is good for nothing, and marks the credential.
    house.provider.expect([Step::Held]);
    house.clock.advance(LIFETIME);
    let marked = async {
        while house.provider.times_asked() == 0 {
            tokio::task::yield_now().await;
        }
        house.clock.advance(TOO_LONG);
        let error = house.tokens[1].valid_token("alice", "naver").await;
        let marked = house.vault.list("alice").await.unwrap()[0].has_ended;
        house.provider.let_go();
        (error.unwrap_err(), marked)
    };
    let (slow, (error, marked)) = tokio::join!(house.token(), marked);
    assert!(error.needs_person() && marked, "{error:?}");
    assert_eq!(slow.unwrap(), "canary-access-2");
    assert!(!house.vault.list("alice").await.unwrap()[0].has_ended);
    assert_eq!(house.token().await.unwrap(), "canary-access-2");
}
