//! The settings of MCP clients, as each of them writes them.

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// A server as a client's settings describe it.
#[derive(Debug)]
pub(super) struct ClientServer {
    pub(super) name: String,
    pub(super) command: Option<String>,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) directory: Option<String>,
    pub(super) url: Option<String>,
    /// What the client says about the way to the server (`type`).
    pub(super) transport: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) disabled: bool,
    /// Keys that mean nothing here.
    pub(super) ignored: Vec<String>,
}

/// Keys of clients about their own behaviour, which nobody misses.
const OF_CLIENTS: [&str; 8] = [
    "alwaysAllow",
    "autoApprove",
    "autoStart",
    "description",
    "disabledTools",
    "gallery",
    "timeout",
    "version",
];

/// Reads `mcpServers` (Claude, Cursor, Windsurf) or `servers` (VS Code), in whatever order.
pub(super) fn read(text: &str) -> anyhow::Result<Vec<ClientServer>> {
    let root: Value = serde_json::from_str(&without_comments(text)).context("it is no JSON")?;
    let nested = root.get("mcp").and_then(|mcp| mcp.get("servers"));
    let servers = root.get("mcpServers").or(root.get("servers")).or(nested);
    let Some(Value::Object(servers)) = servers else {
        bail!("it has no `mcpServers` and no `servers`: is it the settings of an MCP client?");
    };
    servers
        .iter()
        .map(|(name, server)| {
            let Value::Object(server) = server else {
                bail!("`{name}` is no object");
            };
            one(name, server).with_context(|| format!("`{name}`"))
        })
        .collect()
}

fn one(name: &str, server: &Map<String, Value>) -> anyhow::Result<ClientServer> {
    let text = |key: &str| server.get(key).and_then(Value::as_str).map(str::to_owned);
    let pairs = |key: &str| -> anyhow::Result<Vec<(String, String)>> {
        let Some(value) = server.get(key).filter(|value| !value.is_null()) else {
            return Ok(Vec::new());
        };
        let map = value
            .as_object()
            .with_context(|| format!("`{key}` is no object"))?;
        map.iter()
            .map(|(name, value)| {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Number(_) | Value::Bool(_) => value.to_string(),
                    _ => bail!("`{key}.{name}` is no text"),
                };
                Ok((name.clone(), text))
            })
            .collect()
    };
    let args = match server.get("args") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(args)) => args
            .iter()
            .map(|arg| {
                arg.as_str()
                    .map(str::to_owned)
                    .context("an argument is no text")
            })
            .collect::<Result<_, _>>()?,
        Some(_) => bail!("`args` is no list"),
    };
    let known = [
        "command",
        "args",
        "env",
        "cwd",
        "url",
        "serverUrl",
        "httpUrl",
        "type",
        "transport",
        "headers",
        "disabled",
        "enabled",
    ];
    let is_known = |key: &str| known.contains(&key) || OF_CLIENTS.contains(&key);
    Ok(ClientServer {
        name: name.to_owned(),
        command: text("command"),
        args,
        env: pairs("env")?,
        directory: text("cwd"),
        url: text("url").or(text("serverUrl")).or(text("httpUrl")),
        transport: text("type").or(text("transport")),
        headers: pairs("headers")?,
        disabled: server.get("disabled") == Some(&Value::Bool(true))
            || server.get("enabled") == Some(&Value::Bool(false)),
        ignored: server
            .keys()
            .filter(|key| !is_known(key))
            .cloned()
            .collect(),
    })
}

/// Editors allow comments, and commas behind the last element.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('"', _) => {
                plain.push('"');
                while let Some(inside) = letters.next() {
                    plain.push(inside);
                    match inside {
                        '\\' => plain.extend(letters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            ('/', Some('/')) => while letters.next_if(|letter| *letter != '\n').is_some() {},
            ('/', Some('*')) => {
                letters.next();
                let mut before = ' ';
                for inside in letters.by_ref() {
                    if before == '*' && inside == '/' {
                        break;
                    }
                    before = inside;
                }
            }
            (']' | '}', _) => {
                let end = plain.trim_end().len();
                if plain[..end].ends_with(',') {
                    plain.truncate(end - 1);
                }
                plain.push(letter);
            }
            _ => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_last_commas_are_no_matter() {
        let text = "{ // a\n \"a,]\": [1, /* , ] */ 2, ], \"b\": \"//\\\" /*\", }";
        assert_eq!(
            without_comments(text),
            "{ \n \"a,]\": [1,  2], \"b\": \"//\\\" /*\"}"
        );
    }
}
