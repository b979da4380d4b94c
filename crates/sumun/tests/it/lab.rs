//! The security lab of the demo, as its people use it: with tokens that they signed in for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::house::House;
use crate::http_client::{Answer, call_tool, get, post_form, send};

const REDIRECT: &str = "http://127.0.0.1:8765/callback";
const RRN: &str = "900101-1234567";

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The parameter of the address that an answer leads to.
#[track_caller]
fn parameter(answer: &Answer, name: &str) -> String {
    let location = answer.header("location");
    let base = Url::parse("http://127.0.0.1/").unwrap();
    let url = base.join(location).unwrap();
    let found = url.query_pairs().find(|(known, _)| known == name);
    let found = found.unwrap_or_else(|| panic!("no {name}: {answer:?}"));
    found.1.into_owned()
}

fn cookies(answer: &Answer, jar: &mut BTreeMap<String, String>) {
    for cookie in answer.headers.get_all(SET_COOKIE) {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        jar.insert(name.to_owned(), value.to_owned());
    }
}

fn cookie_header(jar: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> = jar
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("; ")
}

/// A person of the demo signs in, and lets a client of their own have these scopes of the lab.
async fn token(house: &House, username: &str, scopes: &[&str]) -> String {
    let url = &house.url;
    let client = json!({"client_name": "Lab", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"});
    let request = Request::post(format!("{url}/register")).header(CONTENT_TYPE, "application/json");
    let registered = send(request.body(Body::from(client.to_string())).unwrap()).await;
    let client_id = registered.json()["client_id"].as_str().unwrap().to_owned();
    let (scope, resource) = (scopes.join(" "), format!("{url}/lab/mcp"));
    let query = form(&[
        ("response_type", "code"),
        ("client_id", &client_id),
        ("redirect_uri", REDIRECT),
        ("scope", &scope),
        ("resource", &resource),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let mut jar = BTreeMap::new();
    let begun = get(&format!("{url}/authorize?{query}"), None).await;
    cookies(&begun, &mut jar);
    let grant = parameter(&begun, "grant");
    let page =
        Request::get(format!("{url}/login?grant={grant}")).header(COOKIE, cookie_header(&jar));
    cookies(&send(page.body(Body::empty()).unwrap()).await, &mut jar);
    let password = format!("{username}-demo");
    let mut fields = vec![
        ("grant", grant.as_str()),
        ("username", username),
        ("password", &password),
        ("action", "approve"),
    ];
    fields.extend(scopes.iter().map(|scope| ("scope", *scope)));
    let request = Request::post(format!("{url}/login"))
        .header(COOKIE, cookie_header(&jar))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("origin", url)
        .header("sec-fetch-site", "same-origin");
    let approved = send(request.body(Body::from(form(&fields))).unwrap()).await;
    let redemption = form(&[
        ("grant_type", "authorization_code"),
        ("code", &parameter(&approved, "code")),
        ("client_id", &client_id),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]);
    let answer = post_form(&format!("{url}/token"), &redemption).await.json();
    answer["access_token"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

async fn ask(house: &House, token: &str, tool: &str, arguments: Value) -> Answer {
    call_tool(&format!("{}/lab/mcp", house.url), token, tool, arguments).await
}

/// What a tool answers that does its work.
async fn call(house: &House, token: &str, tool: &str, arguments: Value) -> Value {
    let answer = ask(house, token, tool, arguments).await.json();
    assert_eq!(
        answer["result"]["isError"],
        false,
        "{tool}: {answer}\n{}",
        house.log()
    );
    answer["result"]["structuredContent"].clone()
}

fn assert_nowhere(directory: &Path, text: &str) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere(&path, text);
        } else {
            let bytes = fs::read(&path).unwrap();
            let is_there = bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes());
            assert!(!is_there, "{text} stands in {}", path.display());
        }
    }
}

#[tokio::test]
async fn a_caller_without_the_scope_is_challenged() {
    let house = House::demo().await;
    let alice = token(&house, "alice", &["lab:read", "lab:test"]).await;
    let answer = ask(&house, &alice, "create_oauth2_test_token", json!({})).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let challenge = answer.header("www-authenticate");
    assert!(
        challenge.contains("insufficient_scope") && challenge.contains("scope=\"lab:token\""),
        "{challenge}"
    );
    let answer = ask(&house, &alice, "generate_security_report", json!({})).await;
    assert_eq!(answer.status, 403, "{answer:?}");

    // What her role does not permit she cannot consent to.
    let more = token(&house, "alice", &["lab:read", "lab:token"]).await;
    let answer = ask(&house, &more, "create_oauth2_test_token", json!({})).await;
    assert_eq!(answer.status, 403, "{answer:?}");
}

#[tokio::test]
async fn a_test_token_works_and_has_no_more_than_its_caller() {
    let house = House::demo().await;
    let tool = "create_oauth2_test_token";
    let admin = token(&house, "admin", &["lab:read", "lab:token"]).await;
    let arguments = json!({"scope": "lab:read", "expires_in": 60});
    let made = call(&house, &admin, tool, arguments).await;
    let narrow = made["access_token"].as_str().unwrap();
    let status = call(&house, narrow, "get_oauth2_server_status", json!({})).await;
    assert_eq!(status["issuer"], house.url.as_str());
    let answer = ask(&house, narrow, tool, json!({})).await;
    assert_eq!(answer.status, 403, "it lacks the scope: {answer:?}");

    // The role permits `audit:read`; this token does not have it.
    let arguments = json!({"scope": "lab:read audit:read"});
    let answer = ask(&house, &admin, tool, arguments).await.json();
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("leave out audit:read"), "{answer}");
    let history = "get_security_audit_log";
    let asked = json!({"event_type": "token_issued"});
    let own = call(&house, &admin, history, asked).await;
    assert_eq!(own["whose"], "the caller");
    assert_eq!(own["count"], 1, "the test token is recorded: {own}");
}

#[tokio::test]
async fn the_house_passes_its_own_checks() {
    let house = House::demo().await;
    let alice = token(&house, "alice", &["lab:read", "lab:test"]).await;
    let checks = call(&house, &alice, "validate_oauth2_setup", json!({})).await;
    assert_eq!(
        (&checks["failed"], &checks["warned"]),
        (&json!(0), &json!(0)),
        "{checks}"
    );
    for flow in ["authorization_code", "device_code"] {
        let arguments = json!({"flow": flow});
        let guide = call(&house, &alice, "get_oauth2_flow_guide", arguments).await;
        assert_eq!(guide["available"], true, "{guide}");
        let commands = guide["steps"].to_string();
        let own = format!("{}/token ", house.url);
        assert!(commands.contains(&own), "{guide}");
    }
    let encrypted = call(&house, &alice, "test_encryption", json!({"text": "비밀"})).await;
    assert_eq!(
        (&encrypted["key_ring"], &encrypted["round_trip_ok"]),
        (&json!("configured"), &json!(true))
    );
    let arguments = json!({"scenario": "mass_read", "seed": 1});
    let played = call(&house, &alice, "simulate_data_breach_detection", arguments).await;
    assert_eq!(played["detected"], 1, "{played}");
}

#[tokio::test]
async fn what_a_customer_is_called_stays_out_of_everything() {
    let house = House::demo().await;
    let alice = token(&house, "alice", &["lab:read", "lab:test"]).await;
    let admin = token(&house, "admin", &["lab:read", "audit:read"]).await;
    let customer = json!({"name": "홍길동", "resident_registration_number": RRN});
    let stored = call(&house, &alice, "process_customer_data", customer).await;
    assert!(!stored.to_string().contains("900101"), "{stored}");
    let found = call(&house, &alice, "test_pii_detection", json!({"text": RRN})).await;
    assert!(!found.to_string().contains(RRN), "{found}");

    let history = "get_security_audit_log";
    let calls = json!({"event_type": "call_outcome", "contains_pii": true});
    let own = call(&house, &alice, history, calls.clone()).await;
    assert_eq!(
        (&own["whose"], &own["count"]),
        (&json!("the caller"), &json!(2))
    );
    let event = &own["events"][1];
    assert_eq!(event["tool_name"], "process_customer_data");
    assert_eq!(event["action_taken"], "encrypted");
    assert_eq!(event["parameter_count"], 2);
    assert_eq!(event["origin"], "127.0.0.1");
    let person = event["user_id"].as_str().unwrap();

    let asked = json!({"event_type": "call_outcome", "limit": 500});
    let own = call(&house, &alice, history, asked.clone()).await;
    call(&house, &admin, history, json!({})).await;
    let events = own["events"].as_array().unwrap();
    assert!(
        events.iter().all(|event| event["user_id"] == person),
        "{own}"
    );
    let all = call(&house, &admin, history, asked).await;
    let people: Vec<_> = all["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["user_id"])
        .collect();
    assert!(people.iter().any(|one| *one != person), "{all}");
    let arguments = json!({"format": "json"});
    let report = call(&house, &admin, "generate_security_report", arguments).await;
    assert_eq!(report["chain"]["whole"], true, "{report}");

    let directory = house.directory();
    let (_, log) = house.stop("TERM").await;
    assert!(!log.contains("900101"), "{log}");
    assert_nowhere(directory.path(), RRN);
}
