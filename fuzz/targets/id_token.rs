//! Guided search over ID tokens.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::id_token::run(data));
