//! An MCP endpoint as a protected resource: its metadata, and the guard in front of it (RFC 9728).

use oauth::challenge::Scheme;
use oauth::issuer::Issuer;
use oauth::metadata::{OAUTH_PROTECTED_RESOURCE, ProtectedResourceMetadata};
use oauth::scope::Scope;
use url::Url;

use crate::Dpop;
use crate::mcp::ToolAccess;

#[cfg(feature = "axum")]
mod routes;

/// An MCP endpoint at a public address, and what protects it.
///
/// The address is given, never derived from a request: behind a proxy the `Host` header is what anybody
/// writes. It is kept byte for byte, because clients compare it with what they were given.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use resource_server::{Issuer, ProtectedResource};
/// let todo = ProtectedResource::new("https://mcp.example/todo/mcp")?
///     .authorization_server(Issuer::parse("https://as.example")?)
///     .name("Todo manager")
///     .tool("create-todo", &"create:todos".parse()?);
/// let metadata_url = "https://mcp.example/.well-known/oauth-protected-resource/todo/mcp";
/// assert_eq!(todo.metadata_url(), metadata_url);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ProtectedResource {
    metadata: ProtectedResourceMetadata,
    metadata_path: String,
    url: Url,
    access: ToolAccess,
    /// What a client should ask for first; also the scope of the first challenge.
    scopes: Scope,
    lists_all_tools: bool,
    dpop: Option<Dpop>,
    #[cfg(feature = "axum")]
    origins: crate::mcp::AllowedOrigins,
    #[cfg(feature = "axum")]
    sessions: crate::mcp::SessionBinding,
    #[cfg(feature = "axum")]
    max_body_bytes: usize,
}

/// The text is not the address of a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResourceUrl {
    /// Not an absolute http or https URL.
    #[error("`{0}` is not an absolute http or https URL")]
    NotAUrl(String),
    /// A query, a fragment, credentials, or characters with a meaning in route patterns.
    #[error("`{0}` must have neither query nor fragment, credentials, `{{` or `*`")]
    Unsupported(String),
}

impl ProtectedResource {
    /// The endpoint at `resource`, exactly as clients are told its address.
    pub fn new(resource: impl Into<String>) -> Result<Self, InvalidResourceUrl> {
        let resource = resource.into();
        let Ok(url) = Url::parse(&resource) else {
            return Err(InvalidResourceUrl::NotAUrl(resource));
        };
        if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
            return Err(InvalidResourceUrl::NotAUrl(resource));
        }
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if has_credentials || resource.contains(['?', '#', '{', '}', '*']) {
            return Err(InvalidResourceUrl::Unsupported(resource));
        }
        // RFC 9728 §3.1: a slash right after the host is dropped.
        let path = if url.path() == "/" { "" } else { url.path() };
        Ok(Self {
            metadata_path: format!("/.well-known/{OAUTH_PROTECTED_RESOURCE}{path}"),
            #[cfg(feature = "axum")]
            origins: crate::mcp::AllowedOrigins::of(&url),
            #[cfg(feature = "axum")]
            sessions: crate::mcp::SessionBinding::random(),
            #[cfg(feature = "axum")]
            max_body_bytes: 4 * 1024 * 1024,
            url,
            access: ToolAccess::default(),
            scopes: Scope::empty(),
            lists_all_tools: false,
            dpop: None,
            metadata: ProtectedResourceMetadata {
                resource,
                authorization_servers: Vec::new(),
                scopes_supported: Vec::new(),
                bearer_methods_supported: vec!["header".to_owned()],
                resource_name: None,
                resource_documentation: None,
                dpop_signing_alg_values_supported: Vec::new(),
                dpop_bound_access_tokens_required: false,
            },
        })
    }

    /// Names an issuer whose tokens are accepted. MCP requires at least one.
    pub fn authorization_server(mut self, issuer: Issuer) -> Self {
        self.metadata.authorization_servers.push(issuer);
        self
    }

    /// The name that a person sees.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.metadata.resource_name = Some(name.into());
        self
    }

    /// Where a developer reads on.
    pub fn documentation(mut self, url: impl Into<String>) -> Self {
        self.metadata.resource_documentation = Some(url.into());
        self
    }

    /// What a client should ask for first: keep it small, since many clients ask for all of it.
    ///
    /// `offline_access` is left out: it is between client and authorization server, and MCP asks
    /// resources not to name it.
    pub fn scopes_supported(mut self, scopes: &Scope) -> Self {
        let tokens = scopes.iter().filter(|token| *token != "offline_access");
        self.scopes = Scope::from_tokens(tokens).unwrap_or_default();
        self.metadata.scopes_supported = self.scopes.iter().map(str::to_owned).collect();
        self
    }

    /// Every request needs `scope`.
    pub fn require(mut self, scope: &Scope) -> Self {
        self.access.require(scope);
        self
    }

    /// The tool `name` needs `scope`. A caller without it does not see the tool and gets a challenge
    /// on calling it, which makes clients ask for more.
    pub fn tool(mut self, name: impl Into<String>, scope: &Scope) -> Self {
        self.access.require_for_tool(name.into(), scope);
        self
    }

    /// Who has the scope token `broad` has `narrow`, too.
    pub fn scope_implies(mut self, broad: impl Into<String>, narrow: Scope) -> Self {
        self.access.imply(broad.into(), narrow);
        self
    }

    /// Shows every tool to everybody who may call any, so that models learn of tools that they have to
    /// step up for. Calls are judged as before.
    pub fn list_all_tools(mut self) -> Self {
        self.lists_all_tools = true;
        self
    }

    /// Accepts tokens that are bound to a key, and says so in metadata and challenges (RFC 9449).
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        let algorithms = oauth::dpop::ALGORITHMS.map(|alg| format!("{alg:?}"));
        self.metadata.dpop_signing_alg_values_supported = algorithms.into();
        self.metadata.dpop_bound_access_tokens_required = !dpop.schemes().contains(&Scheme::Bearer);
        self.dpop = Some(dpop);
        self
    }

    /// The address of the resource, as it was given.
    pub fn resource(&self) -> &str {
        &self.metadata.resource
    }

    /// The metadata document.
    pub fn metadata(&self) -> &ProtectedResourceMetadata {
        &self.metadata
    }

    /// The address of the metadata document: the well-known part stands between host and path.
    pub fn metadata_url(&self) -> String {
        format!(
            "{}{}",
            self.url.origin().ascii_serialization(),
            self.metadata_path
        )
    }
}
