//! The gateway in front of a fast MCP server: against the server alone, nginx, and a bare proxy that only
//! looks tokens up.
//!
//! What is measured is `sumun serve` as it is delivered, with sign-on and policy, and with and without its
//! audit log: to wait for a disk is another thing than to be slow. The server behind
//! it and the load share the other core, so the load sleeps while there is no answer.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::command_line::Effort;
use crate::load::Request;
use crate::machine::{self, Server};
use crate::probe;
use crate::report::{Ratio, table};
use crate::round::{Case, Start, Subject, rounds};
use crate::subject::echo;

/// The path of the server behind the gateway, and behind the bare proxy.
const PATH: &str = "/echo/mcp";
/// So much of the throughput of the bare proxy is to be left.
const TARGET: f64 = 0.75;
/// A client that acts for itself.
const CLIENT: &str = "bench";
const SECRET: &str = "a-secret-of-the-benchmark-alone";
/// What a right answer holds.
const SAID: &str = "hello";

/// Measures and reports.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    machine::require_two_cores()?;
    let directory = tempfile::tempdir()?;
    let upstream = Server::start_beside(&["echo".to_owned()])?;
    let house = House::prepare(directory.path(), "house", upstream.port, false)?;
    let recording = House::prepare(directory.path(), "recording", upstream.port, true)?;
    let subjects = [
        case(Start::Subject(vec!["echo".to_owned()]), call(echo::PATH)),
        case(nginx(directory.path(), upstream.port)?, call(echo::PATH)),
        case(house.bare_proxy(upstream.port), house.call()),
        case(house.start(), house.call()),
        case(recording.start(), recording.call()),
    ];
    let names = [
        "the server alone",
        "nginx",
        "bare proxy with tokens",
        "sumun, calls not recorded",
        "sumun, each call recorded on the disk",
    ];
    for connections in [effort.connections, 1] {
        let effort = Effort {
            connections,
            ..*effort
        };
        let turns = rounds(&subjects, &effort)?;
        let title = format!("tools/call through a gateway, {connections} connections");
        let mut report = table(&title, &names, &turns);
        report.line("");
        let ratio = Ratio::of(&turns[3], &turns[2]);
        if connections == 1 {
            report.line(&ratio.shown("sumun / bare proxy"));
        } else {
            report.line(&ratio.verdict("sumun / bare proxy", TARGET));
        }
        report.publish(&format!("gateway-{connections}"))?;
    }
    Ok(())
}

fn case(start: Start, request: Request) -> Subject {
    Subject::Server(Case {
        start,
        request,
        expected: SAID,
        patient: true,
    })
}

/// The call of `echo`, by a client of 2026-07-28.
fn call(path: &'static str) -> Request {
    const REVISION: &str = "2026-07-28";
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "echo", "arguments": {"text": SAID},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": REVISION,
                "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    });
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", REVISION),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "echo"),
    ];
    Request {
        path,
        headers: headers
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec(),
        body: message.to_string(),
        tokens: Vec::new(),
    }
}

/// `sumun serve` with one upstream, and a token of its authorization server.
struct House {
    program: String,
    settings: String,
    port: u16,
    token: String,
    keys: String,
}

impl House {
    /// Writes its settings, and starts it once for a token and its keys, which outlive it.
    fn prepare(
        directory: &Path,
        name: &str,
        upstream: u16,
        is_recorded: bool,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let directory = directory.join(name);
        fs::create_dir(&directory)?;
        let path = directory.join("sumun.toml");
        fs::write(&path, settings(port, upstream, is_recorded))?;
        // There is a secret in it, so nobody else may read it.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let program = std::env::current_exe()?.with_file_name("sumun");
        let mut house = Self {
            program: program.to_string_lossy().into_owned(),
            settings: path.to_string_lossy().into_owned(),
            port,
            token: String::new(),
            keys: directory.join("keys.json").to_string_lossy().into_owned(),
        };
        let (program, arguments) = (&house.program, house.arguments());
        let _server = Server::start_program(program, &arguments, port)?;
        house.token = token(port)?;
        fs::write(&house.keys, get(port, "/jwks")?)?;
        Ok(house)
    }

    fn arguments(&self) -> Vec<String> {
        ["serve", "--config", &self.settings]
            .map(str::to_owned)
            .to_vec()
    }

    fn start(&self) -> Start {
        Start::Program {
            program: self.program.clone(),
            arguments: self.arguments(),
            port: self.port,
        }
    }

    /// A bare proxy that believes the same tokens.
    fn bare_proxy(&self, upstream: u16) -> Start {
        let issuer = format!("http://127.0.0.1:{}", self.port);
        let audience = format!("{issuer}{PATH}");
        let upstream = upstream.to_string();
        let arguments = [
            "proxy",
            "--upstream",
            &upstream,
            "--path",
            PATH,
            "--keys",
            &self.keys,
            "--issuer",
            &issuer,
            "--audience",
            &audience,
        ];
        Start::Subject(arguments.map(str::to_owned).to_vec())
    }

    fn call(&self) -> Request {
        Request {
            tokens: vec![self.token.clone()],
            ..call(PATH)
        }
    }
}

fn settings(port: u16, upstream: u16, is_recorded: bool) -> String {
    format!(
        r#"public_url = "http://127.0.0.1:{port}"
listen = "127.0.0.1:{port}"
data = "data"

[scopes."echo:use"]
en = "use the echo"
ko = "메아리 사용"

[[clients]]
client_id = "{CLIENT}"
secret = "{SECRET}"
auth_method = "client_secret_post"
grant_types = ["client_credentials"]
scope = ["echo:use"]

[tokens]
access_token = "12h"

[audit]
enabled = {is_recorded}

[[upstreams]]
name = "echo"
url = "http://127.0.0.1:{upstream}{}"

[[policy.rules]]
upstream = "echo"
tools = ["echo"]
scopes = ["echo:use"]
"#,
        echo::PATH
    )
}

/// A token for the server behind the gateway.
fn token(port: u16) -> anyhow::Result<String> {
    let form = format!(
        "grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}&scope=echo:use\
         &resource=http://127.0.0.1:{port}{PATH}"
    );
    let request = Request {
        path: "/oauth2/token",
        headers: vec![(
            "Content-Type",
            "application/x-www-form-urlencoded".to_owned(),
        )],
        body: form,
        tokens: Vec::new(),
    };
    let answer = probe::ask(port, &request, "access_token")?;
    let body = answer
        .split_once("\r\n\r\n")
        .context("an answer has a body")?;
    let body: Value = serde_json::from_str(body.1)?;
    let token = body["access_token"].as_str().context("there is a token")?;
    Ok(token.to_owned())
}

/// The document at `path`.
fn get(port: u16, path: &str) -> anyhow::Result<String> {
    use std::io::{Read as _, Write as _};
    let mut connection = std::net::TcpStream::connect(("127.0.0.1", port))?;
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    anyhow::ensure!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    let body = answer
        .split_once("\r\n\r\n")
        .context("an answer has a body")?;
    Ok(body.1.to_owned())
}

/// nginx with one worker, which is the process itself, and nothing but `proxy_pass`.
fn nginx(directory: &Path, upstream: u16) -> anyhow::Result<Start> {
    let port = free_port()?;
    let prefix = directory.join("nginx");
    fs::create_dir(&prefix)?;
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {name};\n"))
        .concat();
    let settings = format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid nginx.pid;\nerror_log nginx.err warn;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n    access_log off;\n    keepalive_requests 100000000;\n{temporary}\
         \x20   upstream server {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}\n\
         \x20   server {{\n        listen 127.0.0.1:{port};\n        location / {{\n\
         \x20           proxy_pass http://server;\n            proxy_http_version 1.1;\n\
         \x20           proxy_set_header Connection \"\";\n            proxy_buffering off;\n        }}\n    }}\n}}\n"
    );
    fs::write(prefix.join("nginx.conf"), settings)?;
    let prefix = prefix.to_string_lossy().into_owned();
    Ok(Start::Program {
        program: "nginx".to_owned(),
        arguments: ["-p", &prefix, "-c", "nginx.conf", "-e", "nginx.err"]
            .map(str::to_owned)
            .to_vec(),
        port,
    })
}

/// A port that nobody listens on.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
