//! One MCP endpoint with sessions for the revisions that know them (Streamable HTTP, 2025-03-26 to 2025-11-25).

use std::sync::Arc;

use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use url::Url;

/// An MCP server with sessions as a tower service.
pub type SessionService<S> = StreamableHttpService<S, LocalSessionManager>;

/// Serves `server` at `url`, its public address.
///
/// A client says once, at the beginning of a session, whether its person can be asked to open a
/// page, and only in a session can it be told that they have finished. The guard in front binds
/// sessions to their callers; from 2026-07-28 on there are none.
pub(crate) fn serve<S: ServerHandler + Clone>(server: S, url: &str) -> SessionService<S> {
    let mut config = StreamableHttpServerConfig::default();
    // rmcp knows only loopback names by itself; a public server has one of its own.
    if let Ok(url) = Url::parse(url)
        && let Some(host) = url.host_str()
    {
        config.allowed_hosts.push(host.to_owned());
    }
    StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(LocalSessionManager::default()),
        config,
    )
}
