//! `FastMCP`'s OAuth proxy with its memory store: how it is started, and how a client is made known there.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::load::Request;
use crate::machine::free_port;
use crate::probe;
use crate::round::Start;
use crate::subject::authorization_server::SCOPE;
use crate::subject::road::{CLIENT, CLIENT_AT_PROVIDER, REDIRECT, provider_issuer};

/// Where root certificates are looked up when one is needed. It makes a new HTTP client in every flow, which
/// would otherwise read all of them: several times the work of the rest, and for a provider without TLS.
const ROOTS: &str = "SSL_CERT_DIR=/etc/ssl/certs";

/// What starts it, in front of the provider on this port.
pub(super) fn start(provider: u16) -> anyhow::Result<Start> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/interop");
    let installed = |name: &str| {
        let path = peers.join(name);
        anyhow::ensure!(
            path.exists(),
            "{} is missing: run scripts/setup",
            path.display()
        );
        Ok(path.to_string_lossy().into_owned())
    };
    // The stamp comes last: without it the installation has not come to its end.
    installed(".venv/.stamp")?;
    let (python, program) = (
        installed(".venv/bin/python")?,
        installed("fastmcp_proxy.py")?,
    );
    let (port, issuer) = (free_port()?, provider_issuer(provider));
    // No proxy and no settings of whoever measures.
    let mut arguments = vec!["-i".to_owned(), ROOTS.to_owned(), python, program];
    for (name, value) in [
        ("--port", port.to_string()),
        ("--provider", issuer),
        ("--client", CLIENT_AT_PROVIDER.to_owned()),
        ("--scope", SCOPE.to_owned()),
    ] {
        arguments.extend([name.to_owned(), value]);
    }
    Ok(Start::Program {
        program: "env".to_owned(),
        arguments,
        port,
    })
}

/// Makes the client known (RFC 7591), and returns what it is called.
pub(super) fn register(port: u16) -> anyhow::Result<String> {
    let metadata = json!({
        "client_name": CLIENT, "redirect_uris": [REDIRECT], "scope": SCOPE,
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
    });
    let request = Request {
        path: "/register",
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: metadata.to_string(),
        tokens: Vec::new(),
    };
    let answer = probe::ask(port, &request, "\"client_id\"")?;
    let (_, body) = answer.split_once("\r\n\r\n").context("find the body")?;
    let registered: Value = serde_json::from_str(body)?;
    let client = registered["client_id"].as_str();
    Ok(client.context("a client has a name")?.to_owned())
}
