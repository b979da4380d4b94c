//! An event stream whose events pass the policy for personal data one by one (acceptance P3).

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use hyper::body::Incoming;
use pii::{Context, Direction};
use resource_server::Caller;
use tokio::sync::mpsc;

use crate::charge::Charge;
use crate::house::House;
use crate::passing_body::{Piece, Silent, next};
use crate::recording::{Errand, Recording};

/// How many pieces wait for a client that is slower than its server.
const AHEAD: usize = 8;

/// `body` with every event as the policy wants it. It ends where an event may not pass: an error in its
/// middle is the only word left. What was found is recorded when the stream has ended.
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
    let schema = charge.tool(tool).catalog.output_schema(tool);
    let (caller, tool) = (caller.clone(), charge.tool(tool).full());
    let silence = charge.timeout;
    house.tasks.spawn(async move {
        let Some(redactor) = redactor else { return };
        let scopes: Vec<&str> = caller.scopes().iter().collect();
        let events = redactor.stream(Context {
            tool: &tool,
            direction: Direction::Result,
            subject: caller.subject(),
            scopes: &scopes,
        });
        let mut events = events.with_schema(schema);
        let refuse = |what: String| Err(std::io::Error::other(what));
        loop {
            let data = tokio::select! {
                // A client that has gone closes the channel; the body is dropped, which cancels the call.
                () = pieces.closed() => break,
                data = next(&mut body, silence) => data,
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
        if let Some(mut recording) = recording
            && !findings.is_empty()
        {
            recording.acted(Direction::Result, &findings);
            recording.about(events.subjects());
            // The events are out; that their record is lost was logged.
            let _ = recording.append().await;
        }
    });
    Body::from_stream(stream::unfold(waiting, |mut waiting| async {
        let piece = waiting.recv().await?;
        Some((piece, waiting))
    }))
}
