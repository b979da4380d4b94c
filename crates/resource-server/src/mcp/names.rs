//! The names of MCP in headers and in `_meta` (MCP base protocol, Streamable HTTP, SEP-2243).

use http::HeaderName;

/// The header that repeats the method of a message.
pub const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// The header that repeats what a message is about.
pub const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
/// How the headers begin that repeat arguments.
pub const MCP_PARAM: &str = "mcp-param-";
/// The header with the revision that is spoken (from 2025-06-18 on).
pub const MCP_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The header with the name of a session (2025-03-26 to 2025-11-25).
pub const MCP_SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// The member of `_meta` with the revision of a request (from 2026-07-28 on, like those below).
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// The member of `_meta` that says what the client of a request can do.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// The member of `_meta` that says which client it is.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// The member of `_meta` that says which log messages the client wants.
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// The member of `_meta` that says which server answers.
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// The member of `_meta` that names the subscription of a message.
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
