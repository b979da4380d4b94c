//! What can go wrong with a call of an API: a safe sentence for the caller, the API's words for the log.

use std::time::Duration;

use http::StatusCode;
use oauth::client::fetch::{FetchError, Fetched};
use oauth::client::token::{TokenError, harmless};
use serde_json::{Map, Value};

use crate::auth_type::NobodyCalled;
use crate::refresh::ValidTokenError;

/// Why a call brought no answer that can be used.
///
/// `Display` is safe for whoever called the tool: nothing that the API said stands in it. What the
/// API said is [`ApiError::said`], short and without secrets, and has been logged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// 400 or 422: something in the request is not as the API wants it.
    #[error("the API does not accept the request: check what is asked for")]
    BadRequest {
        /// What the API said, for the log.
        said: Option<Said>,
    },
    /// 401, also with a token that was renewed for this call.
    #[error("the API does not accept the credential")]
    Unauthenticated {
        /// What the API said, for the log.
        said: Option<Said>,
    },
    /// 403: whoever the credential belongs to may not do this.
    #[error("the API does not allow this")]
    Forbidden {
        /// What the API said, for the log.
        said: Option<Said>,
    },
    /// 404 or 410.
    #[error("the API knows no such thing")]
    NotFound {
        /// What the API said, for the log.
        said: Option<Said>,
    },
    /// 429.
    #[error("the API asks to call less often: try again later")]
    RateLimited {
        /// When to try again, if the API says so (`Retry-After`, RFC 9110 §10.2.3).
        retry_after: Option<Duration>,
        /// What the API said, for the log.
        said: Option<Said>,
    },
    /// 5xx.
    #[error("the API has failed: try again later")]
    Server {
        /// The status.
        status: StatusCode,
        /// When to try again, if the API says so.
        retry_after: Option<Duration>,
        /// What the API said, for the log.
        said: Option<Said>,
    },
    /// Any other status that is not a success; redirects are not followed.
    #[error("the API answers with status {}", status.as_u16())]
    Unexpected {
        /// The status.
        status: StatusCode,
        /// What the API said, for the log.
        said: Option<Said>,
    },
    /// There was no complete answer in time. A change may have been made all the same.
    #[error("the API did not answer in time: try again later")]
    Timeout,
    /// There is no connection.
    #[error("the API cannot be reached: try again later")]
    Unreachable(#[source] FetchError),
    /// The answer is too large, or not the JSON that was expected.
    #[error("the answer of the API cannot be understood")]
    Unreadable {
        /// What is wrong with it, for the log.
        cause: String,
    },
    /// The path leads away from the API, the body has no JSON form, or the credential fits into no
    /// header; nothing was sent.
    #[error("the request cannot be sent: {cause}")]
    NotSent {
        /// Why not.
        cause: &'static str,
    },
    /// The tool needs the token of a person, and nobody has called.
    #[error(transparent)]
    NobodyCalled(#[from] NobodyCalled),
    /// There is no token of the person: they have to connect, or the provider is not available.
    #[error(transparent)]
    Token(#[from] ValidTokenError),
    /// There is no token of the service.
    #[error("the service cannot sign in at the API")]
    ServiceToken(#[source] TokenError),
}

/// What an API said about an error: short, printable, and without the credential of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    code: Option<String>,
    words: String,
}

impl ApiError {
    /// What the API said, for the log: short, printable, and without the credential of the call.
    pub fn said(&self) -> Option<&str> {
        match self {
            Self::Unreadable { cause } => Some(cause),
            _ => self.said_by_api().map(|said| said.words.as_str()),
        }
    }

    /// The code that the API gave its error, for whoever knows what its codes mean.
    pub fn code(&self) -> Option<&str> {
        self.said_by_api()?.code.as_deref()
    }

    fn said_by_api(&self) -> Option<&Said> {
        match self {
            Self::BadRequest { said }
            | Self::Unauthenticated { said }
            | Self::Forbidden { said }
            | Self::NotFound { said }
            | Self::RateLimited { said, .. }
            | Self::Server { said, .. }
            | Self::Unexpected { said, .. } => said.as_ref(),
            _ => None,
        }
    }

    /// The kind of the error in snake case, for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BadRequest { .. } => "bad_request",
            Self::Unauthenticated { .. } => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "not_found",
            Self::RateLimited { .. } => "rate_limited",
            Self::Server { .. } => "server",
            Self::Unexpected { .. } => "unexpected",
            Self::Timeout => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Unreadable { .. } => "unreadable",
            Self::NotSent { .. } => "not_sent",
            Self::NobodyCalled(_) => "nobody_called",
            Self::Token(_) => "token",
            Self::ServiceToken(_) => "service_token",
        }
    }

    /// Whether the person can help by connecting an account.
    pub fn needs_person(&self) -> bool {
        matches!(self, Self::Token(error) if error.needs_person())
    }

    /// The error in an answer that is not a success; `secrets` are cut out of its words.
    pub(super) fn in_answer(answer: &Fetched, secrets: &[&str]) -> Self {
        let (status, retry_after) = (answer.status, answer.retry_after());
        let said = words(&answer.body, secrets);
        match status.as_u16() {
            400 | 422 => Self::BadRequest { said },
            401 => Self::Unauthenticated { said },
            403 => Self::Forbidden { said },
            404 | 410 => Self::NotFound { said },
            429 => Self::RateLimited { retry_after, said },
            500..=599 => Self::Server {
                status,
                retry_after,
                said,
            },
            _ => Self::Unexpected { status, said },
        }
    }
}

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Deadline => Self::Timeout,
            FetchError::Credential => Self::NotSent {
                cause: "its credential cannot stand in a header",
            },
            FetchError::TooLarge(_) => Self::Unreadable {
                cause: error.to_string(),
            },
            _ => Self::Unreachable(error),
        }
    }
}

/// What an API says about an error, in the spellings that are in use; pages for browsers say nothing.
fn words(body: &[u8], secrets: &[&str]) -> Option<Said> {
    const CODES: [&str; 4] = ["errorCode", "error", "code", "status"];
    const MESSAGES: [&str; 6] = [
        "error_description",
        "errorMessage",
        "message",
        "msg",
        "detail",
        "title",
    ];
    let text = String::from_utf8_lossy(body);
    let answer: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let (code, found) = match &answer {
        Some(answer) => {
            let inner = answer.get("error").and_then(Value::as_object);
            let find = |names: &[&str]| {
                let places = inner.into_iter().chain([answer]);
                let mut values = places.flat_map(|place| names.iter().map(|name| place.get(*name)));
                values.find_map(|value| match value? {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                })
            };
            let code = find(&CODES);
            let parts = [code.clone(), find(&MESSAGES)];
            let words = parts.into_iter().flatten().collect::<Vec<_>>().join(": ");
            (code, words)
        }
        None if text.trim_start().starts_with('<') => (None, String::new()),
        None => (None, text.into_owned()),
    };
    // An API may repeat what it was sent, and the secrets of applications can be short.
    let harmless = |text: String| {
        let secrets = secrets.iter().filter(|secret| !secret.is_empty());
        harmless(&secrets.fold(text, |text, secret| text.replace(secret, "…")))
    };
    let words = harmless(found);
    (!words.is_empty()).then(|| Said {
        code: code.map(harmless),
        words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Option<&str>) {
        let said = words(body.as_bytes(), &["s3cret"]);
        assert_eq!(said.as_ref().map(|said| &*said.words), expected);
    }

    #[test]
    fn the_words_of_apis_are_found_in_their_spellings() {
        check(r#"{"message":"no such todo"}"#, Some("no such todo"));
        check(
            r#"{"errorMessage":"Rate limit","errorCode":"012"}"#,
            Some("012: Rate limit"),
        );
        check(
            r#"{"error":{"code":404,"message":"gone"}}"#,
            Some("404: gone"),
        );
        check(
            r#"{"error":"invalid_token","error_description":"ended"}"#,
            Some("invalid_token: ended"),
        );
        check(r#"{"other":[1]}"#, None);
        check("plain words", Some("plain words"));
        check("<html><body>nginx</body></html>", None);
        check("", None);
    }

    #[test]
    fn the_codes_of_apis_are_kept_apart() {
        let code = |body: &str| words(body.as_bytes(), &["s3cret"]).and_then(|said| said.code);
        let naver = r#"{"errorMessage":"Authentication failed","errorCode":"024"}"#;
        assert_eq!(code(naver).as_deref(), Some("024"));
        assert_eq!(code(r#"{"message":"no such todo"}"#), None);
        assert_eq!(code(r#"{"code":"s3cret"}"#).as_deref(), Some("…"));
    }

    #[test]
    fn a11_words_are_short_and_hold_no_secrets() {
        check(r#"{"message":"bad key s3cret"}"#, Some("bad key …"));
        check(
            r#"{"message":"token eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0"}"#,
            Some("token …"),
        );
        let long = format!(r#"{{"message":"{}"}}"#, "word ".repeat(1000));
        assert!(words(long.as_bytes(), &[]).unwrap().words.len() <= 200);
    }
}
