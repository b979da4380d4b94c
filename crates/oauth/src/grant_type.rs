//! Grant types under their registered names (RFC 6749 §4, RFC 7523 §2.1, RFC 8628 §3.4, RFC 8693
//! §2.1).

/// A code that a person's browser brought (RFC 6749 §4.1).
pub const AUTHORIZATION_CODE: &str = "authorization_code";
/// A refresh token (RFC 6749 §6).
pub const REFRESH_TOKEN: &str = "refresh_token";
/// The client for itself (RFC 6749 §4.4).
pub const CLIENT_CREDENTIALS: &str = "client_credentials";
/// A device that waits for its person (RFC 8628 §3.4).
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// An assertion of an issuer that both sides trust (RFC 7523 §2.1).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// A token for another token (RFC 8693 §2.1).
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The profile of [`JWT_BEARER`] whose assertions are issued for a person by their identity provider
/// (ID-JAG §7.2).
pub const ID_JAG_PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";
