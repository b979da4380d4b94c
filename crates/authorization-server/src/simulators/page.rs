//! The page on which a person at a vendor is asked, and the way back (RFC 6749 §4.1.1, §4.1.2).

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{Html, IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use http::{HeaderName, StatusCode};
use url::Url;

use super::vendor::{ENGLISH, Words};
use super::{CalendarEvent, Fault, Parameters, Person, Simulator};

/// Where the answer of the person goes.
pub(super) const CHOOSE: &str = "/simulator/choose";

const HEADERS: [(HeaderName, &str); 2] = [
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
];

#[derive(Template)]
#[template(path = "simulator.html")]
struct Page<'a> {
    words: &'a Words,
    /// The same for whoever reads no other language.
    english: Option<&'static Words>,
    content: Content<'a>,
}

pub(super) enum Content<'a> {
    /// Asks who it is.
    Choice {
        request: String,
        client_id: &'a str,
        scopes: Vec<&'a str>,
        people: &'a [Person],
    },
    /// Shows who has let our app in.
    Connections { people: Vec<&'static Person> },
    /// Shows the calendars of everybody.
    Events { events: &'a [CalendarEvent] },
    /// Says what is wrong, and goes nowhere.
    Problem { code: &'a str, message: &'a str },
}

impl Simulator {
    /// Asks the person.
    pub(super) fn ask(&self, sent: &Parameters) -> Response {
        let separators = |c: char| c == ',' || c.is_whitespace();
        let scopes = sent.get("scope").unwrap_or_default().split(separators);
        let content = Content::Choice {
            request: self.keep(sent.clone()),
            client_id: &self.app().client_id,
            scopes: scopes.filter(|scope| !scope.is_empty()).collect(),
            people: self.vendor().people(),
        };
        self.show(StatusCode::OK, content)
    }

    /// Tells the person what is wrong with the request; whoever sent them is not told (RFC 6749 §3.1.2.4).
    pub(super) fn problem(&self, status: StatusCode, code: &str, message: &str) -> Response {
        self.show(status, Content::Problem { code, message })
    }

    pub(super) fn show(&self, status: StatusCode, content: Content<'_>) -> Response {
        let words = &self.vendor().face().words;
        let english = (words.language != ENGLISH.language).then_some(&ENGLISH);
        let page = Page {
            words,
            english,
            content,
        };
        let page = page.render();
        let page = page.expect("writing to a string does not fail, and no filter does");
        (status, HEADERS, Html(page)).into_response()
    }

    /// Sends the person back with this answer and the state of the request.
    pub(super) fn back(&self, sent: &Parameters, answer: &[(&str, &str)]) -> Response {
        let redirect_uri = sent.get("redirect_uri").unwrap_or(&self.app().redirect_uri);
        let Ok(mut url) = Url::parse(redirect_uri) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        url.query_pairs_mut().extend_pairs(answer);
        let state = if self.has(Fault::WrongState) {
            Some("of-somebody-else")
        } else {
            sent.get("state").filter(|_| !self.has(Fault::NoState))
        };
        if let Some(state) = state {
            url.query_pairs_mut().append_pair("state", state);
        }
        if let Some(path) = self.vendor().face().iss {
            url.query_pairs_mut().append_pair("iss", &self.url(path));
        }
        (StatusCode::FOUND, HEADERS, [(LOCATION, url.as_str())]).into_response()
    }

    /// Sends the person back with an error of the vendor's.
    pub(super) fn back_with_error(&self, sent: &Parameters, code: &str, message: &str) -> Response {
        self.back(sent, &[("error", code), ("error_description", message)])
    }
}

/// What the person answered.
pub(super) async fn choose(
    State(simulator): State<Simulator>,
    Extension(answer): Extension<Parameters>,
) -> Response {
    let request = answer.get("request").unwrap_or_default();
    let Some(sent) = simulator.answered(request) else {
        return simulator.problem(StatusCode::BAD_REQUEST, "expired", "answered before");
    };
    let face = simulator.vendor().face();
    if !answer.is("action", "approve") {
        return simulator.back(&sent, face.denied);
    }
    let mut people = face.people.iter();
    let Some(person) = people.find(|person| answer.is("person", person.key)) else {
        return simulator.problem(StatusCode::BAD_REQUEST, "person", "nobody was chosen");
    };
    let connection = simulator.connect(person, sent);
    let more = (face.accepted)(&connection);
    let sent = connection.sent.clone();
    let code = simulator.code(connection);
    let more = more.iter().map(|(name, value)| (*name, value.as_str()));
    let pairs: Vec<_> = [("code", code.as_str())].into_iter().chain(more).collect();
    simulator.back(&sent, &pairs)
}
