//! Breach detection: rules over events as they come (`docs/audit.md`).

mod ids;

use serde::Serialize;

pub use ids::IdRuns;

/// What a rule has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// The rule.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: &'static str,
    /// How much there was.
    pub count: u64,
    /// From how much on it is told.
    pub threshold: u64,
    /// Over how many seconds.
    pub window_seconds: u64,
    /// Events that show it.
    pub evidence: Vec<u64>,
}
