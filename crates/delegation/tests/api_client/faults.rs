//! What the caller of a tool sees when an API or a provider fails.

use std::time::Duration;

use delegation::{ApiError, OnBehalfOf, ValidTokenError};
use serde_json::Value;

use crate::log::Log;
use crate::world::{API, Answer, TOKEN, World};

fn with(status: u16, body: &str) -> Answer {
    Answer::With(status, vec![], body.to_owned())
}

async fn call(world: &World) -> Result<Value, ApiError> {
    let client = world.client();
    let calls = client.on_behalf_of(OnBehalfOf::Person("alice"));
    calls.get("/me", &[]).await
}

/// The name of the error that a caller matches on.
fn name(error: &ApiError) -> &'static str {
    match error {
        ApiError::BadRequest { .. } => "BadRequest",
        ApiError::Unauthenticated { .. } => "Unauthenticated",
        ApiError::Forbidden { .. } => "Forbidden",
        ApiError::NotFound { .. } => "NotFound",
        ApiError::RateLimited { .. } => "RateLimited",
        ApiError::Server { .. } => "Server",
        ApiError::Unexpected { .. } => "Unexpected",
        ApiError::Timeout => "Timeout",
        ApiError::Unreachable(_) => "Unreachable",
        ApiError::Unreadable { .. } => "Unreadable",
        ApiError::Token(ValidTokenError::ConnectAgain { .. }) => "ConnectAgain",
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_failure_of_an_api_has_its_error_and_says_nothing_of_the_api() {
    let said = r#"{"message":"internal host db7"}"#;
    for (answer, expected) in [
        (with(400, said), "BadRequest"),
        (with(422, said), "BadRequest"),
        (with(401, said), "Unauthenticated"),
        (with(403, said), "Forbidden"),
        (with(404, said), "NotFound"),
        (with(410, said), "NotFound"),
        (with(429, said), "RateLimited"),
        (with(500, said), "Server"),
        (with(503, said), "Server"),
        (with(302, said), "Unexpected"),
        (with(409, said), "Unexpected"),
        (with(200, "<html>db7</html>"), "Unreadable"),
        (Answer::TooSlow, "Timeout"),
        (Answer::Unplugged, "Unreachable"),
    ] {
        let world = World::start().await;
        world.connect("alice").await;
        world.network.state().api = Some(answer.clone());
        let error = call(&world).await.unwrap_err();
        assert_eq!(name(&error), expected, "{answer:?}");
        assert!(!error.to_string().contains("db7"), "{error}");
        if let Answer::With(300.., ..) = &answer {
            assert_eq!(error.said(), Some("internal host db7"));
        }
    }
}

#[tokio::test]
async fn an_api_says_when_to_come_again() {
    let world = World::start().await;
    world.connect("alice").await;
    let retry_after = vec![("retry-after", "17".to_owned())];
    for status in [429, 503] {
        let answer = Answer::With(status, retry_after.clone(), String::new());
        world.network.state().api = Some(answer);
        match call(&world).await.unwrap_err() {
            ApiError::RateLimited { retry_after, .. } | ApiError::Server { retry_after, .. } => {
                assert_eq!(retry_after, Some(Duration::from_secs(17)));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What a caller gets, in a word.
async fn outcome(world: &World) -> String {
    match call(world).await {
        Ok(_) => "an answer".to_owned(),
        Err(ApiError::Token(ValidTokenError::Unavailable { retry_after, .. })) => {
            format!("`Unavailable`, in {} s", retry_after.as_secs())
        }
        Err(error) => format!("`{}`", name(&error)),
    }
}

/// What a fault of a provider does to a token that is due but still good, and to one that has ended.
async fn row(fault: &str, answer: Option<Answer>) -> String {
    let mut cells = vec![fault.to_owned()];
    let log = Log::default();
    for waited in [Duration::from_mins(56), Duration::from_mins(61)] {
        let world = World::start().await;
        world.connect("alice").await;
        world.clock.advance(waited);
        world.network.state().api = Some(with(200, "null"));
        let before = call_with_fault(&world, &log, answer.clone()).await;
        // Whoever comes next asks nobody who has just failed.
        let asked = world.network.sent_to(TOKEN);
        let again = call_with_fault(&world, &log, answer.clone()).await;
        assert_eq!(before, again, "{fault}");
        assert_eq!(world.network.sent_to(TOKEN), asked, "{fault}");
        assert!(world.network.sent_to(API) <= 2, "{fault}");
        cells.push(before);
    }
    let text = log.text();
    let said = [
        "a credential could not be renewed, and stays as it is",
        "a credential has ended at its provider, and the person has to connect again",
        "the provider does not say how long its access token lives, so a lifetime is assumed",
    ];
    let said = said.into_iter().find(|said| text.contains(said));
    cells.push(said.unwrap_or("–").to_owned());
    format!("| {} |", cells.join(" | "))
}

async fn call_with_fault(world: &World, log: &Log, answer: Option<Answer>) -> String {
    world.network.state().token = answer;
    let _recording = log.record();
    outcome(world).await
}

fn issued(lifetime: &str) -> Answer {
    with(
        200,
        &format!(r#"{{"access_token":"next","token_type":"bearer"{lifetime}}}"#),
    )
}

#[tokio::test]
async fn b1_b3_the_table_of_faults_in_the_documentation_is_what_happens() {
    let error = |code: &str| Some(with(400, &format!(r#"{{"error":"{code}"}}"#)));
    let retry = vec![("retry-after", "90".to_owned())];
    let faults = [
        ("no fault", None),
        ("status 500", Some(with(500, "oops"))),
        (
            "status 429 or 503 with `Retry-After: 90`",
            Some(Answer::With(503, retry, String::new())),
        ),
        ("no answer in time", Some(Answer::TooSlow)),
        ("cannot be reached", Some(Answer::Unplugged)),
        ("garbage with status 200", Some(with(200, "<html>"))),
        (
            "an error inside status 200",
            Some(with(200, r#"{"error":"server_error"}"#)),
        ),
        (
            "`expires_in` as text",
            Some(issued(r#","expires_in":"3600""#)),
        ),
        ("no `expires_in`", Some(issued(""))),
        (
            "`expires_in` that has passed (a clock gone wrong)",
            Some(issued(r#","expires_in":0"#)),
        ),
        (
            "revoked, or rotated away: `invalid_grant`",
            error("invalid_grant"),
        ),
        (
            "our own client is refused: `invalid_client`",
            error("invalid_client"),
        ),
    ];
    let mut table = String::from(
        "| the provider, asked to renew | the token is due, but still good | the token has ended | the log says |\n|---|---|---|---|\n",
    );
    for (fault, answer) in faults {
        table += &row(fault, answer).await;
        table.push('\n');
    }
    let documented = include_str!("../../../../docs/delegation.md");
    assert!(
        documented.contains(&table),
        "docs/delegation.md should hold this table:\n{table}"
    );
}
