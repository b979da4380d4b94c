//! Scope: a set of scope tokens (RFC 6749 §3.3).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of scope tokens; on the wire they stand in one string, separated by spaces.
///
/// ```
/// let granted: oauth::scope::Scope = "read:todos create:todos".parse().unwrap();
/// assert!(granted.contains("read:todos"));
/// assert_eq!(granted.to_string(), "create:todos read:todos");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope(BTreeSet<String>);

/// A scope holds a character outside `%x21 / %x23-5B / %x5D-7E`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope may hold printable ASCII except space, quote and backslash")]
pub struct InvalidScope;

impl Scope {
    /// The empty scope.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Whether `token` is one of the scope tokens.
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether every token of `self` is in `other` as well.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Whether there is no token at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All tokens of both.
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The tokens that are in both.
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The tokens of `self` that are not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// The tokens in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The scope made of `tokens`.
    pub fn from_tokens<T: AsRef<str>>(
        tokens: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidScope> {
        let mut scope = Self::empty();
        for token in tokens {
            let token = token.as_ref();
            if token.is_empty() || !token.bytes().all(is_nqchar) {
                return Err(InvalidScope);
            }
            scope.0.insert(token.to_owned());
        }
        Ok(scope)
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
        for (n, token) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
    fn algebra_of_sets() {
        let (small, large) = (scope("a b"), scope("a b c"));
        assert!(small.is_subset(&large) && !large.is_subset(&small));
        assert_eq!(small.union(&scope("c")), large);
        assert_eq!(large.intersection(&scope("b c d")), scope("b c"));
        assert_eq!(large.difference(&small), scope("c"));
    }
}
