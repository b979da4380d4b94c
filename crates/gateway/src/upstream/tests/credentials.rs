//! What an upstream is shown, and what it never sees.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt as _, Either, Full};
use oauth::client::fetch::Scripted;
use oauth::secret::Secret;
use oauth::time::{ManualClock, NumericDate};
use serde_json::{Value, json};

use super::fake::{Fake, stateless, status, with_sessions};
use super::*;
use crate::upstream::{ForwardIdentity, SignIdentity};

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("authorization", "Bearer of-the-caller"),
        ("cookie", "session=of-the-caller"),
        ("proxy-authorization", "Basic of-the-caller"),
        ("x-api-key", "of-the-caller"),
        ("connection", "keep-alive"),
        ("host", "gateway.example"),
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-param-region", "kr"),
        ("last-event-id", "of-the-caller"),
        ("mcp-session-id", "of-the-caller"),
        ("mcp-anything", "of-the-caller"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

#[tokio::test]
async fn the_credentials_of_the_caller_go_nowhere_and_ours_do() {
    for is_stateless in [true, false] {
        let answer = |seen: &super::fake::Seen| seen.result(json!({}));
        let server = if is_stateless {
            stateless(answer).await
        } else {
            with_sessions(answer).await
        };
        let mut settings = http(&server.url);
        let ours = ("Authorization".to_owned(), Secret::from("Bearer ours"));
        settings.credential = UpstreamCredential::Headers(vec![ours]);
        let upstream = upstream(&settings);
        let visit = visit(Revision::V2025_11_25);
        call_tool(&upstream, &visit, "t").await.unwrap();
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}});
        let payload = Either::Left(Full::new(body.to_string().into()));
        let passed = upstream
            .exchange(Method::POST, &headers(), payload, &visit.caller)
            .await
            .unwrap();
        passed.into_body().collect().await.unwrap();
        upstream.close().await;
        let seen = server.seen();
        assert!(seen.len() >= 3);
        for seen in seen.iter() {
            assert_eq!(seen.header("authorization"), "Bearer ours");
            assert!(!format!("{:?}", seen.headers).contains("of-the-caller"));
        }
        let last = seen
            .iter()
            .rfind(|seen| seen.rpc() == "tools/call")
            .unwrap();
        for name in ["accept", "mcp-method", "mcp-param-region"] {
            assert_eq!(last.header(name), headers()[name], "{name}");
        }
        assert_ne!(last.header("host"), "gateway.example");
    }
}

#[tokio::test]
async fn a_body_that_streams_in_is_passed_on() {
    let server = stateless(|seen| seen.result(seen.body["params"].clone())).await;
    let upstream = upstream(&http(&server.url));
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let pieces = text
        .as_bytes()
        .chunks(7)
        .map(|piece| Ok::<_, std::io::Error>(bytes::Bytes::from_static(piece)));
    let pieces: Vec<_> = pieces.collect();
    let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
    let caller = visit(Revision::V2026_07_28).caller;
    let answer = upstream
        .exchange(Method::POST, &headers(), Either::Right(body), &caller)
        .await
        .unwrap();
    let answer = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&answer).contains("protocolVersion"));
}

#[tokio::test]
async fn of_the_headers_of_an_answer_pass_those_that_mcp_needs() {
    let server = stateless(|seen| {
        let mut answer = seen.result(json!({}));
        for (name, value) in [
            ("mcp-anything", "1"),
            ("cache-control", "no-store"),
            ("set-cookie", "a=b"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("www-authenticate", "Bearer"),
        ] {
            let value = HeaderValue::from_static(value);
            answer.headers_mut().append(name, value);
        }
        answer
    });
    let server = server.await;
    let upstream = upstream(&http(&server.url));
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    }}});
    let payload = Either::Left(Full::new(body.to_string().into()));
    let caller = visit(Revision::V2026_07_28).caller;
    let passed = upstream
        .exchange(Method::POST, &headers(), payload, &caller)
        .await
        .unwrap();
    let mut names: Vec<_> = passed.headers().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    let wanted = [
        "cache-control",
        "content-length",
        "content-type",
        "mcp-anything",
    ];
    assert_eq!(names, wanted);
}

fn client_credentials() -> UpstreamCredential {
    UpstreamCredential::ClientCredentials {
        token_endpoint: "https://as.example/token".parse().unwrap(),
        client_id: "gateway".to_owned(),
        client_secret: Secret::from("a-secret"),
        scope: "notes:read".parse().unwrap(),
        resource: Some("https://notes.example/mcp".to_owned()),
    }
}

#[tokio::test]
async fn a_token_of_our_own_is_asked_for_once_and_renewed_in_time() {
    let server = stateless(|seen| seen.result(json!({"with": seen.header("authorization")}))).await;
    let tokens = Scripted::default();
    let issue = |token: &str| {
        let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": 600});
        tokens.answer_json("https://as.example/token", &answer);
    };
    issue("one");
    let clock = ManualClock::at(NumericDate(1_000_000));
    let mut parts = parts();
    parts.fetch = Fetch::through(tokens.clone());
    parts.clock = Arc::new(clock.clone());
    let mut settings = http(&server.url);
    settings.credential = client_credentials();
    let upstream = connect(&settings, &parts).unwrap();
    let visit = visit(Revision::V2026_07_28);
    let calls = (0..8).map(|_| call_tool(&upstream, &visit, "t"));
    for result in futures_util::future::join_all(calls).await {
        assert_eq!(result.unwrap()["with"], "Bearer one");
    }
    let asked = tokens.requests();
    assert_eq!(asked.len(), 1);
    let form = String::from_utf8_lossy(&asked[0].body).into_owned();
    assert_eq!(
        form,
        "grant_type=client_credentials&scope=notes%3Aread&resource=https%3A%2F%2Fnotes.example%2Fmcp"
    );
    issue("two");
    clock.advance(Duration::from_secs(530));
    assert_eq!(
        call_tool(&upstream, &visit, "t").await.unwrap()["with"],
        "Bearer one"
    );
    clock.advance(Duration::from_secs(20));
    assert_eq!(
        call_tool(&upstream, &visit, "t").await.unwrap()["with"],
        "Bearer two"
    );
    // While no new one is to be had, the old one is good until it ends.
    tokens.unplug("https://as.example/token");
    clock.advance(Duration::from_secs(560));
    assert_eq!(
        call_tool(&upstream, &visit, "t").await.unwrap()["with"],
        "Bearer two"
    );
    clock.advance(Duration::from_mins(1));
    assert!(said(call_tool(&upstream, &visit, "t").await).contains("gets no token for it"));
}

#[tokio::test]
async fn a_token_that_was_revoked_is_exchanged_at_once() {
    static REFUSED: AtomicUsize = AtomicUsize::new(0);
    let server = Fake::new(|seen| match seen.header("authorization") {
        "Bearer bad" => {
            REFUSED.fetch_add(1, Ordering::SeqCst);
            status(401)
        }
        _ => seen.result(json!({"supportedVersions": ["2026-07-28"], "capabilities": {}})),
    })
    .await;
    let tokens = Scripted::default();
    let answer = |token: &str| json!({"access_token": token, "token_type": "Bearer"});
    tokens.answer_json("https://as.example/token", &answer("bad"));
    let mut parts = parts();
    parts.fetch = Fetch::through(tokens.clone());
    let mut settings = http(&server.url);
    settings.credential = client_credentials();
    let upstream = connect(&settings, &parts).unwrap();
    let visit = visit(Revision::V2026_07_28);
    let result = call_tool(&upstream, &visit, "t").await;
    assert!(said(result).contains("does not let the gateway in"));
    assert_eq!(
        REFUSED.load(Ordering::SeqCst),
        2,
        "one more try, and no more"
    );
    tokens.answer_json("https://as.example/token", &answer("good"));
    assert!(call_tool(&upstream, &visit, "t").await.is_ok());
}

#[derive(Debug)]
struct Plain;

impl SignIdentity for Plain {
    fn sign(&self, typ: &str, claims: &Value) -> Option<String> {
        use base64::Engine as _;
        let text = json!({"typ": typ, "claims": claims}).to_string();
        Some(base64::engine::general_purpose::STANDARD.encode(text))
    }
}

#[tokio::test]
async fn a_trusted_server_is_told_who_calls_and_the_client_cannot_say_it() {
    use base64::Engine as _;
    let server = stateless(|seen| seen.result(json!({"who": seen.header("mcp-caller")}))).await;
    let clock = ManualClock::at(NumericDate(1_000_000));
    let mut parts = parts();
    parts.clock = Arc::new(clock.clone());
    let mut settings = http(&server.url);
    settings.forward_identity = Some(ForwardIdentity {
        header: "Mcp-Caller".to_owned(),
        audience: "notes".to_owned(),
    });
    // Without a key nothing can be said.
    assert!(connect(&settings, &parts).is_err());
    parts.signer = Some(Arc::new(Plain));
    let upstream = connect(&settings, &parts).unwrap();
    let mut alice = visit(Revision::V2026_07_28);
    alice.caller = alice
        .caller
        .with_client_id("app")
        .with_scopes("a b".parse().unwrap());
    let bob = visit_of("bob", Revision::V2026_07_28, "{}");
    let read = |text: &str| -> Value {
        let text = base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let first = call_tool(&upstream, &alice, "t").await.unwrap();
    let said = read(first["who"].as_str().unwrap());
    assert_eq!(said["typ"], "sumun-identity+jwt");
    let mut claims = said["claims"].clone();
    assert!(claims["jti"].take().is_string());
    assert_eq!(
        claims,
        json!({
            "iss": "https://gateway.example", "sub": "alice", "aud": "notes", "client_id": "app",
            "scope": "a b", "subject_issuer": "https://as.example",
            "iat": 1_000_000, "exp": 1_000_120, "jti": null,
        })
    );
    let other = call_tool(&upstream, &bob, "t").await.unwrap();
    assert_eq!(read(other["who"].as_str().unwrap())["claims"]["sub"], "bob");
    assert_eq!(call_tool(&upstream, &alice, "t").await.unwrap(), first);
    clock.advance(Duration::from_secs(61));
    assert_ne!(call_tool(&upstream, &alice, "t").await.unwrap(), first);
    // A header of the client's own does not get through.
    let mut headers = headers();
    headers.insert("mcp-caller", HeaderValue::from_static("root"));
    let payload = Either::Left(Full::new("{}".into()));
    let passed = upstream
        .exchange(Method::POST, &headers, payload, &alice.caller)
        .await;
    passed.unwrap();
    let seen = server.seen();
    assert_ne!(seen.last().unwrap().header("mcp-caller"), "root");
    assert_eq!(
        seen.last()
            .unwrap()
            .headers
            .get_all("mcp-caller")
            .iter()
            .count(),
        1
    );
}
