//! Processes on a core of their own, and the processor time that they use.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// The core for what is measured.
const SUBJECT_CORE: usize = 1;
/// The core for what puts load on it.
const LOAD_CORE: usize = 0;
/// How long another program may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A command that will run `program` on `core` alone, at the priority of everybody else: others may be at
/// work on the same machine.
fn pinned(core: usize, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), program]);
    command
}

/// How many cores there are to pin to.
pub(crate) fn require_two_cores() -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    anyhow::ensure!(
        cores >= 2,
        "two cores are needed: one for the subject, one for the load"
    );
    Ok(())
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A subject that listens; it is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts this program as a subject, and waits until it says which port it has.
    pub(crate) fn start(arguments: &[String]) -> anyhow::Result<Self> {
        Ok(Self::start_on(SUBJECT_CORE, arguments)?.0)
    }

    /// Starts a server that is not measured on the core of the load. It is told things by its standard input, and
    /// answers on its standard output.
    pub(crate) fn start_beside(arguments: &[String]) -> anyhow::Result<(Self, Pipes)> {
        let (mut server, output) = Self::start_on(LOAD_CORE, arguments)?;
        let input = server.process.stdin.take();
        let input = input.context("the input of a subject is a pipe")?;
        Ok((server, Pipes { input, output }))
    }

    /// Starts another program as a subject, and waits until it listens on `port`.
    pub(crate) fn start_program(
        program: &str,
        arguments: &[String],
        port: u16,
    ) -> anyhow::Result<Self> {
        let mut command = pinned(SUBJECT_CORE, program);
        command.args(arguments).stdin(Stdio::null());
        let log = tempfile::tempfile()?;
        command.stdout(log.try_clone()?).stderr(log);
        let process = command
            .spawn()
            .with_context(|| format!("start {program}"))?;
        let mut server = Self { process, port };
        let patience = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.process.try_wait()?;
            anyhow::ensure!(ended.is_none(), "{program} has ended: {ended:?}");
            anyhow::ensure!(patience.elapsed() < PATIENCE, "{program} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn start_on(
        core: usize,
        arguments: &[String],
    ) -> anyhow::Result<(Self, BufReader<ChildStdout>)> {
        let mut command = this_program(core, "subject", arguments)?;
        // It ends with its standard input, so it outlives this process in no case.
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start a subject")?;
        let output = process
            .stdout
            .take()
            .context("the output of a subject is a pipe")?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let port = line.trim().parse();
        let mut server = Self { process, port: 0 };
        server.port = port.with_context(|| format!("{arguments:?} did not start"))?;
        Ok((server, output))
    }

    /// The processor time that the subject has used so far.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        processor_time(&self.process.id().to_string())
    }
}

/// What a server is told, and where it answers.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) input: ChildStdin,
    pub(crate) output: BufReader<ChildStdout>,
}

/// The processor time that all threads of a process have used so far (`self` is this one).
pub(crate) fn processor_time(process: &str) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
        let running = statistics
            .split(' ')
            .next()
            .context("read the processor time")?;
        nanoseconds += running.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a subject prints that ends by itself.
pub(crate) fn output_of_subject(arguments: &[String]) -> anyhow::Result<String> {
    output_of(this_program(SUBJECT_CORE, "subject", arguments)?)
}

/// What a load generator prints.
pub(crate) fn output_of_load(what: &str, arguments: &[String]) -> anyhow::Result<String> {
    output_of(this_program(LOAD_CORE, what, arguments)?)
}

fn output_of(mut command: Command) -> anyhow::Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    anyhow::ensure!(output.status.success(), "{command:?} has failed");
    Ok(String::from_utf8(output.stdout)?)
}

fn this_program(core: usize, what: &str, arguments: &[String]) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("find this program")?;
    let program = program
        .to_str()
        .context("the path of this program must be UTF-8")?;
    let mut command = pinned(core, program);
    command.arg(what).args(arguments);
    Ok(command)
}
