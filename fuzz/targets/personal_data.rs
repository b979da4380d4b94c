//! Guided search over texts, documents and event streams with personal data.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::personal_data::run(data));
