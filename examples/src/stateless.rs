//! One MCP endpoint for every revision from 2025-03-26 on, without sessions (Streamable HTTP).

use std::sync::Arc;

use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use url::Url;

/// An MCP server as a tower service.
pub type McpService<S> = StreamableHttpService<S, NeverSessionManager>;

/// Serves `server` at `url`, its public address.
pub(crate) fn serve<S: ServerHandler + Clone>(server: S, url: &str) -> McpService<S> {
    // Nothing is remembered between requests, so a restart or another replica goes unnoticed, and
    // there is no session that somebody else could use.
    let mut config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    // rmcp knows only loopback names by itself; a public server has one of its own.
    if let Ok(url) = Url::parse(url)
        && let Some(host) = url.host_str()
    {
        config.allowed_hosts.push(host.to_owned());
    }
    // The factory runs for every request, so it must be cheap.
    StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    )
}
