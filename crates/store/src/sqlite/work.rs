//! The work of callers, and how they are told what became of it.

use std::error::Error;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::change::Turn;

/// Why a write has failed; many callers share it.
pub(super) type Failure = Arc<dyn Error + Send + Sync>;

/// Work of a caller, whatever it returns.
pub(super) trait Work: Send {
    /// Does it, within the transaction.
    fn run(&mut self, turn: &mut Turn<'_>) -> rusqlite::Result<()>;

    /// Tells the caller, once it is known what became of the transaction.
    fn answer(self: Box<Self>, kept: Result<(), Failure>);
}

pub(super) struct Job<F, T> {
    work: Option<F>,
    result: Option<T>,
    caller: oneshot::Sender<Result<T, Failure>>,
}

impl<F, T> Job<F, T> {
    /// Work, and where its caller will be told.
    pub(super) fn new(work: F) -> (Self, oneshot::Receiver<Result<T, Failure>>) {
        let (caller, told) = oneshot::channel();
        let job = Self {
            work: Some(work),
            result: None,
            caller,
        };
        (job, told)
    }
}

impl<F, T> Work for Job<F, T>
where
    F: FnOnce(&mut Turn<'_>) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn run(&mut self, turn: &mut Turn<'_>) -> rusqlite::Result<()> {
        self.result = self.work.take().map(|work| work(turn)).transpose()?;
        Ok(())
    }

    fn answer(self: Box<Self>, kept: Result<(), Failure>) {
        let result = match (kept, self.result) {
            (Ok(()), Some(result)) => Ok(result),
            (Err(error), _) => Err(error),
            // It was not run, which is only so where the commit failed.
            (Ok(()), None) => return,
        };
        // Nobody minds a failed send: its caller has gone away.
        let _ = self.caller.send(result);
    }
}

/// Tells callers who share a commit whether it was made, from a thread of their runtime. Told from another one that
/// shares a core with it, each would take that core, find nothing else to do, and lie down again before the next one is
/// told.
pub(super) fn tell(kept: Result<(), Failure>, waiting: Vec<Box<dyn Work>>, runtime: &Handle) {
    let callers = Callers { kept, waiting };
    if callers.waiting.len() > 1 {
        runtime.spawn(async move { drop(callers) });
    }
}

/// Callers are told when this is dropped, so that nobody is forgotten, whatever becomes of the runtime.
struct Callers {
    kept: Result<(), Failure>,
    waiting: Vec<Box<dyn Work>>,
}

impl Drop for Callers {
    fn drop(&mut self) {
        for caller in self.waiting.drain(..) {
            caller.answer(self.kept.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Runtime;

    use super::*;

    #[test]
    fn nobody_is_forgotten_when_the_runtime_has_ended() {
        let job = || Job::new(|_: &mut Turn<'_>| Ok(()));
        let ((one, of_one), (other, of_other)) = (job(), job());
        let failure: Failure = Arc::from(Box::<dyn Error + Send + Sync>::from("the disk is full"));
        let ended = Runtime::new().unwrap().handle().clone();
        tell(Err(failure), vec![Box::new(one), Box::new(other)], &ended);
        for mut told in [of_one, of_other] {
            let told = told.try_recv().unwrap();
            assert_eq!(told.unwrap_err().to_string(), "the disk is full");
        }
    }
}
