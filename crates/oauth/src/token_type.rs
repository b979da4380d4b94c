//! Token type identifiers (RFC 8693 §3).

/// An OAuth access token, whatever it looks like.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// A JWT, whatever it is for.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
