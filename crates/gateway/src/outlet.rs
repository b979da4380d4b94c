//! The way of news from a server to its client: as wide as the client is fast, in number and in bytes.

use std::sync::Arc;

use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::json::Raw;
use crate::message::{News, Notification, Question, RpcError, code};

/// How many news may wait.
const WAITING: usize = 32;
/// How much of them, in bytes; a larger one waits alone.
const ROOM: usize = 1024 * 1024;

/// Where a server puts news for a client. What is put there when nobody listens any more is lost.
#[derive(Clone, Debug)]
pub(crate) struct Outlet {
    news: mpsc::Sender<(News, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

/// Where they come out.
#[derive(Debug)]
pub(crate) struct Inlet {
    news: mpsc::Receiver<(News, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

impl Outlet {
    /// An outlet, and where its news come out. A server that is faster than its client waits.
    pub(crate) fn new() -> (Self, Inlet) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let room = Arc::new(Semaphore::new(ROOM));
        let inlet = Inlet {
            news: receiver,
            room: Arc::clone(&room),
        };
        (Self { news: sender, room }, inlet)
    }

    /// Passes a notification on; false if nobody listens any more.
    pub(crate) async fn notify(&self, notification: Notification) -> bool {
        let bytes = size(&notification.method, notification.params.as_ref());
        self.put(News::Notification(notification), bytes).await
    }

    /// Asks the client, and waits for what it says.
    pub(crate) async fn ask(&self, method: String, params: Option<Raw>) -> Result<Raw, RpcError> {
        let (reply, answer) = oneshot::channel();
        let bytes = size(&method, params.as_ref());
        let question = Question {
            method,
            params,
            reply,
        };
        let gone = || RpcError::new(code::INTERNAL_ERROR, "the client is gone");
        if !self.put(News::Question(question), bytes).await {
            return Err(gone());
        }
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    async fn put(&self, news: News, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes.min(ROOM)).unwrap_or(u32::MAX);
        let Ok(taken) = Arc::clone(&self.room).acquire_many_owned(bytes).await else {
            return false;
        };
        self.news.send((news, taken)).await.is_ok()
    }
}

fn size(method: &str, params: Option<&Raw>) -> usize {
    method.len() + params.map_or(0, |params| params.get().len())
}

impl Inlet {
    /// The next news; `None` if there will be none.
    pub(crate) async fn recv(&mut self) -> Option<News> {
        let (news, _taken) = self.news.recv().await?;
        Some(news)
    }

    /// The next news, if one waits.
    pub(crate) fn try_recv(&mut self) -> Result<News, TryRecvError> {
        let (news, _taken) = self.news.try_recv()?;
        Ok(news)
    }
}

/// Whoever waits for room waits for nothing any more.
impl Drop for Inlet {
    fn drop(&mut self) {
        self.room.close();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::json::raw;

    fn notification(bytes: usize) -> Notification {
        Notification {
            method: "notifications/x".to_owned(),
            params: Some(raw(&"x".repeat(bytes))),
        }
    }

    #[tokio::test]
    async fn g3_large_news_wait_for_their_client_with_the_server() {
        let (outlet, mut inlet) = Outlet::new();
        // Larger than all that may wait, and the first.
        assert_eq!(
            outlet.notify(notification(2 * ROOM)).now_or_never(),
            Some(true)
        );
        assert_eq!(outlet.notify(notification(1)).now_or_never(), None);
        assert!(inlet.recv().await.is_some());
        for _ in 0..4 {
            let fits = outlet.notify(notification(ROOM / 5)).now_or_never();
            assert_eq!(fits, Some(true));
        }
        assert_eq!(outlet.notify(notification(ROOM / 5)).now_or_never(), None);
        assert!(inlet.try_recv().is_ok());
        let waiting = outlet.notify(notification(ROOM));
        let (put, ()) = tokio::join!(waiting, async { drop(inlet) });
        assert!(!put);
    }
}
