//! Envelopes of messages good and bad (acceptance D5).

use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[track_caller]
fn refused(text: &str) -> EnvelopeError {
    Message::parse(text.as_bytes()).unwrap_err()
}

#[test]
fn the_parts_of_a_tool_call() {
    let text = r#"{"params":{"arguments":{"name":"x"},"_meta":{
        "io.modelcontextprotocol/protocolVersion":"2026-07-28"},"name":"create-todo"},
        "id":"a-1","method":"tools/call","jsonrpc":"2.0"}"#;
    let envelope = Envelope::parse(text).unwrap();
    assert_eq!(envelope.called_tool(), Some("create-todo"));
    assert_eq!(envelope.name(), Some("create-todo"));
    assert_eq!(envelope.id.unwrap().get(), "\"a-1\"");
    assert!(envelope.is_stateless_revision());
}

#[test]
fn the_name_depends_on_the_method() {
    let name = |method: &str| {
        let params = r#"{"name":"n","uri":"u","taskId":"t"}"#;
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        Envelope::parse(&text).unwrap().name().map(str::to_owned)
    };
    assert_eq!(name("prompts/get").as_deref(), Some("n"));
    assert_eq!(name("resources/read").as_deref(), Some("u"));
    assert_eq!(name("tasks/cancel").as_deref(), Some("t"));
    assert_eq!(name("tools/list"), None);
}

#[test]
fn d5_a_key_that_is_there_twice_is_refused_at_every_depth() {
    for text in [
        r#"{"method":"tools/list","method":"tools/call"}"#,
        r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#,
        r#"{"method":"tools/call","params":{"name":"a","n\u0061me":"b"}}"#,
        r#"{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}"#,
        r#"{"method":"tools/call","params":{"name":"a","arguments":{"x":{"y":1,"y":2}}}}"#,
        r#"{"method":"tools/call","params":{"name":"a","arguments":{"x":[{"y":1,"y":2}]}}}"#,
        r#"{"id":1,"id":2,"method":"ping"}"#,
        r#"[{"method":"ping"},{"method":"ping","method":"tools/call"}]"#,
    ] {
        assert!(matches!(refused(text), EnvelopeError::Invalid(_)), "{text}");
    }
    let keys: Vec<_> = (0..100).map(|n| format!("\"{n}\":0")).collect();
    let wide = format!("{{{}}}", keys.join(","));
    Message::parse(wide.as_bytes()).unwrap();
    refused(&wide.replace("\"99\":", "\"50\":"));
}

#[test]
fn gw_12_a_request_is_of_json_rpc_2_and_has_an_id_and_no_answer() {
    let good = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    assert!(Envelope::parse(good).unwrap().is_request());
    for (from, to) in [
        ("\"2.0\"", "\"1.0\""),
        ("\"2.0\"", "2.0"),
        (":1", ":null"),
        (":1", ":true"),
        (r#""id":1,"#, ""),
        ("}", r#","result":{}}"#),
        ("}", r#","error":null}"#),
        ("\"ping\"", "7"),
    ] {
        let text = good.replace(from, to);
        assert!(!Envelope::parse(&text).unwrap().is_request(), "{text}");
    }
}

#[test]
fn d5_a_key_that_some_readers_take_for_another_is_refused() {
    for text in [
        r#"{"method":"tools/call","Method":"tools/list"}"#,
        r#"{"METHOD":"tools/call"}"#,
        r#"{"method":"tools/call","params":{"name":"a"},"Params":{"name":"b"}}"#,
        r#"{"method":"tools/call","param\u017f":{"name":"b"}}"#,
        r#"{"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
        r#"{"method":"tools/call","params":{"name":"a","Argument\u017f":{}}}"#,
        r#"{"method":"tasks/get","params":{"taskId":"a","tas\u212aId":"b"}}"#,
        r#"{"method":"subscriptions/listen","params":{"Notifications":{}}}"#,
        r#"{"params":{"_Meta":{}}}"#,
        r#"{"params":{"_meta":{"io.modelcontextprotocol/protocolversion":"2026-07-28"}}}"#,
        r#"[{"method":"ping","Id":1}]"#,
    ] {
        assert!(matches!(refused(text), EnvelopeError::Invalid(_)), "{text}");
    }
    // What nobody takes for a member of the protocol is free to be called as it likes.
    let text = r#"{"method":"x","Other":1,"params":{"Names":1,"arguments":{"Name":1,"name":2}}}"#;
    Message::parse(text.as_bytes()).unwrap();
}

#[test]
fn d5_a_key_that_is_an_instruction_to_some_readers_is_refused_at_every_depth() {
    for hidden in [
        r#"{"$serde_json::private::RawValue":"\"2026-07-28\""}"#,
        r#"{"\u0024serde_json::private::RawValue":"{\"y\":1,\"y\":2}"}"#,
        r#"{"$serde_json::private::Number":"1"}"#,
        r#"{"x":1,"$serde_json::private::RawValue":"{}"}"#,
    ] {
        for text in [
            hidden.to_owned(),
            format!(r#"{{"id":{hidden},"method":"ping"}}"#),
            format!(r#"{{"method":{hidden}}}"#),
            format!(r#"{{"method":"tools/call","params":{hidden}}}"#),
            format!(r#"{{"method":"tools/call","params":{{"name":{hidden}}}}}"#),
            format!(r#"{{"params":{{"arguments":{{"content":{hidden}}}}}}}"#),
            format!(
                r#"{{"params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":{hidden}}}}}}}"#
            ),
            format!(r#"{{"params":{{"arguments":[[{{"a":{hidden}}}]]}}}}"#),
            format!(r#"[{{"method":"ping"}},{{"params":{hidden}}}]"#),
        ] {
            assert!(
                matches!(refused(&text), EnvelopeError::Invalid(_)),
                "{text}"
            );
        }
    }
    // As text it is harmless, and so is a key that only looks alike.
    let text = r#"{"params":{"$serde_json":"$serde_json::private::RawValue"}}"#;
    Message::parse(text.as_bytes()).unwrap();
}

#[test]
fn d5_parameters_have_names_and_no_positions() {
    for params in [
        "[]",
        r#"["write",{}]"#,
        r#"[{"name":"write"}]"#,
        "1",
        "\"write\"",
        "true",
    ] {
        for text in [
            format!(r#"{{"method":"tools/call","params":{params}}}"#),
            format!(r#"{{"params":{params},"method":"tools/call"}}"#),
            format!(r#"[{{"method":"tools/call","params":{params}}}]"#),
            format!(r#"{{"method":"tools/call","params":{{"name":"read","_meta":{params}}}}}"#),
        ] {
            assert!(
                matches!(refused(&text), EnvelopeError::Invalid(_)),
                "{text}"
            );
        }
    }
    // Some clients write out that there are none.
    for text in [
        r#"{"method":"tools/list","params":null}"#,
        r#"{"method":"tools/list","params": null }"#,
        r#"{"method":"tools/list","params":{"_meta":null}}"#,
    ] {
        assert_eq!(Envelope::parse(text).unwrap().protocol_version, None);
    }
}

#[test]
fn d5_an_id_has_nothing_inside() {
    for id in [r#"{"a":1,"a":2}"#, "[1]", " {}"] {
        let text = format!(r#"{{"id":{id},"method":"ping"}}"#);
        assert!(
            matches!(refused(&text), EnvelopeError::Invalid(_)),
            "{text}"
        );
    }
    for id in ["1", "\"{}\"", "null"] {
        let text = format!(r#"{{"id":{id},"method":"ping"}}"#);
        assert_eq!(Envelope::parse(&text).unwrap().id.unwrap().get(), id);
    }
}

#[test]
fn what_is_not_json_and_what_is_no_message() {
    for text in [
        "",
        "{",
        "{\"a\":}",
        "{} {}",
        "nonsense",
        "{\"a\":\"\u{1}\"}",
        "[1,",
    ] {
        assert!(matches!(refused(text), EnvelopeError::Syntax(_)), "{text}");
    }
    for text in ["1", "\"text\"", "null", "[]", "[1]", "[[]]"] {
        assert!(matches!(refused(text), EnvelopeError::Invalid(_)), "{text}");
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    refused(&deep);
    assert!(Message::parse(b"{\"a\":\"\xff\"}").is_err());
}

/// Members of messages, often in the wrong place and often twice.
fn message_like() -> impl Strategy<Value = String> {
    let key = proptest::sample::select(vec![
        "method",
        "params",
        "name",
        "n\\u0061me",
        "uri",
        "taskId",
        "_meta",
        PROTOCOL_VERSION,
        "id",
        "x",
        "$serde_json::private::RawValue",
    ]);
    let leaf = proptest::sample::select(vec![
        "1",
        "1e400",
        "null",
        "\"tools/call\"",
        "\"resources/read\"",
        "\"tasks/get\"",
        "\"\\u0061 b\"",
        "\"2026-07-28\"",
        "\"\\ud800\"",
        "nonsense",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(4, 48, 8, move |inner| {
            let member = (key.clone(), inner.clone());
            let member = member.prop_map(|(key, value)| format!("\"{key}\": {value}"));
            let object = proptest::collection::vec(member, 0..6);
            prop_oneof![
                8 => object.prop_map(|members| format!("{{{}}}", members.join(","))),
                1 => proptest::collection::vec(inner, 0..3).prop_map(|all| format!("[{}]", all.join(","))),
            ]
        })
}

/// What is found must be what a server finds that reads the whole message, and what is refused must be
/// what no server should be asked to read.
fn compare_with_a_server(text: &str) -> Result<(), TestCaseError> {
    let read = oauth::json::from_stranger::<Value>(text.as_bytes()).ok();
    let is_message = |value: &Value| {
        let has_parts = |id: &Value| id.is_object() || id.is_array();
        let is_named = |at: &str| {
            let members = value.pointer(at);
            members.is_none_or(|members| members.is_object() || members.is_null())
        };
        value.is_object()
            && !value.get("id").is_some_and(has_parts)
            && is_named("/params")
            && is_named("/params/_meta")
    };
    let message = read.filter(is_message);
    let envelope = Envelope::parse(text);
    prop_assert_eq!(
        envelope.is_ok(),
        message.is_some(),
        "{}: {:?}",
        text,
        envelope
    );
    if let (Ok(envelope), Some(message)) = (envelope, message) {
        let at = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        prop_assert_eq!(envelope.method.as_deref(), at("/method"));
        prop_assert_eq!(envelope.name.as_deref(), at("/params/name"));
        prop_assert_eq!(envelope.uri.as_deref(), at("/params/uri"));
        prop_assert_eq!(envelope.task_id.as_deref(), at("/params/taskId"));
        let version = "/params/_meta/io.modelcontextprotocol~1protocolVersion";
        prop_assert_eq!(envelope.protocol_version.as_deref(), at(version));
        let id = envelope
            .id
            .map(|id| serde_json::from_str(id.get()).unwrap());
        prop_assert_eq!(id.as_ref(), message.get("id"));
    }
    Ok(())
}

proptest! {
    #[test]
    fn it_finds_what_a_server_finds(text in message_like()) {
        compare_with_a_server(&text)?;
    }

    #[test]
    fn it_finds_what_a_server_finds_in_a_tool_call(
        method in message_like(), params in message_like(), id in message_like(),
    ) {
        compare_with_a_server(&format!(r#"{{"method":{method},"params":{params},"id":{id}}}"#))?;
        compare_with_a_server(&format!(r#"{{"id":1,"params":{{"name":{method},"_meta":{params}}}}}"#))?;
    }

    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::parse(&body);
    }

    #[test]
    fn no_json_like_text_makes_it_panic(body in r#"[\[\]{}:,"a-z0-9\\ ]{0,60}"#) {
        let _ = Message::parse(body.as_bytes());
    }

    #[test]
    fn a_name_is_what_any_reader_of_json_sees(name in ".*") {
        let text = serde_json::json!({"method": "tools/call", "params": {"name": name}}).to_string();
        let envelope = Envelope::parse(&text).unwrap();
        prop_assert_eq!(envelope.called_tool(), Some(name.as_str()));
    }
}
