//! An event as it is read back from a line of the log.

mod found;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use crate::event::{Action, Direction};

pub use found::{Found, PersonalData};

/// A line of the log. Words that a later version may add are text here, so that it stays readable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record<'a> {
    /// The number of the event; the next one has the next number.
    pub sequence: u64,
    /// When it was written (RFC 3339, milliseconds, UTC).
    #[serde(borrow)]
    pub timestamp: Cow<'a, str>,
    /// What happened; see [`EventType`](crate::EventType).
    #[serde(borrow)]
    pub event_type: Cow<'a, str>,
    /// The tool.
    #[serde(default, deserialize_with = "borrowed")]
    pub tool_name: Option<Cow<'a, str>>,
    /// The person, as a pseudonym.
    #[serde(default, deserialize_with = "borrowed")]
    pub user_id: Option<Cow<'a, str>>,
    /// The client.
    #[serde(default, deserialize_with = "borrowed")]
    pub client_id: Option<Cow<'a, str>>,
    /// Whether there were personal data.
    pub contains_pii: bool,
    /// What was done; see [`Action`](crate::Action).
    #[serde(default, deserialize_with = "borrowed")]
    pub action_taken: Option<Cow<'a, str>>,
    /// How many arguments there were.
    pub parameter_count: Option<u32>,
    /// How it ended; see [`Outcome`](crate::Outcome).
    #[serde(deserialize_with = "borrowed")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Cow<'a, str>>,
    /// The server behind the gateway, or the resource.
    #[serde(deserialize_with = "borrowed")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Cow<'a, str>>,
    /// The request.
    #[serde(deserialize_with = "borrowed")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Cow<'a, str>>,
    /// The address that it came from.
    #[serde(deserialize_with = "borrowed")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Cow<'a, str>>,
    /// The grant.
    #[serde(deserialize_with = "borrowed")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<Cow<'a, str>>,
    /// What it was done to.
    #[serde(deserialize_with = "borrowed")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Cow<'a, str>>,
    /// Why: a stable code.
    #[serde(deserialize_with = "borrowed")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// Which way personal data were going, in lines of former versions; see [`Record::found`].
    #[serde(deserialize_with = "borrowed")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Cow<'a, str>>,
    /// Personal data, as they are written; see [`Record::found`].
    #[serde(borrow, default, skip_serializing_if = "PersonalData::is_empty")]
    pub pii: PersonalData<'a>,
    /// The people whom the data were about, as pseudonyms; not all when there were many.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Cow<'a, str>>,
    /// How many people the data were about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_count: Option<u32>,
    /// How many calls in a row have asked for one id after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_run: Option<u32>,
    /// How long it took, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// Of an alert: the rule, and what it saw.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertRecord<'a>>,
    /// Of segments that were removed.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionRecord<'a>>,
    /// Of a log that was mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryRecord>,
    /// Of a segment that begins.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<SegmentRecord<'a>>,
    /// The tag that chains the event to those before it.
    #[serde(borrow)]
    pub mac: Cow<'a, str>,
}

/// What an alert says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRecord<'a> {
    /// The rule.
    #[serde(borrow)]
    pub rule: Cow<'a, str>,
    /// How much it matters; see [`Severity`](crate::Severity).
    #[serde(borrow)]
    pub severity: Cow<'a, str>,
    /// How much there was.
    pub count: u64,
    /// From how much on it is told.
    pub threshold: u64,
    /// Over how many seconds.
    pub window_seconds: u64,
    /// Events that show it.
    pub evidence: Vec<u64>,
}

/// Which segments were removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetentionRecord<'a> {
    /// The first of them.
    pub first_segment: u64,
    /// The last of them.
    pub last_segment: u64,
    /// How many events were in them.
    pub events: u64,
    /// The time of the first event.
    #[serde(borrow)]
    pub first_time: Cow<'a, str>,
    /// The time of the last event.
    #[serde(borrow)]
    pub last_time: Cow<'a, str>,
    /// The tag of the last event.
    #[serde(borrow)]
    pub mac: Cow<'a, str>,
}

/// What was found and mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryRecord {
    /// The last event that was there.
    pub last_sequence: u64,
    /// The last event by the head, if it came after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_sequence: Option<u64>,
    /// Bytes of an unfinished line that were cut off.
    pub cut_bytes: u64,
    /// Events that could not be written.
    pub lost_events: u64,
}

/// How a segment begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentRecord<'a> {
    /// Its number.
    pub number: u64,
    /// Which log it belongs to.
    #[serde(borrow)]
    pub log: Cow<'a, str>,
    /// The tag before it.
    #[serde(borrow)]
    pub previous: Cow<'a, str>,
}

/// A text that may be missing, borrowed where nothing in it is escaped. By itself, serde borrows no text that lies in
/// an option.
fn borrowed<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
    let text = Option::<Text<'a>>::deserialize(from)?;
    Ok(text.map(|Text(text)| text))
}

impl Record<'_> {
    /// What was found of personal data: each type, which way it was going, and what was done with it.
    pub fn found(&self) -> impl Iterator<Item = Found<'_>> {
        let direction = self.direction.as_deref().and_then(Direction::parse);
        let action = self.action_taken.as_deref().and_then(Action::parse);
        self.pii.found(direction, action)
    }

    /// The tool with its server, since servers have tools of the same name; the tool alone where no server is known.
    pub fn place(&self) -> Option<String> {
        let tool = self.tool_name.as_deref()?;
        Some(match self.server.as_deref() {
            Some(server) => format!("{server}/{tool}"),
            None => tool.to_owned(),
        })
    }
}

impl<'a> Record<'a> {
    /// Reads a line; `None` if it is none of ours.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        // Whether it is text is asked once for the line, and not for each of its texts.
        serde_json::from_str(std::str::from_utf8(line).ok()?).ok()
    }
}

/// The number of the event in a line, without parsing all of it: the log writes it first.
pub(crate) fn sequence(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"{\"sequence\":")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// The time of the event in a line, without parsing all of it: the log writes it second.
pub(crate) fn time(line: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b",\"timestamp\":\"";
    let rest = line.strip_prefix(b"{\"sequence\":")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let rest = rest[digits..].strip_prefix(KEY)?;
    std::str::from_utf8(rest.get(..24)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_borrowed_from_the_line_unless_they_are_escaped() {
        let line = br#"{"sequence":1,"timestamp":"2026-01-01T00:00:00.000Z","event_type":"call_outcome","tool_name":"a\"b",
            "user_id":null,"client_id":"c","contains_pii":false,"parameter_count":1,"grant_id":"g","mac":"m"}"#;
        let record = Record::parse(line).unwrap();
        assert!(matches!(record.client_id, Some(Cow::Borrowed("c"))));
        assert!(matches!(record.grant_id, Some(Cow::Borrowed("g"))));
        assert_eq!(record.tool_name.as_deref(), Some("a\"b"));
        assert_eq!((record.user_id, record.action_taken), (None, None));
    }
}
