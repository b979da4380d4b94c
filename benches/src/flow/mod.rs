//! Complete flows through an identity provider, against what they cannot do without: signatures, and
//! commits that survive a power loss.

mod person;
mod provider;

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use oauth::jws::Algorithm;
use oauth::signing_key::SigningKey;

use crate::command_line::{Effort, Flows};
use crate::load::{Connection, Seen};
use crate::machine;
use crate::report::{Ratio, Turn, median, table};
use crate::round::{FlowCase, Subject, rounds};
use crate::subject::road::Counts;
use person::{Person, Step};
use provider::Provider;

/// Flows per second that we aim at: ten times what the memory store of `FastMCP` reaches on a comparable
/// core.
const TARGET: f64 = 3260.0;

/// How large a record is that is written for comparison: a grant after it was sealed.
const RECORD: usize = 800;

/// How large what is signed for an access token is.
const CLAIMS: usize = 512;

/// Measures and reports.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    machine::require_two_cores()?;
    let data = tempfile::tempdir()?;
    let key = data.path().join("provider.key");
    fs::write(&key, &*SigningKey::generate(Algorithm::EdDSA)?)?;
    let provider = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let arguments = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    let (data_path, provider_port) = (text(data.path()), provider.to_string());
    let road = ["road", "--data", &data_path, "--provider", &provider_port];
    let case = FlowCase {
        arguments: arguments(&road),
        provider,
        key: text(&key),
    };
    let (connections, record) = (effort.connections.to_string(), RECORD.to_string());
    let writer = [
        ["writer", "--data", &data_path],
        ["--writers", &connections, "--bytes"],
    ];
    let writer = [writer.concat(), vec![&record]].concat();
    let signer = ["signer", "--algorithm", "EdDSA", "--message"];
    let signer = [arguments(&signer), vec!["m".repeat(CLAIMS)]].concat();
    let subjects = [
        Subject::Alone(signer),
        Subject::Alone(arguments(&writer)),
        Subject::Flows(case.clone()),
    ];
    let turns = rounds(&subjects, effort)?;
    let counts = case.count(effort)?;
    report(&turns, &counts)
}

fn report(turns: &[Vec<Turn>], counts: &Counts) -> anyhow::Result<()> {
    let names = [
        "signatures alone",
        "durable writes alone",
        "complete flows through an identity provider",
    ];
    let mut report = table(
        "authorize → sign-in page → provider → callback → token",
        &names,
        turns,
    );
    let per_second = median(turns[2].iter().map(|turn| turn.per_second));
    let word = if per_second >= TARGET {
        "reached"
    } else {
        "MISSED"
    };
    // As if the server did nothing but write.
    let writing = scaled(&turns[1], 1.0 / counts.each("write").max(1.0));
    for line in [
        String::new(),
        format!("flows: {per_second:.0} per second; target {TARGET:.0}: {word}"),
        Ratio::of(&turns[2], &writing).shown("flows / durable writes of as many records"),
        Ratio::of(&turns[2], &turns[0]).shown("flows / signatures"),
        format!(
            "store, for each flow: {:.1} reads, {:.1} durable writes and {:.1} counts, in {:.2} commits",
            counts.each("read"),
            counts.each("write"),
            counts.each("count"),
            counts.each("commit")
        ),
        format!("reads: {}", counts.by_kind("read")),
        format!("durable writes: {}", counts.by_kind("write")),
        "HTTP, for each flow: 5 requests to the server and 1 from it to the provider".to_owned(),
        "signatures, for each flow: 1 made (the access token) and 1 verified (the ID token); the \
         provider signs on the core for load"
            .to_owned(),
        "records are sealed; nobody types a password, so none is hashed; people return, so nobody is \
         made known"
            .to_owned(),
    ] {
        report.line(&line);
    }
    report.publish("flow")
}

/// The same turns, if each of them counted for `by`.
fn scaled(turns: &[Turn], by: f64) -> Vec<Turn> {
    let scale = |turn: &Turn| Turn {
        per_second: turn.per_second * by,
        processor: turn.processor / by,
        ..*turn
    };
    turns.iter().map(scale).collect()
}

/// Sends people through the flow and prints what was seen; the provider is in this process as well.
pub(crate) fn put_on(flows: &Flows) -> anyhow::Result<()> {
    Provider::start(flows.provider, &fs::read(&flows.key)?)?;
    let seen = send(flows)?;
    let micros = [seen.elapsed, seen.p50, seen.p99].map(|time| time.as_micros());
    let [elapsed, p50, p99] = micros;
    Ok(writeln!(
        std::io::stdout(),
        "{} {elapsed} {p50} {p99}",
        seen.answers
    )?)
}

fn send(flows: &Flows) -> anyhow::Result<Seen> {
    let mut people = Vec::new();
    for number in 0..flows.connections {
        let connection = Connection::open(flows.port)?;
        people.push(Person::start(connection, number, flows.provider)?);
    }
    let mut latencies = Vec::new();
    let (began, duration) = (Instant::now(), Duration::from_secs(flows.seconds));
    while began.elapsed() < duration {
        let mut is_idle = true;
        for person in &mut people {
            match person.step()? {
                Step::Waiting => continue,
                Step::Gone => {}
                Step::Ended(latency) => latencies.push(latency),
            }
            is_idle = false;
        }
        if is_idle {
            // The provider lives on this core, too.
            std::thread::yield_now();
        }
    }
    let seen = Seen::of(latencies, began.elapsed());
    seen.context("nobody came to the end of the flow")
}
