//! `sumun serve` as it is delivered, in front of the fast server, and what is asked of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::load::Request;
use crate::machine::{Server, free_port};
use crate::probe;
use crate::round::Start;
use crate::subject::echo;

/// The path of the server behind the gateway, and behind the bare proxy.
const PATH: &str = "/echo/mcp";
/// A client that acts for itself.
const CLIENT: &str = "bench";
const SECRET: &str = "a-secret-of-the-benchmark-alone";
/// Settings about personal data.
const MASK: &str = "
[[pii.rules]]
direction = \"result\"
action = \"mask\"
";

/// What a house does besides sign-on and policy.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rooms {
    /// Nothing.
    Bare,
    /// It records each call on the disk before it answers.
    Audit,
    /// That, and it masks personal data in results.
    AuditAndMask,
}

/// The call of `tool`, by a client of 2026-07-28.
pub(super) fn call(path: &'static str, tool: &str) -> Request {
    const REVISION: &str = "2026-07-28";
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": tool, "arguments": {"text": "hello"},
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
        ("Mcp-Name", tool),
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
pub(super) struct House {
    program: String,
    settings: String,
    port: u16,
    token: String,
    keys: String,
}

impl House {
    /// Writes its settings, and starts it once for a token and its keys, which outlive it.
    pub(super) fn prepare(directory: &Path, upstream: u16, rooms: Rooms) -> anyhow::Result<Self> {
        let port = free_port()?;
        let directory = directory.join(port.to_string());
        fs::create_dir(&directory)?;
        let path = directory.join("sumun.toml");
        fs::write(&path, settings(port, upstream, rooms))?;
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

    pub(super) fn start(&self) -> Start {
        Start::Program {
            program: self.program.clone(),
            arguments: self.arguments(),
            port: self.port,
        }
    }

    /// A bare proxy that believes the same tokens.
    pub(super) fn bare_proxy(&self, upstream: u16) -> Start {
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

    pub(super) fn call(&self, tool: &str) -> Request {
        Request {
            tokens: vec![self.token.clone()],
            ..call(PATH, tool)
        }
    }
}

fn settings(port: u16, upstream: u16, rooms: Rooms) -> String {
    let (is_recorded, personal_data) = match rooms {
        Rooms::Bare => (false, ""),
        Rooms::Audit => (true, ""),
        Rooms::AuditAndMask => (true, MASK),
    };
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
tools = ["*"]
scopes = ["echo:use"]
{personal_data}"#,
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
