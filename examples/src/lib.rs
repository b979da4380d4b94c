//! Example MCP servers.
