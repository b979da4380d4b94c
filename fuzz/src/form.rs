//! Forms and queries of the endpoints and pages (RFC 6749, RFC 7009, RFC 7662, RFC 7591, RFC 8628,
//! RFC 9126).

use axum::body::Body;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{Method, Request};

use crate::house::{CLIENT, DOCUMENT, with_house};

/// Where the input goes, by its first byte.
const PLACES: [(Method, &str); 15] = [
    (Method::POST, "/token"),
    (Method::GET, "/authorize"),
    (Method::POST, "/authorize"),
    (Method::POST, "/revoke"),
    (Method::POST, "/introspect"),
    (Method::POST, "/register"),
    (Method::GET, "/login"),
    (Method::POST, "/par"),
    (Method::POST, "/device_authorization"),
    (Method::GET, "/device"),
    (Method::POST, "/device"),
    (Method::GET, "/logout"),
    (Method::GET, "/callback/idp"),
    (Method::POST, "/login"),
    (Method::POST, "/unlink/idp"),
];

/// The first byte chooses a place, the rest is the form, or the query for a `GET`.
pub fn run(data: &[u8]) {
    let Some((first, form)) = data.split_first() else {
        return;
    };
    let (method, path) = &PLACES[usize::from(*first) % PLACES.len()];
    let request = Request::builder().method(method);
    let request = if method == Method::GET {
        request
            .uri(format!("{path}?{}", String::from_utf8_lossy(form)))
            .body(Body::empty())
    } else {
        let kind = match *path {
            "/register" => "application/json",
            _ => "application/x-www-form-urlencoded",
        };
        request
            .uri(*path)
            .header(CONTENT_TYPE, kind)
            .body(Body::from(form.to_vec()))
    };
    // A query with bytes that no request line can have never arrives.
    let Ok(request) = request else { return };
    let answer = with_house(|house| {
        house
            .network
            .answer(CLIENT, 200, &[("cache-control", "max-age=86400")], DOCUMENT);
        house.attack(request)
    });
    if let Some(location) = answer.headers.get(LOCATION) {
        let location = location.to_str().expect("addresses are ASCII");
        let known = [
            "https://as.example/",
            "https://client.example/callback?",
            "http://127.0.0.1",
        ];
        assert!(
            known.iter().any(|start| location.starts_with(start)),
            "{location}"
        );
    }
    if *path == "/token" {
        assert!(
            answer.status.is_client_error(),
            "{}: {:?}",
            answer.status,
            answer.body
        );
    }
}
