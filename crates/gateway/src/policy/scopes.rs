//! Scopes that a rule needs, and the broader ones that include them (MCP authorization).

use std::collections::{BTreeMap, BTreeSet};

use oauth::scope::Scope;

/// Broad scopes, with the narrow ones that each includes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hierarchy {
    /// By narrow scope: all scopes that include it, through any number of steps.
    broader: BTreeMap<String, BTreeSet<String>>,
}

impl Hierarchy {
    /// `implied` says of a broad scope what it includes.
    pub(crate) fn new(implied: &BTreeMap<String, Vec<String>>) -> Self {
        let mut broader: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for broad in implied.keys() {
            let mut included = BTreeSet::new();
            let mut open = vec![broad];
            while let Some(scope) = open.pop() {
                let narrow = implied.get(scope).into_iter().flatten();
                open.extend(narrow.filter(|narrow| included.insert((*narrow).clone())));
            }
            for narrow in included {
                if narrow != *broad {
                    broader.entry(narrow).or_default().insert(broad.clone());
                }
            }
        }
        Self { broader }
    }

    /// A scope token as something that is needed.
    pub(crate) fn need(&self, token: &str) -> Need {
        let broader = self.broader.get(token).into_iter().flatten();
        Need {
            token: token.into(),
            broader: broader.map(|broad| Box::from(&**broad)).collect(),
        }
    }
}

/// One scope that is needed.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    token: Box<str>,
    broader: Box<[Box<str>]>,
}

impl Need {
    /// Whether `granted` has the scope, or one that includes it.
    pub(crate) fn is_met(&self, granted: &Scope) -> bool {
        granted.contains(&self.token) || self.broader.iter().any(|broad| granted.contains(broad))
    }
}

/// The scopes of one rule: all of some, and one of others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) all: Box<[Need]>,
    pub(crate) any: Box<[Need]>,
}

impl Needs {
    pub(crate) fn are_met(&self, granted: &Scope) -> bool {
        self.all.iter().all(|need| need.is_met(granted))
            && (self.any.is_empty() || self.any.iter().any(|need| need.is_met(granted)))
    }

    /// What a challenge names: all of the one, and of the other what is granted, or else the first.
    pub(crate) fn challenge(&self, granted: &Scope) -> Vec<&str> {
        let any = self.any.iter().find(|need| need.is_met(granted));
        let any = any.or(self.any.first());
        let needs = self.all.iter().chain(any);
        needs.map(|need| &*need.token).collect()
    }

    /// Every scope that is named, and every broader one.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &str> {
        let needs = self.all.iter().chain(&self.any);
        needs.flat_map(|need| {
            std::iter::once(&*need.token).chain(need.broader.iter().map(|broad| &**broad))
        })
    }

    /// How many scopes of a challenge are not granted yet.
    pub(crate) fn missing(&self, granted: &Scope) -> usize {
        let all = self.all.iter().filter(|need| !need.is_met(granted)).count();
        let is_one_met = self.any.is_empty() || self.any.iter().any(|need| need.is_met(granted));
        all + usize::from(!is_one_met)
    }

    /// In words, for explanations.
    pub(crate) fn in_words(&self) -> String {
        let tokens = |needs: &[Need]| -> Vec<String> {
            needs
                .iter()
                .map(|need| format!("`{}`", need.token))
                .collect()
        };
        match (tokens(&self.all), tokens(&self.any)) {
            (all, any) if any.is_empty() => format!("the scope {}", all.join(" and ")),
            (all, any) if all.is_empty() => format!("the scope {}", any.join(" or ")),
            (all, any) => format!(
                "the scope {} and one of {}",
                all.join(" and "),
                any.join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(all: &[&str], any: &[&str]) -> Needs {
        let implied = [
            ("admin".to_owned(), vec!["write".to_owned()]),
            (
                "write".to_owned(),
                vec!["read".to_owned(), "admin".to_owned()],
            ),
        ];
        let hierarchy = Hierarchy::new(&implied.into());
        let need = |tokens: &[&str]| tokens.iter().map(|token| hierarchy.need(token)).collect();
        Needs {
            all: need(all),
            any: need(any),
        }
    }

    #[test]
    fn a_broad_scope_includes_narrow_ones_through_any_number_of_steps() {
        let read = needs(&["read"], &[]);
        for (granted, expected) in [
            ("read", true),
            ("write", true),
            ("admin x", true),
            ("x", false),
        ] {
            assert_eq!(
                read.are_met(&granted.parse().unwrap()),
                expected,
                "{granted}"
            );
        }
        assert!(!needs(&["write"], &[]).are_met(&"read".parse().unwrap()));
    }

    #[test]
    fn d3_a_challenge_names_all_that_is_needed() {
        let needs = needs(&["read", "send"], &["a", "b"]);
        assert_eq!(needs.challenge(&Scope::empty()), ["read", "send", "a"]);
        let granted = "read b".parse().unwrap();
        assert_eq!(needs.challenge(&granted), ["read", "send", "b"]);
        assert_eq!(needs.missing(&granted), 1);
        assert!(!needs.are_met(&granted) && needs.are_met(&"write b send".parse().unwrap()));
        assert_eq!(
            needs.in_words(),
            "the scope `read` and `send` and one of `a`, `b`"
        );
    }
}
