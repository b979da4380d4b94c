//! Points in time as callers write them (RFC 3339, days, or how long ago), as events are dated.

use jiff::Timestamp;
use jiff::civil::Date;
use oauth::time::Clock;

/// Now.
pub(super) fn now(clock: &dyn Clock) -> Timestamp {
    Timestamp::from_millisecond(clock.now_millis()).unwrap_or_default()
}

/// As events are dated: UTC, with milliseconds, so that times sort as text.
pub(super) fn dated(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Seconds since 1970, for people.
pub(super) fn of_seconds(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}

/// Reads the argument `name`.
pub(super) fn read(name: &str, text: &str, now: Timestamp) -> Result<String, String> {
    let wrong = || {
        format!(
            "`{name}` must be a time such as 2026-11-28, 2026-11-28T09:30:00+09:00, or 24h or 7d for \
             so long ago"
        )
    };
    if let Some(seconds) = ago(text) {
        let then = now.as_second().checked_sub(seconds);
        let then = then.and_then(|then| Timestamp::from_second(then).ok());
        return then.map(dated).ok_or_else(wrong);
    }
    // A day begins at midnight UTC, as segments of the log do.
    if text.len() == 10 && text.parse::<Date>().is_ok() {
        return Ok(format!("{text}T00:00:00.000Z"));
    }
    text.parse().map(dated).map_err(|_| wrong())
}

/// `90s`, `5m`, `24h` or `7d`, in seconds.
fn ago(text: &str) -> Option<i64> {
    let number = text.get(..text.len().checked_sub(1)?)?;
    let unit = match &text[number.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number
        .then(|| number.parse::<i64>().ok())??
        .checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_promised() {
        let now = "2026-11-28T16:31:11.123Z".parse().unwrap();
        for (text, expected) in [
            ("2026-11-28", Some("2026-11-28T00:00:00.000Z")),
            (
                "2026-11-28T09:30:00+09:00",
                Some("2026-11-28T00:30:00.000Z"),
            ),
            ("24h", Some("2026-11-27T16:31:11.000Z")),
            ("7d", Some("2026-11-21T16:31:11.000Z")),
            ("", None),
            ("d", None),
            ("-1d", None),
            ("7일", None),
            ("yesterday", None),
            ("2026-13-01", None),
            ("99999999999999d", None),
            ("2026-11-28T09:30:00", None),
        ] {
            let read = read("since", text, now);
            assert_eq!(read.ok().as_deref(), expected, "{text}");
        }
    }
}
