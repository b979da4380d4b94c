//! What is in the `Authorization` header, and what a client is told about it (RFC 6750).

use axum::routing::get;
use axum::{Extension, Router};
use http::{HeaderMap, Request};
use oauth::error::ErrorCode;
use resource_server::{Caller, RequireBearer, RequireScope};

use crate::support::*;

#[tokio::test]
async fn d3_without_a_token_the_challenge_has_no_error() {
    let house = House::new();
    for headers in [&[][..], &[("authorization", "Basic YTpi")]] {
        let answer = send(&house.protected(), post(headers, call("read"))).await;
        assert_eq!(answer.status, 401);
        let challenge = answer.header("www-authenticate").unwrap();
        let expected = format!("Bearer scope=\"read:todos\", resource_metadata=\"{METADATA}\"");
        assert_eq!(challenge, expected);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn d3_authentication_comes_before_anything_about_the_message() {
    let house = House::new();
    for body in ["", "nonsense", "[]", "{\"a\":1,\"a\":2}"] {
        assert_eq!(
            send(&house.protected(), post(&[], body)).await.status,
            401,
            "{body}"
        );
    }
    for method in ["GET", "DELETE", "PUT"] {
        let request = Request::builder()
            .method(method)
            .uri("/todo/mcp")
            .body("".into())
            .unwrap();
        assert_eq!(
            send(&house.protected(), request).await.status,
            401,
            "{method}"
        );
    }
}

#[tokio::test]
async fn d3_an_expired_token_without_the_scope_is_401_not_403() {
    let house = House::new();
    let token = bearer(&house.token(|claims| claims["exp"] = (NOW.0 - 60).into()));
    let answer = send(
        &house.protected(),
        post(&[("authorization", &token)], call("write")),
    )
    .await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.challenge().error, Some(ErrorCode::InvalidToken));
    assert_eq!(
        answer.challenge().resource_metadata.as_deref(),
        Some(METADATA)
    );
    assert_eq!(answer.json()["error"], "invalid_token");
}

#[tokio::test]
async fn d5_two_authorization_headers_are_refused_even_if_equal() {
    let house = House::new();
    let token = bearer(&house.token(|_| {}));
    let headers = [
        ("authorization", token.as_str()),
        ("authorization", token.as_str()),
    ];
    let answer = send(&house.protected(), post(&headers, call("read"))).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.challenge().error, Some(ErrorCode::InvalidRequest));
}

#[tokio::test]
async fn the_scheme_is_case_insensitive_and_the_token_is_well_formed() {
    let house = House::new();
    let token = house.token(|_| {});
    for good in ["bearer", "BEARER", "Bearer ", "bEaReR"] {
        let value = format!("{good} {token}");
        let answer = send(
            &house.protected(),
            post(&[("authorization", &value)], call("read")),
        )
        .await;
        assert_eq!(answer.tool_text(), "alice", "{good}");
    }
    for bad in [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer a,b",
        "Bearer =",
        "Bearer a=b",
        "Bearer \"a\"",
    ] {
        let answer = send(
            &house.protected(),
            post(&[("authorization", bad)], call("read")),
        )
        .await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn tokens_in_the_query_string_are_not_looked_at() {
    let house = House::new();
    let mut request = post(&[], call("read"));
    *request.uri_mut() = format!("/todo/mcp?access_token={}", house.token(|_| {}))
        .parse()
        .unwrap();
    assert_eq!(send(&house.protected(), request).await.status, 401);
}

#[tokio::test]
async fn a11_the_token_does_not_reach_the_service() {
    let house = House::new();
    let seen = |headers: HeaderMap, Extension(caller): Extension<Caller>| async move {
        format!("{:?} {caller:?}", headers.get("authorization"))
    };
    let guard = RequireBearer::new(house.verifier());
    let app = Router::new().route("/", get(seen)).route_layer(guard);
    let token = house.token(|_| {});
    let request = Request::get("/").header("authorization", bearer(&token));
    let answer = send(&app, request.body("".into()).unwrap()).await;
    assert!(
        answer.body.starts_with("None Caller") && !answer.body.contains(&token),
        "{answer:?}"
    );
}

fn hello(house: &House) -> Router {
    let metadata = "https://mcp.example/meta";
    Router::new()
        .route(
            "/hello",
            get(|caller: Caller| async move { caller.subject().to_owned() }),
        )
        .route_layer(RequireScope::new(scope("mcp.access")).resource_metadata(metadata))
        .route_layer(RequireBearer::new(house.verifier()).resource_metadata(metadata))
}

#[tokio::test]
async fn d3_a_missing_scope_is_a_challenge_that_names_it() {
    let house = House::new();
    let get = |token: &str| {
        Request::get("/hello")
            .header("authorization", bearer(token))
            .body("".into())
            .unwrap()
    };
    let answer = send(&hello(&house), get(&house.token(|_| {}))).await;
    assert_eq!(answer.status, 403);
    let challenge = answer.challenge();
    assert_eq!(challenge.error, Some(ErrorCode::InsufficientScope));
    assert_eq!(challenge.scope, Some(scope("mcp.access")));
    assert_eq!(
        challenge.resource_metadata.as_deref(),
        Some("https://mcp.example/meta")
    );

    let answer = send(
        &hello(&house),
        get(&house.token_with_scope("mcp.access other")),
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), answer.body.as_str()),
        (200, "alice")
    );
}

#[tokio::test]
async fn a_scope_guard_without_a_bearer_guard_lets_nobody_in() {
    let scope = RequireScope::new(scope(""));
    let app = Router::new()
        .route("/", get(|| async { "in" }))
        .route_layer(scope);
    let answer = send(&app, Request::get("/").body("".into()).unwrap()).await;
    assert_eq!(answer.status, 401);
    let app = Router::new().route("/", get(|_: Caller| async { "in" }));
    let answer = send(&app, Request::get("/").body("".into()).unwrap()).await;
    assert_eq!(answer.status, 500);
}
