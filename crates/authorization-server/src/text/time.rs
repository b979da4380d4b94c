//! Points in time in the words of a person (RFC 3339 for machines).

use std::fmt;

use jiff::Timestamp;
use oauth::time::NumericDate;

use super::Language;

/// A moment on a page: how long ago it was or which day, and exactly for who points at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct When {
    words: String,
    /// In UTC, since a page without a script does not know where the person is.
    pub(crate) exact: String,
}

impl When {
    pub(crate) fn new(language: Language, moment: NumericDate, now: NumericDate) -> Self {
        let timestamp = Timestamp::from_second(moment.0).unwrap_or_default();
        let text = &language.text().own;
        let words = match now.since(moment).as_secs() {
            0..60 => text.just_now.to_owned(),
            ago @ 60..3600 => format!("{}{}", ago / 60, text.minutes_ago),
            ago @ 3600..86400 => format!("{}{}", ago / 3600, text.hours_ago),
            _ => timestamp.strftime(text.day).to_string(),
        };
        Self {
            words,
            exact: timestamp.to_string(),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ago: i64, english: &str, korean: &str) {
        let now = NumericDate(1_800_000_000);
        let moment = NumericDate(now.0 - ago);
        for (language, expected) in [(Language::English, english), (Language::Korean, korean)] {
            let when = When::new(language, moment, now);
            assert_eq!(when.to_string(), expected);
        }
    }

    #[test]
    fn what_was_today_is_counted_and_what_was_before_has_a_day() {
        check(-5, "just now", "방금");
        check(59, "just now", "방금");
        check(60, "1 min ago", "1분 전");
        check(3599, "59 min ago", "59분 전");
        check(7200, "2 h ago", "2시간 전");
        check(86_400, "14 January 2027", "2027년 1월 14일");
    }

    #[test]
    fn machines_read_the_exact_moment() {
        let moment = NumericDate(1_800_000_000);
        let when = When::new(Language::English, moment, moment);
        assert_eq!(when.exact, "2027-01-15T08:00:00Z");
    }
}
