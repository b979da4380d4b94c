//! Resource indicators: the name of what a token is for (RFC 8707).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

/// The absolute URI of a protected resource, in MCP's canonical form.
///
/// Scheme and host are lower case, and a bare origin has no slash at the end; everything else is
/// kept as given. Two indicators are equal when their canonical forms are.
///
/// ```
/// use oauth::resource::ResourceIndicator;
/// let configured = ResourceIndicator::parse("https://mcp.example/todo/mcp").unwrap();
/// assert_eq!(ResourceIndicator::parse("HTTPS://MCP.example/todo/mcp").unwrap(), configured);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceIndicator(String);

/// A resource indicator that is not an absolute URI, or that has a fragment (RFC 8707 §2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a resource must be an absolute URI without a fragment")]
pub struct InvalidResource;

impl ResourceIndicator {
    /// Parses `text` into its canonical form.
    pub fn parse(text: &str) -> Result<Self, InvalidResource> {
        let url = Url::parse(text).map_err(|_| InvalidResource)?;
        if url.fragment().is_some() {
            return Err(InvalidResource);
        }
        let is_bare_origin = url.has_host() && url.path() == "/" && url.query().is_none();
        let mut canonical = String::from(url);
        if is_bare_origin {
            canonical.pop();
        }
        Ok(Self(canonical))
    }

    /// Reads what was written by this type where nobody else can write, such as in a sealed record: it is not
    /// parsed again.
    pub fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }

    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ResourceIndicator {
    type Error = InvalidResource;

    fn try_from(text: String) -> Result<Self, InvalidResource> {
        Self::parse(&text)
    }
}

impl From<ResourceIndicator> for String {
    fn from(resource: ResourceIndicator) -> Self {
        resource.0
    }
}

impl fmt::Display for ResourceIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, canonical: &str) {
        assert_eq!(ResourceIndicator::parse(text).unwrap().as_str(), canonical);
    }

    #[test]
    fn canonical_form() {
        check("https://MCP.Example", "https://mcp.example");
        check("https://mcp.example/", "https://mcp.example");
        check("https://mcp.example:443/mcp", "https://mcp.example/mcp");
        check("https://mcp.example/mcp/", "https://mcp.example/mcp/");
        check("urn:example:api", "urn:example:api");
    }

    #[test]
    fn relative_references_and_fragments_are_refused() {
        for bad in ["/mcp", "mcp.example", "https://mcp.example/#x", ""] {
            assert_eq!(ResourceIndicator::parse(bad), Err(InvalidResource), "{bad}");
        }
    }
}
