//! `tools/call` of whoami: what a guard costs the same server.

use oauth::jws::Algorithm;
use serde_json::json;

use crate::command_line::{Effort, Guard};
use crate::load::Request;
use crate::machine;
use crate::material::{Material, SUBJECT};
use crate::report::{Ratio, median, table};
use crate::round::{Case, Start, Subject, rounds};

/// What a guard may cost: at least so much of the throughput is left.
const TARGET: f64 = 0.95;

/// So many tokens take turns that none is remembered until its next turn.
const DIFFERENT_TOKENS: usize = 4_000;

/// The algorithms of issuers out there.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256];

/// Measures and reports.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    machine::require_two_cores()?;
    let material = Material::new(&ALGORITHMS)?;
    warm(&material, Revision::Stateless, effort)?;
    warm(&material, Revision::Initialized, effort)?;
    misses(&material, effort)
}

/// How a call looks.
#[derive(Clone, Copy, Debug)]
enum Revision {
    /// 2026-07-28: every request says all about itself.
    Stateless,
    /// 2025-11-25, to a server without sessions.
    Initialized,
}

impl Revision {
    fn name(self) -> &'static str {
        match self {
            Self::Stateless => "2026-07-28",
            Self::Initialized => "2025-11-25",
        }
    }

    /// The call of whoami.
    fn call(self) -> Request {
        let mut headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("Accept", "application/json, text/event-stream".to_owned()),
            ("MCP-Protocol-Version", self.name().to_owned()),
        ];
        let mut params = json!({"name": "whoami", "arguments": {}});
        if let Self::Stateless = self {
            headers.push(("Mcp-Method", "tools/call".to_owned()));
            headers.push(("Mcp-Name", "whoami".to_owned()));
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": self.name(),
                "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        Request {
            path: "/whoami/mcp",
            headers,
            body: message.to_string(),
            tokens: Vec::new(),
        }
    }
}

fn whoami(material: &Material, guard: Guard, request: Request) -> Subject {
    let arguments = [
        "whoami",
        "--guard",
        guard.argument(),
        "--keys",
        &material.keys(),
    ];
    let arguments = arguments.map(str::to_owned).to_vec();
    Subject::Server(Case {
        start: Start::Subject(arguments),
        request,
        expected: SUBJECT,
        neighbour: None,
    })
}

/// One token again and again: the verdict on it is remembered.
fn warm(material: &Material, revision: Revision, effort: &Effort) -> anyhow::Result<()> {
    let call = revision.call();
    let with_token = Request {
        tokens: material.tokens(Algorithm::EdDSA, 1)?,
        ..call.clone()
    };
    let names = [
        "unprotected",
        "unprotected, token sent in vain",
        "protected",
    ];
    let subjects = [
        whoami(material, Guard::None, call),
        whoami(material, Guard::None, with_token.clone()),
        whoami(material, Guard::Remembering, with_token),
    ];
    let turns = rounds(&subjects, effort)?;
    let title = format!("tools/call of whoami, {}, JSON answers", revision.name());
    let mut report = table(&title, &names, &turns);
    report.line("");
    report.line(&Ratio::of(&turns[2], &turns[0]).verdict("protected / unprotected", TARGET));
    report.publish(&format!("mcp-{}", revision.name()))
}

/// Many tokens in turn: each of them has to be verified.
fn misses(material: &Material, effort: &Effort) -> anyhow::Result<()> {
    let with = |algorithm, count| -> anyhow::Result<Request> {
        let tokens = material.tokens(algorithm, count)?;
        Ok(Request {
            tokens,
            ..Revision::Stateless.call()
        })
    };
    let mut names = vec!["100 tokens, remembered".to_owned()];
    let mut subjects = vec![whoami(
        material,
        Guard::Remembering,
        with(Algorithm::EdDSA, 100)?,
    )];
    for algorithm in ALGORITHMS {
        names.push(format!(
            "{DIFFERENT_TOKENS} tokens, {algorithm:?}, verified anew"
        ));
        let request = with(algorithm, DIFFERENT_TOKENS)?;
        subjects.push(whoami(material, Guard::Forgetful, request));
    }
    let turns = rounds(&subjects, effort)?;
    let title = "tools/call of whoami, 2026-07-28, tokens that are not remembered";
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut report = table(title, &names, &turns);
    report.line("");
    for (at, algorithm) in ALGORITHMS.into_iter().enumerate() {
        let pairs = turns[at + 1].iter().zip(&turns[0]);
        let costs = pairs.map(|(miss, hit)| miss.processor - hit.processor);
        report.line(&format!(
            "cost of a miss, {algorithm:?}: {:.1} µs",
            median(costs)
        ));
    }
    report.publish("mcp-misses")
}
