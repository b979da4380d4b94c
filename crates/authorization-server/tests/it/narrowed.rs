//! A token with less in it for a caller who is here already: what it can do, and what it cannot.

use std::time::Duration;

use authorization_server::{NarrowError, NarrowedToken};
use oauth::jwt::AccessTokenClaims;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::house::{House, ReadToken as _, TODO, WHOAMI, scope};

const MINUTE: Duration = Duration::from_mins(1);

async fn claims(house: &House) -> Value {
    let token = Browser::new(house).tokens("admin").await.access_token;
    house.server.read(&token)
}

async fn narrow(
    house: &House,
    claims: &Value,
    asked: Option<&str>,
    lifetime: Duration,
) -> Result<NarrowedToken, NarrowError> {
    let claims: AccessTokenClaims = serde_json::from_value(claims.clone()).unwrap();
    let todo = ResourceIndicator::parse(TODO).unwrap();
    let asked: Option<Scope> = asked.map(scope);
    house
        .server
        .narrow(&claims, &todo, "lab", asked.as_ref(), lifetime)
        .await
}

#[track_caller]
fn refused(answer: Result<NarrowedToken, NarrowError>, sign: &str) {
    let error = answer.unwrap_err();
    assert!(
        matches!(&error, NarrowError::Refused(text) if text.contains(sign)),
        "{error:?}"
    );
}

#[tokio::test]
async fn it_can_do_a_part_and_ends_with_the_grant() {
    let house = House::start().await;
    let own = claims(&house).await;
    let token = narrow(&house, &own, Some("read:todos"), MINUTE)
        .await
        .unwrap();
    assert_eq!((token.expires_in, token.token_type), (60, "Bearer"));
    let read = house.server.read(token.access_token.expose());
    assert_eq!(read["scope"], "read:todos");
    for same in ["sub", "aud", "client_id", "grant_id"] {
        assert_eq!(read[same], own[same], "{same}");
    }
    assert_eq!(read["act"], json!({"sub": "lab"}));
    assert!(house.is_accepted(token.access_token.expose()).await);

    let all = narrow(&house, &own, None, MINUTE * 60).await.unwrap();
    assert_eq!(all.expires_in, 300, "no longer than five minutes");
    assert_eq!(all.scope, scope(own["scope"].as_str().unwrap()));

    house.advance(61);
    assert!(!house.is_accepted(token.access_token.expose()).await);
}

#[tokio::test]
async fn it_can_do_no_more_and_goes_nowhere_else() {
    let house = House::start().await;
    let own = claims(&house).await;
    let more = narrow(&house, &own, Some("read:todos delete:todos"), MINUTE).await;
    refused(more, "this can be asked for");
    let with = |name: &str, value: Value| {
        let mut changed = own.clone();
        changed[name] = value;
        changed
    };
    for (changed, sign) in [
        (
            with("iss", json!("https://other.example")),
            "issued elsewhere",
        ),
        (with("aud", json!([WHOAMI])), "not good any more"),
        (with("grant_id", json!("another")), "not good any more"),
        (with("cnf", json!({"x5t#S256": "x"})), "bound in a way"),
        (with("exp", json!(0)), "about to expire"),
    ] {
        refused(narrow(&house, &changed, None, MINUTE).await, sign);
    }
    let mut machine = own.clone();
    machine.as_object_mut().unwrap().remove("grant_id");
    refused(narrow(&house, &machine, None, MINUTE).await, "no person");
}

/// Who finds it must be able to do no more with it than with the one it was made of.
#[tokio::test]
async fn it_is_bound_to_the_key_of_the_caller() {
    let house = House::start().await;
    let mut own = claims(&house).await;
    own["cnf"] = json!({"jkt": "thumbprint"});
    let token = narrow(&house, &own, None, MINUTE).await.unwrap();
    assert_eq!(token.token_type, "DPoP");
    let read = house.server.read(token.access_token.expose());
    assert_eq!(read["cnf"], own["cnf"]);
}
