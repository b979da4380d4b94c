//! The sections of what is recorded, as they are written and as they are checked.

use oauth::secret::Secret;
use serde::Deserialize;

/// `[audit]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuditSection {
    /// Whether events are recorded at all. Without, nobody can say afterwards what has happened.
    pub(crate) enabled: bool,
    /// The directory of the log. `audit` in the data directory unless set; a relative path starts at
    /// this file. One process writes to it.
    pub(crate) directory: Option<String>,
    /// The file of the log's own key, with which it is chained. `audit.key` in the data directory
    /// unless set. It is made if neither it nor a log is there. Back it up apart from the log: who has
    /// both can write another history.
    pub(crate) key: Option<String>,
    /// What it means that an event is recorded. `group`: the disk has it; events that come together
    /// share one synchronisation. `fdatasync`: the same, and each has its own. `write`: the operating
    /// system has it, so it survives the end of this program and not that of the machine.
    pub(crate) mode: String,
    /// What happens when an event cannot be written, because the disk is full or broken. `refuse`:
    /// what was to be recorded does not happen. `alarm`: it happens, loudly, and the log says later
    /// how many events are missing.
    pub(crate) on_failure: String,
    /// A segment of the log is sealed when it is as large as this, and when the day ends (UTC).
    pub(crate) segment: String,
    /// How long a sealed segment is kept at least, or `forever`. Access records have to be kept for a
    /// year in Korea, and for two where resident registration numbers or the data of 50 000 people are
    /// handled. The log itself says what was removed.
    pub(crate) retention: String,
    /// A second place for signed heads, best on another machine or volume. Once a minute and at the
    /// end of every segment a line is added that says where the log ends. `sumun audit verify --heads`
    /// finds with it that the log was rewritten or set back.
    pub(crate) heads: Option<String>,
}

/// `[alerts]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AlertsSection {
    /// An address to which every alert is sent, signed, and tried again for three quarters of an hour.
    pub(crate) webhook: Option<String>,
    /// The secret with which messages to the webhook are signed (HMAC-SHA256), or `"${NAME}"` for an
    /// environment variable. Required with `webhook`.
    pub(crate) secret: Option<Secret>,
    /// A file whose first line is that secret.
    pub(crate) secret_file: Option<String>,
    /// Values of personal data that go to one caller. A caller that usually gets less is measured by
    /// its own past as well. 0 switches a rule off, here and below.
    pub(crate) mass_read: u64,
    /// Within how long.
    pub(crate) mass_read_window: String,
    /// Different people whom one caller reads about.
    pub(crate) many_subjects: u64,
    /// Within how long.
    pub(crate) many_subjects_window: String,
    /// Calls in a row that ask for one id after the other.
    pub(crate) enumeration: u64,
    /// Failed sign-ins to one account before one that succeeds; twice as many from one address.
    pub(crate) guessed_sign_in: u64,
    /// Within how long.
    pub(crate) guessed_sign_in_window: String,
    /// How often one grant goes from one network to another. A telephone moves once.
    pub(crate) token_replay: u64,
    /// Within how long.
    pub(crate) token_replay_window: String,
    /// Different tools or scopes that are refused to one caller.
    pub(crate) scope_escalation: u64,
    /// Within how long.
    pub(crate) scope_escalation_window: String,
    /// Calls of one tool by one caller that are rejected for the personal data in them.
    pub(crate) rephrasing: u64,
    /// Within how long.
    pub(crate) rephrasing_window: String,
    /// The share of the usual events of an hour, in percent, below which the log is too quiet.
    pub(crate) quiet_percent: u64,
}

/// What is recorded, and who is told.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    /// The log.
    pub(crate) log: audit::Settings,
    /// From how much on the rules speak.
    pub(crate) thresholds: audit::rule::Thresholds,
    /// Who is told.
    pub(crate) webhook: Option<Webhook>,
}

/// Where alerts are sent.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    /// The address.
    pub(crate) url: String,
    /// The secret that it shares with us.
    pub(crate) secret: Secret,
}

impl Default for AuditSection {
    fn default() -> Self {
        Self {
            enabled: true,
            directory: None,
            key: None,
            mode: "group".into(),
            on_failure: "refuse".into(),
            segment: "64MiB".into(),
            retention: "732d".into(),
            heads: None,
        }
    }
}

impl Default for AlertsSection {
    fn default() -> Self {
        Self {
            webhook: None,
            secret: None,
            secret_file: None,
            mass_read: 500,
            mass_read_window: "10m".into(),
            many_subjects: 100,
            many_subjects_window: "1h".into(),
            enumeration: 20,
            guessed_sign_in: 10,
            guessed_sign_in_window: "15m".into(),
            token_replay: 3,
            token_replay_window: "5m".into(),
            scope_escalation: 3,
            scope_escalation_window: "10m".into(),
            rephrasing: 3,
            rephrasing_window: "5m".into(),
            quiet_percent: 10,
        }
    }
}
