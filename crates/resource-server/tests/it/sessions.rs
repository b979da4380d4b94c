//! Sessions of the older revisions belong to one caller (RS-28).

use axum::Router;
use http::Request;
use oauth::secret::Secret;
use serde_json::json;

use crate::support::*;

/// Opens a session and gives its outer id.
pub(crate) async fn open(app: &Router, token: &str) -> String {
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"}});
    let token = bearer(token);
    let request = post(&[("authorization", &token)], message("initialize", &params));
    let answer = send(app, request).await;
    answer
        .header("mcp-session-id")
        .unwrap_or_else(|| panic!("{answer:?}"))
        .to_owned()
}

async fn use_session(app: &Router, token: &str, session: &str, version: &str) -> u16 {
    let token = bearer(token);
    let headers = [
        ("authorization", token.as_str()),
        ("mcp-session-id", session),
        ("mcp-protocol-version", version),
    ];
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    send(app, post(&headers, note)).await.status.as_u16()
}

#[tokio::test]
async fn rs28_a_session_id_is_of_no_use_to_anybody_else() {
    let house = House::new();
    let app = resource().protect(mcp_server(true), house.verifier());
    let (alice, bob) = (
        house.token(|_| {}),
        house.token(|claims| claims["sub"] = json!("bob")),
    );
    let session = open(&app, &alice).await;
    assert_eq!(use_session(&app, &alice, &session, "2025-11-25").await, 202);
    assert_eq!(use_session(&app, &bob, &session, "2025-11-25").await, 404);
    let (inner, _) = session.rsplit_once('.').unwrap();
    for forged in [
        inner,
        &format!("{inner}."),
        &format!("{inner}.AAAA"),
        "x",
        "x.y",
    ] {
        assert_eq!(
            use_session(&app, &alice, forged, "2025-11-25").await,
            404,
            "{forged}"
        );
    }
    let request = Request::delete("/todo/mcp")
        .header("host", "mcp.example")
        .header("authorization", bearer(&bob))
        .header("mcp-session-id", &session);
    assert_eq!(
        send(&app, request.body("".into()).unwrap()).await.status,
        404
    );
    assert_eq!(use_session(&app, &alice, &session, "2025-11-25").await, 202);
}

#[tokio::test]
async fn a_left_over_session_id_has_no_meaning_on_2026_07_28() {
    let house = House::new();
    let token = house.token(|_| {});
    let mut request = modern(&token, "tools/call", Some("read"));
    request
        .headers_mut()
        .insert("mcp-session-id", "left-over".parse().unwrap());
    assert_eq!(send(&house.protected(), request).await.tool_text(), "alice");
}

#[tokio::test]
async fn replicas_with_one_key_understand_each_other() {
    let house = House::new();
    let key = Secret::from("0123456789abcdef0123456789abcdef");
    let server = mcp_server(true);
    let replica = |key: &Secret| {
        resource()
            .session_key(key)
            .protect(server.clone(), house.verifier())
    };
    let (one, two, other) = (
        replica(&key),
        replica(&key),
        replica(&Secret::from("other")),
    );
    let token = house.token(|_| {});
    let session = open(&one, &token).await;
    assert_eq!(use_session(&two, &token, &session, "2025-11-25").await, 202);
    assert_eq!(
        use_session(&other, &token, &session, "2025-11-25").await,
        404
    );
}
