//! How a child ends: asked by its closed input first, then by a signal, then without being asked
//! (MCP stdio transport, shutdown).

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::Child;
use tokio::time::timeout;

/// How long a child may take to end after its input has closed.
const AFTER_INPUT: Duration = Duration::from_secs(3);
/// How long it may take after it was asked by a signal.
const AFTER_SIGNAL: Duration = Duration::from_secs(2);
/// How often it is looked whether processes that the child started are still there.
const LOOK: Duration = Duration::from_millis(20);

/// What it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Its input closed, and it ended.
    Quietly,
    /// It was asked.
    Asked,
    /// It was killed.
    Killed,
}

/// Ends a child whose input has closed, and all of its group. Afterwards it is reaped.
pub(super) async fn end(child: &mut Child, pid: Option<Pid>) -> How {
    let mut how = How::Quietly;
    if timeout(AFTER_INPUT, child.wait()).await.is_err() {
        how = How::Asked;
        signal(pid, Signal::TERM);
        if timeout(AFTER_SIGNAL, child.wait()).await.is_err() {
            how = How::Killed;
            signal(pid, Signal::KILL);
            let _ = child.start_kill();
            let _ = child.wait().await;
        }
    }
    // The child is gone; what it left behind is in its group. As long as there is such a process, the
    // system gives the number of the group to nobody else.
    if is_left(pid) {
        signal(pid, Signal::TERM);
        let ended = async {
            while is_left(pid) {
                tokio::time::sleep(LOOK).await;
            }
        };
        if timeout(AFTER_SIGNAL, ended).await.is_err() {
            signal(pid, Signal::KILL);
        }
    }
    how
}

fn signal(pid: Option<Pid>, signal: Signal) {
    if let Some(pid) = pid {
        let _ = kill_process_group(pid, signal);
    }
}

fn is_left(pid: Option<Pid>) -> bool {
    pid.is_some_and(|pid| test_kill_process_group(pid).is_ok())
}
