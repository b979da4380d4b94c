//! Several messages in one body, which revision 2025-03-26 alone has (MCP Streamable HTTP).

use axum::body::Body;
use axum::response::IntoResponse as _;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use oauth::media_type;
use serde_json::value::RawValue;

use crate::mcp::endpoint::{Stop, read_text};
use crate::mcp::fault::Fault;
use crate::mcp::headers::single;
use crate::mcp::listing::messages_of_stream;
use crate::mcp::names::MCP_PROTOCOL_VERSION;
use crate::mcp::{Envelope, Message};

/// The revision with batches; a request that names no revision is of this one.
const REVISION: &[u8] = b"2025-03-26";

/// The messages of a batch, as written and with their envelopes, if there may be one.
pub(super) fn divide<'a>(
    headers: &HeaderMap,
    body: &'a [u8],
) -> Result<Vec<(&'a RawValue, Envelope<'a>)>, Fault> {
    let messages = match Message::parse(body)? {
        Message::Single(_) => return Err(Fault::Invalid("this is no batch".to_owned())),
        Message::Batch(messages) => messages,
    };
    let refuse = |reason: &str| Err(Fault::Invalid(reason.to_owned()));
    let version = single(headers, &MCP_PROTOCOL_VERSION)?;
    if version.is_some_and(|version| version.as_bytes() != REVISION) {
        return refuse("batches exist in revision 2025-03-26 only; send the messages one by one");
    }
    for (_, message) in &messages {
        if message.method.as_deref() == Some("initialize") {
            return refuse("`initialize` must not be part of a batch");
        }
        if message.protocol_version.is_some() {
            return refuse("a message of this revision must not be part of a batch");
        }
    }
    Ok(messages)
}

/// What the server said to each message, collected into one array.
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<String>);

impl Answers {
    /// Adds the messages of one answer; notifications have none.
    ///
    /// An answer that is neither success nor a message, such as 404 for a lost session, is the answer to
    /// the whole batch.
    pub(super) async fn add(&mut self, response: Response<Body>) -> Result<(), Stop> {
        let is_json = media_type::is(response.headers(), media_type::JSON);
        if !response.status().is_success() && !is_json {
            return Err(Stop::Answered(Box::new(response)));
        }
        let is_stream = media_type::is(response.headers(), media_type::EVENT_STREAM);
        let text = read_text(response.into_body()).await?;
        if is_stream {
            self.0.extend(messages_of_stream(&text));
        } else if is_json {
            self.0.push(text);
        }
        Ok(())
    }

    pub(super) fn into_response(self) -> Response<Body> {
        if self.0.is_empty() {
            return StatusCode::ACCEPTED.into_response();
        }
        let json = [(CONTENT_TYPE, media_type::JSON)];
        (json, format!("[{}]", self.0.join(","))).into_response()
    }
}
