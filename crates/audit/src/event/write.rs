//! An event as one line of JSON; the field names are those of requirement R7.4.

use super::json::{number, string};
use super::{AuditEvent, Details};

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
        text(out, "direction", self.direction.map(super::Direction::name));
        if !self.pii.is_empty() {
            key(out, "pii");
            for (n, (kind, count)) in self.pii.iter().enumerate() {
                out.push(if n == 0 { b'{' } else { b',' });
                string(out, kind.as_str());
                out.push(b':');
                number(out, (*count).into());
            }
            out.push(b'}');
        }
        if self.subject_count > 0 {
            key(out, "subjects");
            for (n, subject) in self.subjects.iter().enumerate() {
                out.push(if n == 0 { b'[' } else { b',' });
                quoted(out, |out| subject.write(out));
            }
            out.push(b']');
            key(out, "subject_count");
            number(out, self.subject_count.into());
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

/// Writes a time as `2026-11-28T16:31:11.123Z` (RFC 3339): always as long, so that times sort as text.
pub(crate) fn timestamp(out: &mut Vec<u8>, millis: i64) {
    // The years of the form: from 0001 to 9999.
    let millis = millis.clamp(-62_135_596_800_000, 253_402_300_799_999);
    let (days, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (seconds, milli) = (rest / 1000, rest % 1000);
    pad(out, year, 4);
    out.push(b'-');
    pad(out, month, 2);
    out.push(b'-');
    pad(out, day, 2);
    out.push(b'T');
    pad(out, seconds / 3600, 2);
    out.push(b':');
    pad(out, seconds / 60 % 60, 2);
    out.push(b':');
    pad(out, seconds % 60, 2);
    out.push(b'.');
    pad(out, milli, 3);
    out.push(b'Z');
}

/// The Gregorian date of a day since the epoch. Every event has one, and this is all arithmetic.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the day that comes and goes is the last one.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era_year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = of_era_year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn pad(out: &mut Vec<u8>, number: i64, width: usize) {
    let mut digits = [b'0'; 4];
    let mut rest = number;
    for digit in digits[..width].iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    out.extend_from_slice(&digits[..width]);
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn times_are_those_of_the_calendar(millis in -62_135_596_800_000_i64..253_402_300_799_999) {
            let mut out = Vec::new();
            timestamp(&mut out, millis);
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(text.len(), 24);
            prop_assert_eq!(text.parse::<Timestamp>().unwrap().as_millisecond(), millis);
        }
    }
}
