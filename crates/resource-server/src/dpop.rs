//! Tokens that are bound to a key, at the resource server (RFC 9449 §7 to §9, §11).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, Request};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use oauth::challenge::Scheme;
use oauth::dpop::{MEMORY, Nonces, Proof, ProvenRequest};
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::{Clock, NumericDate};

use crate::refusal::Refusal;

/// The header that carries a proof (RFC 9449 §4.1).
static DPOP: HeaderName = HeaderName::from_static("dpop");

/// How many proofs of the last minute are remembered.
const REMEMBERED: u64 = 100_000;

/// Accepts access tokens that are bound to a key (`DPoP`), beside or instead of bearer tokens.
///
/// A proof must be made for the request, the token and this minute, and works once. "Once" is kept by
/// each process by itself: with several replicas, a proof that somebody overhears within its minute
/// works once at each that had started by then. One that may have been used before this process started
/// has to answer a nonce of later, which clients do by themselves. With
/// [`require_nonce`](Self::require_nonce) the minute is that of this server and not of the client's clock.
#[derive(Clone)]
pub struct Dpop {
    clock: Arc<dyn Clock>,
    nonces: Nonces,
    used: Cache<String, ()>,
    /// What was used before is not remembered.
    began: NumericDate,
    needs_nonce: bool,
    needs_bound_tokens: bool,
}

impl Dpop {
    /// Accepts bound tokens beside bearer tokens, with or without a nonce in the proof.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            began: clock.now(),
            clock,
            nonces: Nonces::new(&Secret::random(&OsRandom)),
            used: memory(REMEMBERED),
            needs_nonce: false,
            needs_bound_tokens: false,
        }
    }

    /// Every proof must answer a nonce of this server (RFC 9449 §9).
    pub fn require_nonce(mut self) -> Self {
        self.needs_nonce = true;
        self
    }

    /// Bearer tokens are refused (RFC 9449 §5.1, `dpop_bound_access_tokens_required`).
    pub fn require_bound_tokens(mut self) -> Self {
        self.needs_bound_tokens = true;
        self
    }

    /// Replicas with the same key understand each other's nonces.
    pub fn nonce_key(mut self, key: &Secret) -> Self {
        self.nonces = Nonces::new(key);
        self
    }

    /// How a token may be sent here, the usual way first.
    pub(crate) fn schemes(&self) -> &'static [Scheme] {
        if self.needs_bound_tokens {
            &[Scheme::Dpop]
        } else {
            &[Scheme::Bearer, Scheme::Dpop]
        }
    }

    /// Takes the proof out of `request`, and verifies that it proves possession of the key with this
    /// thumbprint for this `token`.
    pub(crate) fn verify<B>(
        &self,
        request: &mut Request<B>,
        address: &Address,
        token: &str,
        thumbprint: &str,
    ) -> Result<(), Refusal> {
        let value = single(request.headers_mut())?;
        let proven = ProvenRequest {
            method: request.method().as_str(),
            uri: &address.of(request),
            access_token: Some(token),
        };
        let proof = Proof::read(&value, &proven)
            .map_err(|error| Refusal::InvalidProof(error.to_string()))?;
        // §7.1: the key of the proof must be the one that the token is bound to.
        if proof.thumbprint != thumbprint {
            return Err(Refusal::InvalidProof(
                "the token is bound to another key".to_owned(),
            ));
        }
        self.require_new(&proof)
    }

    /// §4.3 no. 10 and 11, §11.1: made now, and not used before.
    fn require_new(&self, proof: &Proof) -> Result<(), Refusal> {
        let now = self.clock.now();
        let began = self.began(now);
        let is_new = match &proof.nonce {
            Some(nonce) => {
                let issued_at = self.nonces.issued_at(nonce);
                self.nonces.is_current(nonce, now) && issued_at.is_some_and(|at| at > began)
            }
            None => !self.needs_nonce && proof.is_fresh(now) && proof.is_after(began),
        };
        if !is_new {
            // Also the way out for clients whose clock is wrong: with a nonce theirs does not matter.
            // One of the second in which all began could be of the process before.
            let after = began.plus(Duration::from_secs(1));
            return Err(Refusal::UseNonce(self.nonces.current(now.max(after))));
        }
        let entry = self.used.entry(proof.name()).or_insert(());
        if entry.is_fresh() {
            return Ok(());
        }
        Err(Refusal::InvalidProof(
            "the DPoP proof was used before; make one for each request".to_owned(),
        ))
    }

    /// Since when used proofs are remembered. Where the clock was set back since then, nobody can tell, and
    /// nobody shall have to wait for that moment to come again.
    fn began(&self, now: NumericDate) -> NumericDate {
        if self.began <= now {
            self.began
        } else {
            NumericDate(i64::MIN)
        }
    }
}

/// What remembers proofs. When it is full, it forgets the oldest: the usual policy keeps what is
/// asked for often, which no proof is, and would not take in the newest.
fn memory(capacity: u64) -> Cache<String, ()> {
    Cache::builder()
        .max_capacity(capacity)
        .eviction_policy(EvictionPolicy::lru())
        .time_to_live(MEMORY)
        .build()
}

/// Where requests are made to, as clients know it: never taken from a request's `Host`.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// All of them go to this URL.
    Url(String),
    /// They go to the paths of this origin.
    Origin(String),
}

impl Address {
    fn of<B>(&self, request: &Request<B>) -> Cow<'_, str> {
        match self {
            Self::Url(url) => Cow::Borrowed(url),
            Self::Origin(origin) => Cow::Owned(format!("{origin}{}", request.uri().path())),
        }
    }
}

/// §4.3 no. 1: there is exactly one. It goes no further than this guard.
fn single(headers: &mut HeaderMap) -> Result<String, Refusal> {
    let refused = |text: &str| Refusal::InvalidProof(text.to_owned());
    let mut values = headers.get_all(&DPOP).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str(),
        (None, _) => return Err(refused("the DPoP header is missing")),
        (Some(_), Some(_)) => return Err(refused("there is more than one DPoP header")),
    };
    let value = value.map_err(|_| refused("the DPoP header is unreadable"))?;
    let value = value.to_owned();
    headers.remove(&DPOP);
    Ok(value)
}

impl fmt::Debug for Dpop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dpop")
            .field("needs_nonce", &self.needs_nonce)
            .field("needs_bound_tokens", &self.needs_bound_tokens)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_memory_takes_in_the_newest_proof() {
        let used = memory(8);
        for n in 0..20 {
            let is_new = || used.entry(n.to_string()).or_insert(()).is_fresh();
            assert!(is_new());
            used.run_pending_tasks();
            assert!(!is_new(), "the proof {n} works a second time");
        }
    }
}
