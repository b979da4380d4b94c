//! The calendar of a person as Naver keeps it (Naver Calendar API; RFC 5545).

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::simulators::desk::Kind;
use crate::simulators::door::{Answer, Refusal, answer, bearer};
use crate::simulators::page::Content;
use crate::simulators::{Fault, Parameters, Person, Simulator, lock};

/// The longest line that may be sent, in octets (RFC 5545 §3.1).
const LINE: usize = 75;

/// An event in somebody's calendar, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarEvent {
    /// Whose calendar it is.
    pub person: &'static Person,
    /// Its name.
    pub uid: String,
    /// `SUMMARY`, read.
    pub title: String,
    /// `DTSTART` and `DTEND`, as they were written.
    pub time: (String, String),
    /// `DESCRIPTION`, read.
    pub description: Option<String>,
    /// `LOCATION`, read.
    pub location: Option<String>,
}

fn refusal(status: u16, code: &str, message: &str) -> Refusal {
    Refusal(status, json!({"errorMessage": message, "errorCode": code}))
}

impl Simulator {
    /// Every event in every calendar, the oldest first.
    pub fn events(&self) -> Vec<CalendarEvent> {
        lock(&self.0.desk).events.clone()
    }
}

/// Makes an event, or writes over the one of the same name.
pub(super) async fn create_schedule(
    State(naver): State<Simulator>,
    Extension(sent): Extension<Parameters>,
    headers: HeaderMap,
) -> Answer {
    let token = bearer(&headers).ok_or_else(|| {
        let message = "Authentication header not exists (OAuth 인증 헤더가 없습니다.)";
        refusal(401, "028", message)
    })?;
    let token = naver.find(Kind::Access, token).ok_or_else(|| {
        let message = "Authentication failed (인증에 실패하였습니다.)";
        refusal(401, "024", message)
    })?;
    if naver.has(Fault::CalendarNotAllowed) {
        return Err(refusal(403, "403", "Forbidden (호출 금지)"));
    }
    if naver.has(Fault::CalendarForbidden) {
        return Err(refusal(403, "1403", "캘린더에 대한 권한이 없습니다."));
    }
    if naver.has(Fault::CalendarBroken) {
        return Err(refusal(
            500,
            "1500",
            "일시적인 오류입니다. 다시 시도해 주세요.",
        ));
    }
    if !sent.is("calendarId", "defaultCalendarId") {
        return Err(refusal(404, "1404", "존재하지 않는 캘린더입니다."));
    }
    let text = sent.get("scheduleIcalString").unwrap_or_default();
    let event = read(text, token.connection.person).map_err(|what| {
        tracing::warn!(what, "an event cannot be read");
        refusal(400, "1400", "scheduleIcalString이 올바르지 않습니다.")
    })?;
    let mut desk = lock(&naver.0.desk);
    let is_same =
        |known: &&mut CalendarEvent| known.uid == event.uid && known.person == event.person;
    let uid = event.uid.clone();
    let process_type = if let Some(known) = desk.events.iter_mut().find(is_same) {
        *known = event;
        "modify"
    } else {
        desk.events.push(event);
        "create"
    };
    let made = json!({"processType": process_type, "calendarId": "870711", "icalUid": uid});
    Ok(answer(
        200,
        json!({"result": "success", "returnValue": made}),
    ))
}

/// The calendars, for people to look at.
pub(super) async fn page(State(naver): State<Simulator>) -> Response {
    let events = naver.events();
    naver.show(StatusCode::OK, Content::Events { events: &events })
}

/// Reads one event, as strictly as the standard is written.
fn read(text: &str, person: &'static Person) -> Result<CalendarEvent, &'static str> {
    if !text.ends_with("\r\n") || text.replace("\r\n", "").contains(['\r', '\n']) {
        return Err("lines do not end with CRLF");
    }
    if text.split("\r\n").any(|line| line.len() > LINE) {
        return Err("a line is longer than 75 octets");
    }
    let text = text.replace("\r\n ", "").replace("\r\n\t", "");
    let lines: Vec<_> = text.split_terminator("\r\n").collect();
    let is_framed = lines.first() == Some(&"BEGIN:VCALENDAR")
        && lines.last() == Some(&"END:VCALENDAR")
        && lines.contains(&"VERSION:2.0");
    let inside = |name: &str| {
        let (begin, end) = (format!("BEGIN:{name}"), format!("END:{name}"));
        let begin = lines.iter().position(|line| **line == *begin)?;
        let end = lines.iter().position(|line| **line == *end)?;
        lines.get(begin + 1..end)
    };
    let event = inside("VEVENT").filter(|_| is_framed);
    let event = event.ok_or("it is not framed by VCALENDAR and VEVENT")?;
    let property = |name: &str| {
        let mut values = event.iter().filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            let (key, parameters) = key.split_once(';').unwrap_or((key, ""));
            (key == name).then_some((parameters, value))
        });
        values.next()
    };
    let is_known_zone = |zone: &str| {
        let zones = inside("VTIMEZONE").unwrap_or_default();
        zones.contains(&&*format!("TZID:{zone}"))
    };
    let time = |name: &str| {
        let (parameters, value) = property(name)?;
        let is_time = match parameters.split_once('=') {
            Some(("VALUE", "DATE")) => value.len() == 8,
            Some(("TZID", zone)) => value.len() == 15 && is_known_zone(zone),
            _ => value.len() == 16 && value.ends_with('Z'),
        };
        is_time.then(|| value.to_owned())
    };
    let uid = property("UID").map(|(_, value)| value.to_owned());
    let uid = uid.filter(|uid| !uid.is_empty() && !uid.contains('%'));
    let stamp = property("DTSTAMP").filter(|(_, value)| value.ends_with('Z'));
    stamp.ok_or("there is no DTSTAMP in UTC")?;
    let words = |name: &str| property(name).map(|(_, value)| unescaped(value));
    Ok(CalendarEvent {
        person,
        uid: uid.ok_or("there is no UID")?,
        title: words("SUMMARY").flatten().ok_or("there is no SUMMARY")?,
        time: time("DTSTART")
            .zip(time("DTEND"))
            .ok_or("there is no DTSTART or DTEND")?,
        description: words("DESCRIPTION").flatten(),
        location: words("LOCATION").flatten(),
    })
}

/// A value as it was meant (§3.3.11); nothing for one that breaks the rules.
fn unescaped(value: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        text.push(match c {
            '\\' => match rest.next()? {
                'n' | 'N' => '\n',
                c @ ('\\' | ';' | ',') => c,
                _ => return None,
            },
            ';' | ',' => return None,
            c => c,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulators::Vendor;

    const GOOD: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Asia/Seoul\r\n\
        END:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:u1\r\nDTSTAMP:20261128T073805Z\r\n\
        DTSTART;TZID=Asia/Seoul:20261201T140000\r\nDTEND;TZID=Asia/Seoul:20261201T150000\r\n\
        SUMMARY:a\\, b\r\n  c\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    #[test]
    fn an_event_is_read_as_it_was_meant() {
        let hana = &Vendor::Naver.people()[0];
        let event = read(GOOD, hana).unwrap();
        assert_eq!((&*event.uid, &*event.title), ("u1", "a, b c"));
        assert_eq!(event.time.0, "20261201T140000");
        for (what, instead) in [
            ("\r\n", "\n"),
            ("VERSION:2.0\r\n", ""),
            ("UID:u1", "UID:100%"),
            ("DTSTAMP:20261128T073805Z", "DTSTAMP:20261128T073805"),
            ("TZID:Asia/Seoul", "TZID:Asia/Tokyo"),
            ("a\\, b", "a, b"),
            ("a\\, b", "a\\x b"),
            ("END:VEVENT\r\n", ""),
            ("SUMMARY:a", &format!("SUMMARY:{}", "a".repeat(80))),
        ] {
            assert!(read(&GOOD.replace(what, instead), hana).is_err(), "{what}");
        }
    }
}
