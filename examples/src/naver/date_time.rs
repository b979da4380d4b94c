//! The ways in which people and models write a day or a time, read as times of Korea.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use super::seoul;

/// What can be written, for the sentence that refuses anything else.
const FORMS: &str = "write 2026-12-01T14:00, 2026-12-01 14:00:00, 2026-12-01T14:00:00+09:00, \
                     2026/12/01 14:00, 20261201T140000, 2026년 12월 1일 오후 2시 30분, or a day alone";

/// A day, or a time of a day, in Korea.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Day(Date),
    Time(DateTime),
}

/// Reads what stands in the argument `name`.
pub(super) fn read(name: &str, text: &str) -> Result<When, String> {
    let text = text.trim();
    let read = || {
        if text.len() > 64 {
            return None;
        }
        with_offset(text)
            .or_else(|| in_korean(text))
            .or_else(|| in_digits(text))
    };
    read().ok_or_else(|| format!("`{name}` is no day or time that is understood: {FORMS}"))
}

/// RFC 3339, with an offset or `Z`.
fn with_offset(text: &str) -> Option<When> {
    let moment: Timestamp = text.replacen(' ', "T", 1).parse().ok()?;
    Some(When::Time(moment.to_zoned(seoul()).datetime()))
}

/// `2026-12-01 14:00`, with other marks between the numbers, or none (`20261201T140000`).
fn in_digits(text: &str) -> Option<When> {
    let is_plain = |c: char| c.is_ascii_digit() || matches!(c, '-' | '/' | '.' | ':' | ' ' | 'T');
    if !text.chars().all(is_plain) {
        return None;
    }
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        // `2026. 12. 1. 14:00` has blanks within the day.
        None => match text.rsplit_once(' ') {
            Some((day, time)) if time.contains(':') || !time.ends_with('.') && day.len() >= 8 => {
                (day, Some(time))
            }
            _ => (text, None),
        },
    };
    let day = day.trim_end_matches(['.', ' ']);
    let numbers: Vec<_> = day.split(['-', '/', '.']).map(str::trim).collect();
    let date = match numbers.as_slice() {
        [year, month, day] if year.len() == 4 => {
            Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?
        }
        [plain] if plain.len() == 8 => Date::new(
            plain[..4].parse().ok()?,
            plain[4..6].parse().ok()?,
            plain[6..].parse().ok()?,
        )
        .ok()?,
        _ => return None,
    };
    let Some(time) = time else {
        return Some(When::Day(date));
    };
    let numbers: Vec<_> = time.split(':').collect();
    let (hour, minute, second) = match numbers.as_slice() {
        [hour, minute] => (*hour, *minute, "0"),
        [hour, minute, second] => (*hour, *minute, *second),
        [plain] if plain.len() == 4 => (&plain[..2], &plain[2..], "0"),
        [plain] if plain.len() == 6 => (&plain[..2], &plain[2..4], &plain[4..]),
        _ => return None,
    };
    at(
        date,
        hour.parse().ok()?,
        minute.parse().ok()?,
        second.parse().ok()?,
    )
}

/// `2026년 12월 1일 오후 2시 30분`
fn in_korean(text: &str) -> Option<When> {
    let mut rest = Korean(text.chars().filter(|c| !c.is_whitespace()).collect());
    let (year, month, day) = (
        rest.number("년", None)?,
        rest.number("월", None)?,
        rest.number("일", None)?,
    );
    let date = Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    if rest.0.is_empty() {
        return Some(When::Day(date));
    }
    let is_afternoon = rest.half_of_the_day();
    let hour = rest.number("시", None)?;
    let minute = rest.number("분", Some(0))?;
    let second = rest.number("초", Some(0))?;
    let minute = match &*rest.0 {
        "" => minute,
        "반" if minute == 0 => 30,
        _ => return None,
    };
    let hour = match is_afternoon {
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(is_afternoon) => hour % 12 + if is_afternoon { 12 } else { 0 },
        None => hour,
    };
    at(
        date,
        hour.try_into().ok()?,
        minute.try_into().ok()?,
        second.try_into().ok()?,
    )
}

/// What has not been read yet of a time in Korean.
struct Korean(String);

impl Korean {
    /// The number before `unit`, or `absent` where there is no such unit.
    fn number(&mut self, unit: &str, absent: Option<i16>) -> Option<i16> {
        let Some((number, rest)) = self.0.split_once(unit) else {
            return absent;
        };
        let number = number.parse().ok()?;
        self.0 = rest.to_owned();
        Some(number)
    }

    /// Whether it is after noon, where that is said.
    fn half_of_the_day(&mut self) -> Option<bool> {
        let (rest, is_afternoon) = match self.0.strip_prefix("오전") {
            Some(rest) => (rest, false),
            None => (self.0.strip_prefix("오후")?, true),
        };
        self.0 = rest.to_owned();
        Some(is_afternoon)
    }
}

fn at(date: Date, hour: i8, minute: i8, second: i8) -> Option<When> {
    let time = Time::new(hour, minute, second, 0).ok()?;
    Some(When::Time(date.to_datetime(time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let expected = if expected.contains('T') {
            When::Time(expected.parse().unwrap())
        } else {
            When::Day(expected.parse().unwrap())
        };
        assert_eq!(read("start_datetime", text), Ok(expected), "{text}");
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for text in [
            "2026-12-01T14:30:00",
            "2026-12-01T14:30",
            "2026-12-01 14:30:00",
            "2026-12-01 14:30",
            "2026/12/01 14:30",
            "2026.12.01 14:30",
            "2026. 12. 1. 14:30",
            "20261201T143000",
            "20261201T1430",
            "2026-12-01T14:30:00+09:00",
            "2026-12-01T05:30:00Z",
            "2026-11-30T21:30:00-08:00",
            "2026-12-01 14:30:00+09:00",
            "2026년 12월 1일 오후 2시 30분",
            "2026년 12월 1일 14시 30분",
            "2026년12월1일 오후 2시 반",
            " 2026-12-01T14:30 ",
        ] {
            check(text, "2026-12-01T14:30:00");
        }
        check("2026년 12월 1일 오전 12시", "2026-12-01T00:00:00");
        check("2026년 12월 1일 오후 12시", "2026-12-01T12:00:00");
    }

    #[test]
    fn days_are_read_as_people_write_them() {
        for text in [
            "2026-12-01",
            "2026/12/1",
            "2026.12.01",
            "2026. 12. 1.",
            "20261201",
            "2026년 12월 1일",
        ] {
            check(text, "2026-12-01");
        }
    }

    #[test]
    fn anything_else_is_explained() {
        for text in [
            "",
            "tomorrow",
            "2026-02-30",
            "2026-12-01T25:00",
            "12/01/2026",
            "26-12-01",
            "2026-12-01T14:30:00+99:00",
            "2026년 12월 1일 오후 13시",
            "2026년 13월 1일",
            "14:30",
            "2026-12-01\r\nDTEND:20261201",
            &"1".repeat(100),
        ] {
            let error = read("start_datetime", text).unwrap_err();
            assert!(
                error.starts_with("`start_datetime` is no day or time"),
                "{text}"
            );
        }
    }
}
