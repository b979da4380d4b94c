//! Leaving for an identity provider: the first half of our own authorization code flow
//! (RFC 6749 §4.1.1).

use std::time::Duration;

use axum::response::{IntoResponse as _, Redirect, Response};
use oauth::secret::SecretHash;
use store::{Kind, StoreError};

use crate::address::ClientAddress;
use crate::error::PageError;
use crate::html::with_security_headers;
use crate::identity_provider::{IdentityProvider, IdentityProviderError, Leg};
use crate::login_state::Purpose;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// How many departures from one address are remembered within [`WINDOW`].
const PER_ADDRESS: u64 = 1000;
const WINDOW: Duration = Duration::from_mins(10);
const DEPARTURES: Kind = Kind::new("departures");

/// Somebody who is about to leave for a provider.
#[derive(Debug)]
pub(crate) struct Departure<'a> {
    pub(crate) provider: &'a IdentityProvider,
    pub(crate) browser: SecretHash,
    pub(crate) address: ClientAddress,
    /// What the client asks for, when one is behind it.
    pub(crate) resource: Option<String>,
    /// Whether the client wants the person to sign in anew.
    pub(crate) is_fresh: bool,
    pub(crate) purpose: Purpose,
}

/// Why somebody could not leave.
#[derive(Debug)]
pub(crate) enum DepartureError {
    /// The provider cannot be reached, or its metadata cannot be used.
    Provider(IdentityProviderError),
    Page(PageError),
}

impl From<StoreError> for DepartureError {
    fn from(error: StoreError) -> Self {
        Self::Page(error.into())
    }
}

impl AuthorizationServer {
    /// Sends somebody to a provider, with a `state` that says what for.
    pub(crate) async fn depart(
        &self,
        departure: Departure<'_>,
    ) -> Result<Response, DepartureError> {
        let address = departure.address.rate_key();
        if self.store().count(DEPARTURES, &address, WINDOW).await? > PER_ADDRESS {
            let refusal = PageError::new(Reason::TooManyRequests);
            return Err(DepartureError::Page(refusal));
        }
        let provider = departure.provider;
        let leg = Leg::begin(self.random(), departure.resource);
        let leg = if departure.is_fresh {
            leg.with_fresh_sign_in(self.now())
        } else {
            leg
        };
        let (browser, purpose) = (departure.browser, departure.purpose);
        let (away, state) = self
            .login_states()
            .begin(provider.id(), leg, browser, purpose);
        let there = provider.authorization_url(&away.leg, &state).await;
        let there = there.map_err(DepartureError::Provider)?;
        // 303, so that the form is not sent along.
        Ok(with_security_headers(
            Redirect::to(there.as_str()).into_response(),
        ))
    }
}
