//! The way of news from a server to its client: as wide as the client is fast, in number and in bytes.

use tokio::sync::oneshot;

use crate::json::Raw;
use crate::message::{News, Notification, Question, RpcError, code};
use crate::narrow;

/// How many news may wait, and of how many bytes.
const WAITING: usize = 32;
const ROOM: usize = 1024 * 1024;

/// Where a server puts news for a client. What is put there when nobody listens any more is lost.
#[derive(Clone, Debug)]
pub(crate) struct Outlet(narrow::Sender<News>);

/// Where they come out.
pub(crate) type Inlet = narrow::Receiver<News>;

impl Outlet {
    /// An outlet, and where its news come out. A server that is faster than its client waits.
    pub(crate) fn new() -> (Self, Inlet) {
        let (sender, inlet) = narrow::channel(WAITING, ROOM);
        (Self(sender), inlet)
    }

    /// Passes a notification on; false if nobody listens any more.
    pub(crate) async fn notify(&self, notification: Notification) -> bool {
        let bytes = size(&notification.method, notification.params.as_ref());
        self.0.put(News::Notification(notification), bytes).await
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
        if !self.0.put(News::Question(question), bytes).await {
            return Err(gone());
        }
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn size(method: &str, params: Option<&Raw>) -> usize {
    method.len() + params.map_or(0, |params| params.get().len())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::json::raw;

    #[tokio::test]
    async fn g3_large_news_wait_for_their_client_with_the_server() {
        let (outlet, mut inlet) = Outlet::new();
        let notify = |bytes: usize| {
            let notification = Notification {
                method: "notifications/x".to_owned(),
                params: Some(raw(&"x".repeat(bytes))),
            };
            outlet.notify(notification).now_or_never()
        };
        assert_eq!(notify(2 * ROOM), Some(true));
        assert_eq!(notify(1), None);
        assert!(inlet.recv().await.is_some());
        assert_eq!(notify(1), Some(true));
    }
}
