//! Rounds: everything that is compared has its turns in each of them.

use crate::command_line::Effort;
use crate::load::{self, Request};
use crate::machine::{Server, output_of_subject};
use crate::probe;
use crate::report::Turn;

/// One of the things that are compared.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// A server under load.
    Server(Case),
    /// Signatures without a server; the arguments lack only the duration.
    Signatures(Vec<String>),
}

/// A server, and what is sent to it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The arguments that start it.
    pub(crate) arguments: Vec<String>,
    pub(crate) request: Request,
    /// What a right answer holds.
    pub(crate) expected: &'static str,
}

impl Case {
    /// Starts the server and returns its first answer, too.
    pub(crate) fn start(&self) -> anyhow::Result<(Server, String)> {
        let server = Server::start(&self.arguments)?;
        let answer = probe::ask(server.port, &self.request, self.expected)?;
        Ok((server, answer))
    }
}

/// A subject that is ready for its turns.
enum Ready<'a> {
    Server(&'a Case, Server),
    Signatures(&'a [String]),
}

impl<'a> Ready<'a> {
    fn new(subject: &'a Subject, effort: &Effort) -> anyhow::Result<Self> {
        match subject {
            Subject::Server(case) => {
                let (server, _) = case.start()?;
                // A server is slow until it has filled its caches.
                load::put_on(server.port, &case.request, effort.connections, 1)?;
                Ok(Self::Server(case, server))
            }
            Subject::Signatures(arguments) => Ok(Self::Signatures(arguments)),
        }
    }

    fn measure(&self, effort: &Effort) -> anyhow::Result<Turn> {
        match self {
            Self::Server(case, server) => {
                let before = server.processor_time()?;
                let (connections, seconds) = (effort.connections, effort.seconds);
                let seen = load::put_on(server.port, &case.request, connections, seconds)?;
                Ok(Turn::of_load(
                    &seen,
                    server.processor_time()?.saturating_sub(before),
                ))
            }
            Self::Signatures(arguments) => {
                let mut arguments = arguments.to_vec();
                arguments.extend(["--seconds".to_owned(), effort.seconds.to_string()]);
                Turn::of_signatures(&output_of_subject(&arguments)?)
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
