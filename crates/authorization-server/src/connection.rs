//! Connections of people to identity providers: made and ended by somebody who is signed in.

use axum::response::Response;
use delegation::Credential;
use store::StoreError;

use crate::address::ClientAddress;
use crate::departure::{Departure, DepartureError};
use crate::error::PageError;
use crate::identity_provider::IdentityProvider;
use crate::invitation::InvitationId;
use crate::login_state::Purpose;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::session::BrowserSession;
use crate::user::{IdentityError, WaysIn};

impl AuthorizationServer {
    /// Sends somebody who is signed in to `provider`, to sign in with it from now on. They come
    /// back to `/callback/{provider}`, which connects them and leads on to `/account`, or to the page
    /// of the invitation that they follow.
    pub(crate) async fn begin_connect(
        &self,
        session: &BrowserSession,
        provider: &str,
        address: ClientAddress,
        invitation: Option<InvitationId>,
    ) -> Result<Response, PageError> {
        let provider = self.identity_providers().get(provider);
        let departure = Departure {
            provider: provider.ok_or_else(|| PageError::new(Reason::MalformedRequest))?,
            browser: session.browser.clone(),
            address,
            resource: None,
            is_fresh: false,
            purpose: Purpose::Connect {
                subject: session.subject.clone(),
                invitation,
            },
        };
        self.depart(departure).await.map_err(|error| match error {
            DepartureError::Page(error) => error,
            DepartureError::Provider(error) => PageError::new(error.reason()).with_cause(error),
        })
    }

    /// Ends the connection of a person to `provider`: the identity signs them in no more, and what
    /// the provider issued is forgotten here and revoked there.
    ///
    /// Refused while they could not sign in without it.
    pub async fn disconnect(&self, subject: &str, provider: &str) -> Result<(), IdentityError> {
        let providers: Vec<_> = self
            .identity_providers()
            .ways_in()
            .map(IdentityProvider::id)
            .collect();
        let ways_in = WaysIn {
            password: self.settings().password_sign_in,
            providers: &providers,
        };
        self.users().disconnect(subject, provider, ways_in).await?;
        self.drop_credential(subject, provider).await?;
        Ok(())
    }

    /// Forgets what `provider` issued for a person, and tells the provider, if it listens.
    pub(crate) async fn drop_credential(
        &self,
        subject: &str,
        provider: &str,
    ) -> Result<(), StoreError> {
        if let Some(credential) = self.vault().remove(subject, provider).await? {
            self.revoke_there(subject, provider, &credential).await;
        }
        Ok(())
    }

    /// Tells the provider that what it issued for a person is forgotten here, if it listens.
    pub(crate) async fn revoke_there(
        &self,
        subject: &str,
        provider: &str,
        credential: &Credential,
    ) {
        let Some(known) = self.identity_providers().get(provider) else {
            return;
        };
        if let Err(error) = known.revoke(credential).await {
            // It is of no use to us any more, and ends there by itself.
            tracing::warn!(
                provider,
                subject,
                cause = error.to_string(),
                "a credential could not be revoked at its provider"
            );
        }
    }
}
