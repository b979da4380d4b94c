//! ID-JAG: an identity provider lets a client act for one of its people (identity assertion JWT
//! authorization grant, MCP enterprise-managed authorization).

use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::jwt::one_or_many;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::time::NumericDate;
use serde::Deserialize;

use super::{AssertionClaims, AssertionError, Trusted, Unverified, verify};
use crate::client::Client;
use crate::identity_provider::{Identity, one_line};
use crate::server::AuthorizationServer;
use crate::settings::TrustedForPeople;

/// The `typ` that tells it from every other JWT of the same issuer (ID-JAG §3.1, RFC 8725 §3.11).
const TYPE: &str = "oauth-id-jag+jwt";

/// Whether an assertion is an ID-JAG, going by its type alone.
pub(crate) fn is_id_jag(assertion: &Unverified) -> bool {
    assertion.typ.as_deref() == Some(TYPE)
}

/// The claims that only an ID-JAG has (ID-JAG §3.1).
#[derive(Debug, Deserialize)]
struct Claims {
    client_id: String,
    #[serde(default)]
    resource: Resources,
    scope: Option<Scope>,
    tenant: Option<String>,
    auth_time: Option<NumericDate>,
    preferred_username: Option<String>,
    name: Option<String>,
}

/// One resource or several (ID-JAG §3.1).
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
struct Resources(#[serde(with = "one_or_many")] Vec<String>);

/// What an identity provider has said, and that it may say so to this client.
#[derive(Debug)]
pub(crate) struct IdJag<'a> {
    /// How far its issuer is trusted.
    pub(crate) people: &'a TrustedForPeople,
    pub(crate) identity: Identity,
    /// The resources that are named; none leaves the choice to us.
    pub(crate) resources: Vec<ResourceIndicator>,
    /// The most that may be granted; `None` when neither the assertion nor the operator says.
    pub(crate) scope: Option<Scope>,
    /// When the person proved to the provider who they are, or when it said so.
    pub(crate) authenticated_at: NumericDate,
    /// To be used once, when nothing else is left to refuse.
    pub(crate) assertion: AssertionClaims,
}

/// Why an ID-JAG is not for this client here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdJagError {
    #[error(transparent)]
    Assertion(#[from] AssertionError),
    #[error("it was issued for another client")]
    OtherClient,
    #[error("this client may not bring assertions of that issuer")]
    ClientNotAllowed,
    #[error("it speaks for a tenant that is not the one configured here")]
    Tenant,
}

impl AuthorizationServer {
    /// Reads an ID-JAG that `client` brings (ID-JAG §4.4.1, RFC 7521 §5.2).
    pub(crate) async fn read_id_jag(
        &self,
        client: &Client,
        assertion: &str,
        unverified: &Unverified,
    ) -> Result<IdJag<'_>, IdJagError> {
        let issuer = unverified.issuer.as_deref().unwrap_or_default();
        let trusted = self.trusted_issuers().find(issuer);
        let trusted = trusted.ok_or(AssertionError::Issuer)?;
        let people = trusted.settings.people.as_ref();
        let people = people.ok_or(AssertionError::Issuer)?;
        let mut assertion = self.verify_id_jag(trusted, assertion).await?;

        let other = std::mem::take(&mut assertion.other);
        if other.contains_key("cnf") {
            return Err(AssertionError::BoundToKey.into());
        }
        let claims: Claims =
            serde_json::from_value(other.into()).map_err(|_| AssertionError::Claims)?;
        if claims.client_id != client.client_id {
            return Err(IdJagError::OtherClient);
        }
        if !may_bring(client, people) {
            return Err(IdJagError::ClientNotAllowed);
        }
        // One issuer may give the same subject to people of two tenants (ID-JAG §6).
        if claims.tenant != people.tenant {
            return Err(IdJagError::Tenant);
        }
        let resources = claims.resource.0.iter();
        let resources = resources.map(|resource| ResourceIndicator::parse(resource));
        let resources: Result<Vec<_>, _> = resources.collect();
        let scope = match (claims.scope, &people.scope) {
            (Some(said), Some(most)) => Some(said.intersection(most)),
            (said, most) => said.or_else(|| most.clone()),
        };
        Ok(IdJag {
            people,
            identity: Identity {
                subject: assertion.sub.clone(),
                username: claims.preferred_username.as_deref().and_then(one_line),
                name: claims.name.as_deref().and_then(one_line),
                // Nobody asked for an address here, so none is taken over (MCP enterprise-managed
                // authorization §7.4.3), and none can later stand for the person.
                email: None,
                email_verified: false,
            },
            resources: resources.map_err(|_| AssertionError::Claims)?,
            scope,
            authenticated_at: claims.auth_time.or(assertion.iat).unwrap_or(self.now()),
            assertion,
        })
    }

    /// Signature, issuer, audience, time and name: what makes it an assertion for this server.
    async fn verify_id_jag(
        &self,
        trusted: &Trusted,
        assertion: &str,
    ) -> Result<AssertionClaims, AssertionError> {
        let claims = verify(assertion, &trusted.keys, &trusted.settings.algorithms).await?;
        if claims.iss != trusted.settings.issuer {
            return Err(AssertionError::Issuer);
        }
        if claims.sub.is_empty() {
            return Err(AssertionError::Claims);
        }
        // ID-JAG §4.4.1: our issuer, as the only value. The token endpoint is no name here.
        if claims.aud != [self.settings().issuer.as_str()] {
            return Err(AssertionError::Audience);
        }
        claims.check_time(self.now(), trusted.settings.max_lifetime)?;
        if claims.iat.is_none() {
            return Err(AssertionError::Missing("iat"));
        }
        if claims.jti.as_deref().is_none_or(str::is_empty) {
            return Err(AssertionError::Missing("jti"));
        }
        Ok(claims)
    }
}

/// ID-JAG §8.1: a client that cannot prove itself makes whoever finds the assertion its equal, so
/// such a client has to be named.
fn may_bring(client: &Client, people: &TrustedForPeople) -> bool {
    if people.clients.is_empty() {
        client.metadata.token_endpoint_auth_method != TokenEndpointAuthMethod::None
    } else {
        people.clients.contains(&client.client_id)
    }
}
