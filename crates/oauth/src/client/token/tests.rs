//! Answers of token endpoints as vendors write them, and as nobody should.

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, StatusCode};

use super::*;
use crate::client::fetch::Scripted;

fn fetched(status: u16, body: &str) -> Fetched {
    Fetched {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn read(body: &str) -> Result<Tokens, TokenError> {
    Tokens::read(&fetched(200, body))
}

#[track_caller]
fn check_lifetimes(members: &str, access: Option<u64>, refresh: Option<u64>) {
    let tokens = read(&format!(
        r#"{{"access_token":"a","refresh_token":"r"{members}}}"#
    ))
    .unwrap();
    let whole = |lifetime: Option<Duration>| lifetime.map(|lifetime| lifetime.as_secs());
    let found = (whole(tokens.expires_in), whole(tokens.refresh_expires_in));
    assert_eq!(found, (access, refresh), "{members}");
}

#[test]
fn b3_lifetimes_in_every_spelling() {
    check_lifetimes("", None, None);
    check_lifetimes(r#","expires_in":3600"#, Some(3600), None);
    check_lifetimes(r#","expires_in":"3600""#, Some(3600), None);
    check_lifetimes(r#","expires_in":3599.9"#, Some(3599), None);
    check_lifetimes(r#","expires_in":" 60.5 ""#, Some(60), None);
    check_lifetimes(r#","expires_in":0"#, Some(0), None);
    check_lifetimes(
        r#","refresh_token_expires_in":5184000"#,
        None,
        Some(5_184_000),
    );
    check_lifetimes(r#","refresh_expires_in":"1800""#, None, Some(1800));
    check_lifetimes(r#","refresh_expires_in":0"#, None, None);
    for nonsense in [
        "-5",
        r#""soon""#,
        "null",
        "[]",
        "{}",
        "true",
        r#""NaN""#,
        r#""inf""#,
        "1e300",
    ] {
        check_lifetimes(&format!(r#","expires_in":{nonsense}"#), None, None);
    }
    check_lifetimes(
        &format!(r#","expires_in":{}"#, u64::MAX),
        Some(u64::MAX),
        None,
    );
}

#[test]
fn b4_errors_inside_200_are_errors() {
    let error =
        read(r#"{"error":"invalid_request","error_description":"no valid data in session"}"#);
    let said = "the server refuses the request: invalid_request (no valid data in session)";
    assert_eq!(error.unwrap_err().to_string(), said);
    // A token beside an error is not used.
    assert!(read(r#"{"access_token":"a","error":"x"}"#).is_err());
    assert!(read(r#"{"access_token":"a","error":{"code":5}}"#).is_err());
    assert!(read(r#"{"access_token":"a","error":null}"#).is_ok());
    let busy = read(r#"{"error":"server_error"}"#).unwrap_err();
    assert!(matches!(busy, TokenError::Unavailable { .. }));
}

#[test]
fn what_holds_no_bearer_token_is_refused() {
    for body in [
        "",
        "[]",
        "null",
        "access_token=a&token_type=bearer",
        r#"{"access_token":""}"#,
        r#"{"access_token":5}"#,
        r#"{"access_token":"a","access_token":"b"}"#,
        r#"{"access_token":"a","token_type":"mac"}"#,
        r#"{"access_token":"a","token_type":"DPoP"}"#,
    ] {
        let error = read(body).unwrap_err();
        assert!(matches!(error, TokenError::Unreadable(_)), "{body}");
    }
    assert!(Tokens::read(&fetched(400, r#"{"access_token":"a"}"#)).is_err());
    assert!(read(r#"{"access_token":"a","token_type":"bearer"}"#).is_ok());
}

#[test]
fn b1_outages_are_told_apart_from_refusals() {
    let network = Scripted::default();
    let fetch = Fetch::through(network.clone());
    let endpoint = TokenEndpoint {
        url: "https://as.example/token",
        client_id: "us",
        client_secret: None,
        auth_method: TokenEndpointAuthMethod::None,
    };
    let retry_after = || match endpoint
        .tokens(&fetch, &[])
        .now_or_never()
        .unwrap()
        .unwrap_err()
    {
        TokenError::Unavailable { retry_after, .. } => Some(retry_after.as_secs()),
        _ => None,
    };
    assert_eq!(retry_after(), Some(30), "nobody is there");
    network.answer(endpoint.url, 503, &[("retry-after", "7")], "");
    assert_eq!(retry_after(), Some(7));
    network.answer(endpoint.url, 429, &[("retry-after", "999999")], "");
    assert_eq!(retry_after(), Some(3600));
    network.answer(endpoint.url, 400, &[], r#"{"error":"invalid_grant"}"#);
    assert_eq!(retry_after(), None);
}

#[test]
fn credentials_are_sent_the_way_that_is_set() {
    let network = Scripted::default();
    let fetch = Fetch::through(network.clone());
    let secret = Secret::from("s&t");
    let mut endpoint = TokenEndpoint {
        url: "https://as.example/token",
        client_id: "us",
        client_secret: Some(&secret),
        auth_method: TokenEndpointAuthMethod::ClientSecretPost,
    };
    network.answer_json(endpoint.url, &serde_json::json!({"access_token": "a"}));
    let form = [("grant_type", "authorization_code")];
    endpoint
        .tokens(&fetch, &form)
        .now_or_never()
        .unwrap()
        .unwrap();
    endpoint.auth_method = TokenEndpointAuthMethod::ClientSecretBasic;
    endpoint
        .tokens(&fetch, &form)
        .now_or_never()
        .unwrap()
        .unwrap();
    let sent = network.requests();
    let body = "grant_type=authorization_code&client_id=us&client_secret=s%26t";
    assert_eq!(sent[0].body, body);
    assert!(!sent[0].headers.contains_key("authorization"));
    assert_eq!(sent[1].body, "grant_type=authorization_code");
    assert_eq!(sent[1].headers["authorization"], "Basic dXM6cyUyNnQ=");
}

#[test]
fn a11_what_a_server_says_is_made_harmless() {
    let token = "AAAAQosjWDJieBiQZc3to9YQp6HDLvrmyKC+6+iZ3gq7qrkqf50ljZC+Lgoqrg";
    let said = Said::new(
        "bad\r\n<code>",
        Some(&format!("the token {token} is\r\nwrong: '{token}'")),
    );
    assert_eq!(said.to_string(), "badcode (the token … is wrong: …)");
    assert!(Said::new("x", Some(&"가 ".repeat(5000))).to_string().len() < 900);
}

#[test]
fn a11_what_a_server_repeats_of_a_request_is_cut_out() {
    let script = Scripted::default();
    let url = "https://as.example/token";
    let secret = Secret::from("short-s");
    let endpoint = TokenEndpoint {
        url,
        client_id: "us",
        client_secret: Some(&secret),
        auth_method: TokenEndpointAuthMethod::ClientSecretPost,
    };
    let said = "no grant for short-r of us with short-s";
    for code in ["invalid_grant", "server_error"] {
        let answer = serde_json::json!({"error": code, "error_description": said});
        script.answer_json(url, &answer);
        let fetch = Fetch::through(script.clone());
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", "short-r"),
        ];
        let error = endpoint.tokens(&fetch, &form).now_or_never().unwrap();
        let error = error.unwrap_err().to_string();
        assert!(error.contains("no grant for … of us with …"), "{error}");
        assert!(error.contains(code), "{error}");
    }
}
