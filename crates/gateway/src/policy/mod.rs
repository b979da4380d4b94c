//! May this caller do this? One decision for calls, lists and explanations (MCP authorization).
//!
//! A policy is a list of rules, whose order does not matter:
//!
//! 1. a rule that denies wins over everything;
//! 2. a rule that requires something denies where that is missing;
//! 3. otherwise one rule that permits is enough;
//! 4. what no rule permits is denied, or, if the default is to permit, what no permitting rule is about
//!    is permitted.
//!
//! Messages of the protocol itself (`initialize`, lists, notifications) need no rule to permit them, and
//! methods that are unknown here are denied unless a rule names them. Nothing here does I/O.

mod address;
mod argument;
mod decision;
mod expression;
mod facts;
mod glob;
mod index;
mod operation;
mod rule;
mod scopes;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use oauth::scope::Scope;
use resource_server::Caller;
use serde_json::value::RawValue;

pub use argument::ArgumentSettings;
pub use decision::{Considered, Decision, Denial, Explanation, Permit};
pub use facts::{ClientKind, FirstParty};
pub(crate) use glob::Glob;
pub use operation::Operation;
pub use rule::{Effect, RuleSettings};

use address::is_winding;
use facts::Facts;
use index::{Candidate, Index};
use operation::{Asked, Item, Subject};
use rule::{Reader, Rule};
use scopes::Hierarchy;
use verdict::Verdict;

/// What an operator says about who may do what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicySettings {
    /// Whether tools, prompts and resources are permitted that no permitting rule is about.
    pub default_permit: bool,
    /// The rules.
    pub rules: Vec<RuleSettings>,
    /// Broad scopes and the narrower ones that each includes.
    pub scope_hierarchy: BTreeMap<String, Vec<String>>,
    /// Which clients are the operator's own.
    pub first_party: FirstParty,
}

/// Why a rule cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule}, `{key}`: {message}")]
pub struct RuleProblem {
    /// The place of the rule, from 0.
    pub rule: usize,
    /// Which part of it.
    pub key: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Who may do what.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    index: Index,
    default_permit: bool,
    first_party: FirstParty,
    /// The names of what decides where no rule does.
    protocol: Arc<str>,
    default: Arc<str>,
}

impl Policy {
    /// The policy of these settings, or everything that is wrong with its rules.
    pub fn new(settings: &PolicySettings) -> Result<Self, Vec<RuleProblem>> {
        let hierarchy = Hierarchy::new(&settings.scope_hierarchy);
        let texts = settings.rules.iter().filter_map(|rule| rule.when.clone());
        let mut expressions = expression::compile(texts.collect()).into_iter();
        let (mut rules, mut problems) = (Vec::new(), Vec::new());
        for (place, written) in settings.rules.iter().enumerate() {
            let label = match &written.name {
                Some(name) => Arc::from(&**name),
                None => Arc::from(format!("policy.rules[{place}]")),
            };
            let when = written.when.as_ref().and_then(|_| expressions.next());
            let when = when.transpose().map_err(|message| ("when", message));
            match when.and_then(|when| Rule::new(label, written, &hierarchy, when)) {
                Ok(rule) => rules.push(rule),
                Err((key, message)) => problems.push(RuleProblem {
                    rule: place,
                    key,
                    message,
                }),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            rules,
            index: Index::new(),
            default_permit: settings.default_permit,
            first_party: settings.first_party.clone(),
            protocol: "the protocol".into(),
            default: "the default".into(),
        })
    }

    /// A policy without rules: everybody who is authenticated may use every tool, prompt and resource.
    pub fn open() -> Self {
        let settings = PolicySettings {
            default_permit: true,
            ..PolicySettings::default()
        };
        Self::new(&settings).expect("no rule is wrong where there is none")
    }

    /// A policy without rules that permits nothing.
    pub fn closed() -> Self {
        Self::new(&PolicySettings::default()).expect("no rule is wrong where there is none")
    }

    /// Whether any rule is about an upstream.
    pub fn has_rules_for(&self, upstream: &str) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.is_about_upstream(upstream))
    }

    /// The scopes that mean something to an upstream: those that rules about it need, and broader ones.
    pub fn scopes_of(&self, upstream: &str) -> Scope {
        let rules = self
            .rules
            .iter()
            .filter(|rule| rule.is_about_upstream(upstream));
        let tokens = rules.flat_map(|rule| rule.needs.tokens());
        Scope::from_tokens(tokens).expect("scopes of rules are well-formed")
    }

    /// Whether `caller` may do this, or see it in a list.
    pub fn decide(&self, caller: &Caller, operation: &Operation<'_>) -> Decision {
        let subject = Subject::of(operation);
        let candidates = self
            .index
            .candidates(&self.rules, operation.upstream, &subject);
        let facts = Facts::new(caller, operation, subject, &self.first_party);
        match self.permits(&facts, &candidates) {
            Some(rule) => Decision::Permit(Permit { rule }),
            None => Decision::Deny(self.denial(&facts, &candidates)),
        }
    }

    /// Whether `caller` may send this message: everything that it is about has to be permitted.
    ///
    /// `read_only` says of a tool what it says of itself.
    pub fn decide_message(
        &self,
        caller: &Caller,
        upstream: &str,
        method: &str,
        params: Option<&RawValue>,
        read_only: impl Fn(&str) -> Option<bool>,
    ) -> Decision {
        let message = Operation::message(upstream, method);
        let Some(asked) = Asked::read(method, params) else {
            return Decision::Deny(Denial {
                rule: Arc::clone(&self.protocol),
                reason: "the parameters cannot be read, or name something twice".to_owned(),
                scopes: Scope::empty(),
                visible: true,
            });
        };
        let mut decision = match asked.names.len() {
            // Of a stream or a completion, the method itself has to be permitted, too.
            1.. if asked.method == method && method != "subscriptions/listen" => None,
            _ => Some(self.decide(caller, &message)),
        };
        for name in &asked.names {
            if matches!(&decision, Some(Decision::Deny(denial)) if denial.scopes.is_empty()) {
                break;
            }
            let operation = Operation::about(upstream, asked.method, name)
                .with_arguments(asked.arguments.map(RawValue::get))
                .with_read_only(read_only(name));
            let next = self.decide(caller, &operation);
            decision = Some(match decision {
                Some(so_far) => both(so_far, next),
                None => next,
            });
        }
        decision.expect("a message without names is decided on by itself")
    }

    /// The decision, and what every rule says to it.
    pub fn explain(&self, caller: &Caller, operation: &Operation<'_>) -> Explanation {
        let subject = Subject::of(operation);
        let candidates = self
            .index
            .candidates(&self.rules, operation.upstream, &subject);
        let facts = Facts::new(caller, operation, subject, &self.first_party);
        let considered = candidates
            .iter()
            .map(|candidate| self.rules[candidate.rule].considered(&facts));
        Explanation {
            considered: considered.collect(),
            decision: self.decide(caller, operation),
            default: match subject.item {
                Item::Protocol => "messages of the protocol are permitted",
                Item::Unknown | Item::Nameless => "unknown methods are denied",
                _ if self.default_permit => "what no permitting rule is about is permitted",
                _ => "what no rule permits is denied",
            },
        }
    }

    /// The rule that permits, if nothing denies.
    fn permits(&self, facts: &Facts<'_>, candidates: &[Candidate]) -> Option<Arc<str>> {
        let mut permit = None;
        for candidate in candidates {
            let rule = &self.rules[candidate.rule];
            if rule.effect == Effect::Permit && permit.is_some() {
                continue;
            }
            let verdict = rule.judge(facts);
            match (rule.effect, verdict) {
                (Effect::Deny, Verdict::Holds | Verdict::Broken)
                | (Effect::Require, Verdict::Fails | Verdict::Broken)
                    if candidate.is_certain =>
                {
                    return None;
                }
                (Effect::Permit, Verdict::Holds | Verdict::Unknown) => permit = Some(rule),
                _ => {}
            }
        }
        match (facts.subject.item, permit) {
            (Item::Nameless, _) => None,
            (Item::Protocol, _) => Some(Arc::clone(&self.protocol)),
            (_, Some(rule)) => Some(Arc::clone(&rule.label)),
            (_, None) => self
                .is_open(facts, candidates)
                .then(|| Arc::clone(&self.default)),
        }
    }

    /// Whether something needs no permitting rule.
    fn is_open(&self, facts: &Facts<'_>, candidates: &[Candidate]) -> bool {
        let is_spoken_of = |candidate: &Candidate| {
            candidate.is_certain && self.rules[candidate.rule].effect == Effect::Permit
        };
        match facts.subject.item {
            Item::Protocol => true,
            Item::Unknown | Item::Nameless => false,
            // It may be a resource that some rule permits to others alone.
            Item::Resource(address) if is_winding(address) => {
                let upstream = facts.operation.upstream;
                self.default_permit
                    && !self
                        .rules
                        .iter()
                        .any(|rule| rule.guards_resources(upstream))
            }
            _ => self.default_permit && !candidates.iter().any(is_spoken_of),
        }
    }

    /// Why something is denied that is denied.
    #[cold]
    fn denial(&self, facts: &Facts<'_>, candidates: &[Candidate]) -> Denial {
        match self.remedy(facts, candidates) {
            Ok((rule, scopes)) => {
                let mut reason = "this needs the scope".to_owned();
                for (n, scope) in scopes.iter().enumerate() {
                    let between = if n > 0 { " and" } else { "" };
                    write!(reason, "{between} `{scope}`").expect("writing to a string cannot fail");
                }
                Denial {
                    rule,
                    reason,
                    scopes,
                    visible: true,
                }
            }
            Err((rule, reason)) => {
                let is_known = matches!(facts.subject.item, Item::Protocol | Item::Nameless);
                let is_shown = || {
                    let listed = facts.as_listed();
                    !facts.subject.is_listed && self.permits(&listed, candidates).is_some()
                };
                Denial {
                    rule,
                    reason,
                    scopes: Scope::empty(),
                    visible: is_known || is_shown(),
                }
            }
        }
    }

    /// All scopes with which something would be permitted that is denied, or why none would help.
    fn remedy(
        &self,
        facts: &Facts<'_>,
        candidates: &[Candidate],
    ) -> Result<(Arc<str>, Scope), (Arc<str>, String)> {
        let aside = facts.with_scopes_aside();
        let granted = facts.caller.scopes();
        if facts.subject.item == Item::Nameless {
            let method = facts.subject.method;
            return Err((
                Arc::clone(&self.protocol),
                format!("`{method}` does not say what it is about"),
            ));
        }
        let (mut needed, mut deciding): (Vec<&str>, Option<&Rule>) = (Vec::new(), None);
        let certain = candidates.iter().filter(|candidate| candidate.is_certain);
        for rule in certain.map(|candidate| &self.rules[candidate.rule]) {
            match (rule.effect, rule.judge(&aside)) {
                (Effect::Deny, Verdict::Holds) => {
                    let because = match &*rule.wants().join(" and ") {
                        "" => "a rule denies it to everybody".to_owned(),
                        wants => format!("a rule denies it if {wants}"),
                    };
                    return Err((Arc::clone(&rule.label), because));
                }
                (Effect::Deny, Verdict::Broken)
                | (Effect::Require, Verdict::Fails | Verdict::Broken) => {
                    return Err((
                        Arc::clone(&rule.label),
                        rule.because(&aside, Reader::Caller).join("; "),
                    ));
                }
                (Effect::Require, _) => {
                    needed.extend(rule.needs.challenge(granted));
                    if rule.judge(facts) == Verdict::Fails {
                        deciding = deciding.or(Some(rule));
                    }
                }
                (Effect::Deny | Effect::Permit, _) => {}
            }
        }
        let permitting = candidates
            .iter()
            .map(|candidate| &self.rules[candidate.rule]);
        let permitting: Vec<&Rule> = permitting
            .filter(|rule| rule.effect == Effect::Permit)
            .collect();
        if facts.subject.item != Item::Protocol {
            let would = permitting
                .iter()
                .filter(|rule| matches!(rule.judge(&aside), Verdict::Holds | Verdict::Unknown));
            match would.min_by_key(|rule| rule.needs.missing(granted)) {
                Some(rule) => {
                    needed.extend(rule.needs.challenge(granted));
                    deciding = deciding.or(Some(rule));
                }
                None if self.is_open(facts, candidates) => {}
                None => return Err(self.nearest(&permitting, facts)),
            }
        }
        let rule = deciding.map_or(&self.default, |rule| &rule.label);
        let scopes = Scope::from_tokens(needed).expect("scopes of rules are well-formed");
        Ok((Arc::clone(rule), scopes))
    }

    /// Of rules that would permit, the one that wants least besides what its caller is: an argument, say.
    fn nearest(&self, permitting: &[&Rule], facts: &Facts<'_>) -> (Arc<str>, String) {
        let listed = facts.as_listed();
        let is_near =
            |rule: &&&Rule| matches!(rule.judge(&listed), Verdict::Holds | Verdict::Unknown);
        match permitting.iter().find(is_near).or(permitting.first()) {
            Some(rule) => (
                Arc::clone(&rule.label),
                rule.because(facts, Reader::Caller).join("; "),
            ),
            None if facts.subject.item == Item::Unknown => {
                let method = facts.subject.method;
                (
                    Arc::clone(&self.default),
                    format!("the method `{method}` is not known here, and no rule permits it"),
                )
            }
            None => (Arc::clone(&self.default), "no rule permits it".to_owned()),
        }
    }
}

/// Both have to be permitted. What no scope helps against stands first.
fn both(one: Decision, other: Decision) -> Decision {
    match (one, other) {
        (Decision::Permit(_), other) => other,
        (one, Decision::Permit(_)) => one,
        (Decision::Deny(one), Decision::Deny(other)) => {
            Decision::Deny(if other.scopes.is_empty() {
                other
            } else {
                let scopes = one.scopes.union(&other.scopes);
                let reason = format!("{}; {}", one.reason, other.reason);
                Denial {
                    reason,
                    scopes,
                    ..one
                }
            })
        }
    }
}

/// Whether a pattern of a rule is about a name.
pub fn matches(pattern: &str, name: &str) -> bool {
    glob::Glob::new(pattern).matches(name)
}
