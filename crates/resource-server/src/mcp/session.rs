//! Session ids that only their owner can use (MCP security best practices, session hijacking).

use std::fmt;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Response};

use oauth::random::{OsRandom, Random as _};
use oauth::secret::Secret;

use crate::Caller;
use crate::mcp::envelope::is_stateless;
use crate::mcp::names::{MCP_PROTOCOL_VERSION, MCP_SESSION_ID};

/// Binds the session ids of the server behind to issuer and subject of the caller.
///
/// Outside, an id is followed by a code over the id and its owner; no table is kept, so every replica
/// with the same key understands it.
#[derive(Clone)]
pub(crate) struct SessionBinding(Key);

/// The session is not this caller's, or there is none.
#[derive(Debug)]
pub(super) struct NoSuchSession;

impl SessionBinding {
    /// A binding that holds until the process ends, as sessions in memory do.
    pub(crate) fn random() -> Self {
        let mut key = [0; 32];
        OsRandom.fill(&mut key);
        Self(Key::new(HMAC_SHA256, &key))
    }

    /// A binding that all holders of `key` share.
    pub(crate) fn with_key(key: &Secret) -> Self {
        Self(Key::new(HMAC_SHA256, key.expose().as_bytes()))
    }

    /// Replaces the outer id of a request, which has one, by the inner one.
    pub(super) fn open(
        &self,
        headers: &mut HeaderMap,
        caller: &Caller,
    ) -> Result<(), NoSuchSession> {
        let version = headers
            .get(&MCP_PROTOCOL_VERSION)
            .and_then(|value| value.to_str().ok());
        if version.is_some_and(is_stateless) {
            // There are no sessions from 2026-07-28 on, and a left-over id has no meaning.
            headers.remove(&MCP_SESSION_ID);
            return Ok(());
        }
        let mut values = headers.get_all(&MCP_SESSION_ID).iter();
        let (first, second) = (values.next(), values.next());
        let outer = first
            .filter(|_| second.is_none())
            .and_then(|value| value.to_str().ok());
        let (inner, code) = outer
            .and_then(|outer| outer.rsplit_once('.'))
            .ok_or(NoSuchSession)?;
        let code = URL_SAFE_NO_PAD.decode(code).map_err(|_| NoSuchSession)?;
        verify(&self.0, &bound(inner, caller), &code).map_err(|_| NoSuchSession)?;
        let inner = HeaderValue::from_str(inner).map_err(|_| NoSuchSession)?;
        headers.insert(MCP_SESSION_ID, inner);
        Ok(())
    }

    /// Replaces the inner id of an answer by the outer one.
    pub(super) fn seal<B>(&self, response: &mut Response<B>, caller: &Caller) {
        // An answer has few headers: to go through them is faster than to look one up.
        let mut headers = response.headers().iter();
        let Some((_, inner)) = headers.find(|(name, _)| **name == MCP_SESSION_ID) else {
            return;
        };
        let Ok(inner) = inner.to_str() else { return };
        let code = URL_SAFE_NO_PAD.encode(sign(&self.0, &bound(inner, caller)));
        let outer = HeaderValue::try_from(format!("{inner}.{code}"))
            .expect("a header value stays one with ASCII after it");
        response.headers_mut().insert(MCP_SESSION_ID, outer);
    }
}

/// What the code is made over. Zero bytes cannot be part of an id or an issuer.
fn bound(inner: &str, caller: &Caller) -> Vec<u8> {
    [inner, caller.issuer().unwrap_or_default(), caller.subject()]
        .join("\0")
        .into_bytes()
}

impl fmt::Debug for SessionBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionBinding")
    }
}
