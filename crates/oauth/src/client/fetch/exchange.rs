//! One request going out and its answer (RFC 9110, RFC 9111).

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AGE, AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};

use super::{FetchError, Limits, Reach};
use crate::secret::Secret;

/// The credentials of a request.
#[derive(Clone, Copy, Debug)]
pub enum Authorization<'a> {
    /// None at all.
    None,
    /// The identifier and secret of a client (`client_secret_basic`, RFC 6749 §2.3.1).
    Basic {
        /// The client identifier.
        id: &'a str,
        /// The client secret.
        secret: &'a Secret,
    },
    /// An access token (RFC 6750 §2.1).
    Bearer(&'a Secret),
    /// Headers of their own, as APIs want them that know no OAuth: keys of applications.
    Headers(&'a [(HeaderName, Secret)]),
}

impl Authorization<'_> {
    /// Puts the credentials into `headers`.
    ///
    /// What cannot stand in a header is refused: a request without it would be somebody else's.
    pub(super) fn apply(&self, headers: &mut HeaderMap) -> Result<(), FetchError> {
        let mut put = |name: &HeaderName, text: &str| {
            let value = HeaderValue::try_from(text);
            let mut value = value.map_err(|_| FetchError::Credential)?;
            value.set_sensitive(true);
            headers.insert(name, value);
            Ok(())
        };
        match self {
            Self::None => Ok(()),
            // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
            Self::Basic { id, secret } => {
                let encode = |part: &str| -> String {
                    form_urlencoded::byte_serialize(part.as_bytes()).collect()
                };
                let pair = format!("{}:{}", encode(id), encode(secret.expose()));
                put(&AUTHORIZATION, &format!("Basic {}", STANDARD.encode(pair)))
            }
            Self::Bearer(token) => put(&AUTHORIZATION, &format!("Bearer {}", token.expose())),
            Self::Headers(own) => own
                .iter()
                .try_for_each(|(name, secret)| put(name, secret.expose())),
        }
    }
}

/// A request on its way out. Its `Debug` shows neither headers nor body, which hold secrets.
#[derive(Clone)]
pub struct Outgoing {
    /// Who named the address.
    pub reach: Reach,
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty for a GET.
    pub body: Bytes,
    /// The limits of the answer.
    pub limits: Limits,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.url, self.reach)
    }
}

/// An answer, whatever its status; 3xx answers end here, because redirects are not followed.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, complete.
    pub body: Bytes,
}

impl Fetched {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.body)
    }

    /// How long the answer stays fresh by its own words (RFC 9111 §5.2.2); `None` when it says nothing.
    ///
    /// `no-store` and `no-cache` mean not at all; time spent in caches on the way (`Age`) is over.
    pub fn fresh_for(&self) -> Option<Duration> {
        let lines = self.headers.get_all(CACHE_CONTROL).iter();
        let directives: Vec<String> = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .map(|directive| directive.trim().to_ascii_lowercase())
            .collect();
        if directives
            .iter()
            .any(|name| name == "no-store" || name == "no-cache")
        {
            return Some(Duration::ZERO);
        }
        let max_age = directives.iter().find_map(|directive| {
            directive
                .strip_prefix("max-age=")?
                .trim_matches('"')
                .parse()
                .ok()
        })?;
        let age = self.seconds(&AGE).unwrap_or_default();
        Some(Duration::from_secs(max_age).saturating_sub(age))
    }

    /// When the server asks to come again (RFC 9110 §10.2.3), if it says so in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        self.seconds(&RETRY_AFTER)
    }

    fn seconds(&self, name: &HeaderName) -> Option<Duration> {
        let text = self.headers.get(name)?.to_str().ok()?;
        text.trim().parse().ok().map(Duration::from_secs)
    }
}
