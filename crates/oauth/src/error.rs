//! OAuth errors as a peer sees them (RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7591 §3.2.2,
//! RFC 8628 §3.5, RFC 9101 §6.2, RFC 9449 §5 and §8).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The registered error codes that this project sends or understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// A parameter is missing, repeated or malformed (RFC 6749 §5.2).
    InvalidRequest,
    /// The client is unknown or did not prove itself (RFC 6749 §5.2).
    InvalidClient,
    /// The code, refresh token or assertion is not valid (RFC 6749 §5.2).
    InvalidGrant,
    /// The client may not use this grant type (RFC 6749 §5.2).
    UnauthorizedClient,
    /// The grant type is not one of ours (RFC 6749 §5.2).
    UnsupportedGrantType,
    /// The response type is not `code` (RFC 6749 §4.1.2.1).
    UnsupportedResponseType,
    /// The scope is malformed, unknown or more than was granted (RFC 6749 §5.2).
    InvalidScope,
    /// The person, or the server for them, said no (RFC 6749 §4.1.2.1).
    AccessDenied,
    /// Something broke on our side (RFC 6749 §4.1.2.1).
    ServerError,
    /// Try again later (RFC 6749 §4.1.2.1).
    TemporarilyUnavailable,
    /// The resource is unknown or outside the grant (RFC 8707 §2).
    InvalidTarget,
    /// The access token is expired, revoked or not for this resource (RFC 6750 §3.1).
    InvalidToken,
    /// The access token does not carry the scope that is needed (RFC 6750 §3.1).
    InsufficientScope,
    /// A redirect URI is not acceptable (RFC 7591 §3.2.2).
    InvalidRedirectUri,
    /// A field of the client metadata is not acceptable (RFC 7591 §3.2.2).
    InvalidClientMetadata,
    /// This token type cannot be revoked here (RFC 7009 §2.2.1).
    UnsupportedTokenType,
    /// `prompt=none`, but nobody is signed in (`OpenID` Connect Core §3.1.2.6).
    LoginRequired,
    /// `prompt=none`, but consent is missing (`OpenID` Connect Core §3.1.2.6).
    ConsentRequired,
    /// The person has not decided yet; ask again (RFC 8628 §3.5).
    AuthorizationPending,
    /// As `AuthorizationPending`, and the device asks too often (RFC 8628 §3.5).
    SlowDown,
    /// The device code has expired (RFC 8628 §3.5).
    ExpiredToken,
    /// Request objects are not read here (RFC 9101 §6.2).
    RequestNotSupported,
    /// The `request_uri` is unknown or has expired (RFC 9101 §6.2).
    InvalidRequestUri,
    /// The proof of possession is missing or proves something else (RFC 9449 §5).
    InvalidDpopProof,
    /// The proof of possession has to answer the nonce that comes along (RFC 9449 §8).
    UseDpopNonce,
}

impl ErrorCode {
    /// The code as it stands in the `error` parameter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::RequestNotSupported => "request_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error on the wire: a registered code and a sentence for the developer of the client.
///
/// The sentence says what happened and what to do; it never holds a secret or an internal cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {description}")]
pub struct OAuthError {
    /// The registered code.
    pub code: ErrorCode,
    /// The sentence; ASCII without quote and backslash, as RFC 6749 §5.2 requires.
    pub description: String,
}

impl OAuthError {
    /// An error with `code`; characters that RFC 6749 forbids in descriptions become `?`.
    pub fn new(code: ErrorCode, description: impl AsRef<str>) -> Self {
        let allowed = |c: char| matches!(c, '\x20'..='\x7e') && c != '"' && c != '\\';
        let description = description.as_ref().chars();
        Self {
            code,
            description: description
                .map(|c| if allowed(c) { c } else { '?' })
                .collect(),
        }
    }
}

/// One constructor per code, so that an error reads as the RFC does where it is made.
macro_rules! constructors {
    ($($name:ident => $code:ident),+ $(,)?) => {
        impl OAuthError {
            $(
                #[doc = concat!("An error with the code [`ErrorCode::", stringify!($code), "`].")]
                pub fn $name(description: impl AsRef<str>) -> Self {
                    Self::new(ErrorCode::$code, description)
                }
            )+
        }
    };
}

constructors! {
    invalid_request => InvalidRequest,
    invalid_client => InvalidClient,
    invalid_grant => InvalidGrant,
    unauthorized_client => UnauthorizedClient,
    unsupported_grant_type => UnsupportedGrantType,
    unsupported_response_type => UnsupportedResponseType,
    invalid_scope => InvalidScope,
    access_denied => AccessDenied,
    server_error => ServerError,
    temporarily_unavailable => TemporarilyUnavailable,
    invalid_target => InvalidTarget,
    invalid_token => InvalidToken,
    insufficient_scope => InsufficientScope,
    invalid_redirect_uri => InvalidRedirectUri,
    invalid_client_metadata => InvalidClientMetadata,
    login_required => LoginRequired,
    consent_required => ConsentRequired,
    authorization_pending => AuthorizationPending,
    slow_down => SlowDown,
    expired_token => ExpiredToken,
    request_not_supported => RequestNotSupported,
    invalid_request_uri => InvalidRequestUri,
    invalid_dpop_proof => InvalidDpopProof,
    use_dpop_nonce => UseDpopNonce,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_hold_only_what_rfc_6749_allows() {
        let error = OAuthError::invalid_scope("unknown scope \"할일\"");
        assert_eq!(error.description, "unknown scope ????");
    }

    #[test]
    fn codes_read_the_same_in_json_and_as_text() {
        let json = serde_json::to_string(&ErrorCode::InvalidClientMetadata).unwrap();
        assert_eq!(json, format!("\"{}\"", ErrorCode::InvalidClientMetadata));
    }
}
