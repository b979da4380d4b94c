//! One request, to see that a subject answers as it should before it is measured.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context as _;

use crate::load::Request;

/// Sends `request` once and returns the answer, which has to be a success that holds `expected`.
pub(crate) fn ask(port: u16, request: &Request, expected: &str) -> anyhow::Result<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).context("reach the subject")?;
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut once = request.clone();
    once.headers.push(("Connection", "close".to_owned()));
    let written = once.written();
    let text = written.first().context("there is a request to send")?;
    connection.write_all(text.as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let is_success = answer.starts_with("HTTP/1.1 2");
    anyhow::ensure!(
        is_success && answer.contains(expected),
        "the subject answers: {answer}"
    );
    Ok(answer)
}
