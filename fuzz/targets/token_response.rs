//! Guided search over token responses of identity providers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::token_response::run(data));
