//! Trying what a client asks for: lists, calls, errors, resources, prompts, batches, tasks.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::{Came, Client};
use super::live;
use super::rule::{Ability, Outcome, is_of_sessions};
use super::server::Server;
use super::tools::{COMPLETED, FAILED, GREETING, NOTE, ODD, ODD_ARGUMENTS, REFUSAL};

/// What came of it, or what is wrong with it.
pub(super) type Tried = Result<Outcome, String>;

/// It works if all is as it should be.
pub(super) fn works(is_well: bool, came: &Came) -> Tried {
    if is_well {
        Ok(Outcome::Works)
    } else {
        Err(format!("{came:?}"))
    }
}

/// It does not work, which must be said by one of these words.
pub(super) fn said(text: &str, words: &[&str]) -> Tried {
    if words.iter().any(|word| text.contains(word)) {
        Ok(Outcome::Said)
    } else {
        Err(format!("nothing says why: {text}"))
    }
}

/// Tries an ability.
pub(super) async fn attempt(ability: Ability, client: &mut Client, server: &Server) -> Tried {
    match ability {
        Ability::ListTools => list_tools(client).await,
        Ability::CallTool => {
            let params = format!(r#"{{"name":"odd","arguments":{ODD_ARGUMENTS}}}"#);
            whole(client, "tools/call", &params, ODD).await
        }
        Ability::ToolError => {
            let came = client.call("fail").await;
            works(came.text.contains(FAILED), &came)
        }
        Ability::RpcError => {
            let came = client.call("refuse").await;
            works(came.text.contains(&format!(r#""error":{REFUSAL}"#)), &came)
        }
        Ability::ReadResource => whole(client, "resources/read", r#"{"uri":"note:1"}"#, NOTE).await,
        Ability::NoResource => no_resource(client).await,
        Ability::Prompt => whole(client, "prompts/get", r#"{"name":"greet"}"#, GREETING).await,
        Ability::Completion => {
            let params = r#"{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"who","value":"K"}}"#;
            whole(client, "completion/complete", params, COMPLETED).await
        }
        Ability::Ping => {
            let came = client.ask("ping", "{}").await;
            if is_of_sessions(client.revision) {
                return works(came.answer["result"] == json!({}), &came);
            }
            said(&came.text, &["does not exist in 2026-07-28"])
        }
        Ability::Batch => batch(client).await,
        Ability::Tasks => tasks(client).await,
        _ => live::attempt(ability, client, server).await,
    }
}

/// A request whose result is all there, as the server wrote it.
async fn whole(client: &mut Client, method: &str, params: &str, members: &str) -> Tried {
    let came = client.ask(method, params).await;
    let is_whole = members_of(members).all(|member| came.text.contains(&member));
    works(came.result().is_ok() && is_whole, &came)
}

/// Members as they are written; their order is not looked at.
fn members_of(members: &str) -> impl Iterator<Item = String> {
    let object: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(&format!("{{{members}}}")).unwrap();
    object
        .into_iter()
        .map(|(name, value)| format!(r#""{name}":{}"#, value.get()))
}

async fn list_tools(client: &mut Client) -> Tried {
    let came = client.ask("tools/list", "{}").await;
    let tools = came.result()?["tools"].as_array();
    let mut names = tools.into_iter().flatten().map(|tool| &tool["name"]);
    let is_there = names.any(|name| name == "odd");
    client.mirrors_region = came.text.contains("x-mcp-header");
    works(is_there && came.text.contains(r#""x-more":1.50"#), &came)
}

/// The code is that of the client's revision.
async fn no_resource(client: &mut Client) -> Tried {
    let came = client.ask("resources/read", r#"{"uri":"note:2"}"#).await;
    let error = &came.answer["error"];
    let code = if is_of_sessions(client.revision) {
        -32002
    } else {
        -32602
    };
    let is_it = error["code"] == code && error["message"] == "no such note";
    works(is_it && error["data"]["uri"] == "note:2", &came)
}

async fn batch(client: &mut Client) -> Tried {
    let (first, one) = client.request("tools/call", r#"{"name":"change","arguments":{}}"#);
    let (second, two) = client.request("tools/call", r#"{"name":"fail","arguments":{}}"#);
    let note = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;
    let body = format!("[{one},{note},{two}]");
    let opened = client.open(Method::POST, &body).await;
    let (status, is_stream) = (opened.head.status, opened.is_stream());
    let text = opened.text().await;
    if status.is_client_error() {
        return said(&text, &["batches exist in revision 2025-03-26 only"]);
    }
    let answers: Vec<Value> = if is_stream {
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let data = data.filter(|data| !data.trim().is_empty());
        data.map(|data| serde_json::from_str(data).unwrap())
            .collect()
    } else {
        serde_json::from_str(&text).unwrap()
    };
    let has = |id: u64, is_error: bool| {
        let mut answers = answers.iter();
        answers.any(|answer| {
            answer["id"] == id
                && answer["result"]["isError"].as_bool().unwrap_or_default() == is_error
        })
    };
    if answers.len() == 2 && has(first, false) && has(second, true) {
        Ok(Outcome::Works)
    } else {
        Err(text)
    }
}

/// A call that becomes a task, and a look at the task.
async fn tasks(client: &mut Client) -> Tried {
    let is_old = is_of_sessions(client.revision);
    let offered = if is_old {
        &client.capabilities["tasks"]
    } else {
        &client.capabilities["extensions"]["io.modelcontextprotocol/tasks"]
    };
    let is_offered = !offered.is_null();
    if !is_offered {
        let came = client.ask("tasks/get", r#"{"taskId":"t1"}"#).await;
        return said(&came.text, &["means something else to this server"]);
    }
    let task = if is_old {
        r#","task":{"ttl":60000}"#
    } else {
        ""
    };
    let params = format!(r#"{{"name":"slow","arguments":{{}}{task}}}"#);
    let came = client.ask("tools/call", &params).await;
    let result = came.result()?;
    let created = if is_old { &result["task"] } else { result };
    if created["taskId"] != "t1" {
        return Err(came.text);
    }
    let came = client.ask("tasks/get", r#"{"taskId":"t1"}"#).await;
    let is_it = came.result()?["status"] == "working" && came.text.contains(r#""x-more":1.50"#);
    works(is_it, &came)
}
