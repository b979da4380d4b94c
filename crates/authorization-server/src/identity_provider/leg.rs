//! One way of one person to an identity provider and back (RFC 6749 §4.1, RFC 7636).

use std::fmt;

use oauth::pkce::CodeVerifier;
use oauth::random::{self, Random};
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize};

/// What was made for one way to a provider and must fit on return.
///
/// It holds secrets: it is kept sealed, spent once, and bound to the browser by whoever keeps it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Leg {
    pub(super) nonce: String,
    pub(super) code_verifier: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<String>,
    /// The moment after which the person has to sign in there, whoever they are there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sign_in_after: Option<NumericDate>,
}

impl Leg {
    /// Begins a way; `resource` is what a client asks for, if one is behind it.
    pub fn begin(random: &dyn Random, resource: Option<String>) -> Self {
        Self {
            nonce: random::token::<16>(random),
            code_verifier: CodeVerifier::random(random).expose().to_owned(),
            resource,
            sign_in_after: None,
        }
    }

    /// The same way, for somebody who shall sign in there anew (`OpenID` Connect Core §3.1.2.1,
    /// `prompt`, `max_age`): after `now`.
    #[must_use]
    pub fn with_fresh_sign_in(self, now: NumericDate) -> Self {
        Self {
            sign_in_after: Some(now),
            ..self
        }
    }

    /// What no other way has.
    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }
}

impl fmt::Debug for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leg")
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}
