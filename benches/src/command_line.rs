//! The command line of the benchmarks.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use oauth::jws::Algorithm;
use serde::{Deserialize, Serialize};

/// Measures what protection and tokens cost. Run it through `scripts/bench`.
#[derive(Debug, Parser)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// `tools/call` of whoami: without protection, with it, and with a token never seen before.
    Mcp(Effort),
    /// The token endpoint against the bare signing rate of its algorithm.
    Token(Effort),
    /// Complete flows through an identity provider, against `FastMCP`, signatures and durable writes.
    Flow(Effort),
    /// A call of an API as a person, against the same call with a bare HTTP client.
    Delegation(Effort),
    /// The gateway in front of a fast server, against the server alone, nginx and a bare proxy.
    Gateway(Effort),
    /// Detection of personal data, against bare patterns.
    Pii(Effort),
    /// All of them.
    All(Effort),
    /// What is measured; the other commands start it.
    #[command(subcommand, hide = true)]
    Subject(SubjectCommand),
    /// What puts load on it.
    #[command(hide = true)]
    Load(Load),
    /// What sends people through the flow.
    #[command(hide = true)]
    Flows(Flows),
}

/// How long to measure.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Effort {
    /// How long each turn lasts.
    #[arg(long, default_value_t = 1)]
    pub(crate) seconds: u64,
    /// How many rounds there are; everything has two turns in each.
    #[arg(long, default_value_t = 12)]
    pub(crate) reps: usize,
    /// How many connections are open at the same time.
    #[arg(long, default_value_t = 32)]
    pub(crate) connections: usize,
    /// One round with turns of one second: shows that the benchmarks work, not how fast anything is.
    #[arg(long)]
    pub(crate) smoke: bool,
}

impl Effort {
    /// The effort after `--smoke` had its say.
    pub(crate) fn effective(self) -> Self {
        if self.smoke {
            Self {
                seconds: 1,
                reps: 1,
                ..self
            }
        } else {
            self
        }
    }
}

/// Requests to send, and where to.
#[derive(Debug, Args, Deserialize, Serialize)]
pub(crate) struct Load {
    /// Where the subject listens.
    #[arg(long)]
    pub(crate) port: u16,
    /// A JSON file with the requests as they are sent, in turn.
    #[arg(long)]
    pub(crate) requests: PathBuf,
    /// How many connections are open at the same time.
    #[arg(long)]
    pub(crate) connections: usize,
    /// For how long.
    #[arg(long)]
    pub(crate) seconds: u64,
}

impl Load {
    /// The load as it stands on the command line.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let requests = self.requests.to_string_lossy().into_owned();
        let (port, connections) = (self.port.to_string(), self.connections.to_string());
        let mut arguments = Vec::new();
        for (name, value) in [
            ("--port", port),
            ("--requests", requests),
            ("--connections", connections),
            ("--seconds", self.seconds.to_string()),
        ] {
            arguments.extend([name.to_owned(), value]);
        }
        arguments
    }
}

/// People to send through the flow, and where to.
#[derive(Debug, Args)]
pub(crate) struct Flows {
    /// Whose flow it is.
    #[arg(long)]
    pub(crate) maker: Maker,
    /// Where the subject listens.
    #[arg(long)]
    pub(crate) port: u16,
    /// What the client is called there.
    #[arg(long)]
    pub(crate) client: String,
    /// Where the identity provider has to listen.
    #[arg(long)]
    pub(crate) provider: u16,
    /// The signing key of the provider.
    #[arg(long)]
    pub(crate) key: PathBuf,
    /// How many people there are.
    #[arg(long)]
    pub(crate) connections: usize,
    /// For how long.
    #[arg(long)]
    pub(crate) seconds: u64,
}

/// Who has made a server with a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Maker {
    Sumun,
    Fastmcp,
}

impl Maker {
    /// The maker as it stands on the command line.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::Sumun => "sumun",
            Self::Fastmcp => "fastmcp",
        }
    }
}

/// What is measured: a process of its own, on a core of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum SubjectCommand {
    /// The whoami example.
    Whoami {
        /// How it is protected.
        #[arg(long)]
        guard: Guard,
        /// The key set that verifies tokens.
        #[arg(long)]
        keys: PathBuf,
    },
    /// An MCP server that costs next to nothing.
    Echo,
    /// The same, which puts load on others as well.
    Neighbour,
    /// A bare proxy that looks tokens up and does nothing else.
    Proxy {
        /// The port of the server behind it.
        #[arg(long)]
        upstream: u16,
        /// The path of both.
        #[arg(long)]
        path: String,
        /// The key set that verifies tokens.
        #[arg(long)]
        keys: PathBuf,
        /// Who issues the tokens.
        #[arg(long)]
        issuer: String,
        /// What the tokens are for.
        #[arg(long)]
        audience: String,
    },
    /// The authorization server.
    AuthorizationServer {
        /// The algorithm of its signing key.
        #[arg(long, value_parser = algorithm)]
        algorithm: Algorithm,
        /// A directory for its store, which is a new one each time.
        #[arg(long)]
        data: PathBuf,
    },
    /// The authorization server, with an identity provider.
    Road {
        /// A directory for its store, which is a new one each time.
        #[arg(long)]
        data: PathBuf,
        /// The port of the provider.
        #[arg(long)]
        provider: u16,
    },
    /// A server whose handler calls an API, and that API.
    Relay {
        /// How it calls.
        #[arg(long)]
        caller: Caller,
        /// A directory for its store, which is a new one each time.
        #[arg(long)]
        data: PathBuf,
    },
    /// Nothing but durable writes.
    Writer {
        /// A directory for the store, which is a new one each time.
        #[arg(long)]
        data: PathBuf,
        /// How many write at once.
        #[arg(long)]
        writers: usize,
        /// How large a record is.
        #[arg(long)]
        bytes: usize,
        /// For how long.
        #[arg(long)]
        seconds: u64,
    },
    /// A server that signs and does nothing else.
    Floor {
        /// The algorithm.
        #[arg(long, value_parser = algorithm)]
        algorithm: Algorithm,
        /// What is signed again and again.
        #[arg(long)]
        message: String,
    },
    /// Nothing but signatures.
    Signer {
        /// The algorithm.
        #[arg(long, value_parser = algorithm)]
        algorithm: Algorithm,
        /// What is signed again and again.
        #[arg(long)]
        message: String,
        /// For how long.
        #[arg(long)]
        seconds: u64,
    },
}

/// How an API is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Caller {
    /// With a bare HTTP client and a token that is at hand.
    Bare,
    /// With the API client, as a person whose token is in the vault.
    Delegated,
}

impl Caller {
    /// The caller as it stands on the command line.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Delegated => "delegated",
        }
    }
}

/// How whoami is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Guard {
    /// Not at all: every call is alice's.
    None,
    /// By a verifier that remembers the tokens it has seen.
    Remembering,
    /// By the same verifier with room for so few tokens that it has hardly ever seen one before.
    Forgetful,
}

impl Guard {
    /// The guard as it stands on the command line.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Remembering => "remembering",
            Self::Forgetful => "forgetful",
        }
    }
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    let known = Algorithm::ALL
        .into_iter()
        .find(|algorithm| format!("{algorithm:?}") == name);
    known.ok_or_else(|| format!("{name} is not a signature algorithm"))
}
