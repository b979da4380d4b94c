//! The token endpoint against the signatures that it cannot do without.

use anyhow::Context as _;
use oauth::jws::Algorithm;

use crate::command_line::Effort;
use crate::load::Request;
use crate::machine;
use crate::report::{Ratio, table};
use crate::round::{Case, Start, Subject, rounds};
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
    let data = tempfile::tempdir()?;
    let name = format!("{algorithm:?}");
    let data = data.path().to_string_lossy();
    let server = case([
        "authorization-server",
        "--algorithm",
        &name,
        "--data",
        &data,
    ]);
    // What is signed by itself is what the server has signed.
    let (_, answer) = server.start()?;
    let message = signing_input(&answer)?;
    let signer = ["signer", "--algorithm", &name, "--message", &message];
    let subjects = [
        Subject::Alone(signer.map(str::to_owned).to_vec()),
        Subject::Server(case(["floor", "--algorithm", &name, "--message", &message])),
        Subject::Server(server),
    ];
    let turns = rounds(&subjects, effort)?;
    let names = [
        "signatures alone",
        "an HTTP handler that only signs",
        "the authorization server",
    ];
    let mut report = table(
        &format!("client credentials at /oauth2/token, {name}"),
        &names,
        &turns,
    );
    report.line("");
    report.line(&Ratio::of(&turns[2], &turns[0]).verdict("tokens / signatures", TARGET));
    report.publish(&format!("token-{name}"))
}

fn case(arguments: [&str; 5]) -> Case {
    let body = format!(
        "grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}&scope={SCOPE}"
    );
    let headers = vec![(
        "Content-Type",
        "application/x-www-form-urlencoded".to_owned(),
    )];
    Case {
        start: Start::Subject(arguments.map(str::to_owned).to_vec()),
        neighbour: None,
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
