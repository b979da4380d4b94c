//! Asking a token endpoint, and reading answers as servers really write them (RFC 6749 §4.1.3, §5, §6).
//!
//! What a standard demands of a server is not expected here: lifetimes come as numbers, as texts or
//! not at all, under more than one name; errors come with status 200. What is safe to understand is
//! understood, and everything else is refused.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::client::fetch::{Authorization, Fetch, FetchError, Fetched, Limits};
use crate::client_metadata::TokenEndpointAuthMethod;
use crate::secret::Secret;

/// When to come again if the server does not say.
pub const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The parameters of a token request that nobody else may know.
const SECRETS: [&str; 6] = [
    "assertion",
    "client_secret",
    "code",
    "code_verifier",
    "refresh_token",
    "subject_token",
];

/// A token endpoint, and who we are there.
#[derive(Clone, Copy, Debug)]
pub struct TokenEndpoint<'a> {
    /// Its address.
    pub url: &'a str,
    /// Our name there.
    pub client_id: &'a str,
    /// Our secret there, if we have one.
    pub client_secret: Option<&'a Secret>,
    /// How the secret is sent: `client_secret_basic`, `client_secret_post`, or not at all.
    pub auth_method: TokenEndpointAuthMethod,
}

impl TokenEndpoint<'_> {
    /// Sends `form` with our credentials; the answer may be any.
    pub async fn post(&self, fetch: &Fetch, form: &[(&str, &str)]) -> Result<Fetched, FetchError> {
        let mut form = form.to_vec();
        let authorization = match (self.auth_method, self.client_secret) {
            (TokenEndpointAuthMethod::ClientSecretBasic, Some(secret)) => Authorization::Basic {
                id: self.client_id,
                secret,
            },
            (TokenEndpointAuthMethod::ClientSecretPost, Some(secret)) => {
                form.push(("client_id", self.client_id));
                form.push(("client_secret", secret.expose()));
                Authorization::None
            }
            // RFC 6749 §3.2.1: a client without credentials says its name.
            _ => {
                form.push(("client_id", self.client_id));
                Authorization::None
            }
        };
        let requests = fetch.configured();
        requests
            .post_form(authorization, self.url, &form, Limits::DOCUMENT)
            .await
    }

    /// Sends `form` with our credentials and reads the tokens in the answer.
    pub async fn tokens(&self, fetch: &Fetch, form: &[(&str, &str)]) -> Result<Tokens, TokenError> {
        let answer = usable(self.post(fetch, form).await)?;
        Tokens::read(&answer).map_err(|error| {
            // A server may repeat what it was sent, and secrets can be short: its words are read
            // once more, without them.
            let cut = self.without_secrets(answer, form);
            Tokens::read(&cut).err().unwrap_or(error)
        })
    }

    fn without_secrets(&self, answer: Fetched, form: &[(&str, &str)]) -> Fetched {
        let sent = form.iter().filter(|(name, _)| SECRETS.contains(name));
        let secrets = sent
            .map(|(_, value)| *value)
            .chain(self.client_secret.map(Secret::expose))
            .filter(|secret| secret.len() >= 6);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let body = secrets.fold(text, |text, secret| text.replace(secret, "…"));
        Fetched {
            body: body.into(),
            ..answer
        }
    }
}

/// An answer that somebody meant: neither an outage nor a request to come again later.
pub fn usable(answer: Result<Fetched, FetchError>) -> Result<Fetched, TokenError> {
    let unavailable = |retry_after: Option<Duration>, cause: String| TokenError::Unavailable {
        retry_after: retry_after
            .unwrap_or(RETRY_AFTER)
            .clamp(Duration::from_secs(1), Duration::from_hours(1)),
        cause,
    };
    match answer {
        Ok(fetched) if fetched.status.is_server_error() || fetched.status.as_u16() == 429 => {
            let cause = format!("it answers with status {}", fetched.status.as_u16());
            Err(unavailable(fetched.retry_after(), cause))
        }
        Ok(fetched) => Ok(fetched),
        Err(error) if error.is_outage() => Err(unavailable(None, error.to_string())),
        Err(error) => Err(TokenError::Unreadable(error.to_string())),
    }
}

/// The tokens in an answer (RFC 6749 §5.1).
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access_token: Secret,
    /// What gets the next one.
    pub refresh_token: Option<Secret>,
    /// How long the access token lives, if the server says so.
    pub expires_in: Option<Duration>,
    /// How long the refresh token lives, if the server says so.
    pub refresh_expires_in: Option<Duration>,
    /// What was granted, as the server writes it.
    pub scope: Option<String>,
    /// Who signed in (`OpenID` Connect Core §3.1.3.3).
    pub id_token: Option<Secret>,
}

/// Why there are no tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The server cannot be reached, or asks to come again later.
    #[error("the server is not available: {cause}")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
        /// What happened.
        cause: String,
    },
    /// The server says no, with status 200 or another.
    #[error("the server refuses the request: {0}")]
    Refused(Said),
    /// The answer holds neither tokens nor an error.
    #[error("the answer of the server cannot be used: {0}")]
    Unreadable(String),
}

impl Tokens {
    /// Reads an answer of any status.
    pub fn read(fetched: &Fetched) -> Result<Self, TokenError> {
        let unreadable = |what: &str| {
            let status = fetched.status.as_u16();
            TokenError::Unreadable(format!("{what}; its status is {status}"))
        };
        let answer: Map<String, Value> = crate::json::from_stranger(&fetched.body)
            .map_err(|_| unreadable("it is not a JSON object"))?;
        // Some servers send errors with status 200: the body decides, not the status.
        if let Some(said) = Said::in_answer(&answer) {
            return Err(match said.code() {
                "temporarily_unavailable" | "server_error" => TokenError::Unavailable {
                    retry_after: fetched.retry_after().unwrap_or(RETRY_AFTER),
                    cause: said.to_string(),
                },
                _ => TokenError::Refused(said),
            });
        }
        if !fetched.status.is_success() {
            return Err(unreadable("it is a refusal without an error code"));
        }
        let text = |name: &str| {
            let value = answer.get(name).and_then(Value::as_str);
            value.filter(|value| !value.is_empty())
        };
        // RFC 6749 §7.1: a token of a type that is not understood must not be used.
        if text("token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(unreadable("its token is not a bearer token"));
        }
        let access_token = text("access_token").ok_or_else(|| unreadable("it holds no token"))?;
        let refresh_lifetime = ["refresh_token_expires_in", "refresh_expires_in"]
            .into_iter()
            .find_map(|name| seconds(answer.get(name)?))
            // Keycloak writes 0 for a refresh token without an end.
            .filter(|lifetime| !lifetime.is_zero());
        Ok(Self {
            access_token: access_token.into(),
            refresh_token: text("refresh_token").map(Secret::from),
            expires_in: answer.get("expires_in").and_then(seconds),
            refresh_expires_in: refresh_lifetime,
            scope: text("scope").map(str::to_owned),
            id_token: text("id_token").map(Secret::from),
        })
    }
}

/// A lifetime as a number or as text; what is neither counts as not said.
fn seconds(value: &Value) -> Option<Duration> {
    let whole = |seconds: f64| Duration::try_from_secs_f64(seconds.floor()).ok();
    match value {
        Value::Number(number) => match number.as_u64() {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None => whole(number.as_f64()?),
        },
        Value::String(text) => {
            let text = text.trim();
            let parsed = text.parse().map(Duration::from_secs).ok();
            parsed.or_else(|| whole(text.parse().ok()?))
        }
        _ => None,
    }
}

/// What a server said about an error, made safe for a log: short, printable, without tokens.
///
/// It never goes to anybody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    code: String,
    description: Option<String>,
}

impl Said {
    /// The error `code` with its description.
    pub fn new(code: &str, description: Option<&str>) -> Self {
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || "_-.:".contains(*c);
        let description = description.map(harmless).filter(|text| !text.is_empty());
        Self {
            code: code.chars().filter(is_plain).take(64).collect(),
            description,
        }
    }

    /// The error in an answer, if it is one: `error` with `error_description`.
    pub fn in_answer(answer: &Map<String, Value>) -> Option<Self> {
        let error = answer.get("error").filter(|error| !error.is_null())?;
        let description = answer.get("error_description").and_then(Value::as_str);
        // Whatever its form, an `error` is no success.
        Some(Self::new(error.as_str().unwrap_or("error"), description))
    }

    /// The error code.
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        match &self.description {
            Some(description) => write!(f, " ({description})"),
            None => Ok(()),
        }
    }
}

/// What a stranger wrote, made safe for a log: at most 200 characters, no control characters, and
/// nothing long enough to be a token.
pub fn harmless(text: &str) -> String {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-._~+/=%".contains(c);
    let printable: String = text
        .chars()
        .take(200)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words = printable.split_whitespace().map(|word| {
        let longest = word.split(|c| !is_of_token(c)).map(str::len).max();
        if longest.unwrap_or_default() >= 24 {
            "…"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
