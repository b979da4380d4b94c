//! Patterns for names and addresses, in which `*` stands for any text.

use std::fmt;

/// A pattern such as `get-*` or `file:///public/*`. Everything but `*` stands for itself, and `*` stands
/// for any text, slashes included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    /// What stands between the stars; one part more than there are stars.
    parts: Box<[Box<str>]>,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        Self {
            parts: pattern.split('*').map(Box::from).collect(),
        }
    }

    /// Whether it is `*` alone, which matches everything.
    pub(crate) fn is_everything(&self) -> bool {
        self.parts.len() > 1 && self.parts.iter().all(|part| part.is_empty())
    }

    /// Whether all of `text` is what the pattern says.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = &*self.parts else {
            return self.parts.first().is_some_and(|whole| **whole == *text);
        };
        let Some(mut rest) = text.strip_prefix(&**first) else {
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

    /// Whether every text of `narrow` is one of this pattern's, too.
    pub(crate) fn covers(&self, narrow: &Self) -> bool {
        // No text holds this character; where it stands, only a star of ours can match it.
        self.matches(&narrow.parts.join("\u{0}"))
    }

    /// Whether some text is both this pattern's and `other`'s.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.symbols(), other.symbols());
        // `reached[j]`: all of ours so far, and the first `j` of theirs, have a text in common.
        let mut reached = vec![false; theirs.len() + 1];
        reached[0] = true;
        spread(&mut reached, &theirs);
        for symbol in ours {
            let mut next = vec![false; theirs.len() + 1];
            let mut places = (0..reached.len()).filter(|j| reached[*j]);
            match symbol {
                // A star takes any number of theirs, from the first place on.
                None => {
                    if let Some(first) = places.next() {
                        next[first..].fill(true);
                    }
                }
                Some(own) => {
                    for j in places {
                        match theirs.get(j) {
                            Some(None) => next[j] = true,
                            Some(Some(other)) if *other == own => next[j + 1] = true,
                            _ => {}
                        }
                    }
                }
            }
            spread(&mut next, &theirs);
            reached = next;
        }
        reached[theirs.len()]
    }

    /// The pattern letter by letter; a star is `None`.
    fn symbols(&self) -> Vec<Option<char>> {
        let mut symbols = Vec::new();
        for (n, part) in self.parts.iter().enumerate() {
            if n > 0 {
                symbols.push(None);
            }
            symbols.extend(part.chars().map(Some));
        }
        symbols
    }
}

/// A star of theirs may stand for nothing.
fn spread(reached: &mut [bool], theirs: &[Option<char>]) {
    for (j, symbol) in theirs.iter().enumerate() {
        if reached[j] && symbol.is_none() {
            reached[j + 1] = true;
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("*"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_is_any_text() {
        let cases = [
            ("get-todos", "get-todos", true),
            ("get-todos", "get-todo", false),
            ("", "", true),
            ("", "a", false),
            ("get-*", "get-", true),
            ("get-*", "forget-it", false),
            ("*-todos", "get-todos", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "acb", false),
            ("file:///public/*", "file:///public/a/b", true),
            ("*", "", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(
                Glob::new(pattern).matches(text),
                expected,
                "{pattern} {text}"
            );
        }
        assert!(Glob::new("*").is_everything() && Glob::new("**").is_everything());
        assert!(!Glob::new("").is_everything() && !Glob::new("a*").is_everything());
    }

    proptest! {
        #[test]
        fn what_a_broad_pattern_covers_it_matches(broad in "[ab*]{0,5}", narrow in "[ab*]{0,5}", fill in "[ab]{0,3}") {
            let (broad, narrow) = (Glob::new(&broad), Glob::new(&narrow));
            let text = narrow.to_string().replace('*', &fill);
            prop_assert!(narrow.matches(&text));
            if broad.covers(&narrow) {
                prop_assert!(broad.matches(&text));
            }
            if broad.matches(&text) {
                prop_assert!(broad.meets(&narrow) && narrow.meets(&broad));
            }
        }

        #[test]
        fn patterns_meet_where_there_is_a_common_text(a in "[ab*]{0,4}", b in "[ab*]{0,4}") {
            let (a, b) = (Glob::new(&a), Glob::new(&b));
            // A shortest common text is no longer than both patterns together.
            let texts = (0..=8_usize).flat_map(|length| {
                (0..1_usize << length).map(move |bits| -> String {
                    (0..length).map(|n| if bits >> n & 1 == 0 { 'a' } else { 'b' }).collect()
                })
            });
            let is_common = texts.into_iter().any(|text| a.matches(&text) && b.matches(&text));
            prop_assert_eq!(a.meets(&b), is_common, "{} {}", a, b);
        }
    }
}
