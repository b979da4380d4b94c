//! The tokens of the service itself, through the troubles of their issuer (RFC 6749 §4.4).

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use delegation::ServiceTokens;
use oauth::client::token::TokenError;
use oauth::time::NumericDate;
use tokio::task::JoinSet;

use crate::world::{Answer, NOW, TOKEN, World, provider_client};

fn tokens(world: &World) -> ServiceTokens {
    let clock = Arc::new(world.clock.clone());
    ServiceTokens::new(provider_client(), world.fetch.clone(), clock)
}

async fn token(tokens: &ServiceTokens) -> String {
    tokens.token().await.unwrap().expose().to_owned()
}

#[tokio::test]
async fn nobody_queues_behind_an_issuer_that_hangs() {
    let world = World::start().await;
    let tokens = tokens(&world);
    world.network.state().token = Some(Answer::TooSlow);
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let tokens = tokens.clone();
        callers.spawn(async move { tokens.token().await });
    }
    for outcome in callers.join_all().await {
        let error = outcome.unwrap_err();
        assert!(matches!(error, TokenError::Unavailable { .. }), "{error:?}");
    }
    assert_eq!(world.network.sent_to(TOKEN), 1, "one has waited, for all");

    world.network.state().token = None;
    world.clock.advance(Duration::from_secs(29));
    let Err(TokenError::Unavailable { retry_after, .. }) = tokens.token().await else {
        panic!("it is left alone for a while")
    };
    assert_eq!(retry_after, Duration::from_secs(1));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(token(&tokens).await, "canary-access-service-1");
    assert_eq!(world.network.sent_to(TOKEN), 2);
}

#[tokio::test]
async fn an_issuer_is_left_alone_for_as_long_as_it_asks() {
    let world = World::start().await;
    let tokens = tokens(&world);
    let busy = vec![("retry-after", "120".to_owned())];
    world.network.state().token = Some(Answer::With(503, busy, String::new()));
    tokens.token().await.unwrap_err();
    world.network.state().token = None;
    world.clock.advance(Duration::from_secs(119));
    tokens.token().await.unwrap_err();
    assert_eq!(world.network.sent_to(TOKEN), 1);
    // A clock that is set back does not make the pause longer.
    world.clock.set(NumericDate(NOW.0 - 3600));
    token(&tokens).await;
}

#[tokio::test]
async fn a_refusal_is_remembered_too() {
    let world = World::start().await;
    let tokens = tokens(&world);
    let no = r#"{"error":"invalid_client"}"#.to_owned();
    world.network.state().token = Some(Answer::With(401, vec![], no));
    for _ in 0..10 {
        let error = tokens.token().await.unwrap_err();
        assert!(matches!(error, TokenError::Refused(_)), "{error:?}");
    }
    assert_eq!(world.network.sent_to(TOKEN), 1);
}

#[tokio::test]
async fn the_old_token_serves_while_there_is_no_new_one_until_its_end_or_a_401() {
    for is_refused in [false, true] {
        let world = World::start().await;
        let tokens = tokens(&world);
        let first = tokens.token().await.unwrap();
        world.network.state().token = Some(Answer::Unplugged);
        world.clock.advance(Duration::from_mins(56));
        for _ in 0..10 {
            assert_eq!(token(&tokens).await, first.expose());
        }
        assert_eq!(world.network.sent_to(TOKEN), 2, "it is due, and asked once");
        if is_refused {
            tokens.refused(&first);
        } else {
            world.clock.advance(Duration::from_mins(4));
        }
        tokens.token().await.unwrap_err();
    }
}

#[tokio::test]
async fn while_one_asks_the_others_go_on_with_what_there_is() {
    let world = World::start().await;
    let tokens = tokens(&world);
    let first = token(&tokens).await;
    world.clock.advance(Duration::from_mins(56));
    let mut context = Context::from_waker(Waker::noop());
    let mut asking = pin!(tokens.token());
    assert!(asking.as_mut().poll(&mut context).is_pending());
    let mut other = pin!(tokens.token());
    let Poll::Ready(found) = other.as_mut().poll(&mut context) else {
        panic!("nobody waits who has a good token")
    };
    assert_eq!(found.unwrap().expose(), first);
    assert_ne!(asking.await.unwrap().expose(), first);
}

#[tokio::test]
async fn a_401_to_an_old_token_does_not_cost_the_new_one() {
    let world = World::start().await;
    let tokens = tokens(&world);
    let first = tokens.token().await.unwrap();
    tokens.refused(&first);
    let second = token(&tokens).await;
    for _ in 0..10 {
        tokens.refused(&first);
        assert_eq!(token(&tokens).await, second);
    }
    assert_eq!(world.network.sent_to(TOKEN), 2);
}

#[tokio::test]
async fn rfc8707_the_token_is_asked_for_one_resource() {
    let world = World::start().await;
    let tokens = tokens(&world)
        .scope("notes:read")
        .resource("https://n.example/mcp");
    token(&tokens).await;
    let state = world.network.state();
    let form = String::from_utf8(state.sent[0].body.to_vec()).unwrap();
    assert!(
        form.starts_with(
            "grant_type=client_credentials&scope=notes%3Aread&resource=https%3A%2F%2Fn.example%2Fmcp"
        ),
        "{form}"
    );
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_none() {
    let world = World::start().await;
    let bad = r#"{"access_token":"a\nb"}"#.to_owned();
    world.network.state().token = Some(Answer::With(200, vec![], bad));
    let error = tokens(&world).token().await.unwrap_err();
    assert!(matches!(error, TokenError::Unreadable(_)), "{error:?}");
}
