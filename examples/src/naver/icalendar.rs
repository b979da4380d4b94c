//! Events as iCalendar writes them: escaped, folded, and in the time of Seoul (RFC 5545).

use jiff::civil::{Date, DateTime};

/// The longest line, in octets, without its end (§3.1).
const LINE: usize = 75;

/// When an event takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// From the first to the last of these days.
    Days(Date, Date),
    /// Times of Korea.
    Times(DateTime, DateTime),
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Its name for all times; Naver takes no `%` in it.
    pub(super) uid: String,
    /// When it was written, in UTC.
    pub(super) stamp: DateTime,
    pub(super) span: Span,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) location: Option<String>,
}

/// A calendar with this one event.
pub(super) fn write(event: &Event) -> String {
    let mut calendar = Lines::default();
    for line in [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Sumun//Naver assistant//EN",
        "CALSCALE:GREGORIAN",
        "BEGIN:VTIMEZONE",
        "TZID:Asia/Seoul",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        "TZNAME:KST",
        "TZOFFSETFROM:+0900",
        "TZOFFSETTO:+0900",
        "END:STANDARD",
        "END:VTIMEZONE",
        "BEGIN:VEVENT",
        "SEQUENCE:0",
        "CLASS:PUBLIC",
        "TRANSP:OPAQUE",
    ] {
        calendar.push(line);
    }
    let stamp = event.stamp.strftime("%Y%m%dT%H%M%SZ");
    calendar.push(&format!("UID:{}", escaped(&event.uid)));
    calendar.push(&format!("DTSTAMP:{stamp}"));
    calendar.push(&format!("CREATED:{stamp}"));
    match event.span {
        Span::Days(first, last) => {
            // §3.6.1: the end is the day behind the last one.
            let end = last.tomorrow().unwrap_or(last);
            calendar.push(&format!("DTSTART;VALUE=DATE:{}", first.strftime("%Y%m%d")));
            calendar.push(&format!("DTEND;VALUE=DATE:{}", end.strftime("%Y%m%d")));
        }
        Span::Times(start, end) => {
            for (name, time) in [("DTSTART", start), ("DTEND", end)] {
                let time = time.strftime("%Y%m%dT%H%M%S");
                calendar.push(&format!("{name};TZID=Asia/Seoul:{time}"));
            }
        }
    }
    calendar.push(&format!("SUMMARY:{}", escaped(&event.title)));
    for (name, text) in [
        ("DESCRIPTION", &event.description),
        ("LOCATION", &event.location),
    ] {
        if let Some(text) = text {
            calendar.push(&format!("{name}:{}", escaped(text)));
        }
    }
    calendar.push("END:VEVENT");
    calendar.push("END:VCALENDAR");
    calendar.0
}

/// Text as a value (§3.3.11). No text can end its line and begin another property.
fn escaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let text = text.replace("\r\n", "\n");
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => value.extend(['\\', c]),
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => value.push_str("\\n"),
            '\t' => value.push('\t'),
            // §3.1: control characters cannot stand in a value.
            c if c.is_control() => {}
            c => value.push(c),
        }
    }
    value
}

/// Content lines, folded (§3.1).
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn push(&mut self, line: &str) {
        let mut length = 0;
        for c in line.chars() {
            // A character is never torn, although the standard would allow it.
            if length + c.len_utf8() > LINE {
                self.0.push_str("\r\n ");
                length = 1;
            }
            self.0.push(c);
            length += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(title: &str) -> Event {
        let time = |text: &str| text.parse::<DateTime>().unwrap();
        Event {
            uid: "a1b2@sumun".to_owned(),
            stamp: time("2026-11-28T07:38:05"),
            span: Span::Times(time("2026-12-01T14:00:00"), time("2026-12-01T15:00:00")),
            title: title.to_owned(),
            description: None,
            location: None,
        }
    }

    fn unfolded(text: &str) -> Vec<String> {
        let text = text.replace("\r\n ", "");
        text.split_terminator("\r\n").map(str::to_owned).collect()
    }

    fn value<'a>(lines: &'a [String], name: &str) -> Vec<&'a str> {
        let mut found = lines.iter().filter_map(|line| line.strip_prefix(name));
        found.by_ref().collect()
    }

    #[test]
    fn an_event_is_written_in_the_time_of_seoul() {
        let mut event = event("회의");
        event.location = Some("본사, 3층; 대회의실".to_owned());
        event.description = Some("안건\n1) 예산\\비용".to_owned());
        let text = write(&event);
        assert!(text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"));
        assert!(text.ends_with("END:VEVENT\r\nEND:VCALENDAR\r\n"));
        let lines = unfolded(&text);
        for line in [
            "TZID:Asia/Seoul",
            "UID:a1b2@sumun",
            "DTSTAMP:20261128T073805Z",
            "DTSTART;TZID=Asia/Seoul:20261201T140000",
            "DTEND;TZID=Asia/Seoul:20261201T150000",
            "SUMMARY:회의",
            "DESCRIPTION:안건\\n1) 예산\\\\비용",
            "LOCATION:본사\\, 3층\\; 대회의실",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn whole_days_end_on_the_day_behind() {
        let mut event = event("휴가");
        let day = |text: &str| text.parse::<Date>().unwrap();
        event.span = Span::Days(day("2026-12-30"), day("2026-12-31"));
        let text = write(&event);
        assert!(text.contains("DTSTART;VALUE=DATE:20261230\r\n"), "{text}");
        assert!(text.contains("DTEND;VALUE=DATE:20270101\r\n"), "{text}");
    }

    #[test]
    fn no_text_becomes_another_property() {
        let text = write(&event(
            "a\r\nATTENDEE:mailto:evil@example.com\rb\u{2028}c\u{0}d",
        ));
        let lines = unfolded(&text);
        let expected = ["a\\nATTENDEE:mailto:evil@example.com\\nb\\ncd"];
        assert_eq!(value(&lines, "SUMMARY:"), expected);
        assert!(value(&lines, "ATTENDEE").is_empty());
    }

    proptest! {
        #[test]
        fn lines_are_short_and_unfold_to_what_was_written(title in "\\PC{0,300}") {
            let text = write(&event(&title));
            for line in text.split_terminator("\r\n") {
                prop_assert!(line.len() <= LINE, "{} octets: {line}", line.len());
                prop_assert!(!line.contains(['\r', '\n']));
            }
            let lines = unfolded(&text);
            let summary = value(&lines, "SUMMARY:");
            prop_assert_eq!(summary.len(), 1);
            let mut read = String::new();
            let mut characters = summary[0].chars();
            while let Some(c) = characters.next() {
                match c {
                    '\\' => match characters.next() {
                        Some('n') => read.push('\n'),
                        Some(other) => read.push(other),
                        None => prop_assert!(false, "a lonely backslash"),
                    },
                    c => read.push(c),
                }
            }
            let expected: String = title
                .chars()
                .map(|c| if matches!(c, '\u{2028}' | '\u{2029}') { '\n' } else { c })
                .filter(|c| *c == '\n' || !c.is_control())
                .collect();
            prop_assert_eq!(read, expected);
        }
    }
}
