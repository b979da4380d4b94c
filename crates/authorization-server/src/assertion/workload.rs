//! Workloads: programs whose platform vouches for them (RFC 7523 §2.1 and §2.2, MCP workload identity
//! federation).
//!
//! A workload is a client whose proof is somebody else's signature. The operator says which
//! issuer and which subject it has, both compared byte for byte: no pattern can be written too wide.

use oauth::client::key_set::KeySource;

use super::{AssertionClaims, AssertionError, Unverified, verify};
use crate::server::AuthorizationServer;
use crate::settings::Workload;

/// What platforms write as `typ`: nothing, JWT, JOSE (SPIFFE JWT-SVID §2.3), or the type of RFC 7523bis.
///
/// Every other type is the name of something that is no proof of identity, such as an access token.
const TYPES: [&str; 3] = ["jwt", "jose", "client-authentication+jwt"];

/// Whether an assertion may be a workload's, going by its type alone.
pub(crate) fn may_be_workload(assertion: &Unverified) -> bool {
    assertion
        .typ
        .as_deref()
        .is_none_or(|typ| TYPES.contains(&typ))
}

impl AuthorizationServer {
    /// Whether `assertion` proves that it comes from `workload`.
    pub(crate) async fn check_workload(
        &self,
        workload: &Workload,
        assertion: &str,
    ) -> Result<(), AssertionError> {
        let unverified = Unverified::read(assertion).ok_or(AssertionError::Claims)?;
        if !may_be_workload(&unverified) {
            return Err(AssertionError::Type);
        }
        let trusted = self.trusted_issuers().find(&workload.issuer);
        let trusted = trusted.ok_or(AssertionError::Issuer)?;
        let source: &dyn KeySource = &trusted.keys;
        let claims = verify(assertion, source, &trusted.settings.algorithms).await?;
        if claims.iss != workload.issuer {
            return Err(AssertionError::Issuer);
        }
        if claims.sub != workload.subject {
            return Err(AssertionError::Subject);
        }
        self.check_audience(&claims)?;
        claims.check_time(self.now(), trusted.settings.max_lifetime)?;
        if claims.other.contains_key("cnf") {
            return Err(AssertionError::BoundToKey);
        }
        if trusted.settings.single_use {
            self.use_once(&claims).await?;
        }
        Ok(())
    }

    /// The issuer of this server, or its token endpoint as the draft of MCP has it. An assertion that is
    /// good for others, too, can be brought here by any of them.
    fn check_audience(&self, claims: &AssertionClaims) -> Result<(), AssertionError> {
        let is_ours = |audience: &String| self.own_audiences().contains(audience);
        if !claims.aud.is_empty() && claims.aud.iter().all(is_ours) {
            Ok(())
        } else {
            Err(AssertionError::Audience)
        }
    }

    /// The names by which an assertion may call this server (RFC 7523 §3 item 3, RFC 7523bis).
    pub(crate) fn own_audiences(&self) -> [String; 4] {
        let issuer = &self.settings().issuer;
        [
            issuer.as_str().to_owned(),
            format!("{issuer}/"),
            issuer.join("/token"),
            issuer.join("/oauth2/token"),
        ]
    }
}
