//! `sumun export`: settings of MCP clients that reach what is served here.

use std::io::{Write as _, stdout};
use std::path::PathBuf;

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::settings::{self, Environment, ServerKind, Settings};

/// `sumun export`
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// For which client
    format: Format,
    /// An upstream or server; may be repeated [default: the endpoint that all upstreams have in common]
    #[arg(long = "name", value_name = "NAME", conflicts_with = "all")]
    names: Vec<String>,
    /// Every upstream and server by itself
    #[arg(long)]
    all: bool,
    /// The settings file
    #[arg(long, value_name = "FILE", default_value = "sumun.toml")]
    config: PathBuf,
}

/// The clients whose settings are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Cursor: `~/.cursor/mcp.json`
    Cursor,
    /// Claude Desktop: `claude_desktop_config.json`
    Claude,
    /// Claude Code: `.mcp.json`
    ClaudeCode,
    /// Visual Studio Code: `.vscode/mcp.json`
    Vscode,
    /// mcp-remote, for clients that only start programs
    McpRemote,
}

/// Something that a client can reach.
struct Target {
    name: String,
    url: String,
}

pub(super) fn run(options: &Export, environment: &Environment) -> anyhow::Result<()> {
    let settings = settings::load(&options.config, environment)?;
    let targets = chosen(&settings, &options.names, options.all)?;
    Ok(stdout()
        .lock()
        .write_all(written(options.format, &targets).as_bytes())?)
}

/// What can be reached, by name: the common endpoint, then upstreams, then servers of our own.
fn chosen(settings: &Settings, names: &[String], all: bool) -> anyhow::Result<Vec<Target>> {
    let gateway = settings.gateway.as_ref();
    let common = gateway
        .and_then(|gateway| gateway.common.as_ref())
        .map(|common| Target {
            name: "sumun".to_owned(),
            url: common.resource.as_str().to_owned(),
        });
    let upstreams = gateway
        .into_iter()
        .flat_map(|gateway| &gateway.upstreams)
        .map(|upstream| Target {
            name: upstream.settings.name.clone(),
            url: upstream.endpoint.resource.as_str().to_owned(),
        });
    // The greeting server speaks plain HTTP.
    let servers = settings
        .servers
        .iter()
        .filter(|server| server.kind != ServerKind::Hello);
    let servers = servers.map(|server| Target {
        name: server
            .path
            .trim_matches('/')
            .trim_end_matches("/mcp")
            .replace('/', "-"),
        url: server.resource.as_str().to_owned(),
    });
    let mut single: Vec<Target> = upstreams.chain(servers).collect();
    if names.is_empty() {
        return Ok(match common {
            Some(common) if !all => vec![common],
            _ => single,
        });
    }
    let mut chosen = Vec::new();
    for name in names {
        let Some(at) = single.iter().position(|target| target.name == *name) else {
            let known: Vec<_> = single.iter().map(|target| &*target.name).collect();
            bail!(
                "nothing here is called `{name}`: there are {}",
                known.join(", ")
            );
        };
        chosen.push(single.swap_remove(at));
    }
    Ok(chosen)
}

/// The settings, with a sentence about where they go.
fn written(format: Format, targets: &[Target]) -> String {
    let by_name = |config: &dyn Fn(&Target) -> Value| -> Map<String, Value> {
        targets
            .iter()
            .map(|target| (target.name.clone(), config(target)))
            .collect()
    };
    let lines = |line: &dyn Fn(&Target) -> String| -> String {
        let lines: Vec<_> = targets.iter().map(line).collect();
        lines.join("\n")
    };
    let plain = |target: &Target| json!({"url": target.url});
    let typed = |target: &Target| json!({"type": "http", "url": target.url});
    match format {
        Format::Cursor => sections(
            "Merge this into ~/.cursor/mcp.json:",
            &pretty(&json!({"mcpServers": by_name(&plain)})),
            "Or open:",
            &lines(&|target| {
                let config = encoded(&STANDARD.encode(plain(target).to_string()));
                let name = encoded(&target.name);
                format!(
                    "cursor://anysphere.cursor-deeplink/mcp/install?name={name}&config={config}"
                )
            }),
        ),
        Format::Vscode => sections(
            "Merge this into .vscode/mcp.json, or into mcp.json of your profile:",
            &pretty(&json!({"servers": by_name(&typed)})),
            "Or open:",
            &lines(&|target| {
                let config = json!({"name": target.name, "type": "http", "url": target.url});
                format!("vscode:mcp/install?{}", encoded(&config.to_string()))
            }),
        ),
        Format::ClaudeCode => sections(
            "Merge this into .mcp.json:",
            &pretty(&json!({"mcpServers": by_name(&typed)})),
            "Or run:",
            &lines(&|target| {
                format!(
                    "claude mcp add --transport http {} {}",
                    target.name, target.url
                )
            }),
        ),
        Format::Claude => sections(
            "Merge this into claude_desktop_config.json (Settings, Developer, Edit Config):",
            &pretty(&json!({"mcpServers": by_name(&|target| {
                json!({"command": "npx", "args": ["-y", "mcp-remote", target.url]})
            })})),
            "Or add as a custom connector (Settings, Connectors), if it can be reached from the internet:",
            &lines(&|target| target.url.clone()),
        ),
        Format::McpRemote => format!(
            "{}\n",
            lines(&|target| format!("npx -y mcp-remote {}", target.url))
        ),
    }
}

fn sections(first: &str, text: &str, second: &str, lines: &str) -> String {
    format!("{first}\n\n{text}\n\n{second}\n\n{lines}\n")
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON of strings can be written")
}

/// For use in an address. There are no spaces in what is encoded here.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets() -> [Target; 1] {
        [Target {
            name: "docs".to_owned(),
            url: "https://mcp.example.com/docs/mcp".to_owned(),
        }]
    }

    #[test]
    fn every_client_gets_what_it_understands() {
        let expected = r#"Merge this into ~/.cursor/mcp.json:

{
  "mcpServers": {
    "docs": {
      "url": "https://mcp.example.com/docs/mcp"
    }
  }
}

Or open:

cursor://anysphere.cursor-deeplink/mcp/install?name=docs&config=eyJ1cmwiOiJodHRwczovL21jcC5leGFtcGxlLmNvbS9kb2NzL21jcCJ9
"#;
        assert_eq!(written(Format::Cursor, &targets()), expected);

        let expected = r#"Merge this into .vscode/mcp.json, or into mcp.json of your profile:

{
  "servers": {
    "docs": {
      "type": "http",
      "url": "https://mcp.example.com/docs/mcp"
    }
  }
}

Or open:

vscode:mcp/install?%7B%22name%22%3A%22docs%22%2C%22type%22%3A%22http%22%2C%22url%22%3A%22https%3A%2F%2Fmcp.example.com%2Fdocs%2Fmcp%22%7D
"#;
        assert_eq!(written(Format::Vscode, &targets()), expected);

        let expected = r#"Merge this into .mcp.json:

{
  "mcpServers": {
    "docs": {
      "type": "http",
      "url": "https://mcp.example.com/docs/mcp"
    }
  }
}

Or run:

claude mcp add --transport http docs https://mcp.example.com/docs/mcp
"#;
        assert_eq!(written(Format::ClaudeCode, &targets()), expected);

        let claude = written(Format::Claude, &targets());
        let json = claude.split("\n\n").nth(1).unwrap();
        let json: Value = serde_json::from_str(json).unwrap();
        let args = json!(["-y", "mcp-remote", "https://mcp.example.com/docs/mcp"]);
        assert_eq!(
            json["mcpServers"]["docs"],
            json!({"command": "npx", "args": args})
        );
        assert_eq!(
            written(Format::McpRemote, &targets()),
            "npx -y mcp-remote https://mcp.example.com/docs/mcp\n"
        );
    }
}
