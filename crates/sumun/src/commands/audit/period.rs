//! Points in time as an operator writes them (RFC 3339, ISO 8601 dates, or how long ago).

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::civil::Date;
use oauth::time::{Clock as _, SystemClock};

use crate::settings::parse_duration;

/// Reads a time, and writes it as events are dated.
pub(super) fn parse(text: &str) -> anyhow::Result<String> {
    parse_at(text, now())
}

/// Now.
pub(super) fn now() -> Timestamp {
    Timestamp::from_millisecond(SystemClock.now_millis()).unwrap_or_default()
}

/// As events are dated: UTC, with milliseconds.
pub(super) fn write(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Nothing happens between a time and one before it.
pub(super) fn check(from: &str, to: &str) -> anyhow::Result<()> {
    if to <= from {
        bail!("--to {to} is not after --from {from}: write a later one");
    }
    Ok(())
}

fn parse_at(text: &str, now: Timestamp) -> anyhow::Result<String> {
    if let Some(ago) = parse_duration(text) {
        let then = now.checked_sub(ago).ok();
        return then.map(write).with_context(|| {
            format!("`{text}` ago is before any time that can be written: write a shorter one")
        });
    }
    // A day begins at midnight UTC, as segments of the log do.
    if text.parse::<Date>().is_ok() && text.len() == 10 {
        return Ok(format!("{text}T00:00:00.000Z"));
    }
    match text.parse::<Timestamp>() {
        Ok(time) => Ok(write(time)),
        Err(_) => bail!(
            "`{text}` is no time: write 2026-11-28, 2026-11-28T09:30:00+09:00, or 24h or 7d for so long ago"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let now = "2026-11-28T16:31:11.123Z".parse().unwrap();
        assert_eq!(parse_at(text, now).ok().as_deref(), expected, "{text}");
    }

    #[test]
    fn times_are_written_as_events_are_dated() {
        check("2026-11-28", Some("2026-11-28T00:00:00.000Z"));
        check(
            "2026-11-28T09:30:00+09:00",
            Some("2026-11-28T00:30:00.000Z"),
        );
        check("24h", Some("2026-11-27T16:31:11.123Z"));
        for bad in [
            "",
            "99999999d",
            "yesterday",
            "2026-13-01",
            "2026-11-28T09:30:00",
        ] {
            check(bad, None);
        }
    }
}
