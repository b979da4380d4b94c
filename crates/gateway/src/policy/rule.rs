//! A rule: what it is about, whom and what it wants, and what follows.

use std::collections::BTreeMap;
use std::sync::Arc;

use oauth::scope::Scope;
use serde_json::Value;

use super::address::{is_winding, spelled, template_pattern};
use super::argument::{ArgumentCondition, ArgumentSettings, is_equal};
use super::decision::Considered;
use super::expression::Expression;
use super::facts::{ClientKind, Facts, NoWay, Unreadable, at, claim};
use super::glob::Glob;
use super::operation::{Item, Subject};
use super::scopes::{Hierarchy, Needs};
use super::verdict::Verdict;

/// What follows when the conditions of a rule hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// The operation is permitted, unless another rule denies it.
    #[default]
    Permit,
    /// It is denied, whatever else permits it.
    Deny,
    /// Nothing; but where they do not hold, it is denied, whatever else permits it.
    Require,
}

impl Effect {
    /// The word in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
            Self::Require => "require",
        }
    }
}

/// A rule as the operator writes it. What is empty or not set wants nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSettings {
    /// What explanations call it.
    pub name: Option<String>,
    /// What follows.
    pub effect: Effect,
    /// Which upstreams it is about, by a pattern; all of them unless set.
    pub upstream: Option<String>,
    /// Which tools it is about, by patterns. A rule that names no tools, prompts, resources or methods
    /// is about all tools, prompts and resources.
    pub tools: Vec<String>,
    /// Which prompts it is about, by patterns.
    pub prompts: Vec<String>,
    /// Which resources it is about, by patterns of their addresses.
    pub resources: Vec<String>,
    /// Which methods it is about, by patterns.
    pub methods: Vec<String>,
    /// The caller has all of these scopes.
    pub scopes: Vec<String>,
    /// The caller has one of these scopes.
    pub any_scope: Vec<String>,
    /// The caller has one of these roles.
    pub roles: Vec<String>,
    /// The client is one of these, by patterns of identifiers.
    pub clients: Vec<String>,
    /// The client is of one of these kinds.
    pub client_kinds: Vec<ClientKind>,
    /// Each claim has this value, one of these values, or is a list in which one stands.
    pub claims: BTreeMap<String, Value>,
    /// What the arguments of the call must be.
    pub arguments: BTreeMap<String, ArgumentSettings>,
    /// Whether the tool says that it changes nothing.
    pub read_only: Option<bool>,
    /// An expression (CEL) that is true.
    pub when: Option<String>,
}

/// A rule, ready to be asked.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) label: Arc<str>,
    pub(super) effect: Effect,
    upstream: Glob,
    target: Target,
    pub(super) needs: Needs,
    conditions: Vec<Condition>,
}

/// What a rule is about, besides the upstream.
#[derive(Debug)]
struct Target {
    tools: Vec<Glob>,
    prompts: Vec<Glob>,
    resources: Vec<Glob>,
    methods: Vec<Glob>,
}

/// A condition besides scopes.
#[derive(Debug)]
enum Condition {
    Roles(Vec<String>),
    Clients(Vec<Glob>),
    ClientKinds(Vec<ClientKind>),
    Claim(String, Vec<Value>),
    ReadOnly(bool),
    Argument(ArgumentCondition),
    When(Expression),
}

/// Who reads why something is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// A caller, who learns nothing of expressions and of what they look at.
    Caller,
    /// Whoever has written the rules.
    Operator,
}

/// A part of a rule that cannot work: the key, and why.
pub(super) type Fault = (&'static str, String);

impl Rule {
    /// `when` is the compiled expression of the rule.
    pub(super) fn new(
        label: Arc<str>,
        settings: &RuleSettings,
        hierarchy: &Hierarchy,
        when: Option<Expression>,
    ) -> Result<Self, Fault> {
        let globs = |patterns: &[String]| patterns.iter().map(|text| Glob::new(text)).collect();
        for (key, tokens) in [
            ("scopes", &settings.scopes),
            ("any_scope", &settings.any_scope),
        ] {
            Scope::from_tokens(tokens).map_err(|error| (key, error.to_string()))?;
            if settings.effect == Effect::Deny && !tokens.is_empty() {
                let message = "a rule that denies cannot name scopes, or a caller could do less with \
                               more of them: write effect = \"require\" to demand scopes";
                return Err((key, message.to_owned()));
            }
        }
        let need = |tokens: &[String]| tokens.iter().map(|token| hierarchy.need(token)).collect();
        let mut conditions = Vec::new();
        if !settings.roles.is_empty() {
            conditions.push(Condition::Roles(settings.roles.clone()));
        }
        if !settings.clients.is_empty() {
            conditions.push(Condition::Clients(globs(&settings.clients)));
        }
        if !settings.client_kinds.is_empty() {
            conditions.push(Condition::ClientKinds(settings.client_kinds.clone()));
        }
        for (name, value) in &settings.claims {
            let values = match value {
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            };
            conditions.push(Condition::Claim(name.clone(), values));
        }
        conditions.extend(settings.read_only.map(Condition::ReadOnly));
        for (path, argument) in &settings.arguments {
            let condition = ArgumentCondition::new(path, argument);
            let condition = condition.map_err(|message| ("arguments", message))?;
            conditions.push(Condition::Argument(condition));
        }
        conditions.extend(when.map(Condition::When));
        let has_needs = !settings.scopes.is_empty() || !settings.any_scope.is_empty();
        if settings.effect == Effect::Require && conditions.is_empty() && !has_needs {
            let message =
                "this rule requires nothing: add what it requires, such as roles = [\"Admin\"]";
            return Err(("effect", message.to_owned()));
        }
        Ok(Self {
            label,
            effect: settings.effect,
            upstream: Glob::new(settings.upstream.as_deref().unwrap_or("*")),
            target: Target {
                tools: globs(&settings.tools),
                prompts: globs(&settings.prompts),
                resources: settings
                    .resources
                    .iter()
                    .map(|text| Glob::new(&spelled(text)))
                    .collect(),
                methods: globs(&settings.methods),
            },
            needs: Needs {
                all: need(&settings.scopes),
                any: need(&settings.any_scope),
            },
            conditions,
        })
    }

    /// Whether the rule is about an operation; `Unknown` if it is about some resources of a template.
    pub(super) fn is_about(&self, upstream: &str, subject: &Subject<'_>) -> Verdict {
        if self.upstream.matches(upstream) {
            self.target.judge(self.effect, subject)
        } else {
            Verdict::Fails
        }
    }

    /// Whether the rule says something about an upstream.
    pub(super) fn is_about_upstream(&self, upstream: &str) -> bool {
        self.upstream.matches(upstream)
    }

    /// Whether the rule names resources of an upstream.
    pub(super) fn guards_resources(&self, upstream: &str) -> bool {
        !self.target.resources.is_empty() && self.upstream.matches(upstream)
    }

    /// Whether all conditions hold.
    pub(super) fn judge(&self, facts: &Facts<'_>) -> Verdict {
        if !facts.scopes_aside && !self.needs.are_met(facts.caller.scopes()) {
            return Verdict::Fails;
        }
        let mut verdict = Verdict::Holds;
        for condition in &self.conditions {
            verdict = verdict.and(condition.judge(facts));
            if verdict == Verdict::Fails {
                break;
            }
        }
        verdict
    }

    /// What does not simply hold, in words.
    pub(super) fn because(&self, facts: &Facts<'_>, reader: Reader) -> Vec<String> {
        let mut because = Vec::new();
        if !facts.scopes_aside && !self.needs.are_met(facts.caller.scopes()) {
            because.push(format!("only if the caller has {}", self.needs.in_words()));
        }
        for condition in &self.conditions {
            match condition.judge(facts) {
                Verdict::Holds => {}
                Verdict::Broken => because.push(condition.trouble(facts, reader)),
                Verdict::Fails | Verdict::Unknown => {
                    because.push(format!("only if {}", condition.in_words(reader)));
                }
            }
        }
        because
    }

    /// What holds, for a rule that denies because of it.
    pub(super) fn wants(&self) -> Vec<String> {
        let words = |condition: &Condition| condition.in_words(Reader::Caller);
        self.conditions.iter().map(words).collect()
    }

    pub(super) fn considered(&self, facts: &Facts<'_>) -> Considered {
        let verdict = self.judge(facts);
        Considered {
            rule: Arc::clone(&self.label),
            effect: self.effect.as_str(),
            holds: verdict.in_words(),
            because: self.because(facts, Reader::Operator),
        }
    }
}

impl Target {
    fn judge(&self, effect: Effect, subject: &Subject<'_>) -> Verdict {
        let any = |globs: &[Glob], text: &str| globs.iter().any(|glob| glob.matches(text));
        if !self.methods.is_empty() && !any(&self.methods, subject.method) {
            return Verdict::Fails;
        }
        if self.tools.is_empty() && self.prompts.is_empty() && self.resources.is_empty() {
            let is_item = !matches!(
                subject.item,
                Item::Protocol | Item::Unknown | Item::Nameless
            );
            return Verdict::of(is_item || !self.methods.is_empty());
        }
        match subject.item {
            Item::Tool(name) => Verdict::of(any(&self.tools, name)),
            Item::Prompt(name) => Verdict::of(any(&self.prompts, name)),
            // Nobody can say which resource it is: no rule that names some permits it, and every rule
            // that guards some guards it.
            Item::Resource(address) if is_winding(address) => Verdict::of(match effect {
                Effect::Permit => self.resources.iter().any(Glob::is_everything),
                Effect::Deny | Effect::Require => !self.resources.is_empty(),
            }),
            Item::Resource(address) => Verdict::of(any(&self.resources, &spelled(address))),
            Item::Template(template) => {
                let pattern = template_pattern(template);
                if self.resources.iter().any(|glob| glob.covers(&pattern)) {
                    Verdict::Holds
                } else if self.resources.iter().any(|glob| glob.meets(&pattern)) {
                    Verdict::Unknown
                } else {
                    Verdict::Fails
                }
            }
            Item::Protocol | Item::Unknown | Item::Nameless => Verdict::Fails,
        }
    }
}

impl Condition {
    fn judge(&self, facts: &Facts<'_>) -> Verdict {
        let caller = facts.caller;
        match self {
            Self::Roles(roles) => Verdict::of(
                caller
                    .roles()
                    .any(|role| roles.iter().any(|known| known == role)),
            ),
            Self::Clients(clients) => Verdict::of(
                caller
                    .client_id()
                    .is_some_and(|client| clients.iter().any(|glob| glob.matches(client))),
            ),
            Self::ClientKinds(kinds) => {
                Verdict::of(kinds.contains(&facts.first_party.kind(caller)))
            }
            Self::Claim(name, values) => Verdict::of(claim(caller, name).is_some_and(|own| {
                let is_one = |own: &Value| values.iter().any(|value| is_equal(value, own));
                is_one(own) || own.as_array().is_some_and(|own| own.iter().any(is_one))
            })),
            Self::ReadOnly(expected) => {
                Verdict::of((facts.operation.read_only == Some(true)) == *expected)
            }
            Self::Argument(condition) => match facts.arguments() {
                Ok(arguments) => match at(arguments, &condition.path) {
                    Ok(argument) => condition.judge(argument, caller),
                    Err(NoWay) => Verdict::Broken,
                },
                Err(Unreadable::NotKnownYet) => Verdict::Unknown,
                Err(Unreadable::Wrong) => Verdict::Broken,
            },
            Self::When(expression) => expression.judge(facts),
        }
    }

    /// What it wants.
    fn in_words(&self, reader: Reader) -> String {
        let quoted = |texts: &mut dyn Iterator<Item = String>| -> String {
            let texts: Vec<_> = texts.map(|text| format!("`{text}`")).collect();
            texts.join(" or ")
        };
        match self {
            Self::Roles(roles) => {
                format!(
                    "the caller has the role {}",
                    quoted(&mut roles.iter().cloned())
                )
            }
            Self::Clients(clients) => {
                let clients = quoted(&mut clients.iter().map(Glob::to_string));
                format!("the client is {clients}")
            }
            Self::ClientKinds(kinds) => {
                let kinds = quoted(&mut kinds.iter().map(|kind| kind.as_str().to_owned()));
                format!("the client is of the kind {kinds}")
            }
            Self::Claim(name, values) => {
                let values = quoted(&mut values.iter().map(Value::to_string));
                format!("the claim `{name}` is {values}")
            }
            Self::ReadOnly(true) => "the tool says that it changes nothing".to_owned(),
            Self::ReadOnly(false) => "the tool does not say that it changes nothing".to_owned(),
            Self::Argument(condition) => condition.in_words(),
            Self::When(_) if reader == Reader::Caller => {
                "a condition of the policy holds".to_owned()
            }
            Self::When(expression) => format!("`{}`", expression.text()),
        }
    }

    /// Why it cannot be told whether it holds.
    fn trouble(&self, facts: &Facts<'_>, reader: Reader) -> String {
        match self {
            Self::When(_) if reader == Reader::Caller => {
                "a condition of the policy cannot be evaluated".to_owned()
            }
            Self::When(expression) => {
                let error = expression.evaluate(facts).err().unwrap_or_default();
                format!("`{}` cannot be evaluated: {error}", expression.text())
            }
            other => format!("it cannot be told whether {}", other.in_words(reader)),
        }
    }
}
