//! Many callers at the moment of expiry: one of them asks the provider, and all get the answer.

use std::collections::BTreeSet;
use std::time::Duration;

use delegation::ValidTokenError;
use oauth::secret::Secret;
use tokio::task::JoinSet;

use crate::house::House;
use crate::provider::{LIFETIME, Step};

/// What 200 concurrent callers get, spread over the processes of `house`.
async fn stampede(house: &House) -> BTreeSet<String> {
    let mut callers = JoinSet::new();
    for at in 0..200 {
        let tokens = house.tokens[at % house.tokens.len()].clone();
        callers.spawn(async move { tokens.valid_token("alice", "naver").await });
    }
    let outcomes = callers.join_all().await.into_iter();
    outcomes
        .map(|outcome| outcome.unwrap().expose().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b3_200_callers_in_one_process_cause_one_refresh() {
    let mut house = House::start().await;
    house.tokens.truncate(1);
    house.connect().await;
    house.clock.advance(LIFETIME);
    let found = stampede(&house).await;
    assert_eq!(found, BTreeSet::from(["canary-access-2".to_owned()]));
    assert_eq!(house.provider.times_asked(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b3_200_callers_in_two_processes_over_one_file_cause_one_refresh() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::over_file(&directory.path().join("store.db")).await;
    house.connect().await;
    for round in 2..5 {
        house.clock.advance(LIFETIME);
        let found = stampede(&house).await;
        assert_eq!(found, BTreeSet::from([format!("canary-access-{round}")]));
        assert_eq!(house.provider.times_asked(), round - 1);
    }
    let state = house.provider.state.lock().unwrap();
    assert_eq!(state.most_asking, 1, "never two at a time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b3_200_callers_whose_token_was_refused_cause_one_refresh() {
    let house = House::start().await;
    let refused = house.connect().await.access_token;
    let mut callers = JoinSet::new();
    for at in 0..200 {
        let (tokens, refused) = (house.tokens[at % 2].clone(), refused.clone());
        callers.spawn(async move {
            let next = tokens.valid_token_instead_of(&refused, "alice", "naver");
            next.await.unwrap().expose().to_owned()
        });
    }
    let found: BTreeSet<_> = callers.join_all().await.into_iter().collect();
    assert_eq!(found, BTreeSet::from(["canary-access-2".to_owned()]));
    assert_eq!(house.provider.times_asked(), 1);
}

#[tokio::test]
async fn a_token_that_was_just_renewed_is_not_renewed_because_an_api_refuses_it() {
    let house = House::start().await;
    let first = house.connect().await.access_token;
    let another = async |process: usize, refused: &Secret| {
        let next = house.tokens[process].valid_token_instead_of(refused, "alice", "naver");
        next.await
    };
    // It was not renewed here, so it may have ended before its time.
    let second = another(0, &first).await.unwrap();
    assert_eq!(second.expose(), "canary-access-2");
    house.clock.advance(Duration::from_secs(29));
    for process in [0, 1] {
        let error = another(process, &second).await.unwrap_err();
        assert!(
            matches!(error, ValidTokenError::JustRenewed { .. }),
            "{error:?}"
        );
        assert!(!error.needs_person());
        let late = another(process, &first).await.unwrap();
        assert_eq!(late.expose(), "canary-access-2", "that is another one");
    }
    assert_eq!(house.token().await.unwrap(), "canary-access-2");
    assert_eq!(house.provider.times_asked(), 1);
    house.clock.advance(Duration::from_secs(1));
    let third = another(1, &second).await.unwrap();
    assert_eq!(third.expose(), "canary-access-3");
}

#[tokio::test]
async fn b3_a_token_is_renewed_a_buffer_before_its_end_and_not_before() {
    let house = House::start().await;
    house.connect().await;
    house.clock.advance(Duration::from_secs(3600 - 301));
    assert_eq!(house.token().await.unwrap(), "canary-access-1");
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.token().await.unwrap(), "canary-access-2");
    assert_eq!(house.token().await.unwrap(), "canary-access-2");
    assert_eq!(house.provider.times_asked(), 1);
}

#[tokio::test]
async fn b3_a_lifetime_that_nobody_tells_is_assumed_once() {
    let house = House::start().await;
    let mut credential = house.provider.sign_in();
    credential.expires_at = None;
    house.keep(&credential).await;
    house.clock.advance(Duration::from_hours(5));
    // It may have just been issued; from its first use on it has an hour.
    assert_eq!(house.token().await.unwrap(), "canary-access-1");
    house.provider.expect([Step::AnswerWithoutLifetime]);
    house.clock.advance(Duration::from_mins(54));
    assert_eq!(house.token().await.unwrap(), "canary-access-1");
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(house.token().await.unwrap(), "canary-access-2");
    house.clock.advance(Duration::from_mins(54));
    assert_eq!(house.token().await.unwrap(), "canary-access-2");
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_serves_until_its_end() {
    let house = House::start().await;
    let mut credential = house.provider.sign_in();
    credential.refresh_token = None;
    house.keep(&credential).await;
    house.clock.advance(Duration::from_secs(3600 - 1));
    assert_eq!(house.token().await.unwrap(), "canary-access-1");
    let refused = Secret::from("canary-access-1");
    let next = house.tokens[0].valid_token_instead_of(&refused, "alice", "naver");
    let error = next.await.unwrap_err();
    assert!(
        matches!(error, ValidTokenError::ConnectAgain { .. }),
        "{error:?}"
    );
    house.clock.advance(Duration::from_secs(1));
    let error = house.token().await.unwrap_err();
    assert!(
        matches!(error, ValidTokenError::NotConnected { .. }),
        "{error:?}"
    );
    assert_eq!(house.provider.times_asked(), 0);
}

#[tokio::test]
async fn nobody_gets_the_token_of_somebody_else() {
    let house = House::start().await;
    house.connect().await;
    for (subject, provider) in [("bob", "naver"), ("alice", "github"), ("", "")] {
        let found = house.tokens[0].valid_token(subject, provider).await;
        assert!(found.unwrap_err().needs_person(), "{subject} {provider}");
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_the_renewal_to_end() {
    let house = House::start().await;
    house.connect().await;
    house.clock.advance(LIFETIME);
    {
        let call = house.tokens[0].valid_token("alice", "naver");
        tokio::pin!(call);
        while house.provider.times_asked() == 0 {
            tokio::select! {
                biased;
                _ = &mut call => unreachable!("the provider has not answered yet"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    house.tokens[0].settle().await;
    let stored = house.vault.get("alice", "naver").await.unwrap().unwrap();
    assert_eq!(stored.access_token.expose(), "canary-access-2");
    assert_eq!(house.token().await.unwrap(), "canary-access-2");
    assert_eq!(house.provider.times_asked(), 1);
}

#[tokio::test]
async fn who_disconnects_during_a_renewal_stays_disconnected() {
    let house = House::start().await;
    house.connect().await;
    house.clock.advance(LIFETIME);
    let call = house.token();
    let disconnect = async {
        while house.provider.times_asked() == 0 {
            tokio::task::yield_now().await;
        }
        house.vault.remove("alice", "naver").await.unwrap()
    };
    let (outcome, removed) = tokio::join!(call, disconnect);
    assert!(outcome.unwrap_err().needs_person());
    assert_eq!(removed.unwrap().access_token.expose(), "canary-access-1");
    assert!(house.vault.get("alice", "naver").await.unwrap().is_none());
    let state = house.provider.state.lock().unwrap();
    assert_eq!(state.discarded, ["canary-access-2"]);
}

#[tokio::test]
async fn who_connects_again_during_a_renewal_keeps_the_newer_credential() {
    let house = House::start().await;
    house.connect().await;
    house.clock.advance(LIFETIME);
    let call = house.token();
    let connect_again = async {
        while house.provider.times_asked() == 0 {
            tokio::task::yield_now().await;
        }
        house.connect().await
    };
    let (outcome, _) = tokio::join!(call, connect_again);
    assert_eq!(outcome.unwrap(), "canary-access-3");
    assert_eq!(house.token().await.unwrap(), "canary-access-3");
    let state = house.provider.state.lock().unwrap();
    assert!(state.discarded.is_empty(), "it would end both");
}
