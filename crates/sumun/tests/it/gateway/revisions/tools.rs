//! What servers of every revision do when they are asked, each in the words of its own.

use serde_json::{Value, json};

use super::rule::is_of_sessions;
use super::server::Seen;
use super::stage::{Said, Stage};

/// What a tool returns, with members that nobody knows and numbers in spellings that must not change.
pub(super) const ODD: &str = r#""x-first":{"b":1.0,"a":1e2},"content":[{"type":"text","text":"odd","n":12345678901234567890,"s":"\u00e9\/"}],"structuredContent":{"z":1.10,"a":[ ]}"#;
/// What is called with them: arguments in such spellings.
pub(super) const ODD_ARGUMENTS: &str =
    r#"{"z":1.10,"region":"west","a":1E+2, "big":12345678901234567890,"s":"\u00e9\/","o":{ }}"#;
/// An error with members that nobody knows.
pub(super) const REFUSAL: &str =
    r#"{"code":4711,"message":"not today","data":{"n":1.50},"x-vendor":{"b":1,"a":2}}"#;
/// What a failing tool returns.
pub(super) const FAILED: &str =
    r#""content":[{"type":"text","text":"it did not work"}],"isError":true,"x-more":1.50"#;
/// The resource that is there.
pub(super) const NOTE: &str = r#""contents":[{"uri":"note:1","text":"a note","n":1.50}]"#;
/// The prompt.
pub(super) const GREETING: &str =
    r#""messages":[{"role":"user","content":{"type":"text","text":"hello","n":1.50}}]"#;
/// What completes an argument.
pub(super) const COMPLETED: &str = r#""completion":{"values":["Kim"],"x-more":1.50}"#;
/// The address that has to be opened.
pub(super) const ADDRESS: &str = "https://example.com/connect";

const TOOLS: [&str; 15] = [
    "odd", "fail", "refuse", "progress", "log", "form", "url", "address", "sampling", "roots",
    "touch", "change", "wait", "ping", "slow",
];

/// Answers a request.
pub(super) async fn perform(stage: &Stage, seen: &Seen) -> Said {
    if seen.rpc() != "tools/call" {
        return at_once(stage, seen);
    }
    match seen.param("name") {
        "progress" => {
            let token = &stage.params["_meta"]["progressToken"];
            if token.is_null() {
                return stage.says("nobody wants progress");
            }
            for progress in [1, 2] {
                let params = json!({"progressToken": token, "progress": progress, "total": 2});
                stage.notify("notifications/progress", &params);
            }
            stage.says("done")
        }
        "log" => {
            if stage.level().as_deref() == Some("info") {
                let params = json!({"level": "info", "logger": "fake", "data": "a line"});
                stage.notify("notifications/message", &params);
            }
            stage.says("done")
        }
        "form" => {
            let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}});
            let params = json!({"message": "Who?", "requestedSchema": schema});
            stage.echo("elicitation/create", params).await
        }
        "url" => {
            let params = json!({
                "mode": "url", "message": "Open it.", "url": ADDRESS, "elicitationId": "e1",
            });
            stage.echo("elicitation/create", params).await
        }
        "sampling" => {
            let content = json!({"type": "text", "text": "2 + 2?"});
            let messages = json!([{"role": "user", "content": content}]);
            let params = json!({"messages": messages, "maxTokens": 9});
            stage.echo("sampling/createMessage", params).await
        }
        "roots" => stage.echo("roots/list", json!({})).await,
        "ping" => stage.echo("ping", json!({})).await,
        "address" => address(stage),
        "touch" => {
            let params = json!({"uri": "note:1"});
            stage.tell("notifications/resources/updated", &params);
            stage.says("touched")
        }
        "change" => {
            for list in ["tools", "prompts", "resources"] {
                stage.tell(&format!("notifications/{list}/list_changed"), &json!({}));
            }
            stage.says("changed")
        }
        "wait" => {
            let session = stage.session.as_deref().unwrap_or_default();
            let client = stage.params["arguments"]["client"].as_str();
            stage
                .world
                .waits(session, &stage.id, client.unwrap_or_default());
            std::future::pending().await
        }
        "slow" => task(stage),
        _ => at_once(stage, seen),
    }
}

/// Answers a request to which nothing comes before the answer.
pub(super) fn at_once(stage: &Stage, seen: &Seen) -> Said {
    match (seen.rpc(), seen.param("name")) {
        ("tools/list", _) => {
            let mut region = json!({"type": "string"});
            if !is_of_sessions(stage.world.revision) {
                region["x-mcp-header"] = "Region".into();
            }
            let schema = json!({"type": "object", "properties": {"region": region}});
            let tools = TOOLS
                .map(|name| json!({"name": name, "description": "A tool.", "inputSchema": schema}));
            let tools = Value::from(tools.to_vec());
            stage.result(&format!(r#""tools":{tools},"x-more":1.50"#))
        }
        ("tools/call", "odd") => {
            let is_exact = seen.text.contains(ODD_ARGUMENTS);
            stage
                .world
                .check(is_exact, "the arguments have changed", seen);
            stage.result(ODD)
        }
        ("tools/call", "fail") => stage.result(FAILED),
        ("tools/call", "refuse") => Said::Error(REFUSAL.to_owned()),
        ("resources/list", _) => stage.result(r#""resources":[]"#),
        ("resources/templates/list", _) => stage.result(r#""resourceTemplates":[]"#),
        ("resources/read", _) if seen.param("uri") == "note:1" => stage.result(NOTE),
        ("resources/read", _) => {
            let code = if is_of_sessions(stage.world.revision) {
                -32002
            } else {
                -32602
            };
            let uri = seen.param("uri");
            let error = json!({"code": code, "message": "no such note", "data": {"uri": uri}});
            Said::Error(error.to_string())
        }
        ("prompts/list", _) => stage.result(r#""prompts":[{"name":"greet"}]"#),
        ("prompts/get", _) => stage.result(GREETING),
        ("completion/complete", _) => stage.result(COMPLETED),
        ("ping", _) => Said::Result("{}".to_owned()),
        ("tasks/get", _) => stage.result(&format!(r#"{},"x-more":1.50"#, task_members())),
        _ => Said::Error(json!({"code": -32601, "message": "no such method"}).to_string()),
    }
}

/// 2025-11-25: refused until the address was opened, which here is when it was named.
fn address(stage: &Stage) -> Said {
    let client = stage.params["arguments"]["client"].to_string();
    if !stage.world.opened.lock().unwrap().insert(client) {
        return stage.says("opened");
    }
    let elicitation = json!({
        "mode": "url", "message": "Open it.", "url": ADDRESS, "elicitationId": "e1",
    });
    let data = json!({"elicitations": [elicitation]});
    let message = "this needs an address to be opened first";
    Said::Error(json!({"code": -32042, "message": message, "data": data}).to_string())
}

/// The members of a task.
fn task_members() -> &'static str {
    r#""taskId":"t1","status":"working","createdAt":"2026-01-01T00:00:00Z","lastUpdatedAt":"2026-01-01T00:00:00Z","ttl":60000"#
}

/// A call that becomes a task: in a session when the client asks for it, else if it understands tasks.
fn task(stage: &Stage) -> Said {
    let members = task_members();
    if stage.session.is_some() {
        if stage.params["task"].is_null() {
            return stage.says("no task");
        }
        return Said::Result(format!(r#"{{"task":{{{members}}}}}"#));
    }
    let capabilities = &stage.params["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    if capabilities["extensions"]["io.modelcontextprotocol/tasks"].is_null() {
        return stage.says("no task");
    }
    Said::Result(format!(r#"{{"resultType":"task",{members}}}"#))
}
