//! The guard: bearer tokens for MCP servers.
