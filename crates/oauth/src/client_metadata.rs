//! What a client says about itself: dynamic registration and metadata documents (RFC 7591, CIMD).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::OAuthError;
use crate::grant_type;
use crate::jwk::JwkSet;
use crate::redirect_uri::{PrivateUseSchemes, RedirectUri};
use crate::scope::Scope;

/// Grant types that a client may register for (RFC 7591 §2).
pub const GRANT_TYPES: [&str; 6] = [
    grant_type::AUTHORIZATION_CODE,
    grant_type::REFRESH_TOKEN,
    grant_type::CLIENT_CREDENTIALS,
    grant_type::DEVICE_CODE,
    grant_type::JWT_BEARER,
    grant_type::TOKEN_EXCHANGE,
];

/// Grant types that rest on rights of the client's own, so that only an operator can give them.
pub const OPERATOR_GRANT_TYPES: [&str; 2] =
    [grant_type::CLIENT_CREDENTIALS, grant_type::TOKEN_EXCHANGE];

/// Members of a registration that the server alone sets.
const RESERVED: [&str; 6] = [
    "client_id",
    "client_secret",
    "client_id_issued_at",
    "client_secret_expires_at",
    "registration_access_token",
    "registration_client_uri",
];

/// Members that people may be sent to.
const LINKS: [&str; 3] = ["logo_uri", "policy_uri", "tos_uri"];

/// More keys than any client rotates through; each of them may have to be tried.
pub const MAX_KEYS: usize = 20;

/// How a client authenticates at the token endpoint (RFC 7591 §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEndpointAuthMethod {
    /// A public client: it has nothing to prove itself with.
    None,
    /// The secret in the `Authorization` header. RFC 7591 §2 makes this the default.
    #[default]
    ClientSecretBasic,
    /// The secret in the form.
    ClientSecretPost,
    /// A signed assertion (RFC 7523 §2.2).
    PrivateKeyJwt,
}

impl TokenEndpointAuthMethod {
    /// Whether the method rests on a secret that both sides know.
    pub fn is_shared_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

/// Client metadata (RFC 7591 §2). Members that we do not know are kept and echoed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientMetadata {
    /// Where authorization responses may go.
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    /// How the client authenticates.
    #[serde(default)]
    pub token_endpoint_auth_method: TokenEndpointAuthMethod,
    /// The grant types it uses; RFC 7591 §2 makes `authorization_code` the default.
    #[serde(default = "default_grant_types")]
    pub grant_types: Vec<String>,
    /// The response types it uses; `code` is the only one there is.
    #[serde(default = "default_response_types")]
    pub response_types: Vec<String>,
    /// The name that a person sees. It is what the client claims, nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The home page of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// The scope that the client may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// `native` or `web` (`OpenID` Connect Registration §2; MCP requires clients to send it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// Where a person may go on after signing out (`OpenID` Connect RP-Initiated Logout §3.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Whether the client always pushes its authorization requests, so that no others are
    /// accepted in its name (RFC 9126 §6).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_pushed_authorization_requests: bool,
    /// Whether the client always binds its access tokens to a key (RFC 9449 §5.2).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dpop_bound_access_tokens: bool,
    /// Public keys by address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Public keys by value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
    /// Everything else, kept as it came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

fn default_grant_types() -> Vec<String> {
    vec!["authorization_code".to_owned()]
}

fn default_response_types() -> Vec<String> {
    vec!["code".to_owned()]
}

impl ClientMetadata {
    /// Whether the client registered for `grant_type`.
    pub fn uses_grant(&self, grant_type: &str) -> bool {
        self.grant_types
            .iter()
            .any(|registered| registered == grant_type)
    }

    /// The registered redirect URI that `requested` is an instance of.
    pub fn admits_redirect_uri(&self, requested: &RedirectUri) -> bool {
        self.redirect_uris
            .iter()
            .any(|registered| registered.admits(requested))
    }

    /// Drops what only the server says about a registration (RFC 7591 §3.2.1, RFC 7592 §3), so that
    /// nobody's answer holds it twice and a client that sends its old secret does not have it stored.
    pub fn forget_reserved_members(&mut self) {
        self.other
            .retain(|name, _| !RESERVED.contains(&name.as_str()));
    }

    /// Checks the rules that hold between the fields (RFC 7591 §2, OAuth 2.1 §2).
    pub fn check(&self, schemes: &PrivateUseSchemes) -> Result<(), OAuthError> {
        let after_logout = &self.post_logout_redirect_uris;
        for uri in self.redirect_uris.iter().chain(after_logout) {
            RedirectUri::parse(uri.as_str(), schemes)
                .map_err(|error| OAuthError::invalid_redirect_uri(format!("{uri}: {error}")))?;
        }
        let invalid = |text: &str| Err(OAuthError::invalid_client_metadata(text));
        if self.grant_types.is_empty() {
            return invalid("grant_types must not be empty");
        }
        if let Some(unknown) = self
            .grant_types
            .iter()
            .find(|g| !GRANT_TYPES.contains(&g.as_str()))
        {
            return invalid(&format!("the grant type {unknown} is not supported"));
        }
        if self.uses_grant("authorization_code") && self.redirect_uris.is_empty() {
            return Err(OAuthError::invalid_redirect_uri(
                "redirect_uris is required for the grant type authorization_code",
            ));
        }
        if let Some(unknown) = self.response_types.iter().find(|kind| *kind != "code") {
            return invalid(&format!(
                "the response type {unknown} is not supported; use code"
            ));
        }
        let method = self.token_endpoint_auth_method;
        let own = OPERATOR_GRANT_TYPES.iter().find(|own| self.uses_grant(own));
        if let (Some(own), TokenEndpointAuthMethod::None) = (own, method) {
            return invalid(&format!("the grant type {own} needs client authentication"));
        }
        if self.jwks.is_some() && self.jwks_uri.is_some() {
            return invalid("jwks and jwks_uri must not both be present");
        }
        let has_keys = self.jwks.is_some() || self.jwks_uri.is_some();
        if method == TokenEndpointAuthMethod::PrivateKeyJwt && !has_keys {
            return invalid("private_key_jwt needs jwks or jwks_uri");
        }
        if self
            .jwks
            .as_ref()
            .is_some_and(|jwks| jwks.keys.len() > MAX_KEYS)
        {
            return invalid(&format!("jwks holds more than {MAX_KEYS} keys"));
        }
        if self
            .jwks_uri
            .as_ref()
            .is_some_and(|uri| !uri.starts_with("https://"))
        {
            return invalid("jwks_uri must be an https URL");
        }
        let others = LINKS
            .iter()
            .filter_map(|name| self.other.get(*name)?.as_str());
        let mut links = others.chain(self.client_uri.as_deref());
        if links.any(|link| !link.starts_with("https://") && !link.starts_with("http://")) {
            return invalid(
                "client_uri, logo_uri, policy_uri and tos_uri must be https or http URLs",
            );
        }
        match self.application_type.as_deref() {
            None | Some("native" | "web") => Ok(()),
            Some(_) => invalid("application_type must be native or web"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn parse(text: &str) -> ClientMetadata {
        serde_json::from_str(text).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: Option<ErrorCode>) {
        let result = parse(text).check(&PrivateUseSchemes::default());
        assert_eq!(result.err().map(|error| error.code), expected, "{text}");
    }

    #[test]
    fn rfc7591_section_2_defaults() {
        let metadata = parse(r#"{"redirect_uris":["http://127.0.0.1/cb"]}"#);
        let method = metadata.token_endpoint_auth_method;
        assert_eq!(method, TokenEndpointAuthMethod::ClientSecretBasic);
        assert_eq!(metadata.grant_types, ["authorization_code"]);
        assert_eq!(metadata.response_types, ["code"]);
    }

    #[test]
    fn unknown_members_are_kept() {
        let metadata = parse(r#"{"redirect_uris":[],"software_id":"x"}"#);
        assert_eq!(serde_json::to_value(metadata).unwrap()["software_id"], "x");
    }

    #[test]
    fn a11_what_the_server_alone_says_is_dropped() {
        let mut metadata = parse(r#"{"redirect_uris":[],"client_secret":"canary","a":1}"#);
        metadata.forget_reserved_members();
        let written = serde_json::to_string(&metadata).unwrap();
        assert!(!written.contains("canary") && written.contains("\"a\":1"));
    }

    #[test]
    fn what_is_said_of_a_refused_link_is_so() {
        let of = |link: &str| {
            let text = format!(r#"{{"redirect_uris":["http://localhost/"],"tos_uri":"{link}"}}"#);
            parse(&text).check(&PrivateUseSchemes::default())
        };
        assert!(of("http://localhost:6274/terms").is_ok() && of("https://a.example/").is_ok());
        let refused = of("ftp://a.example/").unwrap_err();
        assert!(refused.description.ends_with("must be https or http URLs"));
    }

    #[test]
    fn rules_between_fields() {
        let uri = r#""redirect_uris":["https://a.example/cb"]"#;
        check(&format!("{{{uri}}}"), None);
        check("{}", Some(ErrorCode::InvalidRedirectUri));
        check(
            r#"{"redirect_uris":["data:x"]}"#,
            Some(ErrorCode::InvalidRedirectUri),
        );
        for bad in [
            r#""grant_types":[]"#,
            r#""grant_types":["implicit"]"#,
            r#""response_types":["token"]"#,
            r#""grant_types":["client_credentials"],"token_endpoint_auth_method":"none""#,
            r#""token_endpoint_auth_method":"private_key_jwt""#,
            r#""jwks":{"keys":[]},"jwks_uri":"https://a.example/k""#,
            r#""application_type":"toaster""#,
            r#""jwks_uri":"http://169.254.169.254/""#,
            r#""client_uri":"javascript:alert(1)""#,
            r#""logo_uri":"data:x""#,
        ] {
            check(
                &format!("{{{uri},{bad}}}"),
                Some(ErrorCode::InvalidClientMetadata),
            );
        }
    }
}
