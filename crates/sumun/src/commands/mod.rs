//! The commands, and how each of them ends.

pub(crate) mod audit;
mod config;
mod demo;
pub(crate) mod export;
mod health;
pub(crate) mod import;
mod keys;
pub(crate) mod manage;
mod pii;
pub(crate) mod policy;
mod serve;
pub(crate) mod stdio;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use crate::command_line::{Command, ConfigCommand, KeysCommand, PiiCommand};
use crate::commands::policy::PolicyCommand;
use crate::settings::{Environment, Problems, SettingsError};

/// How long threads that wait for something may hold up the end of the program.
const FAREWELL: Duration = Duration::from_secs(1);

/// Runs the command. The exit codes are documented in `sumun --help`.
pub(crate) fn run(command: Command) -> ExitCode {
    let environment = Environment::of_process();
    let result = match command {
        Command::Demo(options) => in_runtime(demo::run(options, &environment)),
        Command::Serve(options) => in_runtime(serve::run(options, &environment)),
        Command::Config(ConfigCommand::Check(options)) => config::check(&options, &environment),
        Command::User(options) => in_runtime(manage::run(options, &environment)),
        Command::Client(options) => in_runtime(manage::run(options, &environment)),
        Command::Grant(options) => in_runtime(manage::run(options, &environment)),
        Command::Role(options) => in_runtime(manage::run(options, &environment)),
        Command::Scope(options) => in_runtime(manage::run(options, &environment)),
        Command::Resource(options) => in_runtime(manage::run(options, &environment)),
        Command::Health(options) => in_runtime(health::run(options, &environment)),
        Command::Keys(KeysCommand::List(options)) => in_runtime(keys::list(options, &environment)),
        Command::Keys(KeysCommand::Rotate(options)) => {
            in_runtime(keys::rotate(options, &environment))
        }
        Command::Audit(command) => in_runtime(audit::run(command, &environment)),
        Command::Report(options) => audit::report(&options, &environment),
        Command::Pii(PiiCommand::Scan(options)) => pii::scan(&options),
        Command::Pii(PiiCommand::Eval(options)) => pii::eval(&options),
        Command::Policy(PolicyCommand::Explain(options)) => {
            in_runtime(policy::explain(*options, &environment))
        }
        Command::Policy(PolicyCommand::Check(options)) => policy::check(&options, &environment),
        Command::Policy(PolicyCommand::Trust(options)) => {
            in_runtime(policy::trust(options, &environment))
        }
        Command::Stdio(options) => in_runtime(stdio::run(options, &environment)),
        Command::Import(options) => import::run(&options, &environment),
        Command::Export(options) => export::run(&options, &environment),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If nobody can read standard error, the exit code is all that is left to say.
            let _ = writeln!(std::io::stderr(), "{}", in_words(&error));
            ExitCode::from(if is_about_settings(&error) { 2 } else { 1 })
        }
    }
}

fn in_runtime(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.enable_all().build()?;
    let ended = runtime.block_on(command);
    // Who reads standard input waits for somebody who may never write again.
    runtime.shutdown_timeout(FAREWELL);
    ended
}

fn is_about_settings(error: &anyhow::Error) -> bool {
    error.is::<SettingsError>() || error.is::<Problems>()
}

/// The error and its causes as one message. Problems of a settings file have lines of their own.
fn in_words(error: &anyhow::Error) -> String {
    match error.downcast_ref() {
        Some(SettingsError::Problems(problems)) => problems.to_string(),
        _ => format!("error: {error:#}"),
    }
}
