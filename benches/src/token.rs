//! The token endpoint against the signatures that it cannot do without.

use std::time::Duration;

use anyhow::Context as _;
use oauth::jws::Algorithm;

use crate::command_line::Effort;
use crate::load::Request;
use crate::machine;
use crate::probe;
use crate::report::{Ratio, Report, Turn};
use crate::round::Case;
use crate::subject::authorization_server::{CLIENT, SCOPE, SECRET};

/// At least so much of the signing rate has to come out of the endpoint as tokens.
const TARGET: f64 = 0.40;

/// Measures and reports.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    machine::require_two_cores()?;
    for algorithm in [Algorithm::EdDSA, Algorithm::ES256] {
        endpoint(algorithm, effort)?;
    }
    Ok(())
}

fn endpoint(algorithm: Algorithm, effort: &Effort) -> anyhow::Result<()> {
    let (mut signatures, mut floors, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..effort.reps {
        let data = tempfile::tempdir()?;
        let case = authorization_server(algorithm, &data.path().to_string_lossy());
        let server = case.start()?;
        // What is signed by itself is byte for byte what the server has signed.
        let message = signing_input(&probe::ask(server.port, &case.request, case.expected)?)?;
        let mut token = || -> anyhow::Result<()> {
            tokens.push(case.measure(&server, effort)?);
            Ok(())
        };
        if round % 2 == 1 {
            token()?;
        }
        signatures.push(sign(algorithm, &message, effort.seconds)?);
        floors.push(floor(algorithm, &message).start_and_measure(effort)?);
        if round % 2 == 0 {
            token()?;
        }
    }
    let mut report = Report::new(&format!(
        "client credentials at /oauth2/token, {algorithm:?}"
    ));
    report.row("signatures alone", &signatures, &signatures);
    report.row("a handler that only signs", &floors, &signatures);
    report.row("the authorization server", &tokens, &signatures);
    let ratio = Ratio::of(&tokens, &signatures);
    report.line("");
    report.line(&ratio.verdict("tokens / signatures", TARGET));
    report.publish(&format!("token-{algorithm:?}"))
}

/// The authorization server, with an empty directory for its store.
fn authorization_server(algorithm: Algorithm, data: &str) -> Case {
    let algorithm = format!("{algorithm:?}");
    case([
        "authorization-server",
        "--algorithm",
        &algorithm,
        "--data",
        data,
    ])
}

/// Nothing but HTTP and a signature.
fn floor(algorithm: Algorithm, message: &str) -> Case {
    let algorithm = format!("{algorithm:?}");
    case(["floor", "--algorithm", &algorithm, "--message", message])
}

fn case(subject: [&str; 5]) -> Case {
    let body = format!(
        "grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}&scope={SCOPE}"
    );
    let headers = vec![(
        "Content-Type",
        "application/x-www-form-urlencoded".to_owned(),
    )];
    Case {
        name: subject[0].to_owned(),
        subject: subject.map(str::to_owned).to_vec(),
        request: Request {
            path: "/oauth2/token",
            headers,
            body,
            tokens: Vec::new(),
        },
        expected: "\"access_token\"",
    }
}

/// Header and payload of the access token in an answer (RFC 7515 §5.1).
fn signing_input(answer: &str) -> anyhow::Result<String> {
    let (_, after) = answer
        .split_once("\"access_token\":\"")
        .context("find the token")?;
    let (token, _) = after.split_once('"').context("find the end of the token")?;
    let (signing_input, _) = token.rsplit_once('.').context("find the signature")?;
    Ok(signing_input.to_owned())
}

/// Signs `message` for so long on the core of the subjects.
fn sign(algorithm: Algorithm, message: &str, seconds: u64) -> anyhow::Result<Turn> {
    let (algorithm, seconds) = (format!("{algorithm:?}"), seconds.to_string());
    let arguments = [
        "signer",
        "--algorithm",
        &algorithm,
        "--message",
        message,
        "--seconds",
        &seconds,
    ];
    let output = machine::output_of_subject(&arguments.map(str::to_owned))?;
    let nanoseconds: f64 = output
        .trim()
        .parse()
        .context("the signer prints a number")?;
    let each = Duration::from_secs_f64(nanoseconds / 1e9);
    Ok(Turn {
        per_second: 1.0 / each.as_secs_f64(),
        processor: nanoseconds / 1e3,
        latency: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_signed_up_to_its_last_dot() {
        let answer =
            "HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"aa.bb.cc\",\"token_type\":\"Bearer\"}";
        assert_eq!(signing_input(answer).unwrap(), "aa.bb");
        assert!(signing_input("{}").is_err());
    }
}
