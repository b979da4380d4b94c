//! The gateway in the whole house, before servers that do as a test tells them: one file per story.

mod bad_upstreams;
mod children;
mod client;
mod doors;
mod everything_said;
mod faithful;
mod flawless;
mod late;
mod permitted;
mod personal_data;
mod pipe;
mod reload;
mod revisions;
mod sessions;
mod slow;
mod tasks;
mod upstream;

use std::sync::Arc;

use serde_json::Value;
use tempfile::tempdir;

use crate::house::{House, free_port};

/// Three callers, of which one may ask for scopes, and what there is to permit.
const SETTINGS: &str = r#"
[roles]
User = ["notes:read", "notes:write", "notes:delete"]

[scopes."notes:read"]
en = "Read notes"
ko = "메모 읽기"

[scopes."notes:write"]
en = "Write notes"
ko = "메모 쓰기"

[scopes."notes:delete"]
en = "Delete notes"
ko = "메모 삭제"

[[clients]]
client_id = "robot"
secret = "canary-client-secret"
auth_method = "client_secret_post"
grant_types = ["client_credentials"]

[[clients]]
client_id = "stranger"
secret = "canary-client-secret"
auth_method = "client_secret_post"
grant_types = ["client_credentials"]

[[clients]]
client_id = "keeper"
secret = "canary-client-secret"
auth_method = "client_secret_post"
grant_types = ["client_credentials"]
scope = ["notes:read", "notes:write", "notes:delete"]
"#;

/// Everybody may do everything.
const PERMITTED: &str = "[policy]\ndefault = \"permit\"\n";

/// A house with these sections besides, on a port and with data of its own.
async fn house(sections: &str) -> House {
    let directory = Arc::new(tempdir().unwrap());
    let settings = format!("{SETTINGS}{sections}");
    House::serve(&settings, &directory, free_port(), &[]).await
}

/// The section of an upstream at an address.
fn at(name: &str, url: &str) -> String {
    format!("[[upstreams]]\nname = \"{name}\"\nurl = \"{url}\"\n")
}

/// What the house has recorded about calls of this name, or about this kind of event.
fn recorded(house: &House, word: &str) -> Vec<Value> {
    let log = house.directory().path().join("data/audit/0000000001.jsonl");
    let log = std::fs::read_to_string(log).unwrap();
    let events = log
        .trim_end_matches('\0')
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_meant = |event: &Value| event["tool_name"] == word || event["event_type"] == word;
    events.filter(is_meant).collect()
}
