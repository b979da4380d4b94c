//! Runs the drivers of `tests/interop`: a child process with a deadline, and one JSON document back.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::people::Person;

/// After these a driver says itself what it was waiting for, and takes its children with it.
const DEADLINE_SECONDS: u64 = 100;

/// One run of a driver.
pub(crate) struct Driver {
    command: Command,
    script: &'static str,
    /// Everything that the driver leaves anywhere.
    home: TempDir,
}

/// What a driver answered.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Whether the flow came to its end.
    pub(crate) is_success: bool,
    /// The document.
    pub(crate) answer: Value,
    /// What the peer said besides.
    pub(crate) log: String,
}

/// The directory of the drivers.
fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop")
}

/// Something that `scripts/setup` installs.
pub(crate) fn installed(path: &str) -> PathBuf {
    let path = directory().join(path);
    assert!(
        path.exists(),
        "{} is missing: run scripts/setup",
        path.display()
    );
    path
}

impl Driver {
    /// A driver by the name of its file; which program runs it follows from that.
    pub(crate) fn new(script: &'static str) -> Self {
        let program = if Path::new(script)
            .extension()
            .is_some_and(|ending| ending == "py")
        {
            installed(".venv/bin/python")
        } else {
            installed("node_modules/.bin/node")
        };
        installed("node_modules/.stamp");
        installed(".venv/.stamp");
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.arg(directory().join(script)).kill_on_drop(true);
        // No proxy, no person and no client of whoever runs the tests.
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8");
        command.env("HOME", home.path()).env("TMPDIR", home.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self {
            command,
            script,
            home,
        }
    }

    /// An option with its value.
    pub(crate) fn option(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(name).arg(value);
        self
    }

    /// An option without one.
    pub(crate) fn flag(mut self, name: &str) -> Self {
        self.command.arg(name);
        self
    }

    /// Somebody to sign in.
    pub(crate) fn person(self, person: Person) -> Self {
        self.option("--username", person.username)
            .option("--password", person.password)
    }

    /// Somebody with an account at an identity provider of the house.
    pub(crate) fn with_account_at(self, provider: &str, account: &str) -> Self {
        self.option("--provider", provider)
            .option("--username", account)
    }

    /// The command, for a driver that runs until it is told to stop, and its home.
    pub(crate) fn into_command(self) -> (Command, TempDir) {
        (self.command, self.home)
    }

    /// Runs it to its end, which has to be a good one.
    pub(crate) async fn run(self) -> Value {
        let script = self.script;
        let outcome = self.attempt("").await;
        assert!(
            outcome.is_success,
            "{script}: {:#}\n{}",
            outcome.answer, outcome.log
        );
        outcome.answer
    }

    /// Runs it to its end with this standard input.
    pub(crate) async fn attempt(mut self, input: &str) -> Outcome {
        use tokio::io::AsyncWriteExt as _;
        self.command
            .arg("--timeout")
            .arg(DEADLINE_SECONDS.to_string());
        let mut child = self.command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A driver that does not want its input may be gone already.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let deadline = Duration::from_secs(DEADLINE_SECONDS + 20);
        let output = tokio::time::timeout(deadline, child.wait_with_output()).await;
        let output = output
            .unwrap_or_else(|_| panic!("{} did not end", self.script))
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            let text = String::from_utf8_lossy(&output.stdout);
            panic!("{} answered no JSON: {error}\n{text}\n{log}", self.script)
        });
        Outcome {
            is_success: output.status.success(),
            answer,
            log,
        }
    }
}
