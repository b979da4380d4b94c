//! What a server says about itself (`server/discover`, MCP 2026-07-28).

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{Dialogue, Said, Stateless, admission};
use crate::front::wire::Asked;
use crate::front::{error, failed, results};
use crate::json::{Raw, raw};
use crate::message::response;
use crate::server::McpServer;
use crate::visit::Visit;

/// What a server can do changes with a new version of it.
const TTL_MS: u32 = 60_000;

impl Stateless {
    pub(super) async fn discover(
        &self,
        visit: &Visit,
        asked: &Asked<'_>,
        server: &Arc<dyn McpServer>,
    ) -> Dialogue {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Discovered<'a> {
            supported_versions: Vec<&'static str>,
            capabilities: Raw,
            #[serde(skip_serializing_if = "Option::is_none")]
            instructions: Option<&'a RawValue>,
            ttl_ms: u32,
            // It may depend on who asks.
            cache_scope: &'static str,
        }
        let introduction = match server.introduction(visit).await {
            Ok(introduction) => introduction,
            Err(failure) => {
                let failed = failed(&asked.method, failure);
                let error = error::stateless_error(failed.expect_err("no tool is called"));
                return Dialogue::refused(asked, error::stateless_status(&error), &error);
            }
        };
        if let Some(info) = &introduction.info {
            let mut known = self
                .info
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            *known = Some((Instant::now(), info.clone()));
        }
        let result = raw(&Discovered {
            supported_versions: admission::served(),
            capabilities: results::capabilities(&introduction.capabilities, true),
            instructions: introduction.instructions.as_deref(),
            ttl_ms: TTL_MS,
            cache_scope: "private",
        });
        let info = introduction.info.as_deref();
        let result = results::for_stateless(&asked.method, result, info);
        Dialogue::Answered(Some(Said::Last {
            message: response(asked.id, Ok(&result)),
            status: StatusCode::OK,
        }))
    }
}
