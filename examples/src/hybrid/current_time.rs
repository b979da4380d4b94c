//! The current time in a time zone, as ISO 8601 and as two locales write it (CLDR, RFC 3339).

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use oauth::time::NumericDate;
use serde_json::{Value, json};

use super::arguments::TimeFormat;

/// The time `now` in the zone of this IANA name.
pub(super) fn tell(now: NumericDate, format: TimeFormat, zone: &str) -> Result<Value, String> {
    let Ok(found) = TimeZone::get(zone) else {
        return Err(format!(
            "there is no time zone `{}`: write an IANA name such as Asia/Seoul",
            zone.chars().take(64).collect::<String>()
        ));
    };
    let NumericDate(seconds) = now;
    let now = Timestamp::from_second(seconds).unwrap_or_default();
    let now = now.to_zoned(found);
    let iso = now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let time = match format {
        TimeFormat::Iso => iso.clone(),
        TimeFormat::Korean => korean(&now),
        TimeFormat::Us => american(&now),
    };
    let name = now.time_zone().iana_name().unwrap_or(zone).to_owned();
    Ok(json!({"time": time, "timezone": name, "iso": iso}))
}

/// 2026. 11. 28. 오후 4:38:05
fn korean(now: &Zoned) -> String {
    let (hour, is_afternoon) = on_a_dial(now);
    let half = if is_afternoon { "오후" } else { "오전" };
    let (year, month, day) = (now.year(), now.month(), now.day());
    let (minute, second) = (now.minute(), now.second());
    format!("{year}. {month}. {day}. {half} {hour}:{minute:02}:{second:02}")
}

/// 11/28/2026, 4:38:05 PM
fn american(now: &Zoned) -> String {
    let (hour, is_afternoon) = on_a_dial(now);
    let half = if is_afternoon { "PM" } else { "AM" };
    let (year, month, day) = (now.year(), now.month(), now.day());
    let (minute, second) = (now.minute(), now.second());
    format!("{month}/{day}/{year}, {hour}:{minute:02}:{second:02} {half}")
}

/// The hour from 1 to 12, and whether it is one after noon.
fn on_a_dial(now: &Zoned) -> (i8, bool) {
    let hour = now.hour() % 12;
    (if hour == 0 { 12 } else { hour }, now.hour() >= 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-28T07:38:05Z
    const NOW: NumericDate = NumericDate(1_795_851_485);

    #[track_caller]
    fn check(seconds: i64, format: TimeFormat, zone: &str, expected: &str) {
        let told = tell(NumericDate(NOW.0 + seconds), format, zone).unwrap();
        assert_eq!(told["time"], expected);
    }

    #[test]
    fn each_format_is_that_of_its_people() {
        check(
            0,
            TimeFormat::Iso,
            "Asia/Seoul",
            "2026-11-28T16:38:05+09:00",
        );
        check(0, TimeFormat::Iso, "UTC", "2026-11-28T07:38:05+00:00");
        check(
            0,
            TimeFormat::Korean,
            "Asia/Seoul",
            "2026. 11. 28. 오후 4:38:05",
        );
        check(
            0,
            TimeFormat::Us,
            "America/New_York",
            "11/28/2026, 2:38:05 AM",
        );
        // Noon and midnight are twelve on a dial.
        let noon = -(4 * 3600 + 38 * 60 + 5);
        check(
            noon,
            TimeFormat::Korean,
            "Asia/Seoul",
            "2026. 11. 28. 오후 12:00:00",
        );
        check(
            noon,
            TimeFormat::Us,
            "Asia/Seoul",
            "11/28/2026, 12:00:00 PM",
        );
        let midnight = noon + 12 * 3600;
        check(
            midnight,
            TimeFormat::Korean,
            "Asia/Seoul",
            "2026. 11. 29. 오전 12:00:00",
        );
        check(
            midnight,
            TimeFormat::Us,
            "Asia/Seoul",
            "11/29/2026, 12:00:00 AM",
        );
    }

    #[test]
    fn summer_time_is_known() {
        let half_a_year = -150 * 24 * 3600;
        check(
            half_a_year,
            TimeFormat::Iso,
            "Europe/Berlin",
            "2026-07-01T09:38:05+02:00",
        );
    }

    #[test]
    fn time_zones_have_iana_names() {
        for zone in [
            "",
            "KST",
            "Mars/Olympus",
            "+09:00",
            "../../etc/passwd",
            &"x".repeat(999),
        ] {
            let error = tell(NOW, TimeFormat::Iso, zone).unwrap_err();
            assert!(
                error.contains("write an IANA name") && error.len() < 200,
                "{error}"
            );
        }
    }
}
