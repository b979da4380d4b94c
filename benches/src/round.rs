//! Rounds: everything that is compared has its turn in each of them.

use crate::command_line::Effort;
use crate::load::{self, Request};
use crate::machine::Server;
use crate::probe;
use crate::report::Turn;

/// One of the things that are compared.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The arguments that start the subject.
    pub(crate) subject: Vec<String>,
    pub(crate) request: Request,
    /// What a right answer holds.
    pub(crate) expected: &'static str,
}

impl Case {
    /// Starts the subject and sees that it answers.
    pub(crate) fn start(&self) -> anyhow::Result<Server> {
        let server = Server::start(&self.subject)?;
        probe::ask(server.port, &self.request, self.expected)?;
        Ok(server)
    }

    /// Starts the subject for one turn.
    pub(crate) fn start_and_measure(&self, effort: &Effort) -> anyhow::Result<Turn> {
        self.measure(&self.start()?, effort)
    }

    /// Loads a subject that was started, after a short time to get warm.
    pub(crate) fn measure(&self, server: &Server, effort: &Effort) -> anyhow::Result<Turn> {
        let put = |seconds| load::put_on(server.port, &self.request, effort.connections, seconds);
        put(1)?;
        let before = server.processor_time()?;
        let seen = put(effort.seconds)?;
        let processor = server.processor_time()? - before;
        Ok(Turn::of_load(&seen, processor))
    }
}

/// The turns of each case. Every round starts fresh processes, because where a program lies in
/// memory moves its speed by some percent; every second round goes backwards, because the speed of
/// the machine drifts.
pub(crate) fn rounds(cases: &[Case], effort: &Effort) -> anyhow::Result<Vec<Vec<Turn>>> {
    let mut turns = vec![Vec::new(); cases.len()];
    for round in 0..effort.reps {
        let mut order: Vec<_> = (0..cases.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            turns[at].push(cases[at].start_and_measure(effort)?);
        }
    }
    Ok(turns)
}
