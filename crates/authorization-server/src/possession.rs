//! Proof of possession of a key, which binds tokens to it (RFC 9449 §5 to §10).

use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderName;
use http::request::Parts;
use oauth::dpop::{self, MEMORY, Nonces, Proof, ProvenRequest};
use oauth::error::OAuthError;
use oauth::jwt::AccessTokenClaims;
use oauth::secret::Secret;
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{Collection, Kind, Record};

use crate::client::Client;
use crate::error::EndpointError;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

static DPOP: HeaderName = HeaderName::from_static("dpop");

/// What a `DPoP` header says; most requests have none.
///
/// The signature is verified when the request comes in. That the proof is new takes a record, so it is
/// looked at only for clients that are known and have shown the credentials that they have; a public
/// client has none.
#[derive(Debug)]
pub(crate) struct Possession(Option<Proof>);

/// The key that tokens are bound to; none makes bearer tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Binding(Option<String>);

impl Binding {
    /// What a token is bound to by its own word; nothing when that is not a key by its thumbprint.
    pub(crate) fn of(claims: &AccessTokenClaims) -> Option<Self> {
        let Some(confirmation) = claims.other.get("cnf") else {
            return Some(Self::default());
        };
        let thumbprint = confirmation.get("jkt")?.as_str()?;
        Some(Self(Some(thumbprint.to_owned())))
    }

    /// The key by its thumbprint (§6.1).
    pub(crate) fn thumbprint(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// How the token is sent (§5).
    pub(crate) fn token_type(&self) -> &'static str {
        if self.0.is_some() { "DPoP" } else { "Bearer" }
    }

    /// Writes the confirmation into the claims of an access token (§6.1).
    pub(crate) fn confirm(&self, claims: &mut Map<String, Value>) {
        if let Some(thumbprint) = &self.0 {
            claims.insert("cnf".to_owned(), json!({"jkt": thumbprint}));
        }
    }

    /// Refuses to go on unless this is the key with this thumbprint, where there has to be one.
    pub(crate) fn require(&self, thumbprint: Option<&str>) -> Result<(), EndpointError> {
        if thumbprint.is_none() || thumbprint == self.thumbprint() {
            return Ok(());
        }
        Err(refused("this is bound to another key than the DPoP proof"))
    }

    /// Refuses a successor that is bound to nothing of a token that is bound to something: whoever finds it
    /// could use it. The key is that of whoever asks for it, who has not the other one (RFC 8693 §1, RFC 9449
    /// §5).
    pub(crate) fn require_any_after(
        &self,
        before: &AccessTokenClaims,
    ) -> Result<(), EndpointError> {
        if self.0.is_some() || !before.other.contains_key("cnf") {
            return Ok(());
        }
        Err(refused(
            "subject_token is bound to a key, and so is what is issued for it: send a DPoP proof of your own",
        ))
    }
}

impl Possession {
    /// Uses the proof up, and says what the tokens of `client` are bound to.
    pub(crate) async fn binding(
        self,
        server: &AuthorizationServer,
        client: &Client,
    ) -> Result<Binding, EndpointError> {
        // §5.2: who registered for bound tokens is served no others, even by mistake.
        if self.0.is_none() && client.metadata.dpop_bound_access_tokens {
            return Err(refused(
                "the client is registered for bound tokens: send a DPoP proof",
            ));
        }
        self.key(server).await
    }

    /// Uses the proof up, and says which key it proves, if there is one.
    pub(crate) async fn key(self, server: &AuthorizationServer) -> Result<Binding, EndpointError> {
        let Some(proof) = self.0 else {
            return Ok(Binding::default());
        };
        server.require_new(&proof).await?;
        Ok(Binding(Some(proof.thumbprint)))
    }
}

impl FromRequestParts<AuthorizationServer> for Possession {
    type Rejection = EndpointError;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &AuthorizationServer,
    ) -> Result<Self, EndpointError> {
        server.read_proof(parts, None).map(Self)
    }
}

/// A proof that was used; its key is its name.
#[derive(Serialize, Deserialize)]
struct UsedProof {
    expires_at: NumericDate,
}

impl Record for UsedProof {
    const KIND: Kind = Kind::new("dpop_proof");

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

impl AuthorizationServer {
    /// The proof in the only `DPoP` header, made for this request and, where one comes along, for this
    /// access token (§4.3).
    pub(crate) fn read_proof(
        &self,
        parts: &Parts,
        access_token: Option<&str>,
    ) -> Result<Option<Proof>, EndpointError> {
        let mut values = parts.headers.get_all(&DPOP).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(refused("there is more than one DPoP header"));
        }
        let value = value.to_str();
        let value = value.map_err(|_| refused("the DPoP header is unreadable"))?;
        // The address is the one that clients were told, whatever `Host` says (acceptance D2).
        let request = ProvenRequest {
            method: parts.method.as_str(),
            uri: &format!("{}{}", self.settings().issuer.origin(), parts.uri.path()),
            access_token,
        };
        let proof = Proof::read(value, &request).map_err(|error| refused(&error.to_string()))?;
        Ok(Some(proof))
    }

    /// §4.3 no. 10 and 11, §11.1: the proof was made now, and this is its first use anywhere.
    pub(crate) async fn require_new(&self, proof: &Proof) -> Result<(), EndpointError> {
        let (now, nonces) = (self.now(), self.nonces());
        let is_new = match &proof.nonce {
            Some(nonce) => nonces.is_current(nonce, now),
            None => !self.settings().dpop_nonce_required && proof.is_fresh(now),
        };
        if !is_new {
            // Also the way out for clients whose clock is wrong: with a nonce theirs does not matter.
            let error = OAuthError::use_dpop_nonce("put the nonce of DPoP-Nonce into the proof");
            let error = EndpointError::new(Reason::ProofNonceNeeded, error);
            return Err(error.with_nonce(nonces.current(now)));
        }
        let used = Collection::new(self.store().clone(), self.keys().clone());
        let expires_at = now.plus(MEMORY);
        if used
            .insert(&proof.name(), &UsedProof { expires_at })
            .await?
        {
            return Ok(());
        }
        Err(refused(
            "the DPoP proof was used before; make one for each request",
        ))
    }

    /// Nonces that every replica understands, since they share the key ring.
    fn nonces(&self) -> Nonces {
        let (_, key) = self.keys().mac_key("dpop_nonce").tag(b"key");
        Nonces::new(&Secret::from(URL_SAFE_NO_PAD.encode(key)))
    }
}

/// The algorithms of proofs, for the metadata (§5.1).
pub(crate) fn algorithms() -> Vec<String> {
    dpop::ALGORITHMS.map(|alg| format!("{alg:?}")).into()
}

fn refused(text: &str) -> EndpointError {
    EndpointError::new(Reason::ProofRefused, OAuthError::invalid_dpop_proof(text))
}
