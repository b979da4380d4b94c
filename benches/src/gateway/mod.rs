//! The gateway in front of a fast MCP server: against the server alone, nginx, and a bare proxy that only
//! looks tokens up.
//!
//! What is measured is `sumun serve` as it is delivered, with sign-on and policy, and with and without its
//! audit log: to wait for a disk is another thing than to be slow. The server behind it puts the load on it.

mod house;
mod protection;

use std::fs;
use std::path::Path;

use crate::command_line::Effort;
use crate::load::Request;
use crate::machine::{self, free_port};
use crate::neighbour::Neighbour;
use crate::report::{Ratio, table};
use crate::round::{Case, Start, Subject, rounds};
use crate::subject::echo;

use house::{House, Rooms, call};

/// So much of the throughput of the bare proxy is to be left.
const TARGET: f64 = 0.75;
/// The tool that is called, and what a right answer holds.
const TOOL: &str = "echo";
const SAID: &str = "hello";

/// Measures and reports.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    machine::require_two_cores()?;
    let directory = tempfile::tempdir()?;
    let upstream = Neighbour::start()?;
    let prepare = |rooms| House::prepare(directory.path(), upstream.port, rooms);
    let (house, recording) = (prepare(Rooms::Bare)?, prepare(Rooms::Audit)?);
    let case = |start, request| expecting(SAID, start, request, &upstream);
    let subjects = [
        case(
            Start::Subject(vec!["echo".to_owned()]),
            call(echo::PATH, TOOL),
        ),
        case(
            nginx(directory.path(), upstream.port)?,
            call(echo::PATH, TOOL),
        ),
        case(house.bare_proxy(upstream.port), house.call(TOOL)),
        case(house.start(), house.call(TOOL)),
        case(recording.start(), recording.call(TOOL)),
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
    protection::run(effort, directory.path(), &upstream)
}

fn expecting(
    expected: &'static str,
    start: Start,
    request: Request,
    upstream: &Neighbour,
) -> Subject {
    Subject::Server(Case {
        start,
        request,
        expected,
        neighbour: Some(upstream.clone()),
    })
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
