//! The command line: what can be asked of `sumun`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::commands::audit::{AuditCommand, ReportOptions};
use crate::commands::export::Export;
use crate::commands::import::Import;
use crate::commands::manage::{
    ClientCommand, GrantCommand, Managed, ResourceCommand, RoleCommand, ScopeCommand, UserCommand,
};
use crate::commands::policy::PolicyCommand;
use crate::commands::stdio::Stdio;
use crate::settings;

/// Parses the command line; a wrong one, and `--help`, end the process here.
pub(crate) fn parse() -> Command {
    CommandLine::parse().command
}

const EXIT_CODES: &str = "\
Exit codes:
  0  it is done, or the server was stopped
  1  it could not be done; the message says why and what to do
  2  the command line or the settings file is wrong";

/// Authentication, authorization and data protection for MCP servers.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts everything on this machine, with example servers and two people
    Demo(Demo),
    /// Runs the servers of a settings file
    Serve(Config),
    /// Serves the upstreams of a settings file to one client over standard input and output
    Stdio(Stdio),
    /// Looks at a settings file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Manages the people who can sign in
    User(Managed<UserCommand>),
    /// Manages applications, and registers them on a developer's behalf
    Client(Managed<ClientCommand>),
    /// Shows and revokes what people have allowed applications
    Grant(Managed<GrantCommand>),
    /// Manages roles: what a person with one may let an application do
    Role(Managed<RoleCommand>),
    /// Manages scopes and their words
    Scope(Managed<ScopeCommand>),
    /// Manages resources, for which tokens are issued
    Resource(Managed<ResourceCommand>),
    /// Looks after the keys that seal what is stored
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Asks a running server whether it can serve, for containers and scripts
    Health(HealthOptions),
    /// Shows, verifies and exports what was recorded
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Makes a security report of what was recorded
    Report(ReportOptions),
    /// Finds personal data in text
    #[command(subcommand)]
    Pii(PiiCommand),
    /// Says who may do what with the upstreams, and why
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Makes upstreams of the settings of an MCP client (`mcp.json`)
    Import(Import),
    /// Writes settings of MCP clients that reach what is served here
    Export(Export),
}

/// `sumun demo`
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
    /// The directory for todos, people and keys [default: sumun/demo in your data directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// An identity provider to sign in at, played by a simulator; may be repeated
    #[cfg(feature = "simulators")]
    #[arg(long = "idp", value_name = "NAME", value_parser = IDENTITY_PROVIDERS)]
    pub(crate) identity_providers: Vec<String>,
}

/// What `--idp` takes.
#[cfg(feature = "simulators")]
const IDENTITY_PROVIDERS: [&str; 9] = [
    "all",
    "naver",
    "naver-classic",
    "kakao",
    "line",
    "google",
    "github",
    "entra",
    "logto",
];

/// Which settings.
#[derive(Debug, Args)]
pub(crate) struct Config {
    /// The settings file
    #[arg(long, value_name = "FILE", default_value = "sumun.toml")]
    pub(crate) config: PathBuf,
}

/// `sumun health`
#[derive(Debug, Args)]
pub(crate) struct HealthOptions {
    /// The address of the server [default: that of the settings, on this machine]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) config: Config,
}

/// `sumun config`
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Tells everything that is wrong with a settings file, line by line
    Check(Config),
}

/// `sumun keys`
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Shows every key: what it is used for, and how many records it has sealed
    List(Config),
    /// Adds a new key, which takes over from the one before while the house runs
    Rotate(RotateKeys),
}

/// `sumun keys rotate`
#[derive(Debug, Args)]
pub(crate) struct RotateKeys {
    /// When the new key begins to seal: every process with a copy of the key ring must have it then
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(crate) after: Duration,
    #[command(flatten)]
    pub(crate) config: Config,
}

/// `sumun pii`
#[derive(Debug, Subcommand)]
pub(crate) enum PiiCommand {
    /// Shows the personal data in a text
    Scan(PiiScan),
    /// Scores the detection against labelled lines
    Eval(PiiEval),
}

/// `sumun pii scan`
#[derive(Debug, Args)]
pub(crate) struct PiiScan {
    /// The text [default: standard input]
    pub(crate) file: Option<PathBuf>,
    /// One JSON array of findings, with places in characters and bytes
    #[arg(long)]
    pub(crate) json: bool,
    /// Your own patterns: a JSON object of names and regular expressions
    #[arg(long, value_name = "FILE")]
    pub(crate) patterns: Option<PathBuf>,
    /// How sure a finding must be, from 0 to 1
    #[arg(long, value_name = "SCORE", default_value_t = 0.5, value_parser = score)]
    pub(crate) least_score: f32,
}

/// `sumun pii eval`
#[derive(Debug, Args)]
pub(crate) struct PiiEval {
    /// Lines of {"text":…,"entities":[{"type":…,"start":…,"end":…}]}, with places in characters
    pub(crate) file: PathBuf,
    /// Also shows what was missed and what was wrongly found
    #[arg(long)]
    pub(crate) mistakes: bool,
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    settings::parse_duration(text).ok_or("write a duration as 45s, 5m, 12h or 30d")
}

fn score(text: &str) -> Result<f32, &'static str> {
    let score = text
        .parse()
        .ok()
        .filter(|score| (0.0..=1.0).contains(score));
    score.ok_or("write a number from 0 to 1, such as 0.7")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[cfg(feature = "simulators")]
    #[test]
    fn every_simulator_has_a_name() {
        use authorization_server::simulators::Vendor;
        let names = Vendor::ALL.map(Vendor::name);
        assert_eq!(IDENTITY_PROVIDERS[1..], names);
    }

    #[test]
    fn a_score_is_from_0_to_1() {
        assert_eq!(score("0.7"), Ok(0.7));
        for wrong in ["3", "-1", "NaN", "sure"] {
            assert!(score(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }
}
