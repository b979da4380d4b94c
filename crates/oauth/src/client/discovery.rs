//! From an issuer to its metadata, and what the metadata lacks (RFC 8414 §3, OpenID Connect Discovery §4).

use std::fmt;

use crate::client::fetch::{Fetch, Fetched, Limits, Reach};
use crate::issuer::Issuer;
use crate::metadata::{
    AuthorizationServerMetadata, OAUTH_AUTHORIZATION_SERVER, OPENID_CONFIGURATION,
};

/// Why an issuer's metadata is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The issuer cannot be reached at this moment.
    #[error("`{issuer}` cannot be reached ({reason}); try again later")]
    Unavailable {
        /// The issuer.
        issuer: Issuer,
        /// What happened at the last address.
        reason: String,
    },
    /// No address holds a metadata document.
    #[error("`{issuer}` has no metadata at any well-known address ({reason}); check the issuer")]
    NotFound {
        /// The issuer.
        issuer: Issuer,
        /// What happened at the last address.
        reason: String,
    },
    /// A document was found, but it names another issuer (RFC 8414 §3.3).
    #[error("the metadata of `{expected}` names the issuer `{found}`; configure that one, exactly")]
    OtherIssuer {
        /// The issuer that was asked for.
        expected: Issuer,
        /// The issuer that the document names.
        found: Issuer,
    },
}

/// Finds the metadata of `issuer` at its well-known addresses.
///
/// They are tried in the order that MCP gives: RFC 8414 with the well-known part inserted before the
/// path, `OpenID` Connect inserted, `OpenID` Connect appended. Only a document that names the issuer
/// byte for byte is accepted.
pub async fn discover(
    fetch: &Fetch,
    reach: Reach,
    issuer: &Issuer,
) -> Result<AuthorizationServerMetadata, DiscoveryError> {
    let mut addresses = vec![
        issuer.well_known_inserted(OAUTH_AUTHORIZATION_SERVER),
        issuer.well_known_inserted(OPENID_CONFIGURATION),
        issuer.well_known_appended(OPENID_CONFIGURATION),
    ];
    // An issuer without a path has the same address for both forms of OpenID Connect.
    addresses.dedup();
    first_of(fetch, reach, &addresses, issuer).await
}

/// Reads the metadata of `issuer` at an address that the operator wrote.
pub async fn read_metadata(
    fetch: &Fetch,
    reach: Reach,
    address: &str,
    issuer: &Issuer,
) -> Result<AuthorizationServerMetadata, DiscoveryError> {
    first_of(fetch, reach, &[address.to_owned()], issuer).await
}

async fn first_of(
    fetch: &Fetch,
    reach: Reach,
    addresses: &[String],
    issuer: &Issuer,
) -> Result<AuthorizationServerMetadata, DiscoveryError> {
    let mut failure = Failure::default();
    for address in addresses {
        match read(fetch, reach, address).await {
            Ok(metadata) if metadata.issuer == *issuer => return Ok(metadata),
            Ok(metadata) => failure.other_issuer = Some(metadata.issuer),
            Err(Unread::Outage(reason)) => (failure.is_outage, failure.reason) = (true, reason),
            Err(Unread::Absent(reason)) => failure.reason = reason,
        }
    }
    Err(failure.into_error(issuer.clone()))
}

/// What went wrong at the addresses so far.
#[derive(Default)]
struct Failure {
    is_outage: bool,
    reason: String,
    other_issuer: Option<Issuer>,
}

impl Failure {
    fn into_error(self, issuer: Issuer) -> DiscoveryError {
        let Self {
            is_outage,
            reason,
            other_issuer,
        } = self;
        match other_issuer {
            // An address that did not answer may be the right one, so an outage comes first.
            _ if is_outage => DiscoveryError::Unavailable { issuer, reason },
            Some(found) => DiscoveryError::OtherIssuer {
                expected: issuer,
                found,
            },
            None => DiscoveryError::NotFound { issuer, reason },
        }
    }
}

enum Unread {
    Outage(String),
    Absent(String),
}

async fn read(
    fetch: &Fetch,
    reach: Reach,
    address: &str,
) -> Result<AuthorizationServerMetadata, Unread> {
    let answer = fetch.reaching(reach).get(address, Limits::DOCUMENT).await;
    let fetched: Fetched = answer.map_err(|error| {
        let reason = format!("{address}: {error}");
        if error.is_outage() {
            Unread::Outage(reason)
        } else {
            Unread::Absent(reason)
        }
    })?;
    let status = fetched.status;
    if status.is_server_error() || status.as_u16() == 429 {
        return Err(Unread::Outage(format!("{address} answered {status}")));
    }
    if status.as_u16() != 200 {
        return Err(Unread::Absent(format!("{address} answered {status}")));
    }
    let not_metadata = |error| Unread::Absent(format!("{address} is not metadata: {error}"));
    fetched.json().map_err(not_metadata)
}

/// Something that MCP clients need and an authorization server does not state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shortcoming {
    /// No authorization endpoint, no token endpoint, or no `code` among the response types.
    NoCodeGrant,
    /// `S256` is not among the PKCE methods; MCP clients then refuse to go on.
    NoS256,
    /// No `jwks_uri`, so tokens cannot be verified by signature.
    NoKeySet,
    /// Neither dynamic registration nor client metadata documents.
    NoRegistration,
}

impl fmt::Display for Shortcoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCodeGrant => {
                "it does not offer the authorization code grant (authorization_endpoint, \
                 token_endpoint, response type `code`); people cannot sign in"
            }
            Self::NoS256 => {
                "`code_challenge_methods_supported` lacks `S256`; MCP clients refuse such a server"
            }
            Self::NoKeySet => {
                "it has no `jwks_uri`; verify its tokens by introspection or userinfo instead"
            }
            Self::NoRegistration => {
                "it offers neither a `registration_endpoint` nor client metadata documents; every \
                 client must be registered by hand"
            }
        })
    }
}

/// What `metadata` lacks for MCP clients; empty when nothing is missing.
pub fn report(metadata: &AuthorizationServerMetadata) -> Vec<Shortcoming> {
    let has = |list: &[String], value: &str| list.iter().any(|entry| entry == value);
    // RFC 8414 §2: a server that does not list grant types offers the code grant.
    let grant_types = &metadata.grant_types_supported;
    let has_code_grant = metadata.authorization_endpoint.is_some()
        && metadata.token_endpoint.is_some()
        && has(&metadata.response_types_supported, "code")
        && (grant_types.is_empty() || has(grant_types, "authorization_code"));
    let has_registration =
        metadata.registration_endpoint.is_some() || metadata.client_id_metadata_document_supported;
    let checks = [
        (has_code_grant, Shortcoming::NoCodeGrant),
        (
            has(&metadata.code_challenge_methods_supported, "S256"),
            Shortcoming::NoS256,
        ),
        (metadata.jwks_uri.is_some(), Shortcoming::NoKeySet),
        (has_registration, Shortcoming::NoRegistration),
    ];
    checks
        .into_iter()
        .filter(|(is_met, _)| !is_met)
        .map(|(_, shortcoming)| shortcoming)
        .collect()
}

#[cfg(test)]
mod tests;
