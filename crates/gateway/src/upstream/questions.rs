//! What a server asks a client on its way to an answer, until it is answered or withdrawn (MCP sampling,
//! elicitation, roots; cancellation).

use std::collections::HashMap;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

/// The questions that are open, and the answers to them that are on their way to the server.
#[derive(Default)]
pub(super) struct Questions<'a> {
    open: FuturesUnordered<BoxFuture<'a, Answered>>,
    /// How each is withdrawn, by the id that the server gave it.
    withdrawals: HashMap<String, CancellationToken>,
}

/// The id of a question, and what the server is to be sent.
type Answered = (String, Option<String>);

impl<'a> Questions<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Opens a question; `answer` is given up when it is withdrawn.
    pub(super) fn open(&mut self, id: &RawValue, answer: impl Future<Output = String> + Send + 'a) {
        let (id, withdrawn) = (id.get().to_owned(), CancellationToken::new());
        self.withdrawals.insert(id.clone(), withdrawn.clone());
        self.open.push(Box::pin(async move {
            let answer = withdrawn.run_until_cancelled_owned(answer).await;
            (id, answer)
        }));
    }

    /// The server does not want to know any more.
    pub(super) fn withdraw(&mut self, id: &RawValue) {
        if let Some(withdrawn) = self.withdrawals.get(id.get()) {
            withdrawn.cancel();
        }
    }

    /// The next answer; `None` if no question is open.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            let (id, answer) = self.open.next().await?;
            self.withdrawals.remove(&id);
            // MCP cancellation: who has withdrawn a question gets no answer.
            if answer.is_some() {
                return answer;
            }
        }
    }
}
