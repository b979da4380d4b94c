//! Documents plain and ambiguous, and the scanner beside `serde_json` (RFC 8259).

mod oracle;

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[test]
fn ordinary_documents_are_read() {
    let text = r#"{"a":[1,-2,3.5,null,true,"x"],"b":{"a":{}}}"#;
    let value: Value = from_stranger(text.as_bytes()).unwrap();
    assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
}

#[test]
fn ambiguous_documents_are_refused() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"[{"b":{"a":1,"a":2}}]"#,
        r#"{"x":{"$serde_json::private::RawValue":"{}"}}"#,
        r#"{"$serde_json::private::Number":"1"}"#,
        r#"{"\u0024serde_json::private::Number":"1"}"#,
    ] {
        assert!(from_stranger::<Value>(text.as_bytes()).is_err(), "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(
        from_stranger::<Value>(deep.as_bytes()).is_err(),
        "and not by a stack overflow"
    );
}

#[test]
fn an_error_says_what_is_wrong_and_where() {
    let error = |text: &str| {
        from_stranger::<Value>(text.as_bytes())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("{\"a\": 1,\n \"a\": 2}"),
        "the key `a` is there twice at line 2 column 5"
    );
    assert_eq!(error("[1 2]"), "expected `,` or `]` at line 1 column 4");
    assert_eq!(
        error("[1,"),
        "expected a value, but the text ends at line 1 column 4"
    );
}

#[test]
fn a_text_is_borrowed_unless_it_has_escapes() {
    let read = |text: &'static str| {
        let mut scanner = Scanner::new(text);
        let read = scanner.text().unwrap();
        scanner.end().unwrap();
        read
    };
    assert!(matches!(
        read(r#""plain é text""#),
        Cow::Borrowed("plain é text")
    ));
    let escaped = read(r#" "\"\\\/\b\f\n\r\t\u00e9\ud83D\uDe00 after" "#);
    assert_eq!(escaped, "\"\\/\u{8}\u{c}\n\r\té😀 after");
}

/// What the scanner says, and what `serde_json` says, of a whole text.
fn verdicts(text: &str) -> (Result<(), ScanError>, bool) {
    let mut scanner = Scanner::new(text);
    let mine = scanner.skip().and_then(|_| scanner.end());
    (mine, oracle::is_unambiguous(text))
}

#[track_caller]
fn assert_same(text: &str) {
    let (mine, theirs) = verdicts(text);
    assert_eq!(mine.is_ok(), theirs, "{text}: {mine:?}");
}

#[test]
fn it_takes_exactly_what_serde_json_takes() {
    for text in [
        "",
        " ",
        "0",
        "-0",
        "00",
        "01",
        "-01",
        "-",
        "+1",
        "1.",
        "1.0",
        ".5",
        "1e",
        "1e+",
        "1e5",
        "1E-5",
        "1e400",
        "-1e400",
        "0e999",
        "1e-999",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "1e309",
        "9e99999999999999999999",
        "0e99999999999999999999",
        "1e-99999999999999999999",
        "1x",
        "true",
        "tru",
        "truex",
        "false",
        "null",
        "nul",
        "True",
        "\u{feff}1",
        "\u{c}1",
        "1\u{a0}",
        "\"",
        "\"a",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\\uD800\"",
        "\"\\uD800x\"",
        "\"\\uD800\\n\"",
        "\"\\uD800\\uD800\"",
        "\"\\uDC00\"",
        "\"\\uD834\\uDD1E\"",
        "\"\\uD834\\u\"",
        "\"\\uFFFF\"",
        "\"\\u0000\"",
        "\"\u{0}\"",
        "\"\u{1f}\"",
        "\"12345678\n\"",
        "\"\u{7f}\"",
        "\"\u{80}é한😀\"",
        "[",
        "[]",
        "[ ]",
        "[,]",
        "[1,]",
        "[1 2]",
        "[1,2]",
        "]",
        "{",
        "{}",
        "{ }",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\" : 1 , \"b\":2}",
        "{1:2}",
        "{a:1}",
        "{\"a\":1}}",
        "{} {}",
        "[1]//",
        "\"a\" \"b\"",
    ] {
        assert_same(text);
        assert_same(&format!("[{text}]"));
        assert_same(&format!("{{\"a\":{text}}}"));
        assert_same(&format!(" \t\r\n{text} \t\r\n"));
    }
}

#[test]
fn numbers_end_and_texts_end_at_any_length() {
    for length in (0..40).chain([298, 299, 300, 301, 308, 309, 310, 400]) {
        let nines = "9".repeat(length);
        for text in [
            nines.clone(),
            format!("-{nines}"),
            format!("0.{nines}"),
            format!("{nines}.5e-3"),
            format!("{nines}e2"),
            format!("\"{nines}\""),
            format!("\"{nines}\\n{nines}\""),
            format!("\"{nines}\u{1}{nines}\""),
            format!("\"{nines}é\u{80}{nines}\""),
            format!("\"{nines}"),
        ] {
            assert_same(&text);
        }
    }
}

#[test]
fn it_goes_as_deep_as_serde_json() {
    for depth in [1, 126, 127, 128, 129, 10_000] {
        let arrays = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_same(&arrays);
        assert_same(&format!("[0,{arrays}]"));
        let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert_same(&objects);
    }
}

#[test]
fn many_keys_are_told_apart() {
    let object = |last: &str| {
        let keys: Vec<_> = (0..100)
            .map(|n| format!("\"{n}\\t\":0,\"{n}\":0"))
            .collect();
        format!("{{{},\"{last}\":0}}", keys.join(","))
    };
    assert_same(&object("new"));
    assert!(verdicts(&object("new")).1);
    for again in ["0", "7", "8", "99", "\\u0030", "50\\u0009"] {
        assert_same(&object(again));
        assert!(!verdicts(&object(again)).1, "{again}");
    }
}

/// Any JSON value, with keys that are often the same.
fn value() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[a-c]{0,2}",
        ".{0,12}",
        Just("$serde_json::private::".to_owned()),
        Just("$serde_json::private:".to_owned()),
    ];
    let text = text.prop_map(|text| Value::from(text).to_string());
    let leaf = prop_oneof![
        text.clone(),
        any::<f64>().prop_map(|number| Value::from(number).to_string()),
        "-?[0-9]{1,3}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        "true|false|null",
        r#""([a-z]|\\[\\\\"/bfnrt]|\\u[0-9a-fA-F]{4}|\\u[dD][89abAB][0-9]{2}\\u[dD][c-fC-F][0-9]{2}){0,9}""#,
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let member =
            (text.clone(), inner.clone(), " ?").prop_map(|(k, v, s)| format!("{k}{s}:{s}{v}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(|all| format!("[{}]", all.join(", "))),
            proptest::collection::vec(member, 0..12)
                .prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn it_says_of_any_document_what_serde_json_says(text in value()) {
        let (mine, theirs) = verdicts(&text);
        prop_assert_eq!(mine.is_ok(), theirs, "{:?}", mine);
    }

    #[test]
    fn it_says_of_any_damaged_document_what_serde_json_says(
        text in value(), at in any::<prop::sample::Index>(), put in r#"[\[\]{}:,"\\\\0-9.eE+ a-z\x00-\x1f]{0,2}"#, cut in 0..3_usize,
    ) {
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len() + 1);
        chars.splice(at..(at + cut).min(chars.len()), put.chars());
        let text = String::from_iter(chars);
        let (mine, theirs) = verdicts(&text);
        prop_assert_eq!(mine.is_ok(), theirs, "{}: {:?}", text, mine);
    }

    #[test]
    fn it_says_of_any_text_what_serde_json_says(text in r#"[\[\]{}:,"a-f0-9\\\\u.+ -]{0,40}"#) {
        let (mine, theirs) = verdicts(&text);
        prop_assert_eq!(mine.is_ok(), theirs, "{:?}", mine);
    }

    #[test]
    fn a_text_is_what_serde_json_reads(text in r#""(.|\\\\[\\\\"/bfnrtu0-9a-d]){0,30}""#) {
        let mut scanner = Scanner::new(&text);
        let mine = scanner.text().and_then(|read| scanner.end().map(|()| read.into_owned()));
        let theirs = serde_json::from_str::<String>(&text);
        prop_assert_eq!(mine.ok(), theirs.ok());
    }

    #[test]
    fn what_is_passed_over_is_returned_as_written(text in value(), before in "[ \n]{0,3}", after in "[ \n]{0,3}") {
        let whole = format!("{before}{text}{after}");
        let mut scanner = Scanner::new(&whole);
        if let Ok(written) = scanner.skip() {
            prop_assert_eq!(written, text);
        }
    }
}
