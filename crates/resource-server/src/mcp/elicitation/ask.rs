//! Asking a person to open a page, as an argument of rmcp tools.

use std::borrow::Cow;
use std::time::Duration;

use rmcp::handler::server::common::FromContextPart;
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::model::{
    CallToolResponse, CallToolResult, CustomNotification, ErrorCode, ErrorData,
    InputRequiredResult, ServerNotification,
};
use rmcp::{Peer, RoleServer};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    ELICITATION_COMPLETE, ElicitationAnswer, PersonAnswer, URL_ELICITATION_REQUIRED,
    UrlElicitation, UrlMode,
};

/// How often is looked whether somebody has finished.
const PACE: Duration = Duration::from_secs(1);

/// How long a repeated call waits for somebody who is still at the page. Clients repeat it as soon
/// as the page is open, and give up a call after a minute or so.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the caller of a tool can be asked to open a page; an argument of the tool.
///
/// ```no_run
/// use resource_server::mcp::{AskByUrl, UrlElicitation};
/// use rmcp::model::{CallToolResponse, ErrorData};
///
/// async fn tool(ask: AskByUrl) -> Result<CallToolResponse, ErrorData> {
///     let elicitation = UrlElicitation {
///         id: "7Yj0",
///         url: "https://mcp.example.com/connect/7Yj0",
///         message: "Connect your calendar first.",
///     };
///     ask.open(&elicitation)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct AskByUrl {
    mode: UrlMode,
    answered: Option<PersonAnswer>,
    peer: Peer<RoleServer>,
}

impl<S> FromContextPart<ToolCallContext<'_, S>> for AskByUrl {
    fn from_context_part(context: &mut ToolCallContext<'_, S>) -> Result<Self, ErrorData> {
        let request = context.request_context();
        let revision = request.protocol_version();
        let revision = revision.as_ref().map(rmcp::model::ProtocolVersion::as_str);
        let capabilities = request.client_capabilities();
        let capabilities = capabilities.and_then(|all| serde_json::to_value(all).ok());
        let responses = context.input_responses.as_ref();
        let responses = responses.and_then(|all| serde_json::to_value(all).ok());
        Ok(Self {
            mode: UrlMode::of(revision, capabilities.as_ref()),
            answered: responses.as_ref().and_then(PersonAnswer::among),
            peer: request.peer.clone(),
        })
    }
}

impl AskByUrl {
    /// What the person has answered, when this call is the repetition of one that asked.
    pub fn answered(&self) -> Option<PersonAnswer> {
        self.answered
    }

    /// Waits for somebody who is at the page, at most 20 seconds; to be called before the work of a
    /// repeated call. Returns at once for any other call.
    pub async fn wait_until<F: Future<Output = bool>>(&self, is_done: impl Fn() -> F) {
        if self.answered != Some(PersonAnswer::Opened) {
            return;
        }
        let end = Instant::now() + PATIENCE;
        while !is_done().await && Instant::now() < end {
            sleep(PACE).await;
        }
    }

    /// The answer that asks.
    ///
    /// # Errors
    ///
    /// The error by which clients of 2025-11-25 are asked.
    pub fn open(&self, elicitation: &UrlElicitation<'_>) -> Result<CallToolResponse, ErrorData> {
        let mode = match self.answered {
            // Who said no is not asked again by the same call.
            Some(PersonAnswer::Declined | PersonAnswer::Cancelled) => UrlMode::Words,
            _ => self.mode,
        };
        match elicitation.answer(mode) {
            ElicitationAnswer::Error(mut error) => Err(ErrorData {
                code: ErrorCode(URL_ELICITATION_REQUIRED),
                message: Cow::Owned(elicitation.message.to_owned()),
                data: error.remove("data"),
            }),
            ElicitationAnswer::Result(result) if mode == UrlMode::InputRequired => {
                let result: InputRequiredResult = read(result.into())?;
                Ok(result.into())
            }
            ElicitationAnswer::Result(result) => {
                let result: CallToolResult = read(result.into())?;
                Ok(result.into())
            }
        }
    }

    /// Whether the client wants to be told when the person has finished.
    pub fn wants_notice(&self) -> bool {
        self.mode == UrlMode::Error
    }

    /// Tells the client of 2025-11-25 when the person has finished; to be spawned by whoever has
    /// asked. Ends when it is told, when the client has gone, or after `patience`.
    pub async fn notify_when<F: Future<Output = bool>>(
        self,
        id: String,
        patience: Duration,
        is_done: impl Fn() -> F,
    ) {
        let end = Instant::now() + patience;
        while !is_done().await {
            if Instant::now() >= end || self.peer.is_transport_closed() {
                return;
            }
            sleep(PACE).await;
        }
        let params = json!({"elicitationId": id});
        let notification = CustomNotification::new(ELICITATION_COMPLETE, Some(params));
        let notification = ServerNotification::CustomNotification(notification);
        // A client that has gone away asks again by itself.
        let told = self.peer.send_notification(notification).await;
        tracing::debug!(
            is_told = told.is_ok(),
            "somebody has finished at the page that they were asked to open"
        );
    }
}

fn read<T: serde::de::DeserializeOwned>(result: Value) -> Result<T, ErrorData> {
    serde_json::from_value(result).map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "an elicitation has another form than the SDK knows");
        ErrorData::internal_error("the question to the person cannot be asked", None)
    })
}
