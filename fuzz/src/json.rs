//! JSON of strangers: the scanner takes what `serde_json` takes, less what is ambiguous (RFC 8259).

/// What the tests of the scanner believe, too.
#[path = "../../crates/oauth/src/json/tests/oracle.rs"]
mod oracle;

use std::borrow::Cow;

use oauth::json::{Scanner, from_stranger};
use serde_json::Value;

/// The input is a document.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        assert!(from_stranger::<Value>(data).is_err());
        return;
    };
    let mut scanner = Scanner::new(text);
    let mine = scanner.skip().and_then(|_| scanner.end());
    assert_eq!(mine.is_ok(), oracle::is_unambiguous(text), "{mine:?}");
    assert_eq!(mine.is_ok(), from_stranger::<Value>(data).is_ok());

    let mut scanner = Scanner::new(text);
    let mine = scanner.text().and_then(|read| scanner.end().map(|()| read));
    let theirs = serde_json::from_str::<String>(text);
    assert_eq!(mine.ok().map(Cow::into_owned), theirs.ok());
}
