//! An event stream whose events pass the policy for personal data one by one (acceptance P3).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use hyper::body::Incoming;
use pii::{Context, Direction, OutputSchema, Redactor};
use resource_server::Caller;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::passing_body::{Piece, Silent, next};
use crate::recording::Recording;

/// How many pieces wait for a client that is slower than its server.
const AHEAD: usize = 8;

/// What happens to the events of one stream.
pub(crate) struct RedactedStream {
    pub(crate) redactor: Arc<Redactor>,
    /// What a result has to fit afterwards, too.
    pub(crate) schema: Option<Arc<OutputSchema>>,
    pub(crate) caller: Caller,
    /// The tool, as policies name it.
    pub(crate) tool: String,
    /// How long nothing may come.
    pub(crate) silence: Duration,
    /// Of what is found.
    pub(crate) recording: Option<Recording>,
}

impl RedactedStream {
    /// `body` with every event as the policy wants it. It ends where an event may not pass: an error in its
    /// middle is the only word left. What was found is recorded when the stream has ended.
    pub(crate) fn body(self, tasks: &TaskTracker, body: Incoming) -> Body {
        let (pieces, waiting) = mpsc::channel::<Piece>(AHEAD);
        tasks.spawn(self.pass_on(body, pieces));
        Body::from_stream(stream::unfold(waiting, |mut waiting| async {
            let piece = waiting.recv().await?;
            Some((piece, waiting))
        }))
    }

    async fn pass_on(self, mut body: Incoming, pieces: mpsc::Sender<Piece>) {
        let scopes: Vec<&str> = self.caller.scopes().iter().collect();
        let events = self.redactor.stream(Context {
            tool: &self.tool,
            direction: Direction::Result,
            subject: self.caller.subject(),
            scopes: &scopes,
        });
        let mut events = events.with_schema(self.schema.clone());
        let refuse = |what: String| Err(std::io::Error::other(what));
        loop {
            let data = tokio::select! {
                // A client that has gone closes the channel; the body is dropped, which cancels the call.
                () = pieces.closed() => break,
                data = next(&mut body, self.silence) => data,
            };
            let piece = match data {
                Ok(None) => break,
                Ok(Some(Ok(data))) => match events.push(&data) {
                    Ok(piece) if piece.is_empty() => continue,
                    Ok(piece) => Ok(Bytes::from(piece)),
                    Err(refusal) => refuse(refusal.to_string()),
                },
                Ok(Some(Err(error))) => Err(error),
                Err(Silent) => refuse("the server is silent".to_owned()),
            };
            let is_over = piece.is_err();
            if pieces.send(piece).await.is_err() || is_over {
                break;
            }
        }
        let findings = events.findings().to_vec();
        if let Some(mut recording) = self.recording
            && !findings.is_empty()
        {
            recording.acted(Direction::Result, &findings);
            recording.about(events.subjects());
            // The events are out; that their record is lost was logged.
            let _ = recording.append().await;
        }
    }
}
