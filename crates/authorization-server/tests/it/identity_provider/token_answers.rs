//! Whatever a token endpoint answers: it is read in one way, or refused (RFC 6749 §5).

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use oauth::client::fetch::Fetched;
use oauth::client::token::{TokenError, Tokens};
use proptest::prelude::*;

use super::*;

fn read(status: u16, body: impl Into<Vec<u8>>) -> Result<Tokens, TokenError> {
    Tokens::read(&Fetched {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.into().into(),
    })
}

/// Values of every kind, as a careless server could write them.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~가-힣]{0,12}".prop_map(Value::from),
        "-?[0-9]{1,25}(\\.[0-9]{1,3})?".prop_map(Value::from),
        Just(json!([])),
        Just(json!({"error": "nested"})),
    ]
}

fn member() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "refresh_token_expires_in",
        "refresh_expires_in",
        "scope",
        "id_token",
        "error",
        "error_description",
    ])
}

proptest! {
    #[test]
    fn b4_tokens_come_only_without_an_error(
        status in prop::sample::select(vec![200_u16, 201, 400, 401, 503]),
        members in prop::collection::hash_map(member(), value(), 0..8),
    ) {
        let answer: serde_json::Map<String, Value> =
            members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let body = serde_json::to_vec(&answer).unwrap();
        if let Ok(tokens) = read(status, body) {
            prop_assert!(status < 300);
            prop_assert_eq!(Some(tokens.access_token.expose()), answer["access_token"].as_str());
            prop_assert!(!tokens.access_token.expose().is_empty());
            prop_assert!(answer.get("error").is_none_or(Value::is_null));
            // The clock can take every lifetime.
            for lifetime in [tokens.expires_in, tokens.refresh_expires_in].into_iter().flatten() {
                prop_assert!(START.plus(lifetime) >= START);
            }
        }
    }

    #[test]
    fn b3_a_number_means_the_same_in_quotes(seconds in any::<u64>()) {
        let both = [json!(seconds), json!(seconds.to_string())].map(|expires_in| {
            let answer = json!({"access_token": "a", "expires_in": expires_in});
            read(200, answer.to_string()).unwrap().expires_in
        });
        prop_assert_eq!(both, [Some(Duration::from_secs(seconds)); 2]);
    }

    #[test]
    fn any_bytes_are_an_answer_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        // Bytes without structure hold no token.
        prop_assert!(read(200, bytes).is_err());
    }

    #[test]
    fn a11_what_a_server_says_fits_one_line(said in "\\PC{0,300}|[\\x00-\\x7f]{0,300}") {
        let answer = json!({"error": said, "error_description": said});
        let error = read(400, answer.to_string()).unwrap_err().to_string();
        prop_assert!(!error.contains(char::is_control) && error.chars().count() < 400, "{}", error);
    }
}
