//! Guided search over forms and queries.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::form::run(data));
