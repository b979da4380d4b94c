//! All that a child has started, wherever it has gone: what begins a session of its own (`setsid`) or has lost its
//! parent is in no group of the child's any more (credentials(7), proc(5)).
//!
//! It is known by a mark in the environment, which a process gets from its parent, and by who is whose parent as
//! long as that can be seen.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use oauth::random::{Random, token};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The variable of the mark.
pub(super) const MARK: &str = "SUMUN_CHILD";
/// How long what is left may take to end after it was asked.
const AFTER_SIGNAL: Duration = Duration::from_secs(2);
/// How often it is looked whether it is still there.
const LOOK: Duration = Duration::from_millis(20);
/// How often is killed what starts itself again and again.
const ROUNDS: usize = 100;

/// A child and what has come of it.
#[derive(Clone, Debug)]
pub(super) struct Kin {
    mark: String,
    /// The child, which whoever started it ends.
    child: Option<Process>,
    others: HashMap<Pid, Process>,
}

/// A process. Its number may be that of another one later, and the time of its start is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    pid: Pid,
    started: u64,
}

/// What the system says about a process.
struct Seen {
    process: Process,
    parent: Option<Pid>,
    /// It has ended, and its parent has not looked.
    has_ended: bool,
}

impl Kin {
    /// A mark for a child that is about to start.
    pub(super) fn new(random: &dyn Random) -> Self {
        Self {
            mark: token::<16>(random),
            child: None,
            others: HashMap::new(),
        }
    }

    /// What the child finds in the variable.
    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    /// The child has started.
    pub(super) fn born(&mut self, pid: Option<Pid>) {
        self.child = pid.and_then(see).map(|seen| seen.process);
    }

    /// Looks for what has come of the child.
    pub(super) async fn found(self) -> Self {
        let before = self.clone();
        // All processes of the system are read.
        let looked = tokio::task::spawn_blocking(move || {
            let mut kin = self;
            kin.look();
            kin
        });
        looked.await.unwrap_or(before)
    }

    fn look(&mut self) {
        let seen: Vec<_> = pids().filter_map(see).collect();
        let by_pid: HashMap<_, _> = seen.iter().map(|seen| (seen.process.pid, seen)).collect();
        let is_known = |kin: &Self, pid: Pid| {
            let known = kin.others.get(&pid).or(kin.child.as_ref());
            known.is_some_and(|known| by_pid.get(&pid).is_some_and(|now| now.process == *known))
        };
        let mark = format!("{MARK}={}", self.mark);
        for seen in &seen {
            if Some(seen.process) != self.child && is_marked(seen.process.pid, &mark) {
                self.others.insert(seen.process.pid, seen.process);
            }
        }
        // Children of those, and theirs.
        loop {
            let count = self.others.len();
            for seen in &seen {
                let is_new = !is_known(self, seen.process.pid);
                if is_new && seen.parent.is_some_and(|parent| is_known(self, parent)) {
                    self.others.insert(seen.process.pid, seen.process);
                }
            }
            if self.others.len() == count {
                return;
            }
        }
    }

    /// Ends what is left when the child has ended: it is asked first.
    pub(super) async fn end(self) {
        let mut kin = self.found().await;
        if !kin.is_left() {
            return;
        }
        kin.signal(Signal::TERM);
        let ended = async {
            while kin.is_left() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(AFTER_SIGNAL, ended).await;
        // Again, since one of them may have started another one meanwhile.
        for _ in 0..ROUNDS {
            kin = kin.found().await;
            if !kin.is_left() {
                return;
            }
            kin.signal(Signal::KILL);
            tokio::time::sleep(LOOK).await;
        }
        tracing::warn!("what a child has started does not end");
    }

    fn is_left(&self) -> bool {
        let mut others = self.others.values();
        others.any(|process| see(process.pid).is_some_and(|seen| seen.is(process)))
    }

    fn signal(&self, signal: Signal) {
        for process in self.others.values() {
            let Ok(handle) = pidfd_open(process.pid, PidfdFlags::empty()) else {
                continue;
            };
            // The handle is of whatever has the number now; if that is this process, it stays so.
            if see(process.pid).is_some_and(|seen| seen.is(process)) {
                let _ = pidfd_send_signal(handle, signal);
            }
        }
    }
}

impl Seen {
    /// Whether it is this process, which runs.
    fn is(&self, process: &Process) -> bool {
        self.process == *process && !self.has_ended
    }
}

/// All processes that can be seen.
fn pids() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

fn see(pid: Pid) -> Option<Seen> {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name before may hold anything, also what looks like the end of a name.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    // proc_pid_stat(5): the state is field 3, the parent field 4, the start field 22.
    let number = |field: usize| fields.get(field - 3).copied();
    Some(Seen {
        process: Process {
            pid,
            started: number(22)?.parse().ok()?,
        },
        parent: number(4)?.parse().ok().and_then(Pid::from_raw),
        has_ended: matches!(number(3)?, "Z" | "X"),
    })
}

/// Whether a process has the mark in its environment, as far as that can be read.
fn is_marked(pid: Pid, mark: &str) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero()));
    let environment = environment.unwrap_or_default();
    let mut variables = environment.split(|byte| *byte == 0);
    variables.any(|variable| variable == mark.as_bytes())
}
