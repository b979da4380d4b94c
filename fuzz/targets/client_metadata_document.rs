//! Guided search over client ID metadata documents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::client_metadata_document::run(data));
