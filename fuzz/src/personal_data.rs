//! Personal data in invented texts, JSON documents, event streams and Fernet tokens.

use std::sync::OnceLock;

use pii::{Equipment, EventStream, FernetKey, Operator, Scanner};

/// The key of the specification's vectors.
const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

/// The input as text, as document, as event stream in two pieces, and as token.
pub fn run(data: &[u8]) {
    static SCANNER: OnceLock<Scanner> = OnceLock::new();
    let scanner = SCANNER.get_or_init(Scanner::new);
    let mask = |_: &pii::Finding| Operator::Mask;
    let stream = |pieces: &[&[u8]]| {
        let mut stream = EventStream::new(scanner, 1 << 16);
        let mut out = Vec::new();
        for piece in pieces {
            out.extend(stream.push(piece, mask, &mut Equipment::default()).ok()?);
        }
        Some(out)
    };
    let (head, tail) = data.split_at(data.len() / 2);
    assert_eq!(stream(&[data]), stream(&[head, tail]), "the split shows");
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let mut last = 0;
    for finding in scanner.scan(text) {
        assert_eq!(&text[finding.bytes()], finding.value);
        assert!(finding.byte_start >= last, "findings overlap");
        last = finding.byte_end;
    }
    if let Ok(Some(document)) = scanner.redact_document(text, mask, &mut Equipment::default()) {
        let parsed = serde_json::from_str::<serde_json::Value>(&document);
        assert!(parsed.is_ok(), "no document is left: {document}");
    }
    let key = FernetKey::read(KEY).expect("it is 32 bytes");
    let _ = key.decrypt(text, u64::MAX, Some(u64::MAX));
}
