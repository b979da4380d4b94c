//! `tools/call` of whoami: what a guard costs the same server.

use oauth::jws::Algorithm;
use serde_json::json;

use crate::command_line::{Effort, Guard};
use crate::load::Request;
use crate::machine;
use crate::material::Material;
use crate::report::{Ratio, Report, Turn, median};
use crate::round::{Case, rounds};

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

fn case(material: &Material, name: &str, guard: Guard, request: Request) -> Case {
    let subject = [
        "whoami",
        "--guard",
        guard.argument(),
        "--keys",
        &material.keys(),
    ];
    let subject = subject.map(str::to_owned).to_vec();
    // The subject of the token, inside the JSON text inside the JSON answer or beside it.
    Case {
        name: name.to_owned(),
        subject,
        request,
        expected: "alice",
    }
}

/// One token again and again: the verdict on it is remembered.
fn warm(material: &Material, revision: Revision, effort: &Effort) -> anyhow::Result<()> {
    let call = revision.call();
    let with_token = Request {
        tokens: material.tokens(Algorithm::EdDSA, 1)?,
        ..call.clone()
    };
    let cases = [
        case(material, "unprotected", Guard::None, call),
        case(
            material,
            "unprotected, token sent in vain",
            Guard::None,
            with_token.clone(),
        ),
        case(material, "protected", Guard::Remembering, with_token),
    ];
    let turns = rounds(&cases, effort)?;
    let title = format!("tools/call of whoami, {}, JSON answers", revision.name());
    let mut report = table(&title, &cases, &turns);
    let ratio = Ratio::of(&turns[2], &turns[0]);
    report.line("");
    report.line(&ratio.verdict("protected / unprotected", TARGET));
    report.publish(&format!("mcp-{}", revision.name()))
}

/// Many tokens in turn: each of them has to be verified.
fn misses(material: &Material, effort: &Effort) -> anyhow::Result<()> {
    let call = Revision::Stateless.call();
    let remembered = Request {
        tokens: material.tokens(Algorithm::EdDSA, 100)?,
        ..call.clone()
    };
    let mut cases = vec![case(
        material,
        "100 tokens, remembered",
        Guard::Remembering,
        remembered,
    )];
    for algorithm in ALGORITHMS {
        let tokens = material.tokens(algorithm, DIFFERENT_TOKENS)?;
        let name = format!("{DIFFERENT_TOKENS} tokens, {algorithm:?}, verified anew");
        cases.push(case(
            material,
            &name,
            Guard::Forgetful,
            Request {
                tokens,
                ..call.clone()
            },
        ));
    }
    let turns = rounds(&cases, effort)?;
    let mut report = table(
        "tools/call with tokens that are not remembered, 2026-07-28",
        &cases,
        &turns,
    );
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

fn table(title: &str, cases: &[Case], turns: &[Vec<Turn>]) -> Report {
    let mut report = Report::new(title);
    for (case, of_case) in cases.iter().zip(turns) {
        report.row(&case.name, of_case, &turns[0]);
    }
    report
}
