//! Trying what a server says and asks on its own, and what is said outside of requests.

use std::time::Duration;

use axum::http::Method;
use gateway::Revision::{V2024_11_05, V2025_11_25};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::client::Client;
use super::rule::{Ability, Outcome, is_of_sessions};
use super::server::Server;
use super::tools::ADDRESS;
use super::trials::{Tried, said, works};

/// What the gateway says to a server, or to a client, when a client cannot be asked.
const CANNOT_BE_ASKED: [&str; 2] = ["does not understand", "does not support"];

/// Tries an ability.
pub(super) async fn attempt(ability: Ability, client: &mut Client, server: &Server) -> Tried {
    match ability {
        Ability::Progress => progress(client).await,
        Ability::Log => log(client).await,
        Ability::Form => asked(client, "form", "Kim").await,
        Ability::Url => asked(client, "url", "accept").await,
        Ability::Sampling => asked(client, "sampling", "four").await,
        Ability::Roots => asked(client, "roots", "file:///work").await,
        Ability::Address => address(client).await,
        Ability::ServerPing => {
            let came = client.call("ping").await;
            works(came.text.contains(r#"\"result\":{}"#), &came)
        }
        Ability::RootsChanged => roots_changed(client, server).await,
        Ability::Subscription => subscription(client).await,
        Ability::ListChanged => {
            let wanted = json!({
                "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
            });
            listen(client, &wanted).await;
            let lists = ["tools", "prompts", "resources"];
            let news = lists.map(|list| format!("notifications/{list}/list_changed"));
            heard(client, "change", &news).await
        }
        Ability::Cancel => cancel(client, server).await,
        other => Err(format!("nobody knows how to try {other:?}")),
    }
}

/// All of it comes, in turn and under the client's own token.
async fn progress(client: &mut Client) -> Tried {
    const METHOD: &str = "notifications/progress";
    client.wants_progress = true;
    let came = client.call("progress").await;
    client.wants_progress = false;
    let news = if client.revision == V2024_11_05 {
        vec![client.news(METHOD).await, client.news(METHOD).await]
    } else {
        let news = came.news.iter().filter(|news| news["method"] == METHOD);
        news.cloned().collect()
    };
    let token = format!("p{}", came.answer["id"]);
    let expected = [1, 2].map(|done| json!({"progressToken": token, "progress": done, "total": 2}));
    let is_all = news.iter().map(|news| &news["params"]).eq(&expected);
    works(is_all && came.result().is_ok(), &came)
}

/// In a session the level is set, since then it is named with the request.
async fn log(client: &mut Client) -> Tried {
    if is_of_sessions(client.revision) {
        let came = client.ask("logging/setLevel", r#"{"level":"info"}"#).await;
        works(came.answer["result"] == json!({}), &came)?;
    }
    client.level = Some("info");
    let came = client.call("log").await;
    client.level = None;
    let news = client.news_of(&came, "notifications/message").await;
    let is_it = news.is_some_and(|news| news["params"]["data"] == "a line");
    works(is_it && came.result().is_ok(), &came)
}

/// The server asks; what the client answers comes back in the result.
async fn asked(client: &mut Client, tool: &str, answer: &str) -> Tried {
    let came = client.call(tool).await;
    if came.asked.is_empty() {
        return said(&came.text, &CANNOT_BE_ASKED);
    }
    let is_answered = came.text.contains(answer) && came.result().is_ok();
    works(came.asked.len() == 1 && is_answered, &came)
}

/// In a session it is an error, and the client calls again; in 2026-07-28 it is asked, and does so too.
async fn address(client: &mut Client) -> Tried {
    let came = client.call("address").await;
    if !is_of_sessions(client.revision) {
        let is_asked = came.asked.len() == 1 && came.asked[0]["params"]["url"] == ADDRESS;
        return works(is_asked && came.text.contains("opened"), &came);
    }
    let error = &came.answer["error"];
    if client.revision < V2025_11_25 {
        return said(&came.text, &["address to be opened first"]);
    }
    let is_named = error["data"]["elicitations"][0]["url"] == ADDRESS;
    works(error["code"] == -32042 && is_named, &came)?;
    let came = client.call("address").await;
    works(came.text.contains("opened"), &came)
}

async fn roots_changed(client: &mut Client, server: &Server) -> Tried {
    let before = server.times("roots have changed");
    let note = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed","params":{}}"#;
    if is_of_sessions(client.revision) {
        client.tell(note).await;
        server.until_times("roots have changed", before + 1).await;
        return Ok(Outcome::Works);
    }
    let opened = client.open(Method::POST, note).await;
    let text = opened.text().await;
    said(&text, &["does not exist in 2026-07-28"])
}

/// Begins to hear what is said outside of requests.
async fn listen(client: &mut Client, wanted: &Value) {
    if client.revision == V2024_11_05 {
        return;
    }
    if is_of_sessions(client.revision) {
        if client.ear.is_none() {
            client.ear = Some(client.open(Method::GET, "").await);
        }
        return;
    }
    let params = json!({"notifications": wanted}).to_string();
    let (_, message) = client.request("subscriptions/listen", &params);
    client.ear = Some(client.open(Method::POST, &message).await);
    let acknowledged = client
        .news("notifications/subscriptions/acknowledged")
        .await;
    let heard = &acknowledged["params"]["notifications"];
    assert_eq!(heard, wanted, "{acknowledged}");
}

async fn subscription(client: &mut Client) -> Tried {
    listen(client, &json!({"resourceSubscriptions": ["note:1"]})).await;
    if is_of_sessions(client.revision) {
        let subscribed = client
            .ask("resources/subscribe", r#"{"uri":"note:1"}"#)
            .await;
        works(subscribed.answer["result"] == json!({}), &subscribed)?;
    }
    let news = ["notifications/resources/updated".to_owned()];
    heard(client, "touch", &news).await
}

/// Makes something change until all of these news are heard. Nothing says when a server begins to listen.
async fn heard(client: &mut Client, tool: &str, news: &[String]) -> Tried {
    for _ in 0..20 {
        let came = client.call(tool).await;
        works(came.result().is_ok(), &came)?;
        let hear = async {
            let mut all = Vec::new();
            for method in news {
                all.push(client.news(method).await);
            }
            all
        };
        let Ok(all) = timeout(Duration::from_millis(250), hear).await else {
            continue;
        };
        let is_it = |news: &Value| tool != "touch" || news["params"]["uri"] == "note:1";
        return works(all.iter().all(is_it), &came);
    }
    Err(format!("nobody hears of {news:?}"))
}

/// The server learns that a call is not waited for any more.
async fn cancel(client: &mut Client, server: &Server) -> Tried {
    let name = client.revision;
    let params = format!(r#"{{"name":"wait","arguments":{{"client":"{name}"}}}}"#);
    let (id, call) = client.request("tools/call", &params);
    let mut waiting = JoinSet::new();
    if client.revision == V2024_11_05 {
        client.tell(&call).await;
    } else {
        let posting = client.posting(&call);
        waiting.spawn(async move { drop(posting.await) });
    }
    server.until(&format!("waits: {name}")).await;
    if is_of_sessions(client.revision) {
        let params = json!({"requestId": id, "reason": "enough"});
        let note = json!({
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params,
        });
        client.tell(&note.to_string()).await;
    } else {
        // It hangs up.
        waiting.shutdown().await;
    }
    server.until(&format!("cancelled: {name}")).await;
    Ok(Outcome::Works)
}
