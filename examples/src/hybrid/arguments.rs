//! Arguments of the hybrid demo's tools: their schemas, and the same limits again where they are used.

use std::ops::RangeInclusive;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

const HOURS: RangeInclusive<i64> = 1..=168;
const ERRORS: RangeInclusive<i64> = 1..=1000;
const ACTIVITIES: RangeInclusive<i64> = 1..=100;
const SETTINGS: usize = 50;

/// How the time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub(super) enum TimeFormat {
    /// 2026-11-28T16:38:05+09:00
    #[default]
    #[serde(rename = "ISO")]
    Iso,
    /// 2026. 11. 28. 오후 4:38:05
    Korean,
    /// 11/28/2026, 4:38:05 PM
    #[serde(rename = "US")]
    Us,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CurrentTime {
    /// How the time is written.
    pub(super) format: TimeFormat,
    /// The time zone by its IANA name, such as `Asia/Seoul`.
    pub(super) timezone: String,
}

impl Default for CurrentTime {
    fn default() -> Self {
        Self {
            format: TimeFormat::default(),
            timezone: "UTC".to_owned(),
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RecentErrors {
    /// How far to look back.
    #[schemars(range(min = 1, max = 168))]
    pub(super) hours: i64,
    /// How many errors to list.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) limit: i64,
}

impl Default for RecentErrors {
    fn default() -> Self {
        Self {
            hours: 24,
            limit: 100,
        }
    }
}

impl RecentErrors {
    pub(super) fn check(&self) -> Result<(), String> {
        within("hours", self.hours, &HOURS)?;
        within("limit", self.limit, &ERRORS)
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserSettings {
    /// The settings to change, by their names; at most 50.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 50))]
    pub(super) settings: Map<String, Value>,
}

impl UserSettings {
    pub(super) fn check(&self) -> Result<(), String> {
        if (1..=SETTINGS).contains(&self.settings.len()) {
            Ok(())
        } else {
            Err(format!("`settings` must name 1 to {SETTINGS} settings"))
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ActivityLog {
    /// The first day, such as 2026-11-01.
    #[schemars(extend("format" = "date"))]
    start_date: String,
    /// The last day, such as 2026-11-30.
    #[schemars(extend("format" = "date"))]
    end_date: String,
    /// How many entries to list.
    #[serde(default = "usual_limit")]
    #[schemars(range(min = 1, max = 100))]
    limit: i64,
}

fn usual_limit() -> i64 {
    50
}

impl ActivityLog {
    /// The query of the API.
    pub(super) fn query(&self) -> Result<[(&'static str, String); 3], String> {
        let start = day("startDate", &self.start_date)?;
        let end = day("endDate", &self.end_date)?;
        if end < start {
            return Err(format!(
                "`endDate` ({end}) must not be before `startDate` ({start})"
            ));
        }
        within("limit", self.limit, &ACTIVITIES)?;
        Ok([
            ("startDate", start.to_string()),
            ("endDate", end.to_string()),
            ("limit", self.limit.to_string()),
        ])
    }
}

fn within(name: &str, value: i64, range: &RangeInclusive<i64>) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    Err(format!(
        "`{name}` must be from {least} to {most}, not {value}"
    ))
}

/// A day as RFC 3339 writes it, and in no other way: `full-date` is what the schema promises.
fn day(name: &str, text: &str) -> Result<Date, String> {
    let day: Option<Date> = text.parse().ok();
    day.filter(|day| day.to_string() == text)
        .ok_or_else(|| format!("`{name}` must be a day such as 2026-11-28"))
}

#[cfg(test)]
mod tests {
    use schemars::schema_for;
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_promise_what_is_checked() {
        let schema = schema_for!(RecentErrors).to_value();
        let hours = &schema["properties"]["hours"];
        assert_eq!(
            (&hours["minimum"], &hours["maximum"]),
            (&json!(1), &json!(168))
        );
        let limit = &schema["properties"]["limit"];
        assert_eq!(
            (&limit["minimum"], &limit["maximum"]),
            (&json!(1), &json!(1000))
        );
        let schema = schema_for!(ActivityLog).to_value();
        assert_eq!(schema["required"], json!(["startDate", "endDate"]));
        assert_eq!(schema["properties"]["startDate"]["format"], "date");
        assert_eq!(schema["properties"]["limit"]["maximum"], 100);
        let check = |hours, limit| RecentErrors { hours, limit }.check().is_ok();
        assert!(check(1, 1) && check(168, 1000));
        assert!(!check(0, 1) && !check(169, 1) && !check(1, 0) && !check(1, 1001));
    }

    #[test]
    fn days_are_days() {
        let query = |start: &str, end: &str, limit| {
            let (start_date, end_date) = (start.to_owned(), end.to_owned());
            let log = ActivityLog {
                start_date,
                end_date,
                limit,
            };
            log.query().map(|query| query.map(|(_, value)| value))
        };
        let good = query("2026-02-01", "2026-02-28", 100).unwrap();
        assert_eq!(good, ["2026-02-01", "2026-02-28", "100"]);
        for (start, end, limit, message) in [
            ("2026-02-30", "2026-03-01", 1, "`startDate` must be a day"),
            ("20260201", "2026-03-01", 1, "`startDate` must be a day"),
            (
                "2026-02-01T00:00",
                "2026-03-01",
                1,
                "`startDate` must be a day",
            ),
            ("2026-02-01", "tomorrow", 1, "`endDate` must be a day"),
            ("2026-02-02", "2026-02-01", 1, "must not be before"),
            ("2026-02-01", "2026-02-01", 101, "from 1 to 100, not 101"),
        ] {
            let error = query(start, end, limit).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
