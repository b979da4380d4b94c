//! Complete flows through an identity provider, against those of `FastMCP`'s OAuth proxy, and against what
//! ours cannot do without: signatures, and commits that survive a power loss.

mod answer;
pub(crate) mod case;
mod fastmcp;
mod person;
mod provider;

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use oauth::jws::Algorithm;
use oauth::signing_key::SigningKey;

use crate::command_line::{Effort, Flows, Maker};
use crate::load::Seen;
use crate::machine::{self, free_port};
use crate::report::{Ratio, Turn, table};
use crate::round::{Start, Subject, rounds};
use crate::subject::road::Counts;
use case::FlowCase;
use person::{Person, Step};
use provider::Provider;

/// How many flows we aim at while `FastMCP`'s OAuth proxy completes one.
const TARGET: f64 = 10.0;

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
    let provider = free_port()?;
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let arguments = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    let (data_path, provider_port) = (text(data.path()), provider.to_string());
    let road = ["road", "--data", &data_path, "--provider", &provider_port];
    let case = |maker, start| FlowCase {
        maker,
        start,
        provider,
        key: text(&key),
    };
    let ours = case(Maker::Sumun, Start::Subject(arguments(&road)));
    let theirs = case(Maker::Fastmcp, fastmcp::start(provider)?);
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
        Subject::Flows(ours.clone()),
        Subject::Flows(theirs),
    ];
    let turns = rounds(&subjects, effort)?;
    let counts = ours.count(effort)?;
    report(&turns, &counts)
}

fn report(turns: &[Vec<Turn>], counts: &Counts) -> anyhow::Result<()> {
    let names = [
        "signatures alone",
        "durable writes alone",
        "complete flows through an identity provider",
        "the same through FastMCP's OAuth proxy, memory store",
    ];
    let mut report = table(
        "authorize → sign-in page → provider → callback → token",
        &names,
        turns,
    );
    // As if the server did nothing but write.
    let writing = scaled(&turns[1], 1.0 / counts.each("write").max(1.0));
    for line in [
        String::new(),
        Ratio::of(&turns[2], &turns[3]).verdict("flows / flows of FastMCP's OAuth proxy", TARGET),
        Ratio::of(&turns[2], &writing).shown("flows / durable writes of as many records"),
        Ratio::of(&turns[2], &turns[0]).shown("flows / signatures"),
        format!(
            "store, for each flow: {:.1} reads, {:.1} writes and {:.1} counts, in {:.2} commits, of which \
             {:.2} waited for the disk",
            counts.each("read"),
            counts.each("write"),
            counts.each("count"),
            counts.each("commit"),
            counts.each("wait")
        ),
        format!("reads: {}", counts.by_kind("read")),
        format!("writes: {}", counts.by_kind("write")),
        "HTTP, for each flow: 5 requests to the server and 1 from it to the provider; FastMCP: 3 and 1"
            .to_owned(),
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
        people.push(Person::start(flows, number)?);
    }
    let mut latencies = Vec::new();
    let mut on_the_way = people.len();
    let (began, duration) = (Instant::now(), Duration::from_secs(flows.seconds));
    // Everybody comes to the end of the flow, and the clock runs until then: work for flows that never
    // ended would count against a server, and the more the slower it is.
    while on_the_way > 0 {
        let is_over = began.elapsed() >= duration;
        let mut is_idle = true;
        for person in &mut people {
            match person.step()? {
                Step::Waiting => continue,
                Step::Gone => {}
                Step::Ended(latency) => {
                    latencies.push(latency);
                    if is_over {
                        on_the_way -= 1;
                    } else {
                        person.begin()?;
                    }
                }
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
