//! A channel that is bounded in number and in bytes: whoever is faster than the other end waits, and fills no
//! memory meanwhile.

use std::sync::Arc;

use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Where things go in. Clones are the same end.
#[derive(Debug)]
pub(crate) struct Sender<T> {
    things: mpsc::Sender<(T, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
    most_bytes: usize,
}

/// The same for whoever does not keep the other end waiting for more.
#[derive(Debug)]
pub(crate) struct WeakSender<T> {
    things: mpsc::WeakSender<(T, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
    most_bytes: usize,
}

/// Where they come out.
#[derive(Debug)]
pub(crate) struct Receiver<T> {
    things: mpsc::Receiver<(T, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

/// A channel in which so many things may wait, of so many bytes together; a larger one waits alone.
pub(crate) fn channel<T>(most: usize, most_bytes: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel(most);
    let room = Arc::new(Semaphore::new(most_bytes));
    let out = Receiver {
        things: receiver,
        room: Arc::clone(&room),
    };
    let things = sender;
    (
        Sender {
            things,
            room,
            most_bytes,
        },
        out,
    )
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            things: self.things.clone(),
            room: Arc::clone(&self.room),
            most_bytes: self.most_bytes,
        }
    }
}

impl<T> Sender<T> {
    fn share(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.most_bytes)).unwrap_or(u32::MAX)
    }

    /// Lets a thing of so many bytes wait, when there is room for it; false if nobody will take it out.
    pub(crate) async fn put(&self, thing: T, bytes: usize) -> bool {
        let room = Arc::clone(&self.room);
        let Ok(taken) = room.acquire_many_owned(self.share(bytes)).await else {
            return false;
        };
        self.things.send((thing, taken)).await.is_ok()
    }

    /// Lets it wait if there is room for it now; else it is lost.
    pub(crate) fn try_put(&self, thing: T, bytes: usize) {
        let room = Arc::clone(&self.room);
        if let Ok(taken) = room.try_acquire_many_owned(self.share(bytes)) {
            let _ = self.things.try_send((thing, taken));
        }
    }

    pub(crate) fn downgrade(&self) -> WeakSender<T> {
        WeakSender {
            things: self.things.downgrade(),
            room: Arc::clone(&self.room),
            most_bytes: self.most_bytes,
        }
    }
}

impl<T> WeakSender<T> {
    pub(crate) fn upgrade(&self) -> Option<Sender<T>> {
        Some(Sender {
            things: self.things.upgrade()?,
            room: Arc::clone(&self.room),
            most_bytes: self.most_bytes,
        })
    }
}

impl<T> Receiver<T> {
    /// The next thing; `None` if there will be none.
    pub(crate) async fn recv(&mut self) -> Option<T> {
        let (thing, _taken) = self.things.recv().await?;
        Some(thing)
    }

    /// The next thing, if one waits.
    pub(crate) fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let (thing, _taken) = self.things.try_recv()?;
        Ok(thing)
    }
}

/// Whoever waits for room waits for nothing any more.
impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.room.close();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn g3_an_end_that_takes_nothing_out_fills_no_memory() {
        let (sender, mut receiver) = channel(8, 10);
        let put = |bytes: usize| sender.put(bytes, bytes).now_or_never();
        // Larger than all that may wait, and the first.
        assert_eq!(put(30), Some(true));
        assert_eq!(put(1), None);
        sender.try_put(1, 1);
        assert_eq!(receiver.recv().await, Some(30));
        for _ in 0..5 {
            assert_eq!(put(2), Some(true));
        }
        assert_eq!(put(2), None);
        assert_eq!(receiver.try_recv(), Ok(2));
        let waiting = sender.put(10, 10);
        let (put, ()) = tokio::join!(waiting, async { drop(receiver) });
        assert!(!put);
    }

    #[tokio::test]
    async fn no_more_wait_than_may_however_small_they_are() {
        let (sender, _receiver) = channel(2, 10);
        assert_eq!(sender.put('a', 1).now_or_never(), Some(true));
        assert_eq!(sender.put('b', 1).now_or_never(), Some(true));
        assert_eq!(sender.put('c', 1).now_or_never(), None);
    }
}
