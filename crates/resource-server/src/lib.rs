//! The guard: bearer tokens for MCP servers (MCP authorization, RFC 6750, RFC 9728).
//!
//! You have an MCP server made with rmcp. Ten lines protect it:
//!
#![cfg_attr(all(feature = "axum", feature = "rmcp"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "axum", feature = "rmcp")), doc = "```ignore")]
//! use std::sync::Arc;
//!
//! use resource_server::{
//!     CachedVerifier, Caller, Fetch, Issuer, JwtVerifier, ProtectedResource, SystemClock,
//! };
//! use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
//! use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
//! use rmcp::{tool, tool_router};
//!
//! #[derive(Clone)]
//! struct MyServer;
//!
//! #[tool_router(server_handler)]
//! impl MyServer {
//!     #[tool(description = "Greets the caller")]
//!     async fn greet(&self, caller: Caller) -> String {
//!         format!("Hello, {}!", caller.subject())
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Your server, as it was.
//! let config = StreamableHttpServerConfig::default().with_allowed_hosts(["mcp.example.com"]);
//! let sessions = Arc::<LocalSessionManager>::default();
//! let mcp = StreamableHttpService::new(|| Ok(MyServer), sessions, config);
//!
//! // What protects it.
//! let address = "https://mcp.example.com/mcp";
//! let issuer = Issuer::parse("https://auth.example.com")?;
//! let clock = Arc::new(SystemClock);
//! let verifier = JwtVerifier::discover(issuer.clone(), address, Fetch::new()?, clock.clone());
//! let resource = ProtectedResource::new(address)?
//!     .authorization_server(issuer)
//!     .tool("greet", &"greetings:read".parse()?);
//! let app = resource
//!     .protect(mcp, CachedVerifier::new(verifier, clock))
//!     .merge(resource.metadata_routes());
//!
//! axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
//! # Ok(()) }
//! ```
//!
//! | to | take |
//! |---|---|
//! | protect an MCP endpoint | [`ProtectedResource`]: metadata, challenges, scopes per tool, `Origin`, sessions |
//! | protect any other tower service | the layers [`RequireBearer`] and [`RequireScope`] |
//! | learn who calls | [`Caller`], an argument of rmcp tools and axum handlers |
//! | verify tokens | [`JwtVerifier`], [`IntrospectionVerifier`], [`UserinfoVerifier`], [`verify_with`] |
//! | accept tokens that are bound to a key | [`ProtectedResource::dpop`], [`Dpop`] |
//! | verify each token once | [`CachedVerifier`], which revocations reach at once |
//! | end tokens before their time | [`TokenStatus`], where the authorization server is at hand |
//!
//! Features, both on by default: `axum` ([`ProtectedResource`]'s routes and `protect`, the extractor) and
//! `rmcp` (`Caller` as an argument of tools). `rmcp` alone guards a bare rmcp service by the layers.
#![deny(missing_docs)]

pub mod cache;
pub mod caller;
mod dpop;
mod extract;
pub mod mcp;
pub mod protected_resource;
mod refusal;
pub mod require_bearer;
pub mod require_scope;
pub mod verify;

pub use cache::CachedVerifier;
pub use caller::Caller;
pub use dpop::Dpop;
pub use oauth::client::fetch::Fetch;
pub use oauth::issuer::Issuer;
pub use oauth::scope::Scope;
pub use oauth::secret::Secret;
pub use oauth::time::{Clock, SystemClock};
pub use protected_resource::ProtectedResource;
pub use require_bearer::RequireBearer;
pub use require_scope::RequireScope;
pub use verify::{
    IntrospectionVerifier, JwtVerifier, TokenStatus, UserinfoVerifier, VerifyError, VerifyToken,
    verify_with,
};
