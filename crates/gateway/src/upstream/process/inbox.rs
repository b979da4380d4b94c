//! What waits for a child to read it: bounded in number and in bytes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// How many messages may wait.
const WAITING: usize = 64;
/// How much of them, in bytes; a larger one waits alone.
const ROOM: usize = 8 * 1024 * 1024;

/// A message, and the room that it takes.
type Message = (String, OwnedSemaphorePermit);

/// Where messages for a child go in.
#[derive(Clone, Debug)]
pub(in crate::upstream) struct Inbox {
    messages: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
}

/// The same for whoever does not keep the child waiting for more.
#[derive(Debug)]
pub(super) struct WeakInbox {
    messages: mpsc::WeakSender<Message>,
    room: Arc<Semaphore>,
}

/// Where they come out.
#[derive(Debug)]
pub(super) struct Outbox {
    messages: mpsc::Receiver<Message>,
    room: Arc<Semaphore>,
}

/// An inbox, and its other end.
pub(super) fn inbox() -> (Inbox, Outbox) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let room = Arc::new(Semaphore::new(ROOM));
    let outbox = Outbox {
        messages: receiver,
        room: Arc::clone(&room),
    };
    let messages = sender;
    (Inbox { messages, room }, outbox)
}

fn size(text: &str) -> u32 {
    u32::try_from(text.len().min(ROOM)).unwrap_or(u32::MAX)
}

impl Inbox {
    /// Lets a message wait, when there is room for it; false if nobody will read it.
    pub(in crate::upstream) async fn put(&self, text: String) -> bool {
        let room = Arc::clone(&self.room);
        let Ok(taken) = room.acquire_many_owned(size(&text)).await else {
            return false;
        };
        self.messages.send((text, taken)).await.is_ok()
    }

    /// Lets a message wait if there is room for it now.
    pub(in crate::upstream) fn try_put(&self, text: String) {
        let room = Arc::clone(&self.room);
        if let Ok(taken) = room.try_acquire_many_owned(size(&text)) {
            let _ = self.messages.try_send((text, taken));
        }
    }

    pub(super) fn downgrade(&self) -> WeakInbox {
        WeakInbox {
            messages: self.messages.downgrade(),
            room: Arc::clone(&self.room),
        }
    }
}

impl WeakInbox {
    pub(super) fn upgrade(&self) -> Option<Inbox> {
        Some(Inbox {
            messages: self.messages.upgrade()?,
            room: Arc::clone(&self.room),
        })
    }
}

impl Outbox {
    /// The next message; `None` if there will be none.
    pub(super) async fn next(&mut self) -> Option<String> {
        let (text, _taken) = self.messages.recv().await?;
        Some(text)
    }
}

/// Whoever waits for room waits for nothing any more.
impl Drop for Outbox {
    fn drop(&mut self) {
        self.room.close();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn g3_a_child_that_does_not_read_fills_no_memory() {
        let (inbox, mut outbox) = inbox();
        let half = || "x".repeat(ROOM / 2);
        assert_eq!(inbox.put("x".repeat(3 * ROOM)).now_or_never(), Some(true));
        assert_eq!(inbox.put(half()).now_or_never(), None);
        inbox.try_put(half());
        assert_eq!(outbox.next().await.unwrap().len(), 3 * ROOM);
        for _ in 0..2 {
            assert_eq!(inbox.put(half()).now_or_never(), Some(true));
        }
        let waiting = inbox.put(half());
        let (put, ()) = tokio::join!(waiting, async { drop(outbox) });
        assert!(!put);
    }
}
