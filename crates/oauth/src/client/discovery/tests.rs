//! Discovery against scripted issuers.

use serde_json::{Value, json};

use super::*;
use crate::client::fetch::Scripted;

const ISSUER: &str = "https://as.example/tenant";
const RFC8414: &str = "https://as.example/.well-known/oauth-authorization-server/tenant";
const OIDC_INSERTED: &str = "https://as.example/.well-known/openid-configuration/tenant";
const OIDC_APPENDED: &str = "https://as.example/tenant/.well-known/openid-configuration";

async fn discovered(script: &Scripted) -> Result<AuthorizationServerMetadata, DiscoveryError> {
    let issuer = Issuer::parse(ISSUER).unwrap();
    discover(&Fetch::through(script.clone()), Reach::Public, &issuer).await
}

fn absent(script: &Scripted, urls: &[&str]) {
    for url in urls {
        script.answer(url, 404, &[], "not found");
    }
}

#[tokio::test]
async fn addresses_are_tried_in_the_order_of_mcp() {
    let script = Scripted::default();
    absent(&script, &[RFC8414, OIDC_INSERTED]);
    script.answer_json(
        OIDC_APPENDED,
        &json!({"issuer": ISSUER, "jwks_uri": "https://as.example/k"}),
    );
    let metadata = discovered(&script).await.unwrap();
    assert_eq!(metadata.jwks_uri.as_deref(), Some("https://as.example/k"));
    let asked: Vec<_> = script
        .requests()
        .iter()
        .map(|request| request.url.to_string())
        .collect();
    assert_eq!(asked, [RFC8414, OIDC_INSERTED, OIDC_APPENDED]);

    script.answer_json(RFC8414, &json!({"issuer": ISSUER}));
    discovered(&script).await.unwrap();
    assert_eq!(
        script.requests().len(),
        4,
        "the first address that answers ends the search"
    );
}

#[tokio::test]
async fn d1_a_document_of_another_issuer_is_refused_even_by_one_slash() {
    let script = Scripted::default();
    absent(&script, &[OIDC_INSERTED, OIDC_APPENDED]);
    for other in [
        "https://as.example/tenant/",
        "https://AS.example/tenant",
        "https://evil.example",
    ] {
        script.answer_json(RFC8414, &json!({"issuer": other}));
        let error = discovered(&script).await.unwrap_err();
        let DiscoveryError::OtherIssuer { found, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(found.as_str(), other);
    }
}

#[tokio::test]
async fn b2_an_outage_is_not_an_absence() {
    let script = Scripted::default();
    absent(&script, &[RFC8414, OIDC_INSERTED, OIDC_APPENDED]);
    assert!(matches!(
        discovered(&script).await,
        Err(DiscoveryError::NotFound { .. })
    ));
    script.answer(RFC8414, 503, &[], "");
    assert!(matches!(
        discovered(&script).await,
        Err(DiscoveryError::Unavailable { .. })
    ));
    script.unplug(RFC8414);
    assert!(matches!(
        discovered(&script).await,
        Err(DiscoveryError::Unavailable { .. })
    ));
}

#[tokio::test]
async fn a_metadata_address_can_be_given_by_hand() {
    let script = Scripted::default();
    script.answer_json("https://as.example/meta", &json!({"issuer": ISSUER}));
    let fetch = Fetch::through(script);
    let issuer = Issuer::parse(ISSUER).unwrap();
    let read = read_metadata(&fetch, Reach::Public, "https://as.example/meta", &issuer).await;
    assert_eq!(read.unwrap().issuer, issuer);
}

#[track_caller]
fn check_report(change: impl FnOnce(&mut Value), expected: &[Shortcoming]) {
    let mut metadata = json!({
        "issuer": ISSUER, "authorization_endpoint": "a", "token_endpoint": "t", "jwks_uri": "k",
        "registration_endpoint": "r", "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
    });
    change(&mut metadata);
    assert_eq!(report(&serde_json::from_value(metadata).unwrap()), expected);
}

#[test]
fn the_report_names_what_mcp_clients_miss() {
    check_report(|_| {}, &[]);
    check_report(
        |m| m["grant_types_supported"] = json!(["client_credentials"]),
        &[Shortcoming::NoCodeGrant],
    );
    check_report(
        |m| m["response_types_supported"] = json!(["token"]),
        &[Shortcoming::NoCodeGrant],
    );
    check_report(
        |m| m["code_challenge_methods_supported"] = json!(["plain"]),
        &[Shortcoming::NoS256],
    );
    check_report(|m| m["jwks_uri"] = Value::Null, &[Shortcoming::NoKeySet]);
    check_report(
        |m| m["registration_endpoint"] = Value::Null,
        &[Shortcoming::NoRegistration],
    );
    check_report(
        |m| {
            m["registration_endpoint"] = Value::Null;
            m["client_id_metadata_document_supported"] = json!(true);
        },
        &[],
    );
}
