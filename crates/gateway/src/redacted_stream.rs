//! An event stream whose events pass the policy for personal data one by one (acceptance P3).

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use pii::{Context, Direction};
use resource_server::Caller;
use tokio::sync::mpsc;

use crate::charge::Charge;
use crate::house::House;
use crate::recording::{Errand, Recording};

/// How many pieces wait for a client that is slower than its server.
const AHEAD: usize = 8;

/// The stream ends where an event may not pass: an error in its middle is the only word left.
type Piece = Result<Bytes, std::io::Error>;

/// `body` with every event as the policy wants it. What was found is recorded when the stream has ended.
pub(crate) fn body(
    house: &House,
    caller: &Caller,
    errand: &Errand,
    charge: &Charge,
    tool: &str,
    mut body: Incoming,
) -> Body {
    let (pieces, waiting) = mpsc::channel::<Piece>(AHEAD);
    let redactor = house.redactor.load_full();
    let recording = house
        .audit
        .as_ref()
        .map(|log| Recording::of_personal_data(log, caller, errand, &charge.name, tool));
    let (caller, tool) = (caller.clone(), charge.tool(tool).full());
    house.tasks.spawn(async move {
        let Some(redactor) = redactor else { return };
        let scopes: Vec<&str> = caller.scopes().iter().collect();
        let mut events = redactor.stream(Context {
            tool: &tool,
            direction: Direction::Result,
            subject: caller.subject(),
            scopes: &scopes,
        });
        let refuse = |what: String| Err(std::io::Error::other(what));
        // A client that has gone closes the channel, which drops the body, which cancels the call.
        while let Some(frame) = body.frame().await {
            let piece = match frame {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => events.push(&data).map(Bytes::from),
                    Err(_) => continue,
                },
                Err(error) => {
                    let _ = pieces.send(refuse(error.to_string())).await;
                    break;
                }
            };
            let piece = match piece {
                Ok(piece) if piece.is_empty() => continue,
                Ok(piece) => Ok(piece),
                Err(refusal) => refuse(refusal.to_string()),
            };
            let is_over = piece.is_err();
            if pieces.send(piece).await.is_err() || is_over {
                break;
            }
        }
        let findings = events.findings().to_vec();
        if let Some(mut recording) = recording
            && !findings.is_empty()
        {
            recording.acted(Direction::Result, &findings);
            // The events are out; that their record is lost was logged.
            let _ = recording.append().await;
        }
    });
    Body::from_stream(stream::unfold(waiting, |mut waiting| async {
        let piece = waiting.recv().await?;
        Some((piece, waiting))
    }))
}
