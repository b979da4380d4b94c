//! Guided search over access-token JWTs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::access_token::run(data));
