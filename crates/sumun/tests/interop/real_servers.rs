//! Servers as people install them, behind the gateway and before real clients.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::clients::Client;
use crate::driver::installed;
use crate::exemplar::Exemplar;
use crate::guarded::settings;
use crate::house::{House, free_port};
use crate::people::{ALICE, house_with_people};

const EVERYTHING: &str = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";
const THINKING: &str =
    "node_modules/@modelcontextprotocol/server-sequential-thinking/dist/index.js";
const CONTEXT7: &str = "node_modules/@upstash/context7-mcp/dist/index.js";
const NODE: &str = "node_modules/.bin/node";
pub(crate) const PYTHON: &str = ".venv/bin/python";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The section of a program that the drivers' runtimes run.
pub(crate) fn program(name: &str, runtime: &str, script: &str, argument: &str) -> String {
    let (runtime, script) = (installed(runtime), installed(script));
    let mut args = vec![text(&script)];
    if !argument.is_empty() {
        args.push(argument);
    }
    format!(
        "[[upstreams]]\nname = \"{name}\"\ncommand = \"{}\"\nargs = {args:?}\nchildren = \"per-user\"\n",
        text(&runtime)
    )
}

/// The everything server over HTTP, and its address. It ends with the test.
async fn everything(transport: &str, path: &str, listeners: &mut JoinSet<()>) -> (Child, String) {
    let port = free_port();
    let mut command = Command::new(installed(NODE));
    command.arg(installed(EVERYTHING)).arg(transport);
    command.env("PORT", port.to_string());
    let child = started(command, "on port", listeners).await;
    (child, format!("http://127.0.0.1:{port}{path}"))
}

/// Starts a server, and waits until it has said `ready`. It ends with the test.
pub(crate) async fn started(
    mut command: Command,
    ready: &str,
    listeners: &mut JoinSet<()>,
) -> Child {
    command
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains(ready) {
            break;
        }
    }
    // It goes on talking, and ends when nobody listens.
    listeners.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

/// All of them, and what has to live as long as they are used.
struct Street {
    house: House,
    _exemplar: Exemplar,
    _children: [Child; 2],
    _listeners: JoinSet<()>,
}

impl Street {
    async fn open() -> Self {
        let exemplar = Exemplar::start().await;
        let mut listeners = JoinSet::new();
        let (http, http_url) = everything("streamableHttp", "/mcp", &mut listeners).await;
        let (sse, sse_url) = everything("sse", "/sse", &mut listeners).await;
        let sections = [
            program("everything", NODE, EVERYTHING, "stdio"),
            program("thinking", NODE, THINKING, ""),
            program("context7", NODE, CONTEXT7, ""),
            program("fastmcp", PYTHON, "fastmcp_server.py", ""),
            program("python", PYTHON, "mcp_server.py", ""),
            format!("[[upstreams]]\nname = \"http\"\nurl = \"{http_url}\"\n"),
            format!("[[upstreams]]\nname = \"sse\"\nurl = \"{sse_url}\"\n"),
            format!(
                "[[upstreams]]\nname = \"exemplar\"\nurl = \"{}\"\n",
                exemplar.url
            ),
        ];
        let settings = settings(&sections.concat()).replace("[roles]\n", "[roles]\nAdmin = []\n");
        Self {
            house: house_with_people(&settings).await,
            _exemplar: exemplar,
            _children: [http, sse],
            _listeners: listeners,
        }
    }

    /// Alice signs in with a client and calls these tools, each with its arguments.
    async fn call(&self, client: Client, protocol: &str, path: &str, calls: &[&str]) -> Value {
        let state = tempdir().unwrap();
        let url = format!("{}{path}", self.house.url);
        let mut driver = client.at(&url, state.path()).person(ALICE);
        for call in calls {
            driver = driver.option("--call", call);
        }
        let outcome = driver.option("--protocol", protocol).attempt("").await;
        let (answer, log) = (outcome.answer, outcome.log);
        assert!(
            outcome.is_success,
            "{answer:#}\n{log}\n{}",
            self.house.log()
        );
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.len(), calls.len());
        for result in results {
            let is_good = result["isError"] == false;
            assert!(is_good, "{result:#}\n{}", self.house.log());
        }
        answer
    }
}

/// What was answered to the `n`th call.
fn said(answer: &Value, n: usize) -> &str {
    answer["results"][n]["text"][0].as_str().unwrap()
}

#[tokio::test]
async fn g7_servers_of_all_kinds_are_one_for_a_real_client() {
    let street = Street::open().await;
    let calls = [
        r#"everything__echo={"message":"over stdio"}"#,
        r#"http__echo={"message":"over HTTP"}"#,
        r#"sse__echo={"message":"over HTTP+SSE"}"#,
        r#"fastmcp__add={"a":40,"b":2}"#,
        r#"python__add={"a":40,"b":2}"#,
        r#"exemplar__greet={"name":"Alice"}"#,
        r#"thinking__sequentialthinking={"thought":"so it works","nextThoughtNeeded":false,"thoughtNumber":1,"totalThoughts":1}"#,
    ];
    for (client, protocol) in [(Client::FastMcp, "auto"), (Client::TypeScript, "legacy")] {
        let answer = street.call(client, protocol, "/mcp", &calls).await;
        for (n, expected) in [
            "over stdio",
            "over HTTP",
            "over HTTP+SSE",
            "42",
            "42",
            "Hello, Alice!",
        ]
        .into_iter()
        .enumerate()
        {
            assert!(said(&answer, n).contains(expected), "{answer:#}");
        }
        let tools = answer["tools"].as_array().unwrap();
        assert!(
            tools.contains(&json!("context7__resolve-library-id")),
            "{tools:?}"
        );
    }
}

/// Every client at the endpoints of single servers, by the revision that it likes best.
#[tokio::test]
async fn real_clients_and_real_servers_one_by_one() {
    let street = Street::open().await;
    for (client, protocol, path, call, expected) in [
        (
            Client::McpRemote,
            "legacy",
            "/everything/mcp",
            r#"get-sum={"a":40,"b":2}"#,
            "42",
        ),
        (
            Client::FastMcp,
            "auto",
            "/fastmcp/mcp",
            r#"steps={"count":3}"#,
            "3 steps",
        ),
        (
            Client::TypeScript,
            "auto",
            "/sse/mcp",
            r#"trigger-long-running-operation={"duration":1,"steps":2}"#,
            "completed",
        ),
        (
            Client::McpRemote,
            "auto",
            "/exemplar/mcp",
            "test_simple_text",
            "simple text",
        ),
    ] {
        let answer = street.call(client, protocol, path, &[call]).await;
        assert!(said(&answer, 0).contains(expected), "{path}: {answer:#}");
    }
}
