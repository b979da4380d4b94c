//! The answer of a policy: permitted or denied, by which rule, and what would help.

use std::sync::Arc;

use oauth::scope::Scope;

/// Whether a caller may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// They may.
    Permit(Permit),
    /// They may not.
    Deny(Denial),
}

impl Decision {
    /// Whether they may.
    pub fn is_permit(&self) -> bool {
        matches!(self, Self::Permit(_))
    }

    /// The rule that decided.
    pub fn rule(&self) -> &str {
        match self {
            Self::Permit(permit) => &permit.rule,
            Self::Deny(denial) => &denial.rule,
        }
    }
}

/// Why something is permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The rule that permits it, by its name or place in the settings.
    pub rule: Arc<str>,
}

/// Why something is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The rule that denies it, or that comes nearest to permitting it.
    pub rule: Arc<str>,
    /// Why, in words that a caller may read who may know of the operation at all (see `visible`).
    pub reason: String,
    /// All scopes that the operation needs, those that the caller has included. Empty when no scope would
    /// help.
    pub scopes: Scope,
    /// Whether the caller may learn that this exists. Otherwise it is to be answered as if it did not.
    pub visible: bool,
}

/// A decision, and how it came about.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The same decision that the gateway takes.
    pub decision: Decision,
    /// Every rule that is about the operation, in the order of the settings.
    pub considered: Vec<Considered>,
    /// What holds where no rule decides.
    pub default: &'static str,
}

/// What one rule says about an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// The rule.
    pub rule: Arc<str>,
    /// Its effect: `permit`, `deny` or `require`.
    pub effect: &'static str,
    /// Whether its conditions hold: `yes`, `no`, `depends on the arguments`, or `cannot be told`.
    pub holds: &'static str,
    /// Why, condition by condition: those that do not simply hold.
    pub because: Vec<String>,
}
