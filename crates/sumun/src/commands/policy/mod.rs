//! `sumun policy`: who may do what with the upstreams, and why.

mod caller;
mod check;
mod explain;
mod held;
mod trust;

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(super) use caller::of_person;
pub(super) use check::check;
pub(super) use explain::explain;
pub(super) use held::without_role;
pub(super) use trust::trust;

/// `sumun policy`
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Says whether somebody may do something, which rule decides, and why
    Explain(Box<ExplainPolicy>),
    /// Shows which rules there are for each upstream, and what looks like a slip of the pen
    Check(CheckPolicy),
    /// Trusts tools whose description has changed
    Trust(trust::TrustTools),
}

/// `sumun policy check`
#[derive(Debug, Args)]
pub(crate) struct CheckPolicy {
    /// The settings file
    #[arg(long, value_name = "FILE", default_value = "sumun.toml")]
    config: PathBuf,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

/// `sumun policy explain`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true), group = clap::ArgGroup::new("who").required(true).multiple(true))]
pub(crate) struct ExplainPolicy {
    /// The person, by username
    #[arg(
        long,
        value_name = "USERNAME",
        group = "who",
        conflicts_with = "subject"
    )]
    user: Option<String>,
    /// The subject of a token of another authorization server
    #[arg(long, value_name = "SUB", group = "who")]
    subject: Option<String>,
    /// The client; without a person it acts for itself
    #[arg(long, value_name = "CLIENT_ID", group = "who")]
    client: Option<String>,
    /// A tool, as UPSTREAM.TOOL
    #[arg(long, value_name = "UPSTREAM.TOOL", group = "what")]
    tool: Option<String>,
    /// A prompt, as UPSTREAM.PROMPT
    #[arg(long, value_name = "UPSTREAM.PROMPT", group = "what")]
    prompt: Option<String>,
    /// A resource, as UPSTREAM.URI
    #[arg(long, value_name = "UPSTREAM.URI", group = "what")]
    resource: Option<String>,
    /// A method, as UPSTREAM.METHOD
    #[arg(long, value_name = "UPSTREAM.METHOD", group = "what")]
    method: Option<String>,
    /// The arguments of the call, as a JSON object [default: {}]
    #[arg(long, value_name = "JSON")]
    arguments: Option<String>,
    /// Asks whether it is shown in a list, instead of whether it can be called
    #[arg(long, conflicts_with_all = ["arguments", "method"])]
    listed: bool,
    /// Takes the tool for one that says that it changes nothing
    #[arg(long)]
    read_only: bool,
    /// The scopes of the token [default: all that the roles of the person permit]
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// A claim of the token; may be repeated
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    claims: Vec<String>,
    /// The settings file
    #[arg(long, value_name = "FILE", default_value = "sumun.toml")]
    config: PathBuf,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}
