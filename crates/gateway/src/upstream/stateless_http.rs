//! The HTTP of 2026-07-28: every request is its own POST, and to let go of its answer cancels it.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;

use super::behalf::Behalf;
use super::http::{Endpoint, base_headers};
use super::link::{Link, Outgoing};
use super::replies::{Posted, Replies, sort};
use super::trouble::Trouble;

/// A server without sessions.
#[derive(Debug)]
pub(super) struct StatelessHttp {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) max: usize,
}

#[async_trait]
impl Link for StatelessHttp {
    async fn request(&self, request: Outgoing<'_>) -> Result<Option<Replies>, Trouble> {
        let mut headers = base_headers();
        headers.extend(request.headers);
        let endpoint = &self.endpoint;
        let text = request.text.into();
        let response = endpoint
            .send(Method::POST, headers, text, request.behalf)
            .await?;
        match sort(response, self.max, endpoint.timeout, None).await? {
            Posted::Replies(replies) => Ok(Some(replies)),
            Posted::Accepted => Err(Trouble::Strange(
                "takes a request and answers nothing".to_owned(),
            )),
            Posted::Refused(refusal) => Err(refusal.into_trouble()),
        }
    }

    /// The revision knows no notifications of clients, and no answers.
    async fn send(&self, _text: String, _behalf: Behalf<'_>) -> Result<(), Trouble> {
        Ok(())
    }

    fn send_later(&self, _text: String, _behalf: Behalf<'_>) {}

    fn is_gone(&self) -> bool {
        false
    }

    async fn end(&self) {}
}
