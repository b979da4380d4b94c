//! Names of tools with `*` and `?`.

/// A name in which `*` stands for any characters and `?` for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob(Vec<char>);

impl Glob {
    /// Reads a pattern; an empty one matches nothing and is a mistake.
    pub(crate) fn read(pattern: &str) -> Option<Self> {
        (!pattern.is_empty()).then(|| Self(pattern.chars().collect()))
    }

    /// Whether the whole name fits.
    pub(crate) fn fits(&self, name: &str) -> bool {
        let pattern = &self.0;
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut read) = (0, 0);
        // Where the last `*` stands, and how much of the name it has swallowed.
        let mut star: Option<(usize, usize)> = None;
        while read < name.len() {
            match pattern.get(at) {
                Some('*') => {
                    star = Some((at, read));
                    at += 1;
                }
                Some(one) if *one == '?' || *one == name[read] => {
                    at += 1;
                    read += 1;
                }
                _ => {
                    let Some((place, swallowed)) = star else {
                        return false;
                    };
                    star = Some((place, swallowed + 1));
                    at = place + 1;
                    read = swallowed + 1;
                }
            }
        }
        pattern[at..].iter().all(|one| *one == '*')
    }
}

/// Whether one of the patterns fits; no patterns fit everything.
pub(crate) fn any(globs: &[Glob], name: &str) -> bool {
    globs.is_empty() || globs.iter().any(|glob| glob.fits(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        let fits = |pattern: &str, name: &str| Glob::read(pattern).unwrap().fits(name);
        assert!(fits("*", "anything"));
        assert!(fits("crm.*", "crm.search"));
        assert!(!fits("crm.*", "crm"));
        assert!(fits("*_customer", "get_customer"));
        assert!(!fits("*_customer", "get_customers"));
        assert!(fits("a*b*c", "a--b--b--c"));
        assert!(fits("tool?", "tool1"));
        assert!(!fits("tool?", "tool"));
        assert!(Glob::read("").is_none());
        assert!(!fits(&"*a".repeat(40), &"a".repeat(39)));
    }
}
