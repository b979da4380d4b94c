//! The issuer identifier and the well-known addresses built from it (RFC 8414 §2, §3).

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// The name of an authorization server, byte for byte as it was configured.
///
/// It is compared as text and never normalised: `https://a.example` and `https://a.example/` are two
/// issuers (RFC 9207 §2.4), so a parsed [`Url`], which adds a slash, must not stand in for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer(String);

/// Why a text is no issuer identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuer {
    /// The text is not an absolute URL with a host.
    #[error("`{0}` is not an absolute http or https URL")]
    NotAUrl(String),
    /// The URL has a query or a fragment (RFC 8414 §2 forbids both).
    #[error("`{0}` has a query or fragment, which an issuer must not have")]
    QueryOrFragment(String),
    /// The URL carries a user name or password.
    #[error("`{0}` carries credentials, which an issuer must not have")]
    Credentials(String),
}

impl Issuer {
    /// Checks `text` and keeps it unchanged.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidIssuer> {
        let text = text.into();
        let Ok(url) = Url::parse(&text) else {
            return Err(InvalidIssuer::NotAUrl(text));
        };
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
            return Err(InvalidIssuer::NotAUrl(text));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidIssuer::QueryOrFragment(text));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidIssuer::Credentials(text));
        }
        Ok(Self(text))
    }

    /// The issuer as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port, without a slash at the end.
    pub fn origin(&self) -> &str {
        self.0.strip_suffix(self.path()).unwrap_or(&self.0)
    }

    /// The path without a slash at the end: empty for an issuer that is a bare origin.
    pub fn base_path(&self) -> &str {
        self.path().trim_end_matches('/')
    }

    /// The address of `path` (starting with a slash) under this issuer.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.trim_end_matches('/'))
    }

    /// The metadata address with the well-known part between host and path (RFC 8414 §3).
    pub fn well_known_inserted(&self, name: &str) -> String {
        format!("{}/.well-known/{name}{}", self.origin(), self.base_path())
    }

    /// The metadata address with the well-known part after the path (`OpenID` Connect Discovery §4).
    pub fn well_known_appended(&self, name: &str) -> String {
        format!("{}{}/.well-known/{name}", self.origin(), self.base_path())
    }

    fn path(&self) -> &str {
        let after_scheme = self.0.find("://").map_or(0, |at| at + 3);
        self.0[after_scheme..]
            .find('/')
            .map_or("", |at| &self.0[after_scheme + at..])
    }
}

impl TryFrom<String> for Issuer {
    type Error = InvalidIssuer;

    fn try_from(text: String) -> Result<Self, InvalidIssuer> {
        Self::parse(text)
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.0
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn issuer(text: &str) -> Issuer {
        Issuer::parse(text).unwrap()
    }

    #[test]
    fn d1_the_text_is_never_changed() {
        assert_eq!(issuer("https://a.example").as_str(), "https://a.example");
        assert_eq!(issuer("https://a.example/").as_str(), "https://a.example/");
        assert_eq!(
            issuer("HTTPS://A.example/t").as_str(),
            "HTTPS://A.example/t"
        );
    }

    #[test]
    fn well_known_addresses_of_an_origin_and_of_a_path() {
        let origin = issuer("https://a.example:8443");
        let name = "oauth-authorization-server";
        let expected = "https://a.example:8443/.well-known/oauth-authorization-server";
        assert_eq!(origin.well_known_inserted(name), expected);
        assert_eq!(origin.well_known_appended(name), expected);

        let path = issuer("https://a.example/tenant/1");
        assert_eq!(
            path.well_known_inserted("openid-configuration"),
            "https://a.example/.well-known/openid-configuration/tenant/1"
        );
        assert_eq!(
            path.well_known_appended("openid-configuration"),
            "https://a.example/tenant/1/.well-known/openid-configuration"
        );
        assert_eq!(path.join("/token"), "https://a.example/tenant/1/token");
    }

    #[test]
    fn what_is_no_issuer() {
        for bad in [
            "a.example",
            "ftp://a.example",
            "https://a.example/?q",
            "https://u@a.example",
        ] {
            assert!(Issuer::parse(bad).is_err(), "{bad}");
        }
    }
}
