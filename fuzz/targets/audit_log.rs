//! Guided search over lines of an audit log.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::audit_log::run(data));
