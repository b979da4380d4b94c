//! ID tokens: who signed in, told to the client (OpenID Connect Core §2).

use oauth::scope::Scope;
use serde_json::{Map, Value, json};

use crate::access_token::identity_claims;
use crate::grant::{Approval, Grant};
use crate::server::AuthorizationServer;
use crate::user::User;

impl AuthorizationServer {
    /// An ID token for the client of the grant.
    pub(crate) fn mint_id_token(
        &self,
        grant: &Grant,
        approval: &Approval,
        user: &User,
        scope: &Scope,
    ) -> serde_json::Result<String> {
        let now = self.now();
        let mut claims: Map<String, Value> = identity_claims(user, scope);
        claims.extend([
            ("iss".to_owned(), json!(self.settings().issuer)),
            ("sub".to_owned(), json!(approval.subject)),
            ("aud".to_owned(), json!(grant.client_id)),
            (
                "exp".to_owned(),
                json!(now.plus(self.access_token_lifetime())),
            ),
            ("iat".to_owned(), json!(now)),
            ("auth_time".to_owned(), json!(approval.authenticated_at)),
        ]);
        if let Some(identity_provider) = &approval.identity_provider {
            claims.insert("idp".into(), json!(identity_provider));
        }
        if let Some(nonce) = &grant.request.nonce {
            claims.insert("nonce".into(), json!(nonce));
        }
        self.signing_keys().signing().sign("JWT", &claims)
    }
}
