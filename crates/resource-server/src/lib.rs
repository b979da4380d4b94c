//! The guard: bearer tokens for MCP servers.
#![deny(missing_docs)]

pub mod cache;
pub mod caller;
mod extract;
pub mod mcp;
pub mod protected_resource;
mod refusal;
pub mod require_bearer;
pub mod require_scope;
pub mod verify;

pub use cache::CachedVerifier;
pub use caller::Caller;
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
