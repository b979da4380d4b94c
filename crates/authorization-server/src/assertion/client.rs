//! A client's assertion about itself: `private_key_jwt` (RFC 7523 §2.2 and §3, RFC 7523bis).

use std::sync::Arc;
use std::time::Duration;

use oauth::client::key_set::KeySource;
use oauth::jws::Algorithm;

use super::{AssertionError, verify};
use crate::address::ClientAddress;
use crate::client::Client;
use crate::server::AuthorizationServer;

/// How far in the future an assertion may end; its `jti` is remembered that long.
const MAX_LIFETIME: Duration = Duration::from_mins(10);

impl AuthorizationServer {
    /// Whether `assertion` was signed by `client`, about itself, for this server, and is used once.
    pub(crate) async fn check_client_assertion(
        &self,
        client: &Client,
        assertion: &str,
        address: ClientAddress,
    ) -> Result<(), AssertionError> {
        let keys: Box<dyn KeySource> = match (&client.metadata.jwks, &client.metadata.jwks_uri) {
            (None, Some(jwks_uri)) => Box::new(self.keys_of_client(jwks_uri, address).await?),
            (keys, _) => Box::new(Arc::new(keys.clone().unwrap_or_default())),
        };
        let claims = verify(assertion, &*keys, &Algorithm::ALL).await?;
        if claims.iss != client.client_id {
            return Err(AssertionError::Issuer);
        }
        if claims.sub != client.client_id {
            return Err(AssertionError::Subject);
        }
        // RFC 7523bis: the audience is the issuer; older clients name the token endpoint, and RFC 9126
        // §2 lets them name the endpoint for requests that are pushed.
        let (accepted, pushed) = (self.own_audiences(), self.settings().issuer.join("/par"));
        let is_ours = |audience: &String| accepted.contains(audience) || *audience == pushed;
        if !claims.aud.iter().any(is_ours) {
            return Err(AssertionError::Audience);
        }
        claims.check_time(self.now(), MAX_LIFETIME)?;
        self.use_once(&claims).await
    }
}
