//! An event as one line of JSON; the field names are those of requirement R7.4.

use super::json::{number, string};
use super::{AuditEvent, Details, MOST_SUBJECTS};

impl AuditEvent {
    /// Writes everything between the time and the tag, which the log itself adds: the line must be
    /// numbered, dated and chained in the order in which it is written.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        key(out, "event_type");
        word(out, self.kind.name());
        self.write_required(out);
        self.write_optional(out);
        if let Some(details) = &self.details {
            details.write(out);
        }
    }

    /// The fields that stand in every line.
    fn write_required(&self, out: &mut Vec<u8>) {
        key(out, "tool_name");
        optional(out, self.tool.as_ref().map(super::Name::as_str));
        key(out, "user_id");
        match self.who.user {
            Some(user) => quoted(out, |out| user.write(out)),
            None => out.extend_from_slice(b"null"),
        }
        key(out, "client_id");
        optional(out, self.who.client.as_ref().map(super::Name::as_str));
        key(out, "contains_pii");
        let contains_pii: &[u8] = if self.pii.is_empty() {
            b"false"
        } else {
            b"true"
        };
        out.extend_from_slice(contains_pii);
        key(out, "action_taken");
        optional(out, self.action.map(super::Action::name));
        key(out, "parameter_count");
        match self.parameter_count {
            Some(count) => number(out, count.into()),
            None => out.extend_from_slice(b"null"),
        }
    }

    /// The fields that stand where they say something.
    fn write_optional(&self, out: &mut Vec<u8>) {
        let who = &self.who;
        text(out, "outcome", self.outcome.map(super::Outcome::name));
        text(out, "server", self.server.as_ref().map(super::Name::as_str));
        text(
            out,
            "request_id",
            who.request.as_ref().map(super::Name::as_str),
        );
        if let Some(origin) = who.origin {
            use std::io::Write as _;
            key(out, "origin");
            quoted(out, |out| {
                let _ = write!(out, "{origin}");
            });
        }
        text(out, "grant_id", who.grant.as_ref().map(super::Name::as_str));
        text(out, "target", self.target.as_ref().map(super::Name::as_str));
        text(out, "reason", self.reason);
        if !self.pii.is_empty() {
            key(out, "pii");
            self.pii.write(out);
        }
        if !self.subjects.is_empty() {
            key(out, "subjects");
            for (n, subject) in self.subjects.iter().take(MOST_SUBJECTS).enumerate() {
                out.push(if n == 0 { b'[' } else { b',' });
                quoted(out, |out| subject.write(out));
            }
            out.push(b']');
            key(out, "subject_count");
            number(out, self.subjects.len() as u64);
        }
        if let Some(length) = self.id_run {
            key(out, "id_run");
            number(out, length.into());
        }
        if let Some(duration) = self.duration {
            key(out, "duration_us");
            number(out, u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        }
    }
}

impl Details {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Alert(alert) => {
                key(out, "alert");
                serde(out, alert);
            }
            Self::Retention(removed) => {
                key(out, "retention");
                open(out, "first_segment", removed.first_segment);
                more(out, "last_segment", removed.last_segment);
                more(out, "events", removed.events);
                text(out, "first_time", Some(&removed.first_time));
                text(out, "last_time", Some(&removed.last_time));
                text(out, "mac", Some(&removed.mac));
                out.push(b'}');
            }
            Self::Recovery(mended) => {
                key(out, "recovery");
                open(out, "last_sequence", mended.last_sequence);
                if let Some(sequence) = mended.head_sequence {
                    more(out, "head_sequence", sequence);
                }
                more(out, "cut_bytes", mended.cut_bytes);
                more(out, "lost_events", mended.lost_events);
                out.push(b'}');
            }
            Self::Segment(opened) => {
                key(out, "segment");
                open(out, "number", opened.number);
                text(out, "log", Some(&opened.log));
                text(out, "previous", Some(&opened.previous));
                out.push(b'}');
            }
        }
    }
}

/// A comma and a key; every field of an event has one before it.
fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn open(out: &mut Vec<u8>, name: &str, value: u64) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    number(out, value);
}

fn more(out: &mut Vec<u8>, name: &str, value: u64) {
    key(out, name);
    number(out, value);
}

fn text(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        key(out, name);
        string(out, value);
    }
}

fn optional(out: &mut Vec<u8>, value: Option<&str>) {
    match value {
        Some(value) => string(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

/// A word of ours, in which nothing needs an escape.
fn word(out: &mut Vec<u8>, word: &str) {
    quoted(out, |out| out.extend_from_slice(word.as_bytes()));
}

fn quoted(out: &mut Vec<u8>, inner: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    inner(out);
    out.push(b'"');
}

fn serde(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    serde_json::to_writer(out, value).expect("strings and numbers are JSON");
}
