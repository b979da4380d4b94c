//! Tests of what a request of 2026-07-28 has to say about itself.

use http::HeaderValue;
use serde_json::{Value, json};

use super::*;
use crate::json::raw;

fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"sampling": {}},
        "io.modelcontextprotocol/clientInfo": {"name": "c"},
        "io.modelcontextprotocol/logLevel": "info",
        "progressToken": 7,
        "traceparent": "00-x",
    })
}

fn headers(pairs: &[Pair]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    headers
}

type Pair = (&'static str, &'static str);

const VERSION: (&str, &str) = ("mcp-protocol-version", "2026-07-28");
const CALL: (&str, &str) = ("mcp-method", "tools/call");
const NAME: (&str, &str) = ("mcp-name", "é");
const ENCODED: (&str, &str) = ("mcp-name", "=?base64?w6k=?=");

fn admit_call(pairs: &[Pair], params: &Value) -> Result<Admitted, RpcError> {
    let (id, params) = (raw(&1), raw(params));
    let asked = Asked {
        id: &id,
        method: "tools/call".to_owned(),
        params: Some(&params),
    };
    admit(&Caller::new("alice"), Some(&headers(pairs)), &asked)
}

#[test]
fn what_a_server_needs_of_a_request_is_told_apart_from_the_rest() {
    let params = json!({"name": "é", "arguments": {"n": 1}, "_meta": meta()});
    let admitted = admit_call(&[VERSION, CALL, ENCODED], &params).unwrap();
    let left: Value = serde_json::from_str(admitted.params.unwrap().get()).unwrap();
    let expected = json!({"name": "é", "arguments": {"n": 1},
        "_meta": {"progressToken": 7, "traceparent": "00-x"}});
    assert_eq!(left, expected);
    let client = &admitted.visit.client;
    assert_eq!(client.capabilities.get(), r#"{"sampling":{}}"#);
    assert_eq!(client.info.as_ref().unwrap().get(), r#"{"name":"c"}"#);
    assert_eq!(admitted.visit.log_level.as_deref(), Some("info"));
    assert_eq!(admitted.progress.unwrap().get(), "7");
}

/// The order of the checks: the first that fails is the one that is told.
#[test]
fn d5_every_mistake_has_its_code() {
    let params = |changes: &[(&str, Value)]| {
        let mut params = json!({"name": "é", "_meta": meta()});
        for (key, value) in changes {
            match key.strip_prefix("_meta.") {
                Some(key) => {
                    params["_meta"][format!("io.modelcontextprotocol/{key}")] = value.clone();
                }
                None => params[*key] = value.clone(),
            }
        }
        params
    };
    let good = params(&[]);
    let other = params(&[("_meta.protocolVersion", json!("v999"))]);
    let old = params(&[("_meta.protocolVersion", json!("2025-11-25"))]);
    let cases: Vec<(&[Pair], Value, i64)> = vec![
        (&[CALL, ENCODED], good.clone(), -32020),
        (&[VERSION, VERSION, CALL, ENCODED], good.clone(), -32020),
        // Without the header nothing else is looked at.
        (&[], json!({}), -32020),
        (&[VERSION], json!({}), -32602),
        (&[VERSION], params(&[("_meta", json!(7))]), -32602),
        (
            &[VERSION],
            params(&[("_meta.protocolVersion", json!(7))]),
            -32602,
        ),
        (
            &[VERSION],
            params(&[("_meta.clientCapabilities", json!([]))]),
            -32602,
        ),
        (
            &[VERSION],
            params(&[
                ("_meta.protocolVersion", json!("v999")),
                ("_meta.clientCapabilities", json!(null)),
            ]),
            -32602,
        ),
        (&[VERSION], other.clone(), -32020),
        (&[("mcp-protocol-version", "v999")], other, -32022),
        (&[("mcp-protocol-version", "2025-11-25")], old, -32022),
        (&[VERSION], good.clone(), -32020),
        (
            &[VERSION, ("mcp-method", "tools/list"), ENCODED],
            good.clone(),
            -32020,
        ),
        (
            &[VERSION, ("mcp-method", "Tools/call"), ENCODED],
            good.clone(),
            -32020,
        ),
        (&[VERSION, CALL, CALL, ENCODED], good.clone(), -32020),
        (&[VERSION, CALL], good.clone(), -32020),
        (&[VERSION, CALL, ("mcp-name", "e")], good.clone(), -32020),
        (&[VERSION, CALL, NAME], good.clone(), -32020),
        (&[VERSION, CALL, ENCODED, ENCODED], good.clone(), -32020),
        (
            &[VERSION, CALL, ("mcp-name", "=?base64?*?=")],
            good.clone(),
            -32020,
        ),
        (
            &[VERSION, CALL, ENCODED],
            params(&[("name", json!(7))]),
            -32602,
        ),
    ];
    for (headers, params, code) in cases {
        let error = admit_call(headers, &params).unwrap_err();
        assert_eq!(
            error.code(),
            Some(code),
            "{headers:?} {params}: {}",
            error.0
        );
    }
    let versions = admit_call(
        &[("mcp-protocol-version", "v999")],
        &params(&[("_meta.protocolVersion", json!("v999"))]),
    );
    let versions: Value = serde_json::from_str(versions.unwrap_err().0.get()).unwrap();
    let expected = json!({"supported": ["2026-07-28"], "requested": "v999"});
    assert_eq!(versions["data"], expected);
}

#[test]
fn without_an_http_layer_there_are_no_headers_to_compare() {
    let (id, params) = (raw(&1), raw(&json!({"name": "x", "_meta": meta()})));
    let asked = Asked {
        id: &id,
        method: "tools/call".to_owned(),
        params: Some(&params),
    };
    assert!(admit(&Caller::new("alice"), None, &asked).is_ok());
}

#[test]
fn g2_no_two_callers_share_a_key() {
    let client = |capabilities: Value| Client {
        revision: Revision::V2026_07_28,
        capabilities: raw(&capabilities),
        info: None,
    };
    let alice = Caller::new("alice").with_issuer("i").with_client_id("c");
    let keys = [
        key(&alice, &client(json!({}))),
        key(&alice, &client(json!({"sampling": {}}))),
        key(&alice.clone().with_client_id("d"), &client(json!({}))),
        key(&alice.clone().with_issuer("j"), &client(json!({}))),
        key(
            &Caller::new("bob").with_issuer("i").with_client_id("c"),
            &client(json!({})),
        ),
        key(
            &Caller::new("c").with_issuer("i").with_client_id("alice"),
            &client(json!({})),
        ),
    ];
    let different: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(different.len(), keys.len());
    assert_eq!(keys[0], key(&alice, &client(json!({}))));
}

#[test]
fn the_state_of_a_server_behind_is_its_own() {
    let params =
        json!({"name": "é", "requestState": "theirs", "inputResponses": {}, "_meta": meta()});
    let admitted = admit_call(&[VERSION, CALL, ENCODED], &params).unwrap();
    assert!(admitted.retry.is_none());
    assert!(admitted.params.unwrap().get().contains("theirs"));
    let params = json!({"name": "é", "requestState": "sumun1.x", "inputResponses": {"a": 1}, "_meta": meta()});
    let admitted = admit_call(&[VERSION, CALL, ENCODED], &params).unwrap();
    assert_eq!(
        admitted.retry.unwrap().responses.unwrap().get(),
        r#"{"a":1}"#
    );
    let left = admitted.params.unwrap();
    assert!(
        !left.get().contains("request") && !left.get().contains("input"),
        "{left}"
    );
}
