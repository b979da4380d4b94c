//! Answers on the wire (RFC 6749 §5.1, RFC 7591 §3.2.1, RFC 7592 §3, RFC 7662 §2.2, RFC 8628
//! §3.2, RFC 9126 §2.2).

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::client_metadata::ClientMetadata;
use crate::scope::Scope;
use crate::time::NumericDate;

/// A successful answer of the token endpoint (RFC 6749 §5.1).
#[derive(Clone, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The access token.
    #[serde(serialize_with = "plain")]
    pub access_token: String,
    /// How to use it; `Bearer` (RFC 6750 §4).
    pub token_type: String,
    /// Seconds until the access token ends. Always sent, and true.
    pub expires_in: u64,
    /// The next refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The scope that was granted.
    #[serde(default)]
    pub scope: Scope,
    /// Who signed in (`OpenID` Connect Core §3.1.3.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What `access_token` is, when it was exchanged for another token (RFC 8693 §2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<String>,
}

/// Writes a text as it is when nothing in it has to be escaped (RFC 8259 §7), as in every token. To look for
/// that character by character took as long as all else that an answer needs.
fn plain<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    // Counted to the end, so that many characters are looked at together.
    let to_escape = text
        .bytes()
        .filter(|byte| matches!(byte, ..0x20 | b'"' | b'\\'));
    let is_plain = to_escape.count() == 0;
    let quoted = is_plain.then(|| RawValue::from_string(["\"", text, "\""].concat()));
    match quoted {
        Some(Ok(quoted)) => quoted.serialize(serializer),
        _ => serializer.serialize_str(text),
    }
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse")
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// A successful registration (RFC 7591 §3.2.1).
#[derive(Clone, Serialize, Deserialize)]
pub struct RegistrationResponse {
    /// The name of the client from now on.
    pub client_id: String,
    /// When it was registered.
    pub client_id_issued_at: NumericDate,
    /// The secret of a confidential client; it is shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// When the secret ends; 0 is never. Present whenever there is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<NumericDate>,
    /// What the client manages its registration with (RFC 7592 §3), when it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_access_token: Option<String>,
    /// Where it does so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_client_uri: Option<String>,
    /// All metadata as registered.
    #[serde(flatten)]
    pub metadata: ClientMetadata,
}

impl std::fmt::Debug for RegistrationResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistrationResponse")
            .field("client_id", &self.client_id)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

/// What a device is told: which code to show, and how to ask for tokens (RFC 8628 §3.2).
#[derive(Clone, Serialize, Deserialize)]
pub struct DeviceAuthorizationResponse {
    /// What the device asks with; nobody sees it.
    pub device_code: String,
    /// What the person types.
    pub user_code: String,
    /// Where they type it.
    pub verification_uri: String,
    /// The same with the code in it, for a QR code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri_complete: Option<String>,
    /// Seconds until both codes end.
    pub expires_in: u64,
    /// Seconds to wait between two questions; 5 where it is not said.
    #[serde(default = "five")]
    pub interval: u64,
}

/// Where a pushed authorization request is found (RFC 9126 §2.2).
#[derive(Clone, Serialize, Deserialize)]
pub struct PushedAuthorizationResponse {
    /// What stands in the browser in place of the request.
    pub request_uri: String,
    /// Seconds until it ends.
    pub expires_in: u64,
}

impl std::fmt::Debug for PushedAuthorizationResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushedAuthorizationResponse")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

fn five() -> u64 {
    5
}

impl std::fmt::Debug for DeviceAuthorizationResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceAuthorizationResponse")
            .field("verification_uri", &self.verification_uri)
            .field("expires_in", &self.expires_in)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

/// The answer of the introspection endpoint (RFC 7662 §2.2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IntrospectionResponse {
    /// Whether the token is worth anything at this moment; when not, nothing else is said.
    pub active: bool,
    /// The claims of an active token.
    #[serde(flatten)]
    pub claims: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_section_5_1_every_token_is_written_so_that_it_is_read_again() {
        for token in [
            "aa.bb-_.cc",
            "",
            "a\"b",
            "a\\nb",
            "a\nb",
            "a\",\"scope\":\"b",
            "토큰",
        ] {
            let answer = TokenResponse {
                access_token: token.to_owned(),
                token_type: "Bearer".to_owned(),
                expires_in: 300,
                refresh_token: None,
                scope: Scope::empty(),
                id_token: None,
                issued_token_type: None,
            };
            let text = serde_json::to_string(&answer).unwrap();
            let read: TokenResponse = serde_json::from_str(&text).unwrap();
            assert_eq!(read.access_token, token, "{text}");
            assert!(read.scope.is_empty(), "{text}");
        }
    }
}
