//! Names that may stand in an event: bounded, and harmless wherever the event is shown (OWASP log injection).

use std::fmt;
use std::sync::Arc;

/// The longest name that is kept, in characters. What is longer was not chosen by an operator.
const LONGEST: usize = 128;

/// The name of a thing: a tool, a client, a server, a request, a type of personal data.
///
/// It is for names that this house knows, never for what a caller sends as the value of an argument.
/// What is too long is cut, and marked as cut. Clones are cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// The name as text, as it was given, apart from its length.
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
        match text.char_indices().nth(LONGEST) {
            None => Self(text.into()),
            Some((end, _)) => Self(format!("{}…", &text[..end]).into()),
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
        assert_eq!(name.as_str().chars().count(), LONGEST + 1);
        assert!(name.as_str().ends_with('…'));
        assert_eq!(Name::from("create-todo").as_str(), "create-todo");
    }
}
