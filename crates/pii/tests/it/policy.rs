//! Policies on messages: what is replaced, what stays byte for byte, and what is refused.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use pii::{
    Context, Direction, FernetKey, FernetKeys, Operator, OutputSchema, Part, Policy, PolicyRefusal,
    Redactor, RefusalReason, Scanner, Sealing, WrittenPolicy,
};
use proptest::prelude::*;

fn keys() -> FernetKeys {
    let key = FernetKey::read(&URL_SAFE.encode([7; 32])).unwrap();
    FernetKeys::new(vec![("k1".to_owned(), key)]).unwrap()
}

fn redactor(policy: &str) -> Redactor {
    let written: WrittenPolicy = serde_json::from_str(policy).unwrap();
    let scanner = Scanner::new();
    let policy = Policy::read(&written, &scanner).unwrap();
    Redactor::new(scanner, policy).with_sealing(Sealing::new(
        || keys().into(),
        |bytes| bytes.fill(9),
        || 1_000,
    ))
}

fn masking() -> &'static Redactor {
    static MASKING: LazyLock<Redactor> =
        LazyLock::new(|| Redactor::new(Scanner::new(), Policy::of_everything(Operator::Mask)));
    &MASKING
}

fn context(tool: &str, direction: Direction) -> Context<'_> {
    Context {
        tool,
        direction,
        part: Part::Message,
        subject: "kim",
        scopes: &[],
    }
}

const RESULT: Context<'_> = Context {
    tool: "crm.get",
    direction: Direction::Result,
    part: Part::Message,
    subject: "kim",
    scopes: &[],
};

#[track_caller]
fn check(message: &str, expect: Option<&str>) {
    let outcome = masking().apply(&RESULT, message).unwrap();
    assert_eq!(outcome.replaced.as_deref(), expect);
}

#[test]
fn p1_the_rest_stays_byte_for_byte() {
    check(
        "{ \"b\":1.10,\"n\" : 1e2, \"mail\":\"kim@naver.com\", \"big\":12345678901234567890123}",
        Some(
            "{ \"b\":1.10,\"n\" : 1e2, \"mail\":\"***@naver.com\", \"big\":12345678901234567890123}",
        ),
    );
    check(r#"{"a": [1.10, {"z":"\u0041"}]}"#, None);
}

#[test]
fn p1_escapes_keys_and_numbers_are_read() {
    check(
        r#"{"name":"\ud64d\uae38\ub3d9"}"#,
        Some(r#"{"name":"홍**"}"#),
    );
    check(r#"{"kim@naver.com":1}"#, Some(r#"{"***@naver.com":1}"#));
    check(
        r#"{"card":4111111111111111}"#,
        Some(r#"{"card":"************1111"}"#),
    );
}

#[test]
fn p1_keys_that_become_alike_are_still_two() {
    check(
        r#"{"kim@naver.com":1,"lee@naver.com":2,"***@naver.com":3}"#,
        Some(r#"{"***@naver.com~2":1,"***@naver.com~3":2,"***@naver.com":3}"#),
    );
}

#[test]
fn p1_json_in_texts_is_read_three_levels_deep() {
    check(
        r#"{"text":"{\"mail\":\"a@b.kr\", \"n\": 1.0}"}"#,
        Some(r#"{"text":"{\"mail\":\"*@b.kr\", \"n\": 1.0}"}"#),
    );
    let mut json = r#"{"이름":"홍길동","card":4111111111111111,"x":"a\/b\u0020"}"#.to_owned();
    let mut expect = r#"{"이름":"홍**","card":"************1111","x":"a\/b\u0020"}"#.to_owned();
    for _ in 0..3 {
        for text in [&mut json, &mut expect] {
            *text = format!(r#"{{"in":{}}}"#, serde_json::Value::from(text.as_str()));
        }
        check(&json, Some(&expect));
    }
}

#[test]
fn p1_values_spread_over_fields_and_blocks_are_found() {
    check(
        r#"{"tel1":"010","tel2":"2345","tel3":"6789","n":3}"#,
        Some(r#"{"tel1":"***","tel2":"****","tel3":"****","n":3}"#),
    );
    check(
        r#"{"front":"421210","back":"1312230"}"#,
        Some(r#"{"front":"******","back":"*******"}"#),
    );
    check(
        r#"{"card":["4111","1111","1111","1111"]}"#,
        Some(r#"{"card":["****","****","****","****"]}"#),
    );
    check(
        r#"{"user":"kim.ms","domain":"naver.com"}"#,
        Some(r#"{"user":"***.**","domain":"*****.***"}"#),
    );
    check(
        r#"{"content":[{"type":"text","text":"call 010-23"},{"type":"text","text":"45-6789 now"}]}"#,
        Some(
            r#"{"content":[{"type":"text","text":"call ***-**"},{"type":"text","text":"**-**** now"}]}"#,
        ),
    );
}

#[test]
fn p1_what_the_protocol_needs_is_left_alone() {
    let whole = r#"{"jsonrpc":"2.0","id":"kim@naver.com","method":"tools/call","params":{"name":"a@b.kr","_meta":{"progressToken":"010-2345-6789"},"arguments":{}}}"#;
    let params = r#"{"name":"a@b.kr","_meta":{"progressToken":"010-2345-6789"},"arguments":{}}"#;
    let request = context("crm.get", Direction::Arguments);
    for (part, text) in [(Part::Message, whole), (Part::Params, params)] {
        let context = Context { part, ..request };
        assert_eq!(masking().apply(&context, text).unwrap().replaced, None);
    }
    check(
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no user kim@naver.com"}}"#,
        Some(
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no user ***@naver.com"}}"#,
        ),
    );
}

#[test]
fn p1_only_what_the_protocol_knows_is_the_protocols() {
    let parts = [
        (Part::Params, r#"{"name":"kim@naver.com"}"#),
        (
            Part::Error,
            r#"{"code":1,"message":"kim@naver.com","data":{}}"#,
        ),
        (
            Part::Error,
            r#"{"code":1,"message":"","data":{"id":"kim@naver.com"}}"#,
        ),
        (
            Part::Result,
            r#"{"_meta":{"io.modelcontextprotocol/more":"kim@naver.com"}}"#,
        ),
        (Part::Result, r#"{"id":"kim@naver.com"}"#),
        (Part::Data, r#"{"method":"kim@naver.com"}"#),
    ];
    for (part, text) in parts {
        let context = Context { part, ..RESULT };
        let replaced = masking().apply(&context, text).unwrap().replaced;
        let expected = text.replace("kim@naver.com", "***@naver.com");
        assert_eq!(replaced.as_deref(), Some(&*expected), "{part:?}");
    }
}

#[test]
fn p1_paths_begin_at_the_arguments_and_at_the_structured_result() {
    let redactor = redactor(
        r#"{"rules":[{"paths":["$.customer.phone"],"action":"mask"}],"otherwise":"allow"}"#,
    );
    let data = r#"{"customer":{"phone":"010-2345-6789"},"phone":"010-2345-6789"}"#;
    let params = format!(r#"{{"name":"put","arguments":{data}}}"#);
    let result = format!(r#"{{"content":[],"structuredContent":{data}}}"#);
    let texts = [
        (Direction::Arguments, Part::Params, params.clone()),
        (
            Direction::Arguments,
            Part::Message,
            format!(r#"{{"id":1,"params":{params}}}"#),
        ),
        (Direction::Arguments, Part::Data, data.to_owned()),
        (Direction::Result, Part::Result, result.clone()),
        (
            Direction::Result,
            Part::Message,
            format!(r#"[{{"id":1,"result":{result}}}]"#),
        ),
        (Direction::Result, Part::Data, data.to_owned()),
    ];
    for (direction, part, text) in texts {
        let context = Context {
            part,
            ..context("crm.put", direction)
        };
        let replaced = redactor.apply(&context, &text).unwrap().replaced;
        let expected = text.replacen("010-2345-6789", "010-****-****", 1);
        assert_eq!(
            replaced.as_deref(),
            Some(&*expected),
            "{direction:?} {part:?}"
        );
    }
}

#[test]
fn p1_what_a_field_says_is_replaced_in_the_text_beside_it_although_nothing_there_says_what_it_is() {
    check(
        r#"{"result":{"content":[{"type":"text","text":"M12345678 (\"hunter2xyzQ9\"), not M123456789"}],"structuredContent":{"passport":"M12345678","password":"hunter2xyzQ9"}}}"#,
        Some(
            r#"{"result":{"content":[{"type":"text","text":"********* (\"************\"), not M123456789"}],"structuredContent":{"passport":"*********","password":"************"}}}"#,
        ),
    );
}

#[test]
fn p1_a_text_says_no_more_than_the_field_beside_it() {
    let redactor =
        redactor(r#"{"rules":[{"paths":["$.customer.phone"],"types":["PHONE"],"action":"mask"}]}"#);
    let message = r#"{"result":{"content":[{"type":"text","text":"His number is 010 2345 6789, ours 02-2345-6789."}],"structuredContent":{"customer":{"phone":"010-2345-6789"},"office":"02-2345-6789"}}}"#;
    let outcome = redactor.apply(&RESULT, message).unwrap();
    let replaced = outcome.replaced.unwrap();
    assert!(replaced.contains("His number is 010 **** ****, ours 02-2345-6789."));
    assert!(replaced.contains(r#""phone":"010-****-****"},"office":"02-2345-6789""#));
}

#[test]
fn p1_places_count_in_json_in_texts_as_in_the_structured_result() {
    let redactor =
        redactor(r#"{"rules":[{"paths":["$..email"],"action":"mask"}],"otherwise":"allow"}"#);
    let message = r#"{"result":{"content":[{"type":"text","text":"{\"email\":\"a@b.kr\",\"cc\":\"c@d.kr\"}"}],"structuredContent":{"email":"a@b.kr","cc":"c@d.kr"}}}"#;
    let replaced = redactor.apply(&RESULT, message).unwrap().replaced.unwrap();
    assert_eq!(
        replaced,
        message.replace("a@b.kr", "*@b.kr"),
        "only the place of the rule"
    );
}

#[test]
fn p2_what_is_refused_too_large_or_unreadable_is_not_passed() {
    let redactor = redactor(r#"{"rules":[{"types":["KR_RRN"],"action":"reject"}]}"#);
    let refusal = redactor
        .apply(&RESULT, r#"{"a":"주민번호 421210-1312230","b":"x@y.kr"}"#)
        .unwrap_err();
    assert_eq!(refusal.reason.code(), "pii_rejected");
    assert_eq!(refusal.findings.len(), 2);
    assert!(!format!("{refusal} {refusal:?}").contains("421210"));
    let small = redactor.with_largest(10);
    let refusal = small.apply(&RESULT, r#"{"a":"12345"}"#).unwrap_err();
    assert_eq!(refusal.reason, RefusalReason::TooLarge(10));
    for message in ["{", "", r#"{"a":1,"a":2}"#, "\u{0}"] {
        let refusal = masking().apply(&RESULT, message).unwrap_err();
        assert_eq!(refusal.reason.code(), "pii_unreadable", "{message}");
    }
    let keyless = Redactor::new(Scanner::new(), Policy::of_everything(Operator::Encrypt));
    let refusal = keyless.apply(&RESULT, r#"["a@b.kr"]"#).unwrap_err();
    assert_eq!(refusal.reason, RefusalReason::NoKeys(Operator::Encrypt));
}

#[test]
fn p4_an_encrypted_value_is_for_this_type_tool_and_subject() {
    let redactor = redactor(r#"{"otherwise":"encrypt"}"#);
    let outcome = redactor
        .apply(&RESULT, r#"{"mail":"a@b.kr","text":"a@b.kr"}"#)
        .unwrap();
    let value: serde_json::Value = serde_json::from_str(&outcome.replaced.unwrap()).unwrap();
    let encrypted = value["mail"].as_str().unwrap();
    assert_eq!(value["text"], encrypted, "the same value, the same text");
    let binding = pii::Binding {
        kind: "EMAIL",
        tool: "crm.get",
        subject: "kim",
    };
    assert_eq!(keys().decrypt(encrypted, binding, 1_000).unwrap(), "a@b.kr");
    let other = pii::Binding {
        tool: "mail.send",
        ..binding
    };
    assert!(keys().decrypt(encrypted, other, 1_000).is_err());
}

#[test]
fn a_stand_in_is_restored_for_listed_tools_and_the_same_subject() {
    let redactor = redactor(
        r#"{"rules":[{"tools":["crm.*"],"types":["EMAIL"],"action":"tokenize","restore_in":["mail.*"]}]}"#,
    );
    let outcome = redactor
        .apply(&RESULT, r#"{"mail":"kim.ms@naver.com"}"#)
        .unwrap();
    let replaced = outcome.replaced.unwrap();
    assert!(
        replaced.starts_with(r#"{"mail":"tok:EMAIL:k1:"#),
        "{replaced}"
    );
    let stand_in = replaced[9..replaced.len() - 2].to_owned();

    let call =
        format!(r#"{{"params":{{"arguments":{{"to":"{stand_in}","say":"hi \"{stand_in}\""}}}}}}"#);
    let mail = context("mail.send", Direction::Arguments);
    let restored = redactor.apply(&mail, &call).unwrap();
    assert_eq!(restored.restored, [(pii::Kind::Email, 2)]);
    assert_eq!(
        restored.subjects, outcome.subjects,
        "it is about the same person"
    );
    assert_eq!(
        restored.replaced.unwrap(),
        call.replace(&stand_in, "kim.ms@naver.com")
    );
    let elsewhere = context("web.search", Direction::Arguments);
    assert_eq!(redactor.apply(&elsewhere, &call).unwrap().replaced, None);
    let somebody = Context {
        subject: "lee",
        ..mail
    };
    assert_eq!(redactor.apply(&somebody, &call).unwrap().replaced, None);
    let back = context("mail.send", Direction::Result);
    assert_eq!(redactor.apply(&back, &call).unwrap().replaced, None);
}

#[test]
fn a_result_still_fits_its_schema() {
    let schema = |phone: &str| {
        let schema = format!(r#"{{"properties":{{"phone":{phone}}}}}"#);
        OutputSchema::read(&schema).unwrap()
    };
    let message =
        r#"{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"phone":"010-2345-6789"}}}"#;
    let masked = masking().apply_to_result(&RESULT, message, &schema(r#"{"type":"string"}"#));
    assert!(masked.unwrap().replaced.is_some());
    let refused =
        masking().apply_to_result(&RESULT, message, &schema(r#"{"pattern":"^[0-9-]+$"}"#));
    let refusal: PolicyRefusal = refused.unwrap_err();
    assert_eq!(refusal.reason.code(), "pii_schema_mismatch");
    assert!(
        refusal.to_string().contains("`/phone` (pattern)"),
        "{refusal}"
    );
}

const STREAM: &str = "\u{FEFF}: hello\r\n\r\nid: 1\nevent: message\ndata: {\"name\":\ndata: \"홍길동\",\"tel\":\"010-2345-6789\"}\n\nretry: 5\rdata: plain\r\rdata: a@b.kr\r\n\r\ndata: cut off";

/// The stream up to what is refused in it.
fn streamed(pieces: &[&[u8]]) -> Vec<u8> {
    streamed_by(masking(), pieces)
}

fn streamed_by(redactor: &Redactor, pieces: &[&[u8]]) -> Vec<u8> {
    let mut stream = redactor.stream(RESULT);
    let mut out = Vec::new();
    let mut pieces = pieces.iter();
    let _ = pieces.try_for_each(|piece| stream.push(piece, &mut out));
    out
}

#[test]
fn p1_a_part_of_a_number_is_not_looked_for_elsewhere() {
    check(
        r#"{"result":{"content":[{"type":"text","text":"order 6789 of 2026"}],"structuredContent":{"tel1":"010","tel2":"2345","tel3":"6789"}}}"#,
        Some(
            r#"{"result":{"content":[{"type":"text","text":"order 6789 of 2026"}],"structuredContent":{"tel1":"***","tel2":"****","tel3":"****"}}}"#,
        ),
    );
}

/// More values than are looked for at once, some of them the beginnings of others.
#[test]
fn p1_however_many_values_there_are_each_is_replaced_once() {
    let secret = |n: usize| format!("Zq{n}x{}", "kV7t".repeat(n % 5 + 2));
    let count = 20_000;
    let rows: Vec<_> = (0..count)
        .map(|n| serde_json::json!({"password": secret(n)}))
        .collect();
    let said = format!(
        "{} and {}, {}",
        secret(3),
        secret(count - 1),
        secret(count / 2)
    );
    let message = serde_json::json!({"result": {
        "content": [{"type": "text", "text": said}], "structuredContent": {"rows": rows},
    }});
    let masked = masking()
        .apply(&RESULT, &message.to_string())
        .unwrap()
        .replaced
        .unwrap();
    let masked: serde_json::Value = serde_json::from_str(&masked).unwrap();
    let text = masked["result"]["content"][0]["text"].as_str().unwrap();
    let hidden: String = said
        .split_inclusive(&[' ', ','][..])
        .map(|word| match word.trim_end_matches([' ', ',']) {
            "and" => word.to_owned(),
            value => word.replace(value, &"*".repeat(value.len())),
        })
        .collect();
    assert_eq!(text, hidden);
}

#[test]
fn p3_what_stands_before_a_refused_event_is_seen_however_the_stream_was_cut() {
    let redactor = redactor(r#"{"otherwise":"reject"}"#);
    let text = "data: one\n\ndata: two\n\ndata: a@b.kr\n\ndata: three\n\n".as_bytes();
    for at in 0..text.len() {
        let (head, tail) = text.split_at(at);
        let seen = streamed_by(&redactor, &[head, tail]);
        assert_eq!(seen, b"data: one\n\ndata: two\n\n", "split at {at}");
    }
}

#[test]
fn p3_every_split_of_a_stream_gives_the_same_bytes() {
    let whole = streamed(&[STREAM.as_bytes()]);
    assert_eq!(
        String::from_utf8(whole.clone()).unwrap(),
        ":\r\n\r\nid: 1\nevent: message\ndata: {\"name\":\ndata: \"홍**\",\"tel\":\"010-****-****\"}\n\nretry: 5\rdata: plain\r\rdata: *@b.kr\r\n\r\n"
    );
    for at in 0..STREAM.len() {
        let (head, tail) = STREAM.as_bytes().split_at(at);
        assert_eq!(streamed(&[head, tail]), whole, "split at {at}");
    }
}

#[test]
fn p3_nothing_hides_beside_the_data_of_an_event() {
    let event = ": a@b.kr\nid: a@b.kr\nevent: 010-2345-6789\nnote: a@b.kr\ndata: {}\n\n";
    let seen = streamed(&[event.as_bytes()]);
    assert_eq!(String::from_utf8(seen).unwrap(), ":\ndata: {}\n\n");
}

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);

proptest! {
    #[test]
    fn p3_invented_streams_do_not_depend_on_the_split(
        events in prop::collection::vec("(data: (\\{\"a\":\"(010-2345-6789|홍길동님|x)\"\\}|a@b\\.kr)|id: 1|: c|data)(\r\n|\n|\r)(\r\n|\n|\r)", 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = events.concat();
        let (head, tail) = text.as_bytes().split_at(cut.index(text.len() + 1));
        prop_assert_eq!(streamed(&[head, tail]), streamed(&[text.as_bytes()]));
    }

    #[test]
    fn p1_a_masked_document_is_one_and_has_nothing_left(
        words in prop::collection::vec("[가-힣a-z \"\\\\\n]{0,6}( 010-2345-6789| a@b\\.kr| 홍길동님|%40|\u{200B})?", 0..6),
        depth in 0..3_usize,
    ) {
        let mut json = serde_json::to_string(&words).unwrap();
        for _ in 0..depth {
            json = serde_json::to_string(&[&json]).unwrap();
        }
        let outcome = masking().apply(&RESULT, &json).unwrap();
        let mut masked = outcome.replaced.unwrap_or(json);
        prop_assert!(!masked.contains("010-2345-6789"), "{}", masked);
        for _ in 0..depth {
            let [inner]: [String; 1] = serde_json::from_str(&masked).unwrap();
            masked = inner;
        }
        let again: Vec<String> = serde_json::from_str(&masked).unwrap();
        prop_assert_eq!(again.len(), words.len());
    }

    #[test]
    fn p1_findings_lie_where_they_say(text in "([가-힣 ]{0,4}(010-2345-6789|０１０－２３４５－６７８９|a%40b.kr|홍길동님|\\PC)){0,6}") {
        let chars: Vec<char> = text.chars().collect();
        for finding in SCANNER.scan(&text) {
            prop_assert_eq!(&text[finding.bytes()], finding.value.as_str());
            let value: String = chars[finding.start..finding.end].iter().collect();
            prop_assert_eq!(value, finding.value);
        }
    }
}
