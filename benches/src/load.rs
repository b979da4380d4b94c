//! Load: one request sent over and over, from one core that never sleeps.
//!
//! A load generator that waits for answers has to be woken for nearly each of them, and the server's
//! core pays for that: 2 µs on an idle machine, 10 µs when something else runs on the generator's
//! core. That would hide what is measured, so this one asks its connections in turn and never waits.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use crate::command_line::Load;

/// The largest answer.
const ANSWER: usize = 64 * 1024;

/// A request that is sent over and over.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    /// Bearer tokens; each request sends the next one.
    pub(crate) tokens: Vec<String>,
}

impl Request {
    /// The request as it is sent, once for each token.
    pub(crate) fn written(&self) -> Vec<String> {
        if self.tokens.is_empty() {
            return vec![written("POST", self.path, &self.headers, &self.body)];
        }
        let bearer = |token: &String| {
            let authorization = ("Authorization", format!("Bearer {token}"));
            let headers = [self.headers.as_slice(), &[authorization]].concat();
            written("POST", self.path, &headers, &self.body)
        };
        self.tokens.iter().map(bearer).collect()
    }
}

/// A request as it is sent.
pub(crate) fn written(method: &str, path: &str, headers: &[(&str, String)], body: &str) -> String {
    let line = |(name, value): &(_, _)| format!("{name}: {value}\r\n");
    let lines: String = headers.iter().map(line).collect();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n{lines}\r\n{body}"
    )
}

/// What the generator saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) answers: u64,
    pub(crate) elapsed: Duration,
    /// The latency that half of the requests stayed below.
    pub(crate) p50: Duration,
    /// The latency that 99 % of the requests stayed below.
    pub(crate) p99: Duration,
}

/// Sends `request` to `port` for so many seconds; `carry_out` has that done on the core for load, and returns what is
/// printed there.
pub(crate) fn put_on(
    port: u16,
    request: &Request,
    connections: usize,
    seconds: u64,
    carry_out: impl FnOnce(&Load) -> anyhow::Result<String>,
) -> anyhow::Result<Seen> {
    let file = NamedTempFile::new()?;
    fs::write(file.path(), serde_json::to_vec(&request.written())?)?;
    Seen::parse(&carry_out(&Load {
        port,
        requests: PathBuf::from(file.path()),
        connections,
        seconds,
    })?)
}

impl Seen {
    /// What was seen of so many answers; nothing when there are none.
    pub(crate) fn of(mut latencies: Vec<Duration>, elapsed: Duration) -> Option<Self> {
        latencies.sort_unstable();
        let answers = latencies.len();
        Some(Self {
            answers: answers as u64,
            elapsed,
            p50: *latencies.get(answers / 2)?,
            p99: *latencies.get(answers * 99 / 100)?,
        })
    }

    /// Reads what a load generator prints.
    pub(crate) fn parse(output: &str) -> anyhow::Result<Self> {
        let numbers: Result<Vec<u64>, _> = output.split_whitespace().map(str::parse).collect();
        let &[answers, elapsed, p50, p99] = numbers?.as_slice() else {
            anyhow::bail!("the load generator has printed: {output}");
        };
        let time = Duration::from_micros;
        Ok(Self {
            answers,
            elapsed: time(elapsed),
            p50: time(p50),
            p99: time(p99),
        })
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = [self.elapsed, self.p50, self.p99].map(|time| time.as_micros());
        let [elapsed, p50, p99] = micros;
        write!(f, "{} {elapsed} {p50} {p99}", self.answers)
    }
}

/// Sends the load and prints what was seen.
pub(crate) fn run(load: &Load) -> anyhow::Result<()> {
    let mut sender = Sender::new(load)?;
    while sender.goes_on() {
        sender.turn()?;
    }
    Ok(writeln!(io::stdout(), "{}", sender.seen()?)?)
}

/// What sends requests, and reads answers.
pub(crate) struct Sender {
    requests: Vec<String>,
    /// How many were sent: each of them has its turn.
    sent: usize,
    connections: Vec<Connection>,
    latencies: Vec<Duration>,
    began: Instant,
    duration: Duration,
}

impl Sender {
    /// Sends a first request over each connection.
    pub(crate) fn new(load: &Load) -> anyhow::Result<Self> {
        let requests: Vec<String> = serde_json::from_slice(&fs::read(&load.requests)?)?;
        anyhow::ensure!(!requests.is_empty(), "there is no request to send");
        let mut sender = Self {
            requests,
            sent: 0,
            connections: Vec::new(),
            latencies: Vec::new(),
            began: Instant::now(),
            duration: Duration::from_secs(load.seconds),
        };
        for _ in 0..load.connections {
            sender.connections.push(Connection::open(load.port)?);
        }
        for connection in &mut sender.connections {
            connection.send(next(&sender.requests, &mut sender.sent))?;
        }
        sender.began = Instant::now();
        Ok(sender)
    }

    /// Whether the time is not over.
    pub(crate) fn goes_on(&self) -> bool {
        self.began.elapsed() < self.duration
    }

    /// Asks each connection for its answer. Where there is one, the next request is sent.
    pub(crate) fn turn(&mut self) -> anyhow::Result<()> {
        for connection in &mut self.connections {
            if let Some(answer) = connection.answer()? {
                require_success(answer)?;
                self.latencies.push(connection.asked_at.elapsed());
                connection.send(next(&self.requests, &mut self.sent))?;
            }
        }
        Ok(())
    }

    /// What was seen so far.
    pub(crate) fn seen(self) -> anyhow::Result<Seen> {
        Seen::of(self.latencies, self.began.elapsed()).context("no request was answered")
    }
}

/// The request whose turn it is.
fn next<'r>(requests: &'r [String], sent: &mut usize) -> &'r str {
    let request = &requests[*sent % requests.len()];
    *sent += 1;
    request
}

/// One connection, which waits for one answer at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Box<[u8]>,
    filled: usize,
    /// How long the whole answer is, once its head was read.
    length: Option<usize>,
    asked_at: Instant,
}

impl Connection {
    pub(crate) fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).context("reach the subject")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let answer = vec![0; ANSWER].into_boxed_slice();
        Ok(Self {
            stream,
            answer,
            filled: 0,
            length: None,
            asked_at: Instant::now(),
        })
    }

    pub(crate) fn send(&mut self, request: &str) -> anyhow::Result<()> {
        (self.filled, self.length, self.asked_at) = (0, None, Instant::now());
        // The last request was answered, so there is room in the socket for a whole one.
        self.stream
            .write_all(request.as_bytes())
            .context("send a request")
    }

    /// The answer, once it is there to its end.
    pub(crate) fn answer(&mut self) -> anyhow::Result<Option<&str>> {
        match self.stream.read(&mut self.answer[self.filled..]) {
            Ok(0) => anyhow::bail!("the subject has closed the connection"),
            Ok(more) => self.filled += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let filled = &self.answer[..self.filled];
        if self.length.is_none() {
            self.length = whole_length(filled)?;
        }
        let is_whole = self.length == Some(self.filled);
        Ok(is_whole.then(|| str::from_utf8(filled)).transpose()?)
    }
}

/// An answer that is not a success spoils the measurement.
fn require_success(answer: &str) -> anyhow::Result<()> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    anyhow::ensure!(
        head.starts_with("HTTP/1.1 200 "),
        "the subject answers: {head}"
    );
    Ok(())
}

/// The length of head and body together, once the head is complete (RFC 9112 §6.2).
fn whole_length(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = answer.windows(4).position(|part| part == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = str::from_utf8(&answer[..end])?;
    let length = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>())
    });
    let body = length.with_context(|| format!("an answer without a length: {head}"))??;
    Ok(Some(end + 4 + body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: x\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(whole_length(head.as_bytes()).unwrap(), Some(head.len() + 2));
        assert_eq!(whole_length(&head.as_bytes()[..20]).unwrap(), None);
    }

    #[test]
    fn an_answer_that_is_no_success_spoils_the_measurement() {
        let refused = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
        assert!(require_success(refused).is_err());
        assert!(require_success("HTTP/1.1 200 OK\r\n\r\n").is_ok());
        assert!(whole_length(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn each_token_makes_a_request_of_its_own() {
        let tokens = vec!["a".to_owned(), "b".to_owned()];
        let request = Request {
            path: "/",
            headers: Vec::new(),
            body: "x".into(),
            tokens,
        };
        let written = request.written();
        assert_eq!(written.len(), 2);
        assert!(written[1].contains("\r\nAuthorization: Bearer b\r\n\r\nx"));
    }
}
