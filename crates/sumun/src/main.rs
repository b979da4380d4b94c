//! Authentication, authorization and data protection for MCP servers.
fn main() {}
