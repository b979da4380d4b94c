//! Scope: a set of scope tokens (RFC 6749 §3.3).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of scope tokens; on the wire they stand in one string, separated by spaces.
///
/// ```
/// let granted: oauth::scope::Scope = "read:todos create:todos".parse().unwrap();
/// assert!(granted.contains("read:todos"));
/// assert_eq!(granted.to_string(), "create:todos read:todos");
/// ```
// The tokens as they stand on the wire: in order, each once. Scopes are copied for every request and
// seldom changed, so copies share the text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope(Arc<str>);

/// A scope holds a character outside `%x21 / %x23-5B / %x5D-7E`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope may hold printable ASCII except space, quote and backslash")]
pub struct InvalidScope;

impl Scope {
    /// The empty scope.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The tokens in alphabetical order, as they stand on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `token` is one of the scope tokens.
    pub fn contains(&self, token: &str) -> bool {
        self.iter().any(|known| known == token)
    }

    /// Whether every token of `self` is in `other` as well.
    pub fn is_subset(&self, other: &Self) -> bool {
        // Both are in order, so what was passed in `other` cannot come again.
        let mut others = other.iter();
        self.iter().all(|token| others.any(|known| known == token))
    }

    /// Whether there is no token at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All tokens of both.
    pub fn union(&self, other: &Self) -> Self {
        if other.is_subset(self) {
            return self.clone();
        }
        Self::of_valid(self.iter().chain(other.iter()).collect())
    }

    /// The tokens that are in both.
    pub fn intersection(&self, other: &Self) -> Self {
        self.tokens_that(other, true)
    }

    /// The tokens of `self` that are not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        self.tokens_that(other, false)
    }

    /// The tokens that are in `other`, or those that are not.
    fn tokens_that(&self, other: &Self, are_there: bool) -> Self {
        if are_there && self == other {
            return self.clone();
        }
        let mut others = other.iter().peekable();
        let mut kept: Vec<&str> = Vec::new();
        for token in self.iter() {
            while others.next_if(|known| *known < token).is_some() {}
            if (others.peek() == Some(&token)) == are_there {
                kept.push(token);
            }
        }
        if kept.len() == self.iter().count() {
            self.clone()
        } else {
            Self::of_valid(kept)
        }
    }

    /// The tokens in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|token| !token.is_empty())
    }

    /// The scope made of `tokens`.
    pub fn from_tokens<T: AsRef<str>>(
        tokens: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidScope> {
        let tokens: Vec<T> = tokens.into_iter().collect();
        let tokens: Vec<&str> = tokens.iter().map(AsRef::as_ref).collect();
        let is_valid = |token: &&str| !token.is_empty() && token.bytes().all(is_nqchar);
        if tokens.iter().all(is_valid) {
            Ok(Self::of_valid(tokens))
        } else {
            Err(InvalidScope)
        }
    }

    fn of_valid(mut tokens: Vec<&str>) -> Self {
        if let [only] = tokens[..] {
            return Self(only.into());
        }
        tokens.sort_unstable();
        tokens.dedup();
        Self(tokens.join(" ").into())
    }
}

/// RFC 6749 appendix A: `NQCHAR = %x21 / %x23-5B / %x5D-7E`.
fn is_nqchar(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::from_tokens(text.split(' ').filter(|token| !token.is_empty()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        assert_eq!(scope("b a  b"), scope("a b"));
        assert_eq!(scope("b a b").to_string(), "a b");
        assert!(scope("").is_empty());
    }

    #[test]
    fn quotes_backslashes_and_non_ascii_are_refused() {
        for bad in ["a\"b", "a\\b", "할일", "a\tb"] {
            assert_eq!(bad.parse::<Scope>(), Err(InvalidScope), "{bad}");
        }
    }

    #[test]
    fn a_token_is_no_part_of_another() {
        let todos = scope("read:todos write");
        assert!(!todos.contains("read") && !todos.contains("read:todos write"));
        assert!(!todos.contains("") && !Scope::empty().contains(""));
        assert!(!scope("read").is_subset(&todos));
    }

    #[test]
    fn algebra_of_sets() {
        let (small, large) = (scope("a b"), scope("a b c"));
        assert!(small.is_subset(&large) && !large.is_subset(&small));
        assert_eq!(small.union(&scope("c")), large);
        assert_eq!(large.intersection(&scope("b c d")), scope("b c"));
        assert_eq!(large.difference(&small), scope("c"));
        assert_eq!(small.union(&Scope::empty()), small);
        assert_eq!(scope("a c").intersection(&large), scope("a c"));
        assert_eq!(scope("b d f").difference(&scope("a c d e g")), scope("b f"));
        assert!(!scope("a d").is_subset(&large) && Scope::empty().is_subset(&small));
    }
}
