//! Rounds: everything that is compared has its turns in each of them.

use anyhow::Context as _;

use crate::command_line::Effort;
use crate::load::{self, Request, Seen};
use crate::machine::{Server, output_of_load, output_of_subject};
use crate::probe;
use crate::report::Turn;
use crate::subject::road::{COUNTS, Counts};

/// One of the things that are compared.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// A server under load.
    Server(Case),
    /// A server, and people who go through its flow.
    Flows(FlowCase),
    /// Work without a server; the arguments lack only the duration.
    Alone(Vec<String>),
}

/// A server, and what is sent to it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What starts it.
    pub(crate) start: Start,
    pub(crate) request: Request,
    /// What a right answer holds.
    pub(crate) expected: &'static str,
    /// Whether something else has to run on the core of the load.
    pub(crate) patient: bool,
}

/// How a server is started.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    /// It is a subject of this program, with these arguments.
    Subject(Vec<String>),
    /// It is another program, which is told its port.
    Program {
        program: String,
        arguments: Vec<String>,
        port: u16,
    },
}

impl Case {
    /// Starts the server and returns its first answer, too.
    pub(crate) fn start(&self) -> anyhow::Result<(Server, String)> {
        let server = match &self.start {
            Start::Subject(arguments) => Server::start(arguments)?,
            Start::Program {
                program,
                arguments,
                port,
            } => Server::start_program(program, arguments, *port)?,
        };
        let answer = probe::ask(server.port, &self.request, self.expected)?;
        Ok((server, answer))
    }
}

/// A server with an identity provider.
#[derive(Clone, Debug)]
pub(crate) struct FlowCase {
    /// The arguments that start the server.
    pub(crate) arguments: Vec<String>,
    /// The port of the provider, which lives where the load comes from.
    pub(crate) provider: u16,
    /// The file with the provider's signing key.
    pub(crate) key: String,
}

impl FlowCase {
    /// Sends people through the flow of `server`.
    fn put_on(&self, server: &Server, connections: usize, seconds: u64) -> anyhow::Result<Seen> {
        let mut arguments = Vec::new();
        for (name, value) in [
            ("--port", server.port.to_string()),
            ("--provider", self.provider.to_string()),
            ("--key", self.key.clone()),
            ("--connections", connections.to_string()),
            ("--seconds", seconds.to_string()),
        ] {
            arguments.extend([name.to_owned(), value]);
        }
        Seen::parse(&output_of_load("flows", &arguments)?)
    }

    /// Starts the server, with everybody known there.
    fn start(&self, effort: &Effort) -> anyhow::Result<Server> {
        let server = Server::start(&self.arguments)?;
        self.put_on(&server, effort.connections, 1)?;
        Ok(server)
    }

    /// What the flow asks of the store.
    pub(crate) fn count(&self, effort: &Effort) -> anyhow::Result<Counts> {
        let server = self.start(effort)?;
        let counts = || {
            let request = Request {
                path: COUNTS,
                headers: Vec::new(),
                body: String::new(),
                tokens: Vec::new(),
            };
            let answer = probe::ask(server.port, &request, "")?;
            Counts::parse(&answer).with_context(|| format!("no counts: {answer}"))
        };
        let before = counts()?;
        let seen = self.put_on(&server, effort.connections, effort.seconds)?;
        Ok(counts()?.since(&before, seen.answers))
    }
}

/// A subject that is ready for its turns.
enum Ready<'a> {
    Server(&'a Case, Server),
    Flows(&'a FlowCase, Server),
    Alone(&'a [String]),
}

impl<'a> Ready<'a> {
    fn new(subject: &'a Subject, effort: &Effort) -> anyhow::Result<Self> {
        match subject {
            Subject::Server(case) => {
                let (server, _) = case.start()?;
                // A server is slow until it has filled its caches.
                load::put_on(
                    server.port,
                    &case.request,
                    effort.connections,
                    1,
                    case.patient,
                )?;
                Ok(Self::Server(case, server))
            }
            Subject::Flows(case) => Ok(Self::Flows(case, case.start(effort)?)),
            Subject::Alone(arguments) => Ok(Self::Alone(arguments)),
        }
    }

    fn measure(&self, effort: &Effort) -> anyhow::Result<Turn> {
        match self {
            Self::Server(case, server) => {
                let before = server.processor_time()?;
                let (connections, seconds) = (effort.connections, effort.seconds);
                let patient = case.patient;
                let seen = load::put_on(server.port, &case.request, connections, seconds, patient)?;
                Ok(Turn::of_load(
                    &seen,
                    server.processor_time()?.saturating_sub(before),
                ))
            }
            Self::Flows(case, server) => {
                let before = server.processor_time()?;
                let seen = case.put_on(server, effort.connections, effort.seconds)?;
                Ok(Turn::of_load(
                    &seen,
                    server.processor_time()?.saturating_sub(before),
                ))
            }
            Self::Alone(arguments) => {
                let mut arguments = arguments.to_vec();
                arguments.extend(["--seconds".to_owned(), effort.seconds.to_string()]);
                Turn::of_work(&output_of_subject(&arguments)?)
            }
        }
    }
}

/// The turns of each subject, two in every round.
///
/// Each round starts fresh processes, because where a program lies in memory moves its speed by some
/// percent. Within a round everybody has a turn and then, in the opposite order, another one, because
/// the speed of the machine drifts. Who has no turn waits and costs nothing.
pub(crate) fn rounds(subjects: &[Subject], effort: &Effort) -> anyhow::Result<Vec<Vec<Turn>>> {
    let mut turns = vec![Vec::new(); subjects.len()];
    for _ in 0..effort.reps {
        let ready: Result<Vec<_>, _> = subjects
            .iter()
            .map(|subject| Ready::new(subject, effort))
            .collect();
        let ready = ready?;
        for at in (0..ready.len()).chain((0..ready.len()).rev()) {
            turns[at].push(ready[at].measure(effort)?);
        }
    }
    Ok(turns)
}
