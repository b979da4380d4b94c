//! Guided search over MCP messages.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::mcp_envelope::run(data));
