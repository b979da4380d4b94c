//! The calendar of a person: what is asked for, and what Naver says to it (Naver Calendar API).

use delegation::ApiError;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use oauth::random::{self, Random};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::date_time::{When, read};
use super::icalendar::{Event, Span};

/// Arguments of `create_calendar_schedule`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Schedule {
    /// What the event is called.
    #[schemars(length(min = 1, max = 200))]
    title: String,
    /// When it begins, such as 2026-12-01T14:00; a day alone is an event of the whole day.
    start_datetime: String,
    /// When it ends; an hour after its beginning unless set. A day is part of the event.
    #[serde(default)]
    end_datetime: Option<String>,
    /// More about it.
    #[serde(default)]
    #[schemars(length(max = 4000))]
    description: Option<String>,
    /// Where it takes place.
    #[serde(default)]
    #[schemars(length(max = 500))]
    location: Option<String>,
}

impl Schedule {
    /// The event, or why there can be none.
    pub(super) fn event(&self, now: Timestamp, random: &dyn Random) -> Result<Event, String> {
        let title = text("title", Some(&self.title), 200)?;
        let title = title.ok_or("`title` must not be empty")?;
        let description = text("description", self.description.as_deref(), 4000)?;
        let location = text("location", self.location.as_deref(), 500)?;
        Ok(Event {
            // Nobody guesses it, and it says nothing of anybody.
            uid: format!("{}@sumun", random::token::<16>(random)),
            stamp: now.to_zoned(TimeZone::UTC).datetime(),
            span: self.span()?,
            title,
            description,
            location,
        })
    }

    fn span(&self) -> Result<Span, String> {
        let start = read("start_datetime", &self.start_datetime)?;
        let end = self
            .end_datetime
            .as_deref()
            .filter(|end| !end.trim().is_empty());
        let end = end.map(|end| read("end_datetime", end)).transpose()?;
        let span = match (start, end) {
            (When::Day(day), None) => Span::Days(day, day),
            (When::Day(first), Some(When::Day(last))) => Span::Days(first, last),
            (When::Time(start), None) => {
                let end = start.checked_add(1.hour());
                Span::Times(start, end.map_err(|_| "`start_datetime` is too late")?)
            }
            (When::Time(start), Some(When::Time(end))) => Span::Times(start, end),
            _ => {
                let message =
                    "`start_datetime` and `end_datetime` must both be days, or both times";
                return Err(message.to_owned());
            }
        };
        let is_forward = match span {
            Span::Days(first, last) => first <= last,
            Span::Times(start, end) => start < end,
        };
        if is_forward {
            Ok(span)
        } else {
            Err("`end_datetime` must be after `start_datetime`".to_owned())
        }
    }
}

/// A text that is not too long; nothing for one that says nothing.
fn text(name: &str, text: Option<&str>, most: usize) -> Result<Option<String>, String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    match text {
        Some(text) if text.chars().count() > most => {
            Err(format!("`{name}` must have at most {most} characters"))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

/// What has become of `event`, from the answer with status 200.
pub(super) fn outcome(answer: &Value, event: &Event) -> Result<Value, ApiError> {
    if answer["result"] != "success" {
        return Err(ApiError::Unreadable {
            cause: "the calendar does not say that the event was made".to_owned(),
        });
    }
    // It is documented as a text, and sent as an object.
    let made = match &answer["returnValue"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        other => other.clone(),
    };
    let (start, end) = match event.span {
        Span::Days(first, last) => (first.to_string(), last.to_string()),
        Span::Times(start, end) => (format!("{start}+09:00"), format!("{end}+09:00")),
    };
    Ok(json!({
        "result": "success",
        "uid": made.get("icalUid").and_then(Value::as_str).unwrap_or(&event.uid),
        "calendarId": made.get("calendarId"),
        "title": event.title,
        "start": start,
        "end": end,
    }))
}

#[cfg(test)]
mod tests {
    use oauth::random::OsRandom;

    use super::*;

    fn event(arguments: Value) -> Result<Event, String> {
        let schedule: Schedule = serde_json::from_value(arguments).unwrap();
        schedule.event(Timestamp::from_second(1_795_851_485).unwrap(), &OsRandom)
    }

    #[test]
    fn an_event_takes_an_hour_or_a_day_unless_said_otherwise() {
        let made = event(json!({"title": " 회의 ", "start_datetime": "2026-12-01 14:00"})).unwrap();
        assert_eq!(made.title, "회의");
        let Span::Times(start, end) = made.span else {
            panic!("{made:?}")
        };
        assert_eq!(start.to_string(), "2026-12-01T14:00:00");
        assert_eq!(end.to_string(), "2026-12-01T15:00:00");
        let made = event(json!({"title": "휴가", "start_datetime": "2026-12-01"})).unwrap();
        assert!(matches!(made.span, Span::Days(first, last) if first == last));
        let other = event(json!({"title": "휴가", "start_datetime": "2026-12-01"})).unwrap();
        assert_ne!(made.uid, other.uid);
        assert!(!made.uid.contains('%'));
    }

    #[test]
    fn what_cannot_be_is_explained() {
        for (arguments, message) in [
            (
                json!({"title": " ", "start_datetime": "2026-12-01"}),
                "`title` must not be empty",
            ),
            (
                json!({"title": "a".repeat(201), "start_datetime": "2026-12-01"}),
                "at most 200",
            ),
            (
                json!({"title": "a", "start_datetime": "soon"}),
                "`start_datetime` is no day",
            ),
            (
                json!({"title": "a", "start_datetime": "2026-12-01", "end_datetime": "2026-11-30"}),
                "must be after",
            ),
            (
                json!({"title": "a", "start_datetime": "2026-12-01 14:00",
                       "end_datetime": "2026-12-01T05:00:00Z"}),
                "must be after",
            ),
            (
                json!({"title": "a", "start_datetime": "2026-12-01", "end_datetime": "2026-12-01 14:00"}),
                "both be days, or both times",
            ),
        ] {
            let error = event(arguments).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn the_answer_is_read_in_both_of_its_forms() {
        let made = event(json!({"title": "a", "start_datetime": "2026-12-01"})).unwrap();
        let object = json!({"processType": "create", "calendarId": "870711", "icalUid": "x"});
        for value in [object.clone(), Value::String(object.to_string())] {
            let answer = json!({"result": "success", "returnValue": value});
            let told = outcome(&answer, &made).unwrap();
            assert_eq!(
                (&told["uid"], &told["calendarId"]),
                (&json!("x"), &json!("870711"))
            );
        }
        let unknown = outcome(&json!({"result": "success"}), &made).unwrap();
        assert_eq!(unknown["uid"], made.uid);
        assert!(outcome(&json!({"result": "fail"}), &made).is_err());
        assert!(outcome(&Value::Null, &made).is_err());
    }
}
