//! Rounds: everything that is compared has its turns in each of them.

use crate::command_line::{Effort, Load};
use crate::flow::case::{FlowCase, Open};
use crate::load::{self, Request, Seen};
use crate::machine::{Server, output_of_load, output_of_subject};
use crate::neighbour::Neighbour;
use crate::probe;
use crate::report::Turn;

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
    /// Who puts the load on it, if there is somebody on the core for load already.
    pub(crate) neighbour: Option<Neighbour>,
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

impl Start {
    /// Starts the server.
    pub(crate) fn server(&self) -> anyhow::Result<Server> {
        match self {
            Self::Subject(arguments) => Server::start(arguments),
            Self::Program {
                program,
                arguments,
                port,
            } => Server::start_program(program, arguments, *port),
        }
    }
}

impl Case {
    /// Starts the server and returns its first answer, too.
    pub(crate) fn start(&self) -> anyhow::Result<(Server, String)> {
        let server = self.start.server()?;
        let answer = probe::ask(server.port, &self.request, self.expected)?;
        Ok((server, answer))
    }

    fn put_load(&self, server: &Server, connections: usize, seconds: u64) -> anyhow::Result<Seen> {
        let carry_out = |load: &Load| match &self.neighbour {
            Some(neighbour) => neighbour.carry_out(load),
            None => output_of_load("load", &load.arguments()),
        };
        load::put_on(server.port, &self.request, connections, seconds, carry_out)
    }
}

/// A subject that is ready for its turns.
enum Ready<'a> {
    Server(&'a Case, Server),
    Flows(Open<'a>),
    Alone(&'a [String]),
}

impl<'a> Ready<'a> {
    fn new(subject: &'a Subject, effort: &Effort) -> anyhow::Result<Self> {
        match subject {
            Subject::Server(case) => {
                let (server, _) = case.start()?;
                // A server is slow until it has filled its caches.
                case.put_load(&server, effort.connections, 1)?;
                Ok(Self::Server(case, server))
            }
            Subject::Flows(case) => Ok(Self::Flows(case.open(effort)?)),
            Subject::Alone(arguments) => Ok(Self::Alone(arguments)),
        }
    }

    fn measure(&self, effort: &Effort) -> anyhow::Result<Turn> {
        match self {
            Self::Server(case, server) => {
                let before = server.processor_time()?;
                let seen = case.put_load(server, effort.connections, effort.seconds)?;
                Ok(Turn::of_load(
                    &seen,
                    server.processor_time()?.saturating_sub(before),
                ))
            }
            Self::Flows(open) => {
                let before = open.server.processor_time()?;
                let seen = open.send_people(effort.connections, effort.seconds)?;
                let processor = open.server.processor_time()?.saturating_sub(before);
                Ok(Turn::of_load(&seen, processor))
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
