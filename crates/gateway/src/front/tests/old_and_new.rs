//! What no front may touch: members that nobody here knows, in every revision, byte for byte.

use proptest::prelude::*;

use super::*;
use crate::session::Session;

/// JSON as people write it: numbers of any spelling, escapes, keys in any order.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1.50".to_owned()),
        Just("-0".to_owned()),
        Just("1e400".to_owned()),
        Just("12345678901234567890123".to_owned()),
        Just(r#""\u00e9\/""#.to_owned()),
        Just("\"é \\\"resultType\\\"\"".to_owned()),
        Just("null".to_owned()),
        Just(" true".to_owned()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let array = proptest::collection::vec(inner.clone(), 0..4);
        let object = proptest::collection::vec(("[a-z]{1,6}", inner), 0..4);
        prop_oneof![
            array.prop_map(|all| format!("[{}]", all.join(", "))),
            object.prop_map(|all| {
                let members = all.iter().enumerate();
                let members: Vec<_> = members
                    .map(|(n, (key, value))| format!("\"{key}{n}\" :{value}"))
                    .collect();
                format!("{{{}}}", members.join(" ,"))
            }),
        ]
    })
}

async fn exchanged(house: &House, headers: &HeaderMap, message: String) -> String {
    let is_stateless = headers.contains_key("mcp-method");
    let (guest, body) = (guest("alice"), Bytes::from(message));
    let response = if is_stateless {
        house
            .stateless
            .post(&guest, headers, body, &house.server)
            .await
    } else {
        house
            .sessions
            .post(&guest, headers, body, &house.server)
            .await
    };
    let text = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(text.into()).unwrap()
}

fn in_session(house: &House) -> HeaderMap {
    let client = crate::visit::Client {
        revision: crate::revision::Revision::V2025_06_18,
        capabilities: crate::json::raw(&json!({})),
        info: None,
    };
    let session = Session::new(client, NOW, &OsRandom);
    let id = session
        .seal(&house.settings.keys, "todo", &guest("alice").caller)
        .unwrap();
    headers(&[("mcp-session-id", &id)])
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn g6_unknown_members_pass_the_fronts_byte_for_byte(value in json_text()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::new();
            let sessions = in_session(&house);
            let stateless = headers(&[("mcp-protocol-version", "2026-07-28"), ("mcp-method", "raw")]);

            // There: `raw` answers with what it was sent.
            let result = format!("{{\"x-vendor\": {value}}}");
            let message = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"raw","params":{{"result":{result}}}}}"#);
            let answer = exchanged(&house, &sessions, message).await;
            assert_eq!(answer, format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#));
            let message = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"raw","params":{{"result":{result},{META}}}}}"#);
            let answer = exchanged(&house, &stateless, message).await;
            assert!(answer.contains(&format!(r#""x-vendor":{}"#, value.trim())), "{answer}");

            // Of a result of the other era only what the era adds goes.
            let new = format!(r#"{{"resultType":"complete","x-vendor":{value},"ttlMs":0}}"#);
            let message = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"raw","params":{{"result":{new}}}}}"#);
            let answer = exchanged(&house, &sessions, message).await;
            assert_eq!(answer, format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"x-vendor":{}}}}}"#, value.trim()));
        });
    }
}
