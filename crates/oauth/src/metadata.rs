//! Metadata documents of authorization servers and protected resources (RFC 8414, RFC 9728).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::issuer::Issuer;

/// The last part of the well-known address of an authorization server (RFC 8414 §7.3).
pub const OAUTH_AUTHORIZATION_SERVER: &str = "oauth-authorization-server";
/// The last part of the well-known address of an `OpenID` provider.
pub const OPENID_CONFIGURATION: &str = "openid-configuration";
/// The last part of the well-known address of a protected resource (RFC 9728 §8.3).
pub const OAUTH_PROTECTED_RESOURCE: &str = "oauth-protected-resource";

/// What an authorization server says about itself (RFC 8414 §2, `OpenID` Connect Discovery §3).
///
/// Absent members are left out on the wire; lists that a server does not state are empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationServerMetadata {
    /// The name of the server; equal, byte for byte, to the one its address was built from.
    pub issuer: Issuer,
    /// Where a person is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Where codes and refresh tokens become tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Where the public keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Where clients register (RFC 7591).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    /// Where tokens end (RFC 7009).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// Where resource servers ask (RFC 7662).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// Where claims about the person are (`OpenID` Connect Core §5.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<String>,
    /// Scopes that may be asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// Response types; RFC 8414 requires the member.
    #[serde(default)]
    pub response_types_supported: Vec<String>,
    /// Response modes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_modes_supported: Vec<String>,
    /// Grant types; absent would mean "implicit, too" (RFC 8414 §2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grant_types_supported: Vec<String>,
    /// Client authentication at the token endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Algorithms of client assertions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// Client authentication at the revocation endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// Client authentication at the introspection endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// PKCE methods; MCP clients refuse to go on without `S256` here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code_challenge_methods_supported: Vec<String>,
    /// Languages of the pages (RFC 8414 §2, BCP 47 tags).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ui_locales_supported: Vec<String>,
    /// Whether `iss` comes with every authorization response (RFC 9207 §3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// Whether an https URL may be a client identifier (CIMD).
    #[serde(default)]
    pub client_id_metadata_document_supported: bool,
    /// Everything else, such as the members that only `OpenID` Connect defines.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What a protected resource says about itself (RFC 9728 §2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProtectedResourceMetadata {
    /// The resource, exactly as its address was given to clients.
    pub resource: String,
    /// The issuers whose tokens it accepts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_servers: Vec<Issuer>,
    /// The scopes that a client should ask for first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// How tokens are sent; the header is the only way here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bearer_methods_supported: Vec<String>,
    /// The name that a person sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// Where a developer reads on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_documentation: Option<String>,
    /// The algorithms of proofs of possession, where tokens may be bound to a key (RFC 9449 §5.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// Whether tokens must be bound to a key.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dpop_bound_access_tokens_required: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8414_members_we_do_not_know_are_kept_and_absent_ones_stay_absent() {
        let text = r#"{"issuer":"https://a.example","response_types_supported":["code"],
            "service_documentation":"https://a.example/docs"}"#;
        let metadata: AuthorizationServerMetadata = serde_json::from_str(text).unwrap();
        assert_eq!(
            metadata.other["service_documentation"],
            "https://a.example/docs"
        );
        let written = serde_json::to_value(metadata).unwrap();
        assert_eq!(written["issuer"], "https://a.example", "no slash is added");
        assert!(written.get("token_endpoint").is_none());
    }
}
