//! Who gets in: bearers of tokens for this API, with the scope of the operation, and nobody else.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};

use super::*;
use crate::house::TODO;

#[tokio::test]
async fn the_api_is_off_unless_it_is_switched_on() {
    let house = House::start().await;
    assert_eq!(house.get("/manage/v1/users").await.status, 404);
    assert_eq!(house.get("/manage/v1/openapi.json").await.status, 404);
    let metadata = house
        .get("/.well-known/oauth-protected-resource/manage")
        .await;
    assert_eq!(metadata.status, 404);
    let scopes = house
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    assert!(!scopes["scopes_supported"].to_string().contains("manage:"));
}

#[tokio::test]
async fn d1_the_api_says_where_tokens_for_it_come_from() {
    let controls = Controls::start().await;
    let house = &controls.house;
    let metadata = house
        .get("/.well-known/oauth-protected-resource/manage")
        .await
        .json();
    assert_eq!(metadata["resource"], MANAGE);
    assert_eq!(metadata["authorization_servers"], json!([ISSUER]));
    let scopes = house
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    for scope in ALL.split(' ') {
        assert!(metadata["scopes_supported"].to_string().contains(scope));
        assert!(scopes["scopes_supported"].to_string().contains(scope));
    }
}

#[tokio::test]
async fn d3_without_a_token_the_challenge_names_no_error() {
    let controls = Controls::start().await;
    let answer = controls.house.get("/manage/v1/users").await;
    answer.problem(401, "access_token_refused");
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer scope=\"manage:read\", resource_metadata=\
         \"https://as.example/.well-known/oauth-protected-resource/manage\""
    );
    let request_id = answer.header("x-request-id").to_owned();
    assert_eq!(
        answer.json()["request_id"],
        request_id,
        "c8: it finds the log line"
    );
}

/// Each operation, called with each scope: it opens with those that its description names, and with
/// no other.
#[tokio::test]
async fn every_operation_takes_the_scopes_that_it_describes() {
    let controls = Controls::start().await;
    let mut tokens = Vec::new();
    for scope in ALL.split(' ') {
        tokens.push((scope, controls.token(scope).await));
    }
    let mut operations = 0;
    let paths = controls.document["paths"].as_object().unwrap().clone();
    for (path, item) in &paths {
        let methods = item
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| *name != "parameters");
        for (method, operation) in methods {
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", "nobody").replace("{name}", "nobody");
            // The body is checked after the token, and an empty one is refused.
            let sufficient = operation["security"].to_string();
            for (scope, token) in &tokens {
                let body = operation
                    .get("requestBody")
                    .map(|_| json!({"no such member": 1}));
                let answer = controls
                    .call(token, method.clone(), &path, body, None)
                    .await;
                let opens = sufficient.contains(&format!("\"{scope}\""));
                assert_eq!(
                    answer.status == 403,
                    !opens,
                    "{method} {path} with {scope}: {answer:?}"
                );
                if !opens {
                    let challenge = answer.header("www-authenticate");
                    assert!(
                        challenge.contains("error=\"insufficient_scope\""),
                        "{challenge}"
                    );
                }
            }
            operations += 1;
        }
    }
    assert!(operations >= 29, "{operations} operations were tried");
}

#[tokio::test]
async fn a5_tokens_for_another_resource_are_refused() {
    let mut controls = Controls::start().await;
    // A resource server's operator may have chosen the words of the scope, so the audience decides.
    let form = [
        ("grant_type", "client_credentials"),
        ("resource", TODO),
        ("scope", "create:todos"),
    ];
    let service = ("service", "service-secret");
    let token = controls
        .house
        .post_as(service, "/token", &form)
        .await
        .tokens()
        .access_token;
    let answer = controls.get(&token, "/users").await;
    answer.problem(401, "access_token_refused");
    assert!(
        answer
            .header("www-authenticate")
            .contains("error=\"invalid_token\"")
    );
    let of_person = Browser::new(&controls.house).tokens("admin").await;
    controls
        .get(&of_person.access_token, "/users")
        .await
        .problem(401, "access_token_refused");
    let good = controls.token("manage:read").await;
    controls.get(&good, "/users").await.done(200);

    // Nor does a token of this API open anything once the API is switched off.
    controls.house = controls
        .house
        .restarted_with(|settings| {
            settings.management = false;
            settings.roles.insert("Admin".into(), scope("read:todos"));
            settings.roles.remove("Clerk");
            settings.clients.pop();
        })
        .await;
    let gone = controls.house.get("/manage/v1/users").await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn a8_expired_and_revoked_tokens_are_refused() {
    let controls = Controls::start().await;
    let token = controls.token("manage:read").await;
    controls.get(&token, "/users").await.done(200);
    controls
        .house
        .advance(Duration::from_mins(30).as_secs() + 1);
    controls
        .get(&token, "/users")
        .await
        .problem(401, "access_token_refused");

    let token = controls.token("manage:read").await;
    controls
        .house
        .post_as(CONSOLE, "/revoke", &[("token", &token)])
        .await
        .done(200);
    controls
        .get(&token, "/users")
        .await
        .problem(401, "access_token_refused");
    controls
        .get("no token at all", "/users")
        .await
        .problem(401, "access_token_refused");
}

#[tokio::test]
async fn a_person_manages_within_the_rights_that_they_still_have() {
    let controls = Controls::start().await;
    let by_alice = controls.token_by("alice", "openid manage:users").await;
    controls
        .get(&by_alice, "/users")
        .await
        .problem(403, "access_token_refused");

    let by_admin = controls
        .token_by("admin", "manage:users manage:roles")
        .await;
    controls.get(&by_admin, "/users").await.done(200);
    let console = controls
        .token("manage:users manage:roles manage:read manage:clients manage:grants manage:keys")
        .await;
    let admin = controls.id("admin").await;
    controls
        .patch(
            &console,
            &format!("/users/{admin}"),
            json!({"roles": ["User"]}),
        )
        .await
        .done(200);
    controls
        .get(&by_admin, "/users")
        .await
        .problem(403, "access_token_refused");
}

#[tokio::test]
async fn what_nobody_serves_is_a_problem_too() {
    let controls = Controls::start().await;
    let house = &controls.house;
    house
        .get("/manage/v1/nothing")
        .await
        .problem(404, "no_such_operation");
    let request = Request::delete("/manage/v1/users")
        .body(Body::empty())
        .unwrap();
    house.send(request).await.problem(405, "no_such_operation");
}

#[tokio::test]
async fn bodies_and_parameters_are_read_in_one_way_only() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let send = async |content_type: &str, body: String| {
        let request = Request::post("/manage/v1/roles")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", content_type)
            .body(Body::from(body));
        controls.house.send(request.unwrap()).await
    };
    let good = r#"{"name": "Reader", "scopes": ["read:todos"]}"#;
    send("text/plain", good.to_owned())
        .await
        .problem(415, "malformed_request");
    let twice = r#"{"name": "Reader", "name": "Admin", "scopes": []}"#;
    send("application/json", twice.to_owned())
        .await
        .problem(400, "malformed_request");
    let unknown = r#"{"name": "Reader", "scopes": [], "admin": true}"#;
    send("application/json", unknown.to_owned())
        .await
        .problem(400, "malformed_request");
    let large = format!(r#"{{"name": "{}", "scopes": []}}"#, "x".repeat(70_000));
    send("application/json", large)
        .await
        .problem(413, "malformed_request");
    send("application/json; charset=utf-8", good.to_owned())
        .await
        .done(201);

    for query in ["?limit=0", "?limit=101", "?limit=x", "?cursor=x", "?page=2"] {
        controls
            .get(&token, &format!("/users{query}"))
            .await
            .problem(400, "malformed_request");
    }
}
