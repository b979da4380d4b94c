//! What happens to personal data: rules that cannot work are refused.

use std::fs;

use oauth::scope::Scope;
use pii::{Policy, Scanner, WrittenPolicy, WrittenRule};
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error, StrDeserializer};

use super::Check;
use crate::settings::file::SettingsFile;
use crate::settings::pii::{Pii, PiiRuleSection, PiiSection};
use crate::settings::place::Place;

impl Check<'_> {
    /// `Some(None)` if nobody looks for personal data, `None` if something is wrong.
    #[expect(
        clippy::option_option,
        reason = "the outer one means that something is wrong"
    )]
    pub(super) fn pii(&mut self, file: &SettingsFile) -> Option<Option<Pii>> {
        let section = &file.pii;
        let place = Place::of("pii");
        let scanner = match &section.patterns {
            Some(path) => self.patterns(&place.key("patterns"), path),
            None => Some(Scanner::new()),
        };
        let otherwise = section.otherwise.as_deref();
        let otherwise = otherwise.map(|word| self.word(&place.key("otherwise"), word));
        let list = place.key("rules");
        let rules: Vec<_> = section
            .rules
            .iter()
            .enumerate()
            .map(|(n, rule)| self.pii_rule(&list.index(n), rule))
            .collect();
        let rules: Option<Vec<WrittenRule>> = rules.into_iter().collect();
        let written = WrittenPolicy {
            rules: rules?,
            otherwise: match otherwise {
                Some(operator) => Some(operator?),
                None => None,
            },
        };
        let scanner = scanner?;
        if written.rules.is_empty() && written.otherwise.is_none() {
            return Some(None);
        }
        match Policy::read(&written, &scanner) {
            Ok(policy) => Some(Some(Pii { scanner, policy })),
            Err(problems) => {
                for problem in problems {
                    let at = list.index(problem.rule).key(problem.field);
                    self.refuse(&at, problem.problem);
                }
                None
            }
        }
    }

    fn patterns(&mut self, place: &Place, path: &str) -> Option<Scanner> {
        let path = self.source.directory.join(path);
        let name = path.display();
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{name} cannot be read: {error}"));
        let text = self.accept(place, text)?;
        let scanner = Scanner::new().with_patterns(&text);
        self.accept(place, scanner.map_err(|error| format!("{name}: {error}")))
    }

    fn pii_rule(&mut self, place: &Place, section: &PiiRuleSection) -> Option<WrittenRule> {
        let action = section.action.as_deref();
        let action = action.ok_or("a rule has to say what is done: add `action = \"mask\"`");
        let action = self.accept(&place.key("action"), action);
        let action = action.and_then(|word| self.word(&place.key("action"), word));
        let direction = match section.direction.as_deref() {
            Some(word) => Some(self.word(&place.key("direction"), word)?),
            None => None,
        };
        Some(WrittenRule {
            tools: section.tools.clone(),
            direction,
            paths: section.paths.clone(),
            types: section.types.clone(),
            scopes: section.scopes.clone(),
            without_scopes: section.without_scopes.clone(),
            least_score: section.least_score,
            action: action?,
            restore_in: section.restore_in.clone(),
        })
    }

    /// One of the words that a type has.
    fn word<'w, T: serde::Deserialize<'w>>(&mut self, place: &Place, word: &'w str) -> Option<T> {
        let reader: StrDeserializer<'w, Error> = word.into_deserializer();
        let read = T::deserialize(reader);
        self.accept(place, read.map_err(|error| error.to_string()))
    }
}

/// The scopes that decide what callers of an upstream see: tokens for it can hold them.
pub(super) fn scopes_of(section: &PiiSection, upstream: &str) -> Scope {
    let prefix = format!("{upstream}.");
    let is_about = |rule: &&PiiRuleSection| {
        rule.tools.is_empty() || rule.tools.iter().any(|glob| can_begin(glob, &prefix))
    };
    let rules = section.rules.iter().filter(is_about);
    let tokens = rules.flat_map(|rule| rule.scopes.iter().chain(&rule.without_scopes));
    // What is no scope is refused where it stands.
    Scope::from_tokens(tokens).unwrap_or_default()
}

/// Whether a name that begins with `prefix` can fit `glob`, in which `*` stands for any text.
fn can_begin(glob: &str, prefix: &str) -> bool {
    let literal = glob.split('*').next().unwrap_or_default();
    literal.starts_with(prefix) || literal.len() < glob.len() && prefix.starts_with(literal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_about_the_upstreams_whose_tools_can_fit() {
        for (glob, expected) in [
            ("crm.*", true),
            ("crm.get", true),
            ("*", true),
            ("*.get", true),
            ("c*m.get", true),
            ("crm", false),
            ("crm2.*", false),
            ("mail.*", false),
        ] {
            assert_eq!(can_begin(glob, "crm."), expected, "{glob}");
        }
    }
}
