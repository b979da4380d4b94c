//! What waits for somebody who is slower than the server: bounded in number, and in bytes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// So many messages of the largest size may wait in one place.
const LARGEST: usize = 4;

/// How much may wait in one place.
#[derive(Clone, Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// The part of a room that one message takes; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Taken {
    _place: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Room {
    /// Room for `messages` messages, where the largest one has `largest` bytes.
    pub(super) fn new(messages: usize, largest: usize) -> Self {
        let bytes = largest.saturating_mul(LARGEST).min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(messages)),
            bytes: Arc::new(Semaphore::new(bytes)),
        }
    }

    /// Takes room for a message of so many bytes, if there is some.
    pub(super) fn take(&self, bytes: usize) -> Option<Taken> {
        let bytes = u32::try_from(bytes).ok()?;
        Some(Taken {
            _place: self.places.clone().try_acquire_owned().ok()?,
            _bytes: self.bytes.clone().try_acquire_many_owned(bytes).ok()?,
        })
    }
}

/// Where messages go in.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    messages: mpsc::UnboundedSender<(String, Taken)>,
    room: Room,
}

/// Where they come out.
#[derive(Debug)]
pub(super) struct Receiver(mpsc::UnboundedReceiver<(String, Taken)>);

/// A queue in this room.
pub(super) fn queue(room: Room) -> (Sender, Receiver) {
    let (messages, waiting) = mpsc::unbounded_channel();
    (Sender { messages, room }, Receiver(waiting))
}

impl Sender {
    /// Lets a message wait; false if there is no room for it, or nobody to take it.
    pub(super) fn give(&self, text: &str) -> bool {
        let taken = self.room.take(text.len());
        taken.is_some_and(|taken| self.messages.send((text.to_owned(), taken)).is_ok())
    }
}

impl Receiver {
    /// The next message; `None` if there will be none.
    pub(super) async fn next(&mut self) -> Option<String> {
        let (text, _taken) = self.0.recv().await?;
        Some(text)
    }

    /// The next message, if one waits.
    pub(super) fn waiting(&mut self) -> Option<String> {
        let (text, _taken) = self.0.try_recv().ok()?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_is_bounded_in_number_and_in_bytes() {
        let (sender, mut receiver) = queue(Room::new(3, 10));
        let taken = ["a", "b", "c", "d"].map(|text| sender.give(text));
        assert_eq!(taken, [true, true, true, false], "three messages");
        assert_eq!(receiver.next().await.unwrap(), "a");
        assert!(sender.give(&"e".repeat(10)));
        while receiver.waiting().is_some() {}
        let large = "x".repeat(20);
        let taken = [&*large, &*large, "y"].map(|text| sender.give(text));
        assert_eq!(taken, [true, true, false], "forty bytes");
        assert_eq!(receiver.next().await.unwrap(), large);
        assert!(sender.give("y"), "room comes back");
        drop(receiver);
        assert!(!sender.give("z"), "nobody is there");
    }
}
