//! whoami: the caller's identity claims, and nothing else.

use examples::whoami;
use resource_server::ProtectedResource;
use serde_json::{Value, json};

use crate::client::{ask, verifier};

const URL: &str = "https://mcp.example/whoami/mcp";

#[tokio::test]
async fn the_identity_claims_come_as_structure_and_as_text() {
    let app = ProtectedResource::new(URL)
        .unwrap()
        .protect(whoami::service(URL, None), verifier());
    let list = ask(&app, "/whoami/mcp", "alice", "tools/list", json!({})).await;
    assert_eq!(list["tools"][0]["name"], "whoami");
    assert_eq!(list["tools"].as_array().unwrap().len(), 1);

    let call = json!({"name": "whoami", "arguments": {}});
    let result = ask(&app, "/whoami/mcp", "alice", "tools/call", call).await;
    let expected = json!({"sub": "alice", "email": "alice@example.com"});
    assert_eq!(
        result["structuredContent"], expected,
        "`groups` is no identity claim"
    );
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, expected);
}
