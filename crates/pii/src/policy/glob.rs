//! Names of tools, in which `*` stands for any text.

/// A name such as `crm.*`. Everything but `*` stands for itself, as in the rules of the gateway: an
/// operator writes both into one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    /// What stands between the stars; one part more than there are stars.
    parts: Box<[Box<str>]>,
}

impl Glob {
    /// Reads a pattern; an empty one matches nothing and is a mistake.
    pub(crate) fn read(pattern: &str) -> Option<Self> {
        let parts = || pattern.split('*').map(Box::from).collect();
        (!pattern.is_empty()).then(|| Self { parts: parts() })
    }

    /// Whether the whole name fits.
    pub(crate) fn fits(&self, name: &str) -> bool {
        let [first, middle @ .., last] = &*self.parts else {
            return self.parts.first().is_some_and(|whole| **whole == *name);
        };
        let Some(mut rest) = name.strip_prefix(&**first) else {
            return false;
        };
        // Of several places for a part, the first one leaves the most for the parts behind it.
        for part in middle {
            let Some(at) = rest.find(&**part) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(&**last)
    }
}

/// Whether one of the patterns fits; no patterns fit everything.
pub(crate) fn any(globs: &[Glob], name: &str) -> bool {
    globs.is_empty() || globs.iter().any(|glob| glob.fits(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first ones are those of `crates/gateway/src/policy/glob.rs`: they mean the same here.
    #[test]
    fn a_star_is_any_text() {
        let cases = [
            ("get-todos", "get-todos", true),
            ("get-todos", "get-todo", false),
            ("get-*", "get-", true),
            ("get-*", "forget-it", false),
            ("*-todos", "get-todos", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "acb", false),
            ("file:///public/*", "file:///public/a/b", true),
            ("*", "", true),
            ("**", "anything", true),
            ("crm.*", "crm.search", true),
            ("crm.*", "crm", false),
            ("*_customer", "get_customers", false),
        ];
        for (pattern, name, expected) in cases {
            let glob = Glob::read(pattern).unwrap();
            assert_eq!(glob.fits(name), expected, "{pattern} {name}");
        }
        assert!(Glob::read("").is_none());
    }

    #[test]
    fn a_question_mark_is_a_question_mark() {
        let glob = Glob::read("tool?").unwrap();
        assert!(glob.fits("tool?"));
        assert!(!glob.fits("tool1"));
    }
}
