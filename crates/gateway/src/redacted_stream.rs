//! An event stream whose events pass the policy for personal data one by one (acceptance P3).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use hyper::body::Incoming;
use pii::{Context, Direction, OutputSchema, Part, PolicyRefusal, Redactor};
use resource_server::Caller;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::farewell::Farewell;
use crate::passing_body::{Piece, Silent, next};
use crate::recording::{Ended, Recording};

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
    /// For whom values are sealed.
    pub(crate) owner: String,
    /// How long nothing may come.
    pub(crate) silence: Duration,
    /// What is said when it cannot go on.
    pub(crate) farewell: Farewell,
    /// Of what is found.
    pub(crate) recording: Option<Recording>,
}

impl RedactedStream {
    /// `body` with every event as the policy wants it. Where one may not pass, the call has failed. What was found is
    /// recorded when the stream has ended, and a refusal before anybody hears of it.
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
            part: Part::Message,
            subject: &self.owner,
            scopes: &scopes,
        });
        let mut events = events.with_schema(self.schema.clone());
        let mut refusal = None;
        loop {
            let data = tokio::select! {
                // A client that has gone closes the channel; the body is dropped, which cancels the call.
                () = pieces.closed() => break,
                data = next(&mut body, self.silence) => data,
            };
            let piece = match data {
                Ok(None) => break,
                Ok(Some(Ok(data))) => {
                    let mut whole = Vec::new();
                    refusal = events.push(&data, &mut whole).err();
                    match (whole.is_empty(), &refusal) {
                        (true, None) => continue,
                        (true, Some(_)) => break,
                        (false, _) => Ok(Bytes::from(whole)),
                    }
                }
                Ok(Some(Err(error))) => Err(error),
                Err(Silent) => {
                    let _ = pieces.send(Ok(self.farewell.silent())).await;
                    break;
                }
            };
            let is_over = piece.is_err() || refusal.is_some();
            if pieces.send(piece).await.is_err() || is_over {
                break;
            }
        }
        if let Some(recording) = self.recording {
            record(recording, &events, refusal.as_ref()).await;
        }
        if let Some(refusal) = refusal {
            let _ = pieces.send(Ok(self.farewell.refused(&refusal))).await;
        }
    }
}

/// Records what was found in a stream, if anything was. The events are out; that their record is lost was logged.
async fn record(
    mut recording: Recording,
    events: &pii::RedactedStream<'_>,
    refusal: Option<&PolicyRefusal>,
) {
    recording.acted(Direction::Result, events.findings());
    recording.about(events.subjects());
    let _ = match refusal {
        Some(refusal) => {
            recording.acted(Direction::Result, &refusal.findings);
            recording.close(Ended::Denied(refusal.reason.code())).await
        }
        None if recording.has_found() => recording.append().await,
        None => Ok(()),
    };
}
