//! Authorization requests that were pushed and wait for their browser (RFC 9126).

use std::time::Duration;

use oauth::secret::{Secret, SecretHash};
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize};
use store::{Kind, Record, StoreError};

use super::{AuthorizationRequest, Delivery, Grant, Grants};

/// How long a client may take to send the browser (RFC 9126 §2.2 speaks of 5 to 600 seconds).
pub(crate) const PUSHED_LIFETIME: Duration = Duration::from_secs(90);

/// What stands before the secret in a `request_uri` (RFC 9126 §2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// A request that was checked, under the hash of its `request_uri`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PushedRequest {
    client_id: String,
    request: AuthorizationRequest,
    expires_at: NumericDate,
}

impl Record for PushedRequest {
    const KIND: Kind = Kind::new("pushed_request");
    // As with a grant: it holds `state` and `nonce`.
    const SEALED: bool = true;

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

impl Grants {
    /// Remembers a request and returns its `request_uri`.
    pub(crate) async fn push(
        &self,
        client_id: &str,
        request: AuthorizationRequest,
    ) -> Result<String, StoreError> {
        let secret = Secret::random(&*self.random);
        let pushed = PushedRequest {
            client_id: client_id.to_owned(),
            request,
            expires_at: self.clock.now().plus(PUSHED_LIFETIME),
        };
        self.pushed.put(secret.hash().as_str(), &pushed).await?;
        Ok(format!("{PREFIX}{}", secret.expose()))
    }

    /// The request behind a `request_uri`, if this client pushed it (RFC 9126 §4).
    ///
    /// RFC 9126 §7.3 would have it used once. Some clients look at the authorization endpoint
    /// themselves before they send the browser there (acceptance C6), and people reload; so it can
    /// be used while it is fresh, each time for a grant of its own, until one of these grants is
    /// decided.
    pub(crate) async fn pushed(
        &self,
        request_uri: &str,
        client_id: &str,
    ) -> Result<Option<AuthorizationRequest>, StoreError> {
        let Some(secret) = request_uri.strip_prefix(PREFIX) else {
            return Ok(None);
        };
        let key = Secret::from(secret).hash();
        let found = self.pushed.get(key.as_str()).await?;
        let found = found.filter(|pushed| pushed.client_id == client_id);
        Ok(found.map(|pushed| pushed.record.request.pushed_as(key)))
    }

    /// Somebody decides: the `request_uri` of this grant leads to no other.
    pub(super) async fn end_pushed(&self, grant: &Grant) -> Result<(), StoreError> {
        match &grant.request.delivery {
            Delivery::Redirect {
                pushed_as: Some(key),
                ..
            } => self.pushed.remove(key.as_str()).await,
            _ => Ok(()),
        }
    }
}

impl AuthorizationRequest {
    fn pushed_as(mut self, key: SecretHash) -> Self {
        if let Delivery::Redirect { pushed_as, .. } = &mut self.delivery {
            *pushed_as = Some(key);
        }
        self
    }
}
