//! `sumun audit` and `sumun report`: what was recorded, whether it is whole, and what it means.

mod export;
mod period;
mod person;
mod query;
mod report;
mod simulate;
mod tail;
mod verify;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use crate::command_line::Config;
use crate::settings::{self, Audit, Environment, Settings};

pub(crate) use report::ReportOptions;

/// `sumun audit`
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Shows the events that answer a question
    Query(query::QueryOptions),
    /// Shows the latest events, and those that come
    Tail(tail::TailOptions),
    /// Says whether anything was changed, moved, removed or cut off
    Verify(verify::VerifyOptions),
    /// Writes events for other systems: lines of JSON, CSV or OCSF
    Export(export::ExportOptions),
    /// Plays a month with everything in it that the rules should find, and says what they found
    Simulate(simulate::SimulateOptions),
}

/// Runs one of them.
pub(super) async fn run(command: AuditCommand, environment: &Environment) -> anyhow::Result<()> {
    let done = match command {
        AuditCommand::Query(options) => query::run(&options, environment).await,
        AuditCommand::Tail(options) => tail::run(options, environment).await,
        AuditCommand::Verify(options) => verify::run(&options, environment),
        AuditCommand::Export(options) => export::run(&options, environment).await,
        AuditCommand::Simulate(options) => simulate::run(&options, environment),
    };
    unless_read_enough(done)
}

/// `sumun report`
pub(super) fn report(options: &ReportOptions, environment: &Environment) -> anyhow::Result<()> {
    unless_read_enough(report::run(options, environment))
}

/// Whoever reads from us may stop when they have seen enough (`| head`), and that is no error.
fn unless_read_enough(done: anyhow::Result<()>) -> anyhow::Result<()> {
    let Err(error) = done else { return Ok(()) };
    let kinds = error.chain().filter_map(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        let json = cause.downcast_ref::<serde_json::Error>();
        io.map(io::Error::kind)
            .or_else(|| json.and_then(serde_json::Error::io_error_kind))
    });
    if kinds
        .into_iter()
        .any(|kind| kind == io::ErrorKind::BrokenPipe)
    {
        return Ok(());
    }
    Err(error)
}

/// Which log.
#[derive(Debug, Args)]
pub(crate) struct Place {
    #[command(flatten)]
    config: Config,
}

impl Place {
    /// The settings, and those of the log in them.
    fn settings(&self, environment: &Environment) -> anyhow::Result<(Settings, Audit)> {
        let settings = settings::load(&self.config.config, environment)?;
        let audit = settings.audit.clone();
        let audit =
            audit.context("nothing is recorded: `audit.enabled` is false in the settings")?;
        Ok((settings, audit))
    }
}

/// What may be asked for; everything that is named must hold.
#[derive(Debug, Args)]
pub(crate) struct Filters {
    /// From this time on: 2026-11-28, 2026-11-28T09:30:00+09:00, or 24h or 7d for so long ago
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// The tool, alone or behind its server, as the log shows it: `todo/create-todo`
    #[arg(long)]
    tool: Option<String>,
    /// The person: by username, by the subject of tokens (`sumun user list` shows both), or by the pseudonym of an event
    #[arg(long)]
    user: Option<String>,
    /// The issuer of tokens with that subject, which is no username then [default: this house]
    #[arg(long, requires = "user")]
    issuer: Option<String>,
    /// The client
    #[arg(long)]
    client: Option<String>,
    /// The server or resource
    #[arg(long)]
    server: Option<String>,
    /// The request, by its id in the log and in answers
    #[arg(long)]
    request: Option<String>,
    /// What happened, such as `call_outcome` or `sign_in`
    #[arg(long)]
    event: Option<String>,
    /// What was done, such as `masked` or `denied`
    #[arg(long)]
    action: Option<String>,
    /// How it ended: `success`, `failure`, `denied` or `streamed`
    #[arg(long)]
    outcome: Option<String>,
    /// Whether there were personal data
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pii: Option<bool>,
}

impl Filters {
    async fn query(&self, settings: &Settings, audit: &Audit) -> anyhow::Result<audit::Query> {
        let user = match &self.user {
            None => None,
            Some(user) => {
                Some(person::pseudonym(user, self.issuer.as_deref(), settings, audit).await?)
            }
        };
        let time = |text: &Option<String>| text.as_deref().map(period::parse).transpose();
        let (from, to) = (time(&self.from)?, time(&self.to)?);
        if let (Some(from), Some(to)) = (&from, &to) {
            period::check(from, to)?;
        }
        let (server, tool) = self.place();
        Ok(audit::Query {
            from,
            to,
            tool,
            user,
            client: self.client.clone(),
            server,
            request: self.request.clone(),
            event: word(
                self.event.as_deref(),
                audit::EventType::parse,
                audit::EventType::ALL,
                "event",
            )?,
            action: word(
                self.action.as_deref(),
                audit::Action::parse,
                audit::Action::ALL,
                "action",
            )?,
            outcome: word(
                self.outcome.as_deref(),
                audit::Outcome::parse,
                audit::Outcome::ALL,
                "outcome",
            )?,
            contains_pii: self.pii,
            ..audit::Query::default()
        })
    }
}

impl Filters {
    /// The server and the tool; a tool may be named behind its server, unless that is named by itself.
    fn place(&self) -> (Option<String>, Option<String>) {
        let both = self.tool.as_deref().and_then(|tool| tool.split_once('/'));
        match (&self.server, both) {
            (None, Some((server, tool))) => (Some(server.to_owned()), Some(tool.to_owned())),
            _ => (self.server.clone(), self.tool.clone()),
        }
    }

    /// What to say to whoever has found nothing.
    fn nothing_found(&self, audit: &Audit) -> String {
        let directory = &audit.log.directory;
        if !directory.exists() {
            let directory = directory.display();
            return format!("no events: there is no audit log in {directory} yet");
        }
        match &self.user {
            Some(user) => format!(
                "no events of `{user}`: write a username or the subject of tokens (`sumun user list` shows both), or a \
                 pseudonym as it stands in the log; for the subject of somebody who was removed, add --issuer"
            ),
            None => "no events".to_owned(),
        }
    }
}

fn word<T: Copy + std::fmt::Display>(
    text: Option<&str>,
    parse: fn(&str) -> Option<T>,
    all: &[T],
    what: &str,
) -> anyhow::Result<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    let known = || {
        let known: Vec<_> = all.iter().map(ToString::to_string).collect();
        format!("`{text}` is no {what}: write one of {}", known.join(", "))
    };
    parse(text).map(Some).with_context(known)
}

/// Where output goes: a file, or everybody to see.
fn output(path: Option<&PathBuf>) -> anyhow::Result<Box<dyn io::Write>> {
    Ok(match path {
        None => Box::new(io::BufWriter::new(io::stdout())),
        Some(path) => {
            // What was recorded is as little everybody's business here as it is in the log.
            let mut options = OpenOptions::new();
            let options = options.write(true).create(true).truncate(true).mode(0o600);
            let file = options
                .open(path)
                .with_context(|| path.display().to_string())?;
            Box::new(io::BufWriter::new(file))
        }
    })
}
