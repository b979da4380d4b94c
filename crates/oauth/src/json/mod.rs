//! JSON from strangers, read in one way only (RFC 8259 §4).

mod fold;
mod keys;
mod scanner;

use serde::de::{DeserializeOwned, Error as _};

pub use fold::is_disguised;
pub use scanner::{ScanError, Scanner};

/// How the keys begin that `serde_json` keeps for itself.
///
/// `{"$serde_json::private::RawValue":"{…}"}` becomes the document inside the text, which nobody has
/// seen who looked at the keys.
const RESERVED: &str = "$serde_json::private::";

/// Parses `bytes`, refusing objects that two readers could understand differently: one with the same
/// key twice, or with a key that `serde_json` keeps for itself.
pub fn from_stranger<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let text = str::from_utf8(bytes).map_err(serde_json::Error::custom)?;
    let mut scanner = Scanner::new(text);
    scanner
        .skip()
        .and_then(|_| scanner.end())
        .map_err(serde_json::Error::custom)?;
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests;
