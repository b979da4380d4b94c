//! Signing in at an identity provider: from the button to the answer for the client (RFC 6749 §4.1).
//!
//! The button is the person's answer: what they left ticked goes with them, sealed, and counts when
//! they are back. Nothing that a provider says reaches the client (acceptance B1, B8).

use axum::response::Response;
use http::StatusCode;
use http::header::RETRY_AFTER;
use oauth::error::OAuthError;
use oauth::scope::Scope;

use super::form::LoginForm;
use super::view::{Message, View};
use super::visit::{Person, Visit};
use crate::address::ClientAddress;
use crate::departure::{Departure, DepartureError};
use crate::error::PageError;
use crate::identity_provider::{Arrival, IdentityProvider, IdentityProviderError};
use crate::login_state::Purpose;
use crate::reason::Reason;

impl Visit<'_> {
    /// Sends the person to the provider whose button was pressed.
    pub(super) async fn leave(
        &self,
        provider: &str,
        form: &LoginForm,
        address: ClientAddress,
    ) -> Result<Response, PageError> {
        let provider = self.server.identity_providers().way_in(provider);
        // The page has no button for others.
        let provider = provider.filter(|provider| self.admits(provider));
        let departure = Departure {
            provider: provider.ok_or_else(|| PageError::new(Reason::MalformedRequest))?,
            browser: self.browser.clone(),
            address,
            resource: Some(self.grant.request.resource.as_str().to_owned()),
            is_fresh: self.wants_fresh_sign_in(),
            purpose: Purpose::Approve {
                grant_id: self.grant.id.clone(),
                chosen: form.scope.clone(),
            },
        };
        match self.server.depart(departure).await {
            Ok(response) => Ok(response),
            Err(DepartureError::Page(error)) => Err(error),
            Err(DepartureError::Provider(error)) => {
                self.log(error.reason(), Some(&error));
                Ok(self.stay(form, &error))
            }
        }
    }

    /// The page again, because the provider cannot be reached; another way may be open.
    fn stay(&self, form: &LoginForm, error: &IdentityProviderError) -> Response {
        let username = form
            .credentials
            .as_ref()
            .map(|typed| typed.username.as_str());
        let view = View {
            account: None,
            username,
            chosen: Some(&form.scope),
            message: Some(Message::ProviderUnavailable),
        };
        let mut page = self.page(StatusCode::SERVICE_UNAVAILABLE, &view);
        if let IdentityProviderError::Unavailable { retry_after, .. } = error {
            let headers = page.headers_mut();
            headers.insert(RETRY_AFTER, retry_after.as_secs().into());
        }
        page
    }

    /// The person is back with a proof of who they are, and the client gets its answer.
    pub(in crate::page) async fn arrive(
        &self,
        provider: &IdentityProvider,
        arrival: Arrival,
        chosen: &Scope,
        address: ClientAddress,
    ) -> Result<Response, PageError> {
        let signed_in_at = arrival.signed_in_at;
        if self.wants_fresh_sign_in() && signed_in_at.is_none() {
            return self.refuse_unproved(None).await;
        }
        let browser = self.browser.clone();
        let (user, cookies) = self
            .server
            .sign_in_from(provider, arrival, browser, address, self.headers)
            .await?;
        let person = Person {
            user,
            authenticated_at: signed_in_at.unwrap_or_else(|| self.server.now()),
            is_proved: signed_in_at.is_some(),
            identity_provider: Some(provider.id().to_owned()),
        };
        let mut response = self.grant_chosen(&person, chosen).await?;
        cookies.append_to(&mut response);
        Ok(response)
    }

    /// The person is back without one, and the client learns in our own words what that means for
    /// it.
    pub(in crate::page) async fn turn_away(
        &self,
        error: &IdentityProviderError,
    ) -> Result<Response, PageError> {
        if error.is_unproved() {
            return self.refuse_unproved(Some(error)).await;
        }
        let answer = match error {
            IdentityProviderError::Denied { .. } => {
                OAuthError::access_denied("the person denied the request")
            }
            IdentityProviderError::Unavailable { .. } => OAuthError::temporarily_unavailable(
                "nobody can sign in at the moment; try again later",
            ),
            _ => OAuthError::server_error("the sign-in did not succeed; try again"),
        };
        self.refuse(error.reason(), &answer, Some(error)).await
    }

    /// The person is known, and has not shown that it is them who came (`OpenID` Connect Core §3.1.2.1,
    /// `prompt`, `max_age`).
    async fn refuse_unproved(
        &self,
        cause: Option<&IdentityProviderError>,
    ) -> Result<Response, PageError> {
        let error = OAuthError::login_required("the person did not prove that they signed in anew");
        self.refuse(Reason::LoginRequired, &error, cause).await
    }
}
