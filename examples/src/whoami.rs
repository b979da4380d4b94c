//! whoami: one tool that returns the caller's identity claims.

use std::sync::Arc;

use resource_server::Caller;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::model::{CallToolResult, Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use serde_json::{Map, Value};

use crate::McpService;
use crate::tools::{ObserveTools, observed};

/// The claims that identify a caller, as far as the token or userinfo holds them.
const IDENTITY: [&str; 11] = [
    "sub",
    "username",
    "preferred_username",
    "name",
    "email",
    "email_verified",
    "picture",
    "roles",
    "iss",
    "client_id",
    "scope",
];

/// The MCP server.
#[derive(Clone, Debug)]
pub struct Whoami {
    tools: Arc<ToolRouter<Self>>,
}

/// The server at `url`, its public address. It has to stand behind a guard. Executions are told to
/// `observer`.
pub fn service(url: &str, observer: Option<Arc<dyn ObserveTools>>) -> McpService<Whoami> {
    crate::stateless::serve(
        Whoami {
            tools: observed(Whoami::tool_router(), observer),
        },
        url,
    )
}

#[tool_router]
impl Whoami {
    /// Returns what the caller's token says about who they are.
    #[tool(
        name = "whoami",
        description = "Returns the identity claims of the caller",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn whoami(&self, caller: Caller) -> CallToolResult {
        let claims = caller.claims();
        let known = |name: &&str| Some(((*name).to_owned(), claims.get(*name)?.clone()));
        let identity: Map<String, Value> = IDENTITY.iter().filter_map(known).collect();
        CallToolResult::structured(identity.into())
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Whoami {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(
                "sumun-whoami",
                env!("CARGO_PKG_VERSION"),
            ))
            .with_instructions("Call `whoami` to learn who you are to this server.")
    }
}
