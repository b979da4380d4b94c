//! Child processes: started with a clean environment and limits, and never left behind (MCP stdio
//! transport, shutdown).

mod command_line;
mod container;
mod end;
mod kin;
mod lines;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oauth::client::token::harmless;
use oauth::random::Random;
use oauth::secret::Secret;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::board::Board;
use super::pipe::Pipe;
use super::trouble::Trouble;
pub use command_line::{ContainerCommand, ContainerVerb};
use container::Container;
use kin::{Kin, MARK};
use lines::{Line, Lines};

use crate::narrow;

/// How many messages may wait for a child to read them, and of how many bytes.
const WAITING: usize = 64;
const ROOM: usize = 8 * 1024 * 1024;
/// How many of its last lines are told when a child does not come up.
const LAST_LINES: usize = 5;
/// How long a child that has ended may still be heard: what it said last is on its way.
const ECHO: Duration = Duration::from_millis(500);

/// A program that is a server.
#[derive(Debug)]
pub(super) struct Program {
    /// The name of the upstream.
    pub(super) name: String,
    pub(super) command: String,
    pub(super) args: Vec<String>,
    /// All that it sees of the environment.
    pub(super) environment: BTreeMap<String, Secret>,
    pub(super) directory: Option<PathBuf>,
    pub(super) max_memory_bytes: Option<u64>,
    pub(super) max_open_files: Option<u64>,
    /// The largest message that it may send.
    pub(super) max_message: usize,
    pub(super) random: Arc<dyn Random>,
    /// How many run.
    pub(super) children: Arc<AtomicUsize>,
    pub(super) tasks: TaskTracker,
}

/// The last lines that a child wrote to its standard error, made safe.
pub(super) type LastLines = Arc<Mutex<VecDeque<String>>>;

/// Everything about one running child that its keeper needs.
struct Running {
    child: Child,
    name: String,
    pid: Option<Pid>,
    container: Option<Container>,
    kin: Kin,
    board: Arc<Board>,
    /// Ends the child.
    stop: CancellationToken,
    /// It is ending: nothing comes of it any more.
    gone: CancellationToken,
    /// Reads what it writes to its standard error.
    log: AbortOnDropHandle<()>,
    _counted: Counted,
    /// Tells that nothing is left of it. The last field, since fields are dropped in their order: whoever
    /// hears of it finds the child counted no more.
    _finished: DropGuard,
}

/// One of the children that run.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(children: &Arc<AtomicUsize>) -> Self {
        children.fetch_add(1, Ordering::Relaxed);
        Self(children.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Program {
    fn command(&self, args: &[String], variable: Option<(&str, &Secret)>) -> Command {
        let mut command = Command::new(&self.command);
        command.args(args).env_clear();
        for (name, value) in &self.environment {
            command.env(name, value.expose());
        }
        if let Some((name, value)) = variable {
            command.env(name, value.expose());
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// Starts the program, with one more variable in its environment. What it says goes to `board`; it ends
    /// with `stop`, or with the pipe.
    pub(super) fn start(
        &self,
        board: &Arc<Board>,
        stop: CancellationToken,
        patience: Duration,
        variable: Option<(&str, &Secret)>,
    ) -> Result<(Pipe, LastLines), Trouble> {
        let container = Container::recognize(&self.command, &self.args, &self.name, &*self.random);
        let args = container.as_ref().map_or(&*self.args, Container::args);
        let mut kin = Kin::new(&*self.random);
        let mut command = self.command(args, variable);
        command
            .env(MARK, kin.mark())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Signals reach all that it starts, and those of our terminal do not reach it.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            tracing::warn!(upstream = self.name, %error, "a child cannot be started");
            Trouble::unusable("cannot be started")
        })?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(Trouble::unusable("cannot be started"));
        };
        if let Some(pid) = pid {
            self.limit(pid);
        }
        kin.born(pid);
        let (out, outgoing) = narrow::channel(WAITING, ROOM);
        let finished = CancellationToken::new();
        let last_lines = LastLines::default();
        let log = log(self.name.clone(), stderr, last_lines.clone());
        let running = Running {
            child,
            name: self.name.clone(),
            pid,
            container,
            kin,
            board: board.clone(),
            stop: stop.clone(),
            gone: CancellationToken::new(),
            log: AbortOnDropHandle::new(self.tasks.spawn(log)),
            _counted: Counted::new(&self.children),
            _finished: finished.clone().drop_guard(),
        };
        let pipe = Pipe {
            board: board.clone(),
            out: out.clone(),
            gone: running.gone.clone(),
            stop,
            finished,
            patience,
        };
        let lines = Lines::new(stdout, self.max_message);
        let cleanup = running.container.as_ref().map(|container| {
            let mut command = self.command(&container.removal(), None);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true);
            command
        });
        self.tasks
            .spawn(running.keep(stdin, lines, outgoing, out.downgrade(), cleanup));
        Ok((pipe, last_lines))
    }

    /// Sets the limits from outside: to do it between fork and exec would need unsafe code. A program
    /// is not loaded yet when they are there, or has only begun.
    fn limit(&self, pid: Pid) {
        let limits = [
            (Resource::As, self.max_memory_bytes),
            (Resource::Nofile, self.max_open_files),
            // A core would hold everything that the child knows.
            (Resource::Core, Some(0)),
        ];
        for (resource, limit) in limits {
            let Some(limit) = limit else { continue };
            let limits = Rlimit {
                current: Some(limit),
                maximum: Some(limit),
            };
            if let Err(error) = prlimit(Some(pid), resource, limits) {
                tracing::warn!(upstream = self.name, ?resource, %error, "a limit cannot be set");
            }
        }
    }
}

impl Running {
    /// Carries messages to and fro until the end, and then sees to it that it is one.
    async fn keep(
        mut self,
        mut stdin: ChildStdin,
        mut lines: Lines<ChildStdout>,
        mut outgoing: narrow::Receiver<String>,
        back: narrow::WeakSender<String>,
        cleanup: Option<Command>,
    ) {
        let board = self.board.clone();
        let name = self.name.clone();
        let mut kin = self.kin.clone();
        let ended_by_itself = {
            let writing = async move {
                while let Some(mut text) = outgoing.recv().await {
                    text.push('\n');
                    let written = stdin.write_all(text.as_bytes()).await;
                    if written.is_err() || stdin.flush().await.is_err() {
                        return;
                    }
                }
            };
            let reading = async move {
                while let Some(line) = lines.next().await {
                    let text = match line {
                        Line::Text(text) if text.trim().is_empty() => continue,
                        Line::Text(text) => text,
                        Line::TooLong(id) => {
                            tracing::warn!(
                                upstream = name,
                                "a child sent a message that is too long"
                            );
                            match id {
                                Some(id) => too_long(id),
                                None => continue,
                            }
                        }
                    };
                    for one in super::wire::Message::each(&text).unwrap_or_default() {
                        if let Some(answer) = board.dispatch(one.to_owned())
                            && let Some(back) = back.upgrade()
                        {
                            let bytes = answer.len();
                            back.try_put(answer, bytes);
                        }
                    }
                }
            };
            tokio::pin!(writing, reading);
            let ended_by_itself = tokio::select! {
                () = self.stop.cancelled() => false,
                () = &mut reading => true,
                () = &mut writing => {
                    let _ = tokio::time::timeout(ECHO, &mut reading).await;
                    true
                }
                _ = self.child.wait() => {
                    let _ = tokio::time::timeout(ECHO, &mut reading).await;
                    true
                }
            };
            self.gone.cancel();
            self.board.close();
            // Whose parent it is can only be seen as long as it is there.
            kin = kin.found().await;
            ended_by_itself
            // Here standard input closes: the first sign that it is to end.
        };
        let how = end::end(&mut self.child, self.pid).await;
        tracing::debug!(
            upstream = self.name,
            ?how,
            ended_by_itself,
            "a child has ended"
        );
        // `docker run` is only the client of the container, and ends without it when it is killed.
        if let Some(command) = cleanup
            && (ended_by_itself || how != end::How::Quietly)
        {
            container::remove(command, &self.name).await;
        }
        kin.end().await;
        self.log.abort();
        let _ = (&mut self.log).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.gone.cancel();
        self.board.close();
    }
}

/// What stands for an answer that was too long.
fn too_long(id: u64) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32603,"message":"the server sent a message that is larger than allowed"}}}}"#
    )
}

/// Standard error is for whoever looks for the cause: safe words, and not too many.
async fn log(name: String, stderr: ChildStderr, last: LastLines) {
    let mut lines = Lines::new(stderr, 4096);
    while let Some(line) = lines.next().await {
        let Line::Text(line) = line else { continue };
        let line = harmless(&line);
        if line.is_empty() {
            continue;
        }
        tracing::debug!(upstream = name, line, "a child writes");
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
}
