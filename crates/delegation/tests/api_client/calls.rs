//! Whose credential a call carries, and what happens when it is refused.

use std::collections::BTreeSet;
use std::time::Duration;

use delegation::{ApiError, AuthType, OnBehalfOf, ServiceAccount, ServiceTokens};
use http::HeaderName;
use oauth::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::world::{API, Answer, TOKEN, World, provider_client};

#[derive(Debug, Deserialize)]
struct Me {
    name: String,
}

async fn me(world: &World, name: &str) -> Result<String, ApiError> {
    let client = world.client();
    let calls = client.on_behalf_of(OnBehalfOf::Person(name));
    let me: Me = calls.get("/me", &[]).await?;
    Ok(me.name)
}

#[tokio::test]
async fn everybody_sees_what_is_theirs_and_nobody_elses() {
    let world = World::start().await;
    world.connect("alice").await;
    world.connect("bob").await;
    assert_eq!(me(&world, "alice").await.unwrap(), "alice");
    assert_eq!(me(&world, "bob").await.unwrap(), "bob");
    for stranger in ["carol", "", "alice ", "ALICE", "alice\0"] {
        let error = me(&world, stranger).await.unwrap_err();
        assert!(error.needs_person(), "{stranger:?}: {error:?}");
    }
    assert_eq!(world.network.sent_to(API), 2);
}

#[tokio::test]
async fn a_401_causes_one_refresh_and_one_retry() {
    let world = World::start().await;
    world.connect("alice").await;
    // The provider has ended the access token before its time.
    world.network.state().good.clear();
    assert_eq!(me(&world, "alice").await.unwrap(), "alice");
    assert_eq!(world.network.sent_to(TOKEN), 1);
    assert_eq!(world.network.sent_to(API), 2);
    assert_eq!(me(&world, "alice").await.unwrap(), "alice");
    assert_eq!(world.network.sent_to(TOKEN), 1);
}

#[tokio::test]
async fn a_second_401_is_the_answer() {
    let world = World::start().await;
    world.connect("alice").await;
    world.network.state().api = Some(Answer::With(401, vec![], String::new()));
    let error = me(&world, "alice").await.unwrap_err();
    assert!(matches!(error, ApiError::Unauthenticated { .. }));
    assert_eq!(world.network.sent_to(API), 2, "never a third request");
    assert_eq!(world.network.sent_to(TOKEN), 1, "never a second refresh");
}

#[tokio::test]
async fn an_api_that_refuses_for_reasons_of_its_own_spends_no_refresh_per_call() {
    let world = World::start().await;
    world.connect("alice").await;
    world.network.state().api = Some(Answer::With(401, vec![], String::new()));
    for _ in 0..20 {
        let error = me(&world, "alice").await.unwrap_err();
        assert!(
            matches!(error, ApiError::Unauthenticated { .. }),
            "{error:?}"
        );
    }
    assert_eq!(world.network.sent_to(TOKEN), 1);
    assert_eq!(
        world.network.sent_to(API),
        21,
        "and there is no other to try"
    );
    world.clock.advance(Duration::from_secs(30));
    me(&world, "alice").await.unwrap_err();
    assert_eq!(world.network.sent_to(TOKEN), 2);
}

#[tokio::test]
async fn b3_200_calls_at_the_moment_of_expiry_cause_one_refresh() {
    for is_revoked in [false, true] {
        let world = World::start().await;
        world.connect("alice").await;
        if is_revoked {
            world.network.state().good.clear();
        } else {
            world.clock.advance(Duration::from_hours(1));
        }
        let client = world.client();
        let mut calls = JoinSet::new();
        for _ in 0..200 {
            let client = client.clone();
            calls.spawn(async move {
                let calls = client.on_behalf_of(OnBehalfOf::Person("alice"));
                calls.get::<Me>("/me", &[]).await.unwrap().name
            });
        }
        let names: BTreeSet<_> = calls.join_all().await.into_iter().collect();
        assert_eq!(names, BTreeSet::from(["alice".to_owned()]));
        assert_eq!(world.network.sent_to(TOKEN), 1);
    }
}

#[tokio::test]
async fn the_service_has_headers_of_its_own() {
    let world = World::start().await;
    let headers = [("x-client-id", "us"), ("x-client-secret", "canary-s2")];
    let headers = headers.map(|(name, value)| (HeaderName::from_static(name), value.into()));
    let client = world.client().service(ServiceAccount::headers(headers));
    let calls = client.on_behalf_of(OnBehalfOf::Service);
    let error = calls.get::<Value>("/search", &[("query", "김치")]).await;
    assert!(matches!(
        error.unwrap_err(),
        ApiError::Unauthenticated { .. }
    ));
    let state = world.network.state();
    let [request] = &state.sent[..] else {
        panic!("one request, for there is no other credential to try")
    };
    assert_eq!(request.headers["x-client-id"], "us");
    assert_eq!(request.headers["x-client-secret"], "canary-s2");
    assert!(!request.headers.contains_key("authorization"));
    assert_eq!(request.url.query(), Some("query=%EA%B9%80%EC%B9%98"));
}

#[tokio::test]
async fn the_service_signs_in_once_for_all_its_calls() {
    let world = World::start().await;
    let clock = std::sync::Arc::new(world.clock.clone());
    let tokens = ServiceTokens::new(provider_client(), world.fetch.clone(), clock);
    let account = ServiceAccount::tokens(tokens);
    let client = world.client().service(account);
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let client = client.clone();
        calls.spawn(async move {
            let calls = client.on_behalf_of(OnBehalfOf::Service);
            calls.get::<Me>("/me", &[]).await.unwrap().name
        });
    }
    assert!(calls.join_all().await.iter().all(|name| name == "service"));
    assert_eq!(world.network.sent_to(TOKEN), 1);
    world.network.state().good.clear();
    let calls = client.on_behalf_of(OnBehalfOf::Service);
    calls.get::<Me>("/me", &[]).await.unwrap();
    assert_eq!(world.network.sent_to(TOKEN), 2);
    world.clock.advance(Duration::from_mins(55));
    calls.get::<Me>("/me", &[]).await.unwrap();
    assert_eq!(world.network.sent_to(TOKEN), 3, "a buffer before its end");
}

#[tokio::test]
async fn the_auth_type_of_a_tool_says_what_its_calls_carry() {
    let world = World::start().await;
    world.connect("alice").await;
    world.network.state().api = Some(Answer::With(200, vec![], "null".into()));
    let client = world.client();
    let tool = |auth_type| client.calls(auth_type, Some("alice"));
    tool(AuthType::None)
        .unwrap()
        .get::<()>("/public", &[])
        .await
        .unwrap();
    tool(AuthType::UserToken)
        .unwrap()
        .get::<()>("/mine", &[])
        .await
        .unwrap();
    let error = tool(AuthType::ServiceAccount)
        .unwrap()
        .get::<()>("/ours", &[])
        .await;
    assert!(
        matches!(error.unwrap_err(), ApiError::NotSent { .. }),
        "there is none"
    );
    assert!(client.calls(AuthType::UserToken, None).is_err());
    let state = world.network.state();
    assert!(!state.sent[0].headers.contains_key("authorization"));
    assert_eq!(
        state.sent[1].headers["authorization"],
        "Bearer canary-access-alice"
    );
    assert_eq!(state.sent.len(), 2);
}

#[tokio::test]
async fn every_method_is_sent_as_it_is_called() {
    let world = World::start().await;
    let client = world.client();
    let calls = client.on_behalf_of(OnBehalfOf::Nobody);
    world.network.state().api = Some(Answer::With(201, vec![], r#"{"id":7}"#.into()));
    let made: Value = calls.post("/todos", &json!({"title": "차"})).await.unwrap();
    assert_eq!(made["id"], 7);
    let _: Value = calls.put("todos/7", &json!({"done": true})).await.unwrap();
    world.network.state().api = Some(Answer::With(204, vec![], String::new()));
    let () = calls.delete("/todos/7").await.unwrap();
    let state = world.network.state();
    let sent = state.sent.iter().map(|request| {
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        format!("{} {} {body}", request.method, request.url)
    });
    assert_eq!(
        sent.collect::<Vec<_>>(),
        [
            r#"POST https://api.example/v1/todos {"title":"차"}"#,
            r#"PUT https://api.example/v1/todos/7 {"done":true}"#,
            "DELETE https://api.example/v1/todos/7 ",
        ]
    );
    let limits = state.sent[0].limits;
    assert_eq!(limits.deadline, Duration::from_secs(30));
}

#[tokio::test]
async fn a_refused_token_that_cannot_be_renewed_needs_the_person() {
    let world = World::start().await;
    world.connect("alice").await;
    let mut credential = world.vault.get("alice", "calendar").await.unwrap().unwrap();
    credential.refresh_token = None;
    credential.access_token = Secret::from("ended");
    let kept = world.vault.put("alice", "calendar", &credential).await;
    kept.unwrap();
    assert!(me(&world, "alice").await.unwrap_err().needs_person());
}
