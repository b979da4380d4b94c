//! Personal data in invented texts, JSON documents, event streams and Fernet tokens.

use std::sync::OnceLock;

use pii::{Context, Direction, FernetKey, Operator, Part, Policy, Redactor, Scanner};

/// The key of the specification's vectors.
const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

const CONTEXT: Context<'_> = Context {
    tool: "tool",
    direction: Direction::Arguments,
    part: Part::Message,
    subject: "kim",
    scopes: &[],
};

/// The input as text, as document, as event stream in two pieces, and as token.
pub fn run(data: &[u8]) {
    static PARTS: OnceLock<(Scanner, Redactor)> = OnceLock::new();
    let (scanner, redactor) = PARTS.get_or_init(|| {
        let policy = Policy::of_everything(Operator::Mask);
        (
            Scanner::new(),
            Redactor::new(Scanner::new(), policy).with_largest(1 << 16),
        )
    });
    let stream = |pieces: &[&[u8]]| {
        let mut stream = redactor.stream(CONTEXT);
        let mut out = Vec::new();
        let refused = pieces
            .iter()
            .find_map(|piece| stream.push(piece, &mut out).err());
        (out, refused.map(|refusal| refusal.reason))
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
    // Half of a character in an escape is no reason to refuse a message, but not every parser reads it.
    let is_document = serde_json::from_str::<serde_json::Value>(text).is_ok();
    if let Ok(outcome) = redactor.apply(&CONTEXT, text)
        && let Some(document) = outcome.replaced.filter(|_| is_document)
    {
        let parsed = serde_json::from_str::<serde_json::Value>(&document);
        assert!(parsed.is_ok(), "no document is left: {document}");
    }
    let key = FernetKey::read(KEY).expect("it is 32 bytes");
    let _ = key.decrypt(text, u64::MAX, Some(u64::MAX));
}
