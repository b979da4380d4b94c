//! The todo manager: what a caller may do follows from scopes, roles and ownership.

mod todos;

use std::sync::Arc;

use resource_server::Caller;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ErrorData, ServerHandler, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use store::StoreError;

use crate::McpService;
use crate::tools::{ObserveTools, observed, refused};

pub use todos::{Todo, Todos};

/// The scope without which nobody creates a todo.
pub const CREATE: &str = "create:todos";
/// The scope with which a caller sees everybody's todos.
pub const READ: &str = "read:todos";
/// The scope with which a caller deletes anybody's todos.
pub const DELETE: &str = "delete:todos";

/// The tools that need a scope to be called at all; the others go by ownership.
pub const TOOL_SCOPES: [(&str, &str); 1] = [("create-todo", CREATE)];

/// The MCP server.
#[derive(Clone, Debug)]
pub struct TodoManager {
    todos: Arc<Todos>,
    tools: Arc<ToolRouter<Self>>,
}

/// The server at `url`, its public address. It has to stand behind a guard. Executions are told to
/// `observer`.
pub fn service(
    url: &str,
    todos: Todos,
    observer: Option<Arc<dyn ObserveTools>>,
) -> McpService<TodoManager> {
    let tools = observed(TodoManager::tool_router(), observer);
    crate::stateless::serve(
        TodoManager {
            todos: Arc::new(todos),
            tools,
        },
        url,
    )
}

/// Arguments of `create-todo`.
#[derive(Debug, Deserialize, JsonSchema)]
struct CreateTodo {
    /// What is to be done; 1 to 2,000 characters.
    #[schemars(length(min = 1, max = 2000))]
    content: String,
}

/// Arguments of `delete-todo`.
#[derive(Debug, Deserialize, JsonSchema)]
struct DeleteTodo {
    /// The id of the todo, 8 lower-case letters and digits.
    id: String,
}

#[tool_router]
impl TodoManager {
    /// The guard in front asks for the scope, so that a client can step up.
    #[tool(
        name = "create-todo",
        description = "Creates a todo that belongs to the caller",
        annotations(destructive_hint = false, open_world_hint = false)
    )]
    async fn create(
        &self,
        caller: Caller,
        Parameters(CreateTodo { content }): Parameters<CreateTodo>,
    ) -> Result<CallToolResult, ErrorData> {
        if content.trim().is_empty() || content.chars().count() > 2000 {
            return Ok(refused("a todo has 1 to 2,000 characters"));
        }
        let todo = self
            .todos
            .create(caller.subject(), content)
            .await
            .map_err(broken)?;
        Ok(CallToolResult::structured(json!(todo)))
    }

    /// Without `read:todos` a caller sees only their own.
    #[tool(
        name = "get-todos",
        description = "Lists the caller's todos, or everybody's with the scope read:todos",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn list(&self, caller: Caller) -> Result<CallToolResult, ErrorData> {
        let owner = (!caller.scopes().contains(READ)).then(|| caller.subject());
        let todos = self.todos.list(owner).await.map_err(broken)?;
        Ok(CallToolResult::structured(json!({ "todos": todos })))
    }

    /// Without `delete:todos` a caller deletes only their own; somebody else's is answered like one
    /// that does not exist, so that ids cannot be tried out.
    #[tool(
        name = "delete-todo",
        description = "Deletes one of the caller's todos, or anybody's with the scope delete:todos",
        annotations(
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn delete(
        &self,
        caller: Caller,
        Parameters(DeleteTodo { id }): Parameters<DeleteTodo>,
    ) -> Result<CallToolResult, ErrorData> {
        let owner = (!caller.scopes().contains(DELETE)).then(|| caller.subject());
        let deleted = self.todos.delete(&id, owner).await.map_err(broken)?;
        Ok(match deleted {
            Some(todo) => CallToolResult::structured(json!({ "deleted": todo })),
            None => refused("there is no such todo"),
        })
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for TodoManager {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("sumun-todo", env!("CARGO_PKG_VERSION")))
            .with_instructions("Create, list and delete todos, as far as your scopes allow.")
    }
}

/// The store failed: the caller learns only that, the log learns why.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn broken(error: StoreError) -> ErrorData {
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "the todos cannot be reached"
    );
    ErrorData::internal_error("the todos cannot be reached; try again later", None)
}
