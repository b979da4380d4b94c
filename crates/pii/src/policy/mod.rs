//! What is done with findings: rules by tool, direction, place, caller's scopes, type and score.

pub(crate) mod glob;
pub(crate) mod path;
mod written;

use serde::{Deserialize, Serialize};

use crate::kind::Kind;
use crate::message::Part;
use crate::operator::Operator;
use glob::Glob;
use path::{JsonPath, Step};
pub use written::{RuleProblem, WrittenPolicy, WrittenRule};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the tool.
    Arguments,
    /// Back to the caller.
    Result,
}

/// Whose call it is, and of which tool.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The name of the tool.
    pub tool: &'a str,
    /// Which way the message goes.
    pub direction: Direction,
    /// Which part of a message is looked at.
    pub part: Part,
    /// Whose call it is: what is sealed for one is nothing for another. Subjects of several issuers need a name that
    /// tells them apart.
    pub subject: &'a str,
    /// The scopes of the caller.
    pub scopes: &'a [&'a str],
}

/// A rule; what it leaves open fits everything.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) tools: Vec<Glob>,
    pub(crate) direction: Option<Direction>,
    pub(crate) paths: Vec<JsonPath>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) scopes: Vec<String>,
    pub(crate) without_scopes: Vec<String>,
    pub(crate) least_score: f32,
    pub(crate) action: Operator,
    pub(crate) restore_in: Vec<Glob>,
}

impl Rule {
    /// Whether it speaks of such calls at all.
    fn fits(&self, context: &Context<'_>) -> bool {
        glob::any(&self.tools, context.tool)
            && self
                .direction
                .is_none_or(|direction| direction == context.direction)
            && self.fits_scopes(context.scopes)
    }

    fn fits_scopes(&self, scopes: &[&str]) -> bool {
        let has = |scope: &String| scopes.contains(&scope.as_str());
        self.scopes.iter().all(has) && !self.without_scopes.iter().any(has)
    }

    fn fits_finding(&self, kind: &Kind, score: f32, path: &[Step<'_>]) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(kind))
            && score >= self.least_score
            && (self.paths.is_empty() || self.paths.iter().any(|wanted| wanted.covers(path)))
    }
}

/// Rules in their order. The first that fits a finding decides.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Vec<Rule>,
    otherwise: Operator,
}

impl Policy {
    pub(crate) fn new(rules: Vec<Rule>, otherwise: Operator) -> Self {
        Self { rules, otherwise }
    }

    /// A policy that does the same with everything that is found.
    pub fn of_everything(action: Operator) -> Self {
        Self::new(Vec::new(), action)
    }

    /// Whether anything could happen to the messages of such a call; if not, nobody has to look at them.
    pub fn concerns(&self, context: &Context<'_>) -> bool {
        self.otherwise != Operator::Allow
            || self
                .rules
                .iter()
                .any(|rule| rule.action != Operator::Allow && rule.fits(context))
            || context.direction == Direction::Arguments && self.restores_in(context.tool)
    }

    /// Whether an operator is used anywhere.
    pub fn uses(&self, action: Operator) -> bool {
        self.otherwise == action || self.rules.iter().any(|rule| rule.action == action)
    }

    /// The rules for a call, looked up once for all of its findings.
    pub(crate) fn of_call(&self, context: &Context<'_>) -> CallPolicy<'_> {
        let rules = self.rules.iter().filter(|rule| rule.fits(context));
        let rules: Vec<&Rule> = rules.collect();
        CallPolicy {
            rules,
            otherwise: self.otherwise,
        }
    }

    fn restores_in(&self, tool: &str) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.restore_in.iter().any(|glob| glob.fits(tool)))
    }

    /// Whether a stand-in for such a value becomes the value again in the arguments of a tool.
    pub(crate) fn restores(&self, kind: &Kind, tool: &str) -> bool {
        self.rules.iter().any(|rule| {
            rule.restore_in.iter().any(|glob| glob.fits(tool))
                && (rule.kinds.is_empty() || rule.kinds.contains(kind))
        })
    }
}

/// What a policy says about one call.
#[derive(Debug)]
pub(crate) struct CallPolicy<'p> {
    rules: Vec<&'p Rule>,
    otherwise: Operator,
}

impl CallPolicy<'_> {
    /// What is done with a finding.
    pub(crate) fn action(&self, kind: &Kind, score: f32, path: &[Step<'_>]) -> Operator {
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.fits_finding(kind, score, path));
        rule.map_or(self.otherwise, |rule| rule.action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scanner::Scanner;

    fn policy(json: &str) -> Policy {
        Policy::read(&serde_json::from_str(json).unwrap(), &Scanner::new()).unwrap()
    }

    fn result<'a>(tool: &'a str, scopes: &'a [&'a str]) -> Context<'a> {
        Context {
            tool,
            direction: Direction::Result,
            part: Part::Message,
            subject: "kim",
            scopes,
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let policy = policy(
            r#"{"rules":[
                {"scopes":["pii:read"],"types":["PHONE"],"action":"allow"},
                {"tools":["crm.*"],"paths":["$.support"],"action":"allow"},
                {"tools":["crm.*"],"direction":"result","least_score":0.7,"action":"mask"},
                {"types":["SECRET"],"action":"reject"}],
               "otherwise":"encrypt"}"#,
        );
        let place = [Step::Name("support")];
        let ask = |context: &Context<'_>, kind: &Kind, score: f32, path: &[Step]| {
            policy.of_call(context).action(kind, score, path)
        };
        let crm = result("crm.get", &[]);
        assert_eq!(ask(&crm, &Kind::KrMobile, 0.8, &[]), Operator::Mask);
        assert_eq!(ask(&crm, &Kind::KrMobile, 0.8, &place), Operator::Allow);
        assert_eq!(ask(&crm, &Kind::KrMobile, 0.6, &[]), Operator::Encrypt);
        let reader = result("crm.get", &["pii:read"]);
        assert_eq!(ask(&reader, &Kind::KrMobile, 0.8, &[]), Operator::Allow);
        assert_eq!(ask(&reader, &Kind::KrRrn, 0.8, &[]), Operator::Mask);
        let other = result("mail", &[]);
        assert_eq!(ask(&other, &Kind::Secret, 0.8, &[]), Operator::Reject);
        assert_eq!(ask(&other, &Kind::Email, 0.8, &[]), Operator::Encrypt);
    }

    #[test]
    fn calls_that_no_rule_concerns_need_no_look() {
        let policy = policy(
            r#"{"rules":[{"tools":["crm"],"types":["EMAIL"],"action":"tokenize","restore_in":["mail"]}]}"#,
        );
        assert!(policy.concerns(&result("crm", &[])));
        assert!(!policy.concerns(&result("mail", &[])));
        let arguments = Context {
            direction: Direction::Arguments,
            ..result("mail", &[])
        };
        assert!(policy.concerns(&arguments));
        assert!(policy.restores(&Kind::Email, "mail"));
        assert!(!policy.restores(&Kind::KrRrn, "mail"));
        assert!(!policy.restores(&Kind::Email, "crm"));
    }
}
