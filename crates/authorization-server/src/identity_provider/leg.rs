//! One way of one person to an identity provider and back (RFC 6749 §4.1, RFC 7636).

use std::fmt;

use oauth::pkce::CodeVerifier;
use oauth::random::{self, Random};
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize};

use super::IdentityProvider;

/// What was made for one way to a provider and must fit on return.
///
/// It holds secrets: it is kept sealed, taken once, and bound to the browser by whoever keeps it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Leg {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) code_verifier: String,
    pub(super) redirect_uri: String,
    pub(super) resource: Option<String>,
    /// The moment after which the person has to sign in there, whoever they are there already.
    #[serde(default)]
    pub(super) sign_in_after: Option<NumericDate>,
}

impl Leg {
    /// Begins a way to `provider`; `resource` is what a client asks for, if one is behind it.
    pub fn begin(
        provider: &IdentityProvider,
        random: &dyn Random,
        resource: Option<String>,
    ) -> Self {
        Self {
            state: random::token::<32>(random),
            nonce: random::token::<32>(random),
            code_verifier: CodeVerifier::random(random).expose().to_owned(),
            redirect_uri: provider.redirect_uri().to_owned(),
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

    /// What names this way, on the way out and back.
    pub fn state(&self) -> &str {
        &self.state
    }
}

impl fmt::Debug for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leg")
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}
