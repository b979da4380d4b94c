//! MCP sessions, kept in the session id itself (MCP Streamable HTTP, session management).
//!
//! A session id is what is known about the session, sealed with AES-256-GCM. Nothing is remembered here, so
//! sessions survive restarts, and every replica with the same keys serves them. The seal binds an id to
//! its endpoint and to issuer and subject of its owner: for everybody else there is no such session.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::random::{Random, token};
use oauth::time::NumericDate;
use resource_server::Caller;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{Object, raw};
use crate::revision::Revision;
use crate::visit::Client;

/// The longest session id: with the other headers of a request it has to fit into what servers and proxies
/// in between take (often 8 KiB).
const MAX_ID_LEN: usize = 4096;

/// The keys that session ids and the states of waiting calls are sealed with.
///
/// New ones are sealed with the current key. What older keys have sealed opens as long as they are
/// given.
#[derive(Clone)]
pub struct SessionKeys(Source);

#[derive(Clone)]
enum Source {
    Fixed(Arc<[RandomizedNonceKey]>),
    Following(Arc<dyn Fn() -> SessionKeys + Send + Sync>),
}

/// What is known about a session from one request to the next.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) client: Arc<Client>,
    /// Names the session inside of the gateway, and nowhere else.
    pub(crate) key: Arc<str>,
    /// The id of the session of the server behind, where one belongs to exactly this session.
    pub(crate) upstream: Option<Arc<str>>,
    pub(crate) created: NumericDate,
}

/// There is no session of this id, or it is somebody else's, or its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such session")]
pub(crate) struct NoSuchSession;

/// What the client says about itself is too long to be kept in a session id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the client's `capabilities` are too long: a session id with them would have {0} bytes, and \
     more than {MAX_ID_LEN} do not fit into a header"
)]
pub(crate) struct TooLong(usize);

impl SessionKeys {
    /// Keys of 32 unguessable bytes each.
    pub fn new(current: &[u8; 32], previous: &[[u8; 32]]) -> Self {
        let keys = std::iter::once(current).chain(previous);
        let key = |bytes: &[u8; 32]| {
            RandomizedNonceKey::new(&AES_256_GCM, bytes).expect("an AES-256 key is 32 bytes")
        };
        Self(Source::Fixed(keys.map(key).collect()))
    }

    /// Keys that are asked for each time, for whoever has a ring that goes on.
    pub fn following(keys: impl Fn() -> Self + Send + Sync + 'static) -> Self {
        Self(Source::Following(Arc::new(keys)))
    }

    /// The keys as they are now, the one that seals first.
    fn now(&self) -> Arc<[RandomizedNonceKey]> {
        match &self.0 {
            Source::Fixed(keys) => Arc::clone(keys),
            Source::Following(keys) => keys().now(),
        }
    }

    /// A key that lives as long as the process, and so do the sessions.
    pub fn random(random: &dyn Random) -> Self {
        let mut key = [0; 32];
        random.fill(&mut key);
        Self::new(&key, &[])
    }

    /// Seals `plain` for whoever names the same `purpose`; the outcome is base64url.
    pub(crate) fn seal(&self, plain: &[u8], purpose: &[&str]) -> String {
        let mut bytes = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        bytes.extend_from_slice(&[0; NONCE_LEN]);
        bytes.extend_from_slice(plain);
        let (nonce, tag) = self.now()[0]
            .seal_in_place_separate_tag(Aad::from(associated(purpose)), &mut bytes[NONCE_LEN..])
            .expect("AES-GCM fails only beyond 64 GiB, which no session reaches");
        bytes[..NONCE_LEN].copy_from_slice(nonce.as_ref());
        bytes.extend_from_slice(tag.as_ref());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What was sealed for the same purpose by one of the keys.
    pub(crate) fn open(&self, sealed: &str, purpose: &[&str]) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let associated = associated(purpose);
        self.now().iter().find_map(|key| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut bytes = sealed.to_vec();
            let plain = key.open_in_place(nonce, Aad::from(&associated), &mut bytes);
            let length = plain.ok()?.len();
            bytes.truncate(length);
            Some(bytes)
        })
    }
}

/// The parts of a purpose such that no other parts give the same bytes.
fn associated(purpose: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in purpose {
        bytes.extend_from_slice(&part.len().to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

/// The form of a session inside of its id.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    #[serde(rename = "r")]
    revision: &'a str,
    #[serde(rename = "t")]
    created: NumericDate,
    #[serde(rename = "k")]
    key: &'a str,
    #[serde(rename = "u", skip_serializing_if = "Option::is_none")]
    upstream: Option<Cow<'a, str>>,
    #[serde(rename = "c", borrow)]
    capabilities: &'a RawValue,
    #[serde(rename = "i", borrow, skip_serializing_if = "Option::is_none")]
    info: Option<&'a RawValue>,
}

impl Session {
    /// A session that begins now.
    pub(crate) fn new(client: Client, now: NumericDate, random: &dyn Random) -> Self {
        Self {
            client: Arc::new(client),
            key: token::<16>(random).into(),
            upstream: None,
            created: now,
        }
    }

    /// The id under which `caller` finds the session again at `endpoint`.
    ///
    /// The client's icons and whatever else it says about itself stay behind if there is no room for them.
    pub(crate) fn seal(
        &self,
        keys: &SessionKeys,
        endpoint: &str,
        caller: &Caller,
    ) -> Result<String, TooLong> {
        let info = self.client.info.as_deref();
        let seal = |info| keys.seal(&self.plain(info), &purpose(endpoint, caller));
        let id = seal(info);
        if id.len() <= MAX_ID_LEN {
            return Ok(id);
        }
        let id = seal(info.map(name_and_version).as_deref());
        match id.len() {
            ..=MAX_ID_LEN => Ok(id),
            length => Err(TooLong(length)),
        }
    }

    fn plain(&self, info: Option<&RawValue>) -> Vec<u8> {
        let sealed = Sealed {
            revision: self.client.revision.as_str(),
            created: self.created,
            key: &self.key,
            upstream: self.upstream.as_deref().map(Cow::Borrowed),
            capabilities: &self.client.capabilities,
            info,
        };
        serde_json::to_vec(&sealed).expect("strings, numbers and JSON have a JSON form")
    }

    /// The session of an id, if it is the caller's and not older than `max_age`.
    pub(crate) fn open(
        id: &str,
        keys: &SessionKeys,
        endpoint: &str,
        caller: &Caller,
        (now, max_age): (NumericDate, Duration),
    ) -> Result<Self, NoSuchSession> {
        if id.len() > MAX_ID_LEN {
            return Err(NoSuchSession);
        }
        let plain = keys.open(id, &purpose(endpoint, caller));
        let plain = plain.ok_or(NoSuchSession)?;
        let sealed: Sealed<'_> = serde_json::from_slice(&plain).map_err(|_| NoSuchSession)?;
        let revision: Revision = sealed.revision.parse().map_err(|_| NoSuchSession)?;
        if now.since(sealed.created) > max_age {
            return Err(NoSuchSession);
        }
        Ok(Self {
            client: Arc::new(Client {
                revision,
                capabilities: sealed.capabilities.to_owned(),
                info: sealed.info.map(RawValue::to_owned),
            }),
            key: sealed.key.into(),
            upstream: sealed.upstream.map(Into::into),
            created: sealed.created,
        })
    }
}

/// Whose session an id is.
fn purpose<'a>(endpoint: &'a str, caller: &'a Caller) -> [&'a str; 4] {
    let issuer = caller.issuer().unwrap_or_default();
    ["session", endpoint, issuer, caller.subject()]
}

/// What people want to read about a client.
fn name_and_version(info: &RawValue) -> Box<RawValue> {
    let mut short = Object::default();
    let known = Object::of(info).unwrap_or_default();
    for key in ["name", "title", "version"] {
        if let Some(text) = known.text(key) {
            let start: String = text.chars().take(128).collect();
            short.set(key, raw(&start));
        }
    }
    short.to_raw()
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKeys({})", self.now().len())
    }
}

#[cfg(test)]
mod tests;
