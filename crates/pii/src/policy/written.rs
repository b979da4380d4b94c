//! A policy as an operator writes it, and what is wrong with it.

use serde::Deserialize;
use thiserror::Error;

use crate::kind::Kind;
use crate::operator::Operator;
use crate::policy::glob::Glob;
use crate::policy::path::JsonPath;
use crate::policy::{Direction, Policy, Rule};
use crate::scanner::Scanner;

/// A policy as it stands in a settings file; [`Policy::read`] makes one that can be used of it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenPolicy {
    /// The rules, of which the first that fits decides.
    #[serde(default)]
    pub rules: Vec<WrittenRule>,
    /// What is done with findings for which no rule fits: by default, they stay.
    #[serde(default)]
    pub otherwise: Option<Operator>,
}

/// A rule as it is written; what is left out fits everything.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenRule {
    /// The names of tools, in which `*` stands for any text.
    #[serde(default)]
    pub tools: Vec<String>,
    /// In the arguments of calls, or in their results.
    #[serde(default)]
    pub direction: Option<Direction>,
    /// Places in the arguments or the structured result, such as `$.customer.phone` and `$..email`.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Types of personal data. `PHONE` is all telephone numbers.
    #[serde(default)]
    pub types: Vec<String>,
    /// Only for callers that have all of these scopes.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Only for callers that have none of these scopes.
    #[serde(default)]
    pub without_scopes: Vec<String>,
    /// Only for findings that are at least so sure, from 0.5 to 1.
    #[serde(default)]
    pub least_score: Option<f32>,
    /// What is done.
    pub action: Operator,
    /// With `tokenize`: the tools in whose arguments a stand-in becomes the value again.
    #[serde(default)]
    pub restore_in: Vec<String>,
}

/// Something that is wrong with a written policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("pii.rules[{rule}].{field}: {problem}")]
pub struct RuleProblem {
    /// Which rule, from 0.
    pub rule: usize,
    /// Which field of it.
    pub field: &'static str,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl Policy {
    /// Reads a written policy, for the types that the scanner knows.
    ///
    /// # Errors
    ///
    /// With everything that is wrong with it.
    pub fn read(written: &WrittenPolicy, scanner: &Scanner) -> Result<Self, Vec<RuleProblem>> {
        let mut problems = Vec::new();
        let rules = written.rules.iter().enumerate().map(|(at, rule)| {
            let mut reader = Reader {
                rule: at,
                problems: &mut problems,
            };
            reader.rule(rule, scanner)
        });
        let rules: Vec<Rule> = rules.collect();
        if problems.is_empty() {
            Ok(Self::new(
                rules,
                written.otherwise.unwrap_or(Operator::Allow),
            ))
        } else {
            Err(problems)
        }
    }
}

struct Reader<'p> {
    rule: usize,
    problems: &'p mut Vec<RuleProblem>,
}

impl Reader<'_> {
    fn rule(&mut self, written: &WrittenRule, scanner: &Scanner) -> Rule {
        if !written.restore_in.is_empty() && written.action != Operator::Tokenize {
            let problem = "only stand-ins can be restored: write `action = \"tokenize\"`";
            self.report("restore_in", problem.to_owned());
        }
        let least_score = written.least_score.unwrap_or(0.0);
        if written.least_score.is_some() && !(0.5..=1.0).contains(&least_score) {
            let problem = format!("{least_score} is not a number from 0.5 to 1");
            self.report("least_score", problem);
        }
        for (field, scopes) in [
            ("scopes", &written.scopes),
            ("without_scopes", &written.without_scopes),
        ] {
            let is_scope = |scope: &String| {
                !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic())
            };
            if let Some(wrong) = scopes.iter().find(|scope| !is_scope(scope)) {
                self.report(field, format!("`{wrong}` is not one scope"));
            }
        }
        if let Some(both) = written
            .scopes
            .iter()
            .find(|scope| written.without_scopes.contains(scope))
        {
            let problem = format!("no caller has `{both}` and has it not: the rule never fits");
            self.report("without_scopes", problem);
        }
        Rule {
            tools: self.globs("tools", &written.tools),
            direction: written.direction,
            paths: self.paths(&written.paths),
            kinds: self.kinds(&written.types, scanner),
            scopes: written.scopes.clone(),
            without_scopes: written.without_scopes.clone(),
            least_score,
            action: written.action,
            restore_in: self.globs("restore_in", &written.restore_in),
        }
    }

    fn report(&mut self, field: &'static str, problem: String) {
        self.problems.push(RuleProblem {
            rule: self.rule,
            field,
            problem,
        });
    }

    fn globs(&mut self, field: &'static str, written: &[String]) -> Vec<Glob> {
        let globs: Vec<Glob> = written.iter().filter_map(|one| Glob::read(one)).collect();
        if globs.len() < written.len() {
            let problem = "an empty name fits no tool: write `*` for all of them";
            self.report(field, problem.to_owned());
        }
        globs
    }

    fn paths(&mut self, written: &[String]) -> Vec<JsonPath> {
        let mut paths = Vec::new();
        for text in written {
            match JsonPath::read(text) {
                Ok(path) => paths.push(path),
                Err(problem) => self.report("paths", format!("`{text}`: a path {problem}")),
            }
        }
        paths
    }

    fn kinds(&mut self, written: &[String], scanner: &Scanner) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for name in written {
            let kind = Kind::named(name);
            if name == "PHONE" {
                kinds.extend([Kind::KrMobile, Kind::KrLandline, Kind::PhoneIntl]);
            } else if scanner.kinds().any(|known| known == kind) {
                kinds.push(kind);
            } else {
                let known: Vec<String> = scanner.kinds().map(|kind| kind.to_string()).collect();
                let problem = format!(
                    "there is no type `{name}`; there are PHONE, {}",
                    known.join(", ")
                );
                self.report("types", problem);
            }
        }
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Policy, Vec<RuleProblem>> {
        Policy::read(&serde_json::from_str(json).unwrap(), &Scanner::new())
    }

    #[test]
    fn what_is_wrong_is_told_for_each_field() {
        let problems = read(
            r#"{"rules":[{"action":"mask"},{"action":"mask","tools":[""],"types":["KR_RNN"],
                "paths":["customer"],"least_score":0.2,"scopes":["a b"],"restore_in":["x"]}]}"#,
        )
        .unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(
            fields,
            [
                "restore_in",
                "least_score",
                "scopes",
                "tools",
                "paths",
                "types"
            ]
        );
        assert!(problems.iter().all(|problem| problem.rule == 1));
        assert_eq!(
            problems[4].to_string(),
            "pii.rules[1].paths: `customer`: a path begins with `$`, as in `$.customer.phone`"
        );
        assert!(problems[5].problem.contains("`KR_RNN`"));
    }

    #[test]
    fn unknown_words_are_refused() {
        for json in [
            r#"{"rules":[{"action":"hide"}]}"#,
            r#"{"rules":[{"action":"mask","tool":["x"]}]}"#,
            r#"{"rules":[{"tools":["x"]}]}"#,
            r#"{"rules":[{"action":"mask","direction":"both"}]}"#,
        ] {
            assert!(
                serde_json::from_str::<WrittenPolicy>(json).is_err(),
                "{json}"
            );
        }
    }

    #[test]
    fn an_operators_own_types_are_known() {
        let scanner = Scanner::new()
            .with_patterns(r#"{"employee_no":"E-[0-9]{6}"}"#)
            .unwrap();
        let written: WrittenPolicy =
            serde_json::from_str(r#"{"rules":[{"action":"mask","types":["EMPLOYEE_NO"]}]}"#)
                .unwrap();
        assert!(Policy::read(&written, &scanner).is_ok());
        assert!(Policy::read(&written, &Scanner::new()).is_err());
    }
}
