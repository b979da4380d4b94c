//! What a server of one revision may be sent.

use gateway::Revision;
use gateway::Revision::{V2025_06_18, V2025_11_25, V2026_07_28};

use super::server::{Seen, World};

/// The revision stands in a header since 2025-06-18.
pub(super) fn version(world: &World, seen: &Seen) {
    let version = seen.header("mcp-protocol-version");
    let expected = (world.revision >= V2025_06_18).then_some(world.revision.as_str());
    world.check(version == expected, "the revision in the header", seen);
}

/// What a message must not have in a revision with sessions.
pub(super) fn session(world: &World, seen: &Seen) {
    let mut headers = seen.headers.keys();
    let is_new =
        |name: &str| ["mcp-method", "mcp-name"].contains(&name) || name.starts_with("mcp-param-");
    let has_new = headers.any(|name| is_new(name.as_str()));
    world.check(!has_new, "headers of 2026-07-28", seen);
    world.check(seen.body.is_object(), "no single message", seen);
    let params = &seen.body["params"];
    let meta = params["_meta"].as_object();
    let is_reserved = |key: &String| key.starts_with("io.modelcontextprotocol/");
    let has_reserved = meta.is_some_and(|meta| meta.keys().any(is_reserved));
    world.check(!has_reserved, "`_meta` of 2026-07-28", seen);
    let has_answers = ["inputResponses", "requestState"]
        .iter()
        .any(|name| !params[name].is_null());
    world.check(!has_answers, "answers of 2026-07-28", seen);
    let method = seen.rpc();
    let is_answer = method.is_empty();
    world.check(
        is_answer || knows(world.revision, method),
        "a foreign method",
        seen,
    );
}

fn knows(revision: Revision, method: &str) -> bool {
    let tasks = ["tasks/get", "tasks/result", "tasks/list", "tasks/cancel"];
    let always = [
        "initialize",
        "ping",
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
        "prompts/list",
        "prompts/get",
        "completion/complete",
        "logging/setLevel",
        "notifications/initialized",
        "notifications/cancelled",
        "notifications/progress",
        "notifications/roots/list_changed",
    ];
    always.contains(&method) || (revision >= V2025_11_25 && tasks.contains(&method))
}

/// What every request has to say, and what none may.
pub(super) fn stateless(world: &World, seen: &Seen) {
    let (method, params) = (seen.rpc(), &seen.body["params"]);
    let revision = V2026_07_28.as_str();
    let is_revision = seen.header("mcp-protocol-version") == Some(revision);
    world.check(is_revision, "the revision in the header", seen);
    let is_method = seen.header("mcp-method") == Some(method);
    world.check(is_method, "the method in the header", seen);
    let name = match method {
        "tools/call" | "prompts/get" => Some(seen.param("name")),
        "resources/read" => Some(seen.param("uri")),
        "tasks/get" => Some(seen.param("taskId")),
        _ => None,
    };
    world.check(
        seen.header("mcp-name") == name,
        "the name in the header",
        seen,
    );
    let region = params["arguments"]["region"].as_str();
    let is_region = seen.header("mcp-param-region") == region;
    world.check(is_region, "the argument in the header", seen);
    let is_old = ["mcp-session-id", "last-event-id"]
        .iter()
        .any(|header| seen.header(header).is_some());
    world.check(!is_old, "headers of sessions", seen);
    world.check(!seen.body["id"].is_null(), "no request", seen);
    let meta = |key: &str| &params["_meta"][format!("io.modelcontextprotocol/{key}")];
    world.check(
        meta("protocolVersion") == revision,
        "the revision in `_meta`",
        seen,
    );
    let capabilities = meta("clientCapabilities");
    world.check(capabilities.is_object(), "capabilities in `_meta`", seen);
    world.check(
        meta("clientInfo")["name"].is_string(),
        "the client in `_meta`",
        seen,
    );
    let has_old =
        !capabilities["tasks"].is_null() || !capabilities["roots"]["listChanged"].is_null();
    world.check(!has_old, "capabilities of sessions", seen);
    let known = [
        "server/discover",
        "subscriptions/listen",
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "prompts/list",
        "prompts/get",
        "completion/complete",
        "tasks/get",
    ];
    world.check(known.contains(&method), "a foreign method", seen);
    world.check(
        method == "tools/call" || params["task"].is_null(),
        "a task of sessions",
        seen,
    );
}
