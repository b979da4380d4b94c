//! What protects besides: the log, the keys for personal data, and whether the house is well.

use super::super::Parts;
use super::super::authority::Facts;
use super::Check;

pub(super) fn checks(parts: &Parts, facts: &Facts) -> Vec<Check> {
    let audit = match &parts.audit {
        Some(_) => Check::pass(
            "audit_log",
            "what happens is recorded, and the record is chained",
        ),
        None => Check::warn(
            "audit_log",
            "nothing is recorded: nobody can say afterwards what has happened",
            "set `audit.enabled = true`",
        ),
    };
    let encryption = match &parts.encryption {
        Some(encryption) if encryption.keys().is_ok() => {
            Check::pass("encryption", "there are keys for personal data")
        }
        _ => Check::fail(
            "encryption",
            "there are no keys for personal data, so whatever should be encrypted is refused",
            "restore the key ring from a backup, or start with a data directory that has one",
        ),
    };
    let unwell: Vec<_> = facts
        .health
        .iter()
        .filter(|(_, is_well)| !**is_well)
        .map(|(name, _)| name.as_str())
        .collect();
    let health = if unwell.is_empty() {
        Check::pass("health", "every check of health passes")
    } else {
        Check::fail(
            "health",
            format!("unhealthy: {}", unwell.join(", ")),
            "the log of the service says why",
        )
    };
    vec![audit, encryption, health]
}
