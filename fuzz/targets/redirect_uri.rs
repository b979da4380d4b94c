//! Guided search over redirect URIs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::redirect_uri::run(data));
