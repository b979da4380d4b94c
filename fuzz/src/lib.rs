//! Invented bytes against everything that strangers can reach: each target is a function of bytes that
//! panics when a promise is broken.
//!
//! `scripts/fuzz` searches for such bytes, guided by coverage; the tests run each target on its seeds
//! and on what is near them.

pub mod access_token;
pub mod audit_log;
pub mod authorization_header;
pub mod client_metadata_document;
pub mod dpop_proof;
pub mod form;
mod house;
pub mod id_token;
pub mod json;
pub mod mcp_envelope;
pub mod personal_data;
pub mod redirect_uri;
pub mod token_response;

/// A function that must not panic, whatever the bytes.
pub type Target = fn(&[u8]);

/// Every target by the name of its file and of its seeds.
pub const TARGETS: [(&str, Target); 12] = [
    ("access_token", access_token::run),
    ("audit_log", audit_log::run),
    ("authorization_header", authorization_header::run),
    ("client_metadata_document", client_metadata_document::run),
    ("dpop_proof", dpop_proof::run),
    ("form", form::run),
    ("id_token", id_token::run),
    ("json", json::run),
    ("mcp_envelope", mcp_envelope::run),
    ("personal_data", personal_data::run),
    ("redirect_uri", redirect_uri::run),
    ("token_response", token_response::run),
];

/// Two parts in one input, with a line break between them.
fn halves(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}
