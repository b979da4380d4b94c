//! A server with an identity provider, as one of the things that are compared.

use anyhow::Context as _;

use super::fastmcp;
use crate::command_line::{Effort, Maker};
use crate::load::{Request, Seen};
use crate::machine::{Server, output_of_load};
use crate::probe;
use crate::round::Start;
use crate::subject::road::{CLIENT, COUNTS, Counts};

/// A server with an identity provider.
#[derive(Clone, Debug)]
pub(crate) struct FlowCase {
    /// Who has made the server.
    pub(crate) maker: Maker,
    /// What starts it.
    pub(crate) start: Start,
    /// The port of the provider, which lives where the load comes from.
    pub(crate) provider: u16,
    /// The file with the provider's signing key.
    pub(crate) key: String,
}

/// The server of a [`FlowCase`], open to people.
pub(crate) struct Open<'a> {
    case: &'a FlowCase,
    pub(crate) server: Server,
    /// What the client is called there.
    client: String,
}

impl FlowCase {
    /// Starts the server, with the client and everybody known there.
    pub(crate) fn open(&self, effort: &Effort) -> anyhow::Result<Open<'_>> {
        let server = self.start.server()?;
        let client = match self.maker {
            Maker::Sumun => CLIENT.to_owned(),
            Maker::Fastmcp => fastmcp::register(server.port)?,
        };
        let open = Open {
            case: self,
            server,
            client,
        };
        open.send_people(effort.connections, 1)?;
        Ok(open)
    }

    /// What the flow asks of the store.
    pub(crate) fn count(&self, effort: &Effort) -> anyhow::Result<Counts> {
        let open = self.open(effort)?;
        let counts = || {
            let request = Request {
                path: COUNTS,
                headers: Vec::new(),
                body: String::new(),
                tokens: Vec::new(),
            };
            let answer = probe::ask(open.server.port, &request, "")?;
            Counts::parse(&answer).with_context(|| format!("no counts: {answer}"))
        };
        let before = counts()?;
        let seen = open.send_people(effort.connections, effort.seconds)?;
        Ok(counts()?.since(&before, seen.answers))
    }
}

impl Open<'_> {
    /// Sends people through the flow.
    pub(crate) fn send_people(&self, connections: usize, seconds: u64) -> anyhow::Result<Seen> {
        let mut arguments = Vec::new();
        for (name, value) in [
            ("--maker", self.case.maker.argument().to_owned()),
            ("--port", self.server.port.to_string()),
            ("--client", self.client.clone()),
            ("--provider", self.case.provider.to_string()),
            ("--key", self.case.key.clone()),
            ("--connections", connections.to_string()),
            ("--seconds", seconds.to_string()),
        ] {
            arguments.extend([name.to_owned(), value]);
        }
        Seen::parse(&output_of_load("flows", &arguments)?)
    }
}
