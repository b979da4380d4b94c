//! From how much on a rule speaks.

use std::time::Duration;

/// The thresholds of all rules. A count of 0 switches a rule off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Values of personal data that went to one caller.
    pub mass_read: u64,
    /// Within how long.
    pub mass_read_window: Duration,
    /// Different people whom one caller read about.
    pub many_subjects: u64,
    /// Within how long.
    pub many_subjects_window: Duration,
    /// Ids in a row.
    pub enumeration: u64,
    /// Failed sign-ins before one that succeeds.
    pub guessed_sign_in: u64,
    /// Within how long.
    pub guessed_sign_in_window: Duration,
    /// Changes between networks by one grant; honest callers move once, and not back and forth.
    pub token_replay: u64,
    /// Within how long.
    pub token_replay_window: Duration,
    /// Different tools or scopes that were refused to one caller.
    pub scope_escalation: u64,
    /// Within how long.
    pub scope_escalation_window: Duration,
    /// Calls of one tool that were rejected for their personal data.
    pub rephrasing: u64,
    /// Within how long.
    pub rephrasing_window: Duration,
    /// The share of the usual events of an hour, in percent, below which the log is too quiet.
    pub quiet_percent: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            mass_read: 500,
            mass_read_window: Duration::from_mins(10),
            many_subjects: 100,
            many_subjects_window: Duration::from_hours(1),
            enumeration: 20,
            guessed_sign_in: 10,
            // Longer than an account is locked for guessing, or whoever waits for that would never be seen.
            guessed_sign_in_window: Duration::from_mins(15),
            token_replay: 3,
            token_replay_window: Duration::from_mins(5),
            scope_escalation: 3,
            scope_escalation_window: Duration::from_mins(10),
            rephrasing: 3,
            rephrasing_window: Duration::from_mins(5),
            quiet_percent: 10,
        }
    }
}
