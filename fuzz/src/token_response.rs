//! Answers of token endpoints, as identity providers and those who pretend to be one write them.

use http::{HeaderMap, StatusCode};
use oauth::client::fetch::Fetched;
use oauth::client::token::{TokenError, Tokens, usable};

/// The first byte chooses a status, the rest is the body.
pub fn run(data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let status = match first % 6 {
        0 | 1 => StatusCode::OK,
        2 => StatusCode::BAD_REQUEST,
        3 => StatusCode::UNAUTHORIZED,
        4 => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let fetched = Fetched {
        status,
        headers: HeaderMap::new(),
        body: body.to_vec().into(),
    };
    match usable(Ok(fetched)).and_then(|fetched| Tokens::read(&fetched)) {
        Ok(tokens) => {
            assert!(status.is_success());
            assert!(!tokens.access_token.expose().is_empty());
            let refresh = tokens.refresh_token.as_ref();
            assert!(refresh.is_none_or(|token| !token.expose().is_empty()));
        }
        Err(error) => {
            let message = error.to_string();
            assert!(!message.chars().any(char::is_control), "{message:?}");
            assert!(message.chars().count() < 500, "{message}");
            if let TokenError::Unavailable { retry_after, .. } = error {
                assert!((1..=3600).contains(&retry_after.as_secs()));
            }
        }
    }
}
