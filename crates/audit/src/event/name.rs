//! Names that may stand in an event: bounded, and harmless wherever the event is shown (OWASP log injection).

use std::fmt::{self, Write as _};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

/// The longest name that is kept, in characters. What is longer was not chosen by an operator.
const LONGEST: usize = 128;
/// How much of a longer one is kept: what marks it as cut has to fit behind it, so that a name that is
/// read back and written again stays as it is.
const KEPT: usize = LONGEST - 2 - 2 * DIGEST;
/// How many bytes of its digest follow, so that names that only begin alike stay two.
const DIGEST: usize = 8;

/// The name of a thing: a tool, a client, a server, a request, a type of personal data.
///
/// It is for names that this house knows, never for what a caller sends as the value of an argument.
/// What is too long is cut, and `…#` and the beginning of the SHA-256 of all of it follow. Clones are
/// cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// The name as text: as it was given, or as it was cut.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        // Most names are short, and then nobody counts characters.
        if text.len() <= LONGEST {
            return Self(text.into());
        }
        let mut places = text.char_indices();
        let Some((end, _)) = places.nth(KEPT) else {
            return Self(text.into());
        };
        if places.nth(LONGEST - KEPT - 1).is_none() {
            return Self(text.into());
        }
        let mut cut = format!("{}…#", &text[..end]);
        for byte in &digest(&SHA256, text.as_bytes()).as_ref()[..DIGEST] {
            write!(cut, "{byte:02x}").expect("a text takes all that is written");
        }
        Self(cut.into())
    }
}

impl From<&Arc<str>> for Name {
    fn from(text: &Arc<str>) -> Self {
        if text.len() <= LONGEST {
            Self(text.clone())
        } else {
            Self::from(&**text)
        }
    }
}

impl From<&String> for Name {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let name = Name::from("가".repeat(1 << 20));
        assert_eq!(name.as_str().chars().count(), LONGEST);
        assert!(name.as_str().starts_with(&"가".repeat(KEPT)));
        assert!(name.as_str()["가".len() * KEPT..].starts_with("…#"));
        assert_eq!(Name::from("create-todo").as_str(), "create-todo");
        for fits in ["가".repeat(LONGEST), "a".repeat(LONGEST)] {
            assert_eq!(Name::from(&fits).as_str(), fits);
        }
        assert_ne!(Name::from("가".repeat(LONGEST + 1)), name);
    }

    #[test]
    fn names_that_begin_alike_stay_two_and_a_cut_one_stays_as_it_is() {
        let long = "https://client.example/".repeat(10);
        let (one, other) = (
            Name::from(format!("{long}a")),
            Name::from(format!("{long}b")),
        );
        assert_ne!(one, other);
        assert_eq!(one, Name::from(format!("{long}a")));
        assert_eq!(Name::from(one.as_str()), one, "read back and written again");
    }
}
