//! The media types of messages over HTTP (RFC 9110 §8.3).

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

/// JSON (RFC 8259 §11).
pub const JSON: &str = "application/json";
/// A form, which is what clients send to an authorization server (RFC 6749 appendix B).
pub const FORM: &str = "application/x-www-form-urlencoded";
/// Server-sent events (HTML §9.2).
pub const EVENT_STREAM: &str = "text/event-stream";

/// Whether a message with these headers says that its body is of `media_type`.
///
/// Case means nothing, and parameters behind the type change nothing (RFC 9110 §8.3.1). All of the type
/// counts: `application/json-seq` is no JSON.
pub fn is(headers: &HeaderMap, media_type: &str) -> bool {
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let essence = value.and_then(|value| value.split(|byte| *byte == b';').next());
    essence.is_some_and(|essence| {
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(media_type.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_parameters_change_nothing_and_every_letter_counts() {
        let cases = [
            ("text/event-stream", true),
            ("Text/Event-Stream", true),
            ("text/event-stream;charset=utf-8", true),
            (" text/event-stream ; charset=utf-8", true),
            ("text/event-streams", false),
            ("text/event", false),
            ("text/plain; text/event-stream", false),
            ("text/plain, text/event-stream", false),
            ("", false),
        ];
        for (written, expected) in cases {
            let value = HeaderValue::from_static(written);
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value)]);
            assert_eq!(is(&headers, EVENT_STREAM), expected, "{written}");
        }
        assert!(!is(&HeaderMap::new(), EVENT_STREAM));
    }
}
