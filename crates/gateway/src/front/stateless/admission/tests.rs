//! Tests of what a request of 2026-07-28 has to say about itself.
