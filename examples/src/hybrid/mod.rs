//! The hybrid demo: five tools that call one API with three auth types, as nobody, as the service and
//! as the person.
//!
//! | tool | auth type | what it asks the API for |
//! |---|---|---|
//! | `get-current-time` | `none` | nothing: the clock is here |
//! | `query-recent-errors` | `service-account` | `GET /system/errors` |
//! | `get-user-profile` | `user-token` | `GET /user/profile` |
//! | `update-user-settings` | `user-token` | `PUT /user/settings` |
//! | `get-user-activity-log` | `user-token` | `GET /user/activity` |

mod arguments;
mod current_time;

use std::sync::Arc;

use delegation::{ApiClient, ApiError, AuthType, Calls};
use oauth::time::Clock;
use resource_server::Caller;
use resource_server::mcp::AskByUrl;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolResponse, CallToolResult, ErrorData, Implementation, ServerCapabilities, ServerConfig,
};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use serde_json::{Value, json};

use crate::connecting::Connecting;
use crate::sessions::SessionService;
use crate::tools::{ObserveTools, observed, refused};
use arguments::{ActivityLog, CurrentTime, RecentErrors, UserSettings};

/// The scope without which nobody acts as a person at the API.
pub const ACT: &str = "api:act";

/// The tools that need it.
pub const TOOL_SCOPES: [(&str, &str); 3] = [
    ("get-user-profile", ACT),
    ("update-user-settings", ACT),
    ("get-user-activity-log", ACT),
];

/// What the server works with.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The API, with the tokens of people and the account of the service.
    pub api: ApiClient,
    /// Where people connect their accounts.
    pub connecting: Connecting,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who counts.
    pub observer: Option<Arc<dyn ObserveTools>>,
    /// For development alone: calls carry no credential at all, and nobody has to connect anything.
    pub skip_authentication: bool,
}

/// The MCP server.
#[derive(Clone, Debug)]
pub struct Hybrid {
    parts: Arc<Parts>,
    tools: Arc<ToolRouter<Self>>,
}

/// The server at `url`, its public address. It has to stand behind a guard.
pub fn service(url: &str, parts: Parts) -> SessionService<Hybrid> {
    let tools = observed(Hybrid::tool_router(), parts.observer.clone());
    let parts = Arc::new(parts);
    crate::sessions::serve(Hybrid { parts, tools }, url)
}

impl Hybrid {
    /// Whose credential the calls of a tool carry.
    fn auth_type(&self, auth_type: AuthType) -> AuthType {
        if self.parts.skip_authentication {
            AuthType::None
        } else {
            auth_type
        }
    }

    /// The calls of a tool of the person's. The subject is that of the verified caller; no argument can
    /// name another one.
    fn as_person<'a>(&'a self, caller: &'a Caller) -> Result<Calls<'a>, ApiError> {
        let auth_type = self.auth_type(AuthType::UserToken);
        self.parts.api.calls(auth_type, Some(caller.subject()))
    }

    /// What a tool of the person's answers; it asks them to connect their account if need be.
    async fn answer(
        &self,
        caller: &Caller,
        ask: AskByUrl,
        work: impl Future<Output = Result<Value, ApiError>>,
    ) -> Result<CallToolResponse, ErrorData> {
        let explain = |error: &ApiError| error.to_string();
        let connecting = &self.parts.connecting;
        connecting.answer(caller, ask, work, explain).await
    }
}

#[tool_router]
impl Hybrid {
    /// Asks nobody.
    #[tool(
        name = "get-current-time",
        description = "Returns the current time in a time zone, as ISO 8601, or as people in Korea or \
                       the US write it",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn current_time(&self, Parameters(arguments): Parameters<CurrentTime>) -> CallToolResult {
        match current_time::tell(
            self.parts.clock.now(),
            arguments.format,
            &arguments.timezone,
        ) {
            Ok(told) => CallToolResult::structured(told),
            Err(message) => refused(message),
        }
    }

    /// With the credential of the service, the same for every caller.
    #[tool(
        name = "query-recent-errors",
        description = "Lists recent errors of the system, the newest first",
        annotations(read_only_hint = true)
    )]
    async fn recent_errors(
        &self,
        Parameters(arguments): Parameters<RecentErrors>,
    ) -> CallToolResult {
        if let Err(message) = arguments.check() {
            return refused(message);
        }
        let RecentErrors { hours, limit } = arguments;
        let query = [("hours", hours.to_string()), ("limit", limit.to_string())];
        let query = query
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let calls = self
            .parts
            .api
            .calls(self.auth_type(AuthType::ServiceAccount), None);
        let found: Result<Value, ApiError> = match calls {
            Ok(calls) => calls.get("/system/errors", &query).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(found) => CallToolResult::structured(found),
            Err(error) => refused(error.to_string()),
        }
    }

    /// With the token of the person who called.
    #[tool(
        name = "get-user-profile",
        description = "Returns the caller's profile at the API; asks to connect the account first",
        annotations(read_only_hint = true)
    )]
    async fn profile(&self, caller: Caller, ask: AskByUrl) -> Result<CallToolResponse, ErrorData> {
        let calls = self.as_person(&caller);
        let work = async { calls?.get("/user/profile", &[]).await };
        self.answer(&caller, ask, work).await
    }

    /// With the token of the person who called.
    #[tool(
        name = "update-user-settings",
        description = "Changes settings of the caller at the API; what is not named stays as it is",
        annotations(destructive_hint = false, idempotent_hint = true)
    )]
    async fn update_settings(
        &self,
        caller: Caller,
        ask: AskByUrl,
        Parameters(arguments): Parameters<UserSettings>,
    ) -> Result<CallToolResponse, ErrorData> {
        if let Err(message) = arguments.check() {
            return Ok(refused(message).into());
        }
        let body = json!({"settings": arguments.settings});
        let calls = self.as_person(&caller);
        let work = async { calls?.put("/user/settings", &body).await };
        self.answer(&caller, ask, work).await
    }

    /// With the token of the person who called.
    #[tool(
        name = "get-user-activity-log",
        description = "Lists what the caller has done at the API between two days",
        annotations(read_only_hint = true)
    )]
    async fn activity_log(
        &self,
        caller: Caller,
        ask: AskByUrl,
        Parameters(arguments): Parameters<ActivityLog>,
    ) -> Result<CallToolResponse, ErrorData> {
        let query = match arguments.query() {
            Ok(query) => query,
            Err(message) => return Ok(refused(message).into()),
        };
        let query = query
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let calls = self.as_person(&caller);
        let work = async { calls?.get("/user/activity", &query).await };
        self.answer(&caller, ask, work).await
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Hybrid {
    fn get_info(&self) -> ServerConfig {
        let instructions = "Some tools work with the caller's own account at the API. When one says \
                            that the account is not connected, give the link to the person and call \
                            again when they are done.";
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(
                "sumun-hybrid",
                env!("CARGO_PKG_VERSION"),
            ))
            .with_instructions(instructions)
    }
}
