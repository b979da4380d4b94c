//! Coming back from an identity provider: who that is here, and signed in (`OpenID` Connect Core
//! §3.1.3.7).

use http::HeaderMap;
use oauth::secret::SecretHash;

use crate::address::ClientAddress;
use crate::cookies::SetCookies;
use crate::error::PageError;
use crate::identity_provider::{Arrival, IdentityProvider};
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::session::Proof;
use crate::user::{Admission, IdentityError, User};

impl AuthorizationServer {
    /// Signs in whoever came from `provider` with a proof of who they are, and keeps what the
    /// provider issued for them.
    pub(crate) async fn sign_in_from(
        &self,
        provider: &IdentityProvider,
        arrival: Arrival,
        browser: SecretHash,
        address: ClientAddress,
        headers: &HeaderMap,
    ) -> Result<(User, SetCookies), PageError> {
        let admission = Admission {
            provider: provider.id(),
            sign_up: provider.signs_up(),
            link_by_verified_email: provider.links_by_verified_email(),
        };
        let user = match self.users().arrive(admission, &arrival.identity).await {
            Ok(user) => user,
            Err(IdentityError::Store(error)) => return Err(error.into()),
            Err(error @ IdentityError::Unknown) => {
                return Err(PageError::new(Reason::IdentityUnknown).with_cause(error));
            }
            // Somebody else was faster with the same identity.
            Err(error) => return Err(PageError::new(Reason::Internal).with_cause(error)),
        };
        self.facts().signed_in(&user, address).await?;
        let proof = Proof::Elsewhere {
            provider: provider.id(),
            signed_in_at: arrival.signed_in_at,
        };
        // The session first: a credential that nothing uses would be given up again.
        let cookies = self
            .sessions()
            .begin(&user, proof, browser, address, headers)
            .await?;
        self.vault()
            .put(&user.subject, provider.id(), &arrival.credential)
            .await?;
        Ok((user, cookies))
    }
}
