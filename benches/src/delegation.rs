//! A call of an API on behalf of a person, against the same call with a bare HTTP client.

use crate::command_line::{Caller, Effort};
use crate::load::Request;
use crate::machine;
use crate::report::{Ratio, table};
use crate::round::{Case, Start, Subject, rounds};
use crate::subject::relay::CALL;

/// At most so much slower: 15 %.
const TARGET: f64 = 0.85;

/// Measures and reports.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    machine::require_two_cores()?;
    let data = tempfile::tempdir()?;
    let data = data.path().to_string_lossy();
    let case = |caller: Caller| {
        let arguments = ["relay", "--caller", caller.argument(), "--data", &data];
        Subject::Server(Case {
            start: Start::Subject(arguments.map(str::to_owned).to_vec()),
            neighbour: None,
            request: Request {
                path: CALL,
                headers: Vec::new(),
                body: String::new(),
                tokens: Vec::new(),
            },
            expected: "Mina Park",
        })
    };
    let turns = rounds(&[case(Caller::Bare), case(Caller::Delegated)], effort)?;
    let names = ["a bare HTTP client", "the API client, as a person"];
    let mut report = table("a call of an API in a handler", &names, &turns);
    report.line("");
    report.line(&Ratio::of(&turns[1], &turns[0]).verdict("delegated / bare", TARGET));
    report.publish("delegation")
}
