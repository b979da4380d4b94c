//! `test_encryption`: a text encrypted with the ring and decrypted again, and what must not be.
//!
//! A token of the test is bound to the test and to its caller, so that nobody can have values of
//! other tools made or read here.

use std::sync::Arc;

use oauth::random::Random;
use oauth::time::Clock;
use pii::{Binding, FernetError, FernetKey, FernetKeys};
use serde_json::{Value, json};
use store::KeyRing;

use super::arguments::Encryption as Arguments;
use super::record::{Answer, Refusal};

/// The keys with which personal data are encrypted.
#[derive(Clone, Debug)]
pub struct Encryption {
    /// The ring that they come from.
    pub ring: Arc<KeyRing>,
    /// What of it they are for; the same as for whoever else encrypts personal data here.
    pub purpose: &'static str,
}

impl Encryption {
    /// The keys as they are now: a ring goes on.
    pub(super) fn keys(&self) -> Result<FernetKeys, FernetError> {
        let keys = self.ring.secrets(self.purpose);
        let keys = keys
            .iter()
            .map(|(kid, key)| (kid.clone(), FernetKey::of(key)));
        FernetKeys::new(keys.collect())
    }
}

/// What a test works with.
pub(super) struct Desk<'a> {
    pub(super) encryption: Option<&'a Encryption>,
    pub(super) random: &'a dyn Random,
    pub(super) clock: &'a dyn Clock,
    pub(super) subject: &'a str,
}

pub(super) fn test(desk: &Desk<'_>, arguments: &Arguments) -> Result<Answer, Refusal> {
    arguments.check().map_err(Refusal::arguments)?;
    let broken = |error: FernetError| {
        tracing::error!(%error, "the test of the encryption failed");
        Refusal::failed(
            format!("the encryption does not work: {error}"),
            "encryption_failed",
        )
    };
    let (keys, ring) = match desk.encryption {
        Some(encryption) => (encryption.keys().map_err(broken)?, "configured"),
        None => (
            ephemeral(desk.random, "ephemeral").map_err(broken)?,
            "ephemeral",
        ),
    };
    let now = u64::try_from(desk.clock.now().0).unwrap_or_default();
    let binding = Binding {
        kind: "TEST",
        tool: "test_encryption",
        subject: desk.subject,
    };
    let token = keys
        .encrypt(&arguments.text, binding, now, fresh(desk.random))
        .map_err(broken)?;
    let key_id = token.split(':').nth(2).unwrap_or_default();
    let other = ephemeral(desk.random, key_id).map_err(broken)?;
    let decrypted = keys.decrypt(&token, binding, now);
    let somebody_else = Binding {
        subject: "somebody else",
        ..binding
    };
    let value = json!({
        "key_ring": ring,
        "key_ring_note": match ring {
            "configured" => "the keys of this server",
            _ => "no keys are configured, so these were made for this call and are gone",
        },
        "key_id": key_id,
        "token": token,
        "characters": arguments.text.chars().count(),
        "round_trip_ok": decrypted.is_ok_and(|text| text == arguments.text),
        "wrong_key": refusal(&other.decrypt(&token, binding, now)),
        "tampered": refusal(&keys.decrypt(&tampered(&token), binding, now)),
        "other_subject": refusal(&keys.decrypt(&token, somebody_else, now)),
    });
    Ok(Answer::of(value))
}

fn refusal(attempt: &Result<String, FernetError>) -> Value {
    match attempt {
        Ok(_) => json!({"refused": false}),
        Err(error) => json!({"refused": true, "why": error.to_string()}),
    }
}

/// A ring that nobody else has, with a key of this name.
fn ephemeral(random: &dyn Random, name: &str) -> Result<FernetKeys, FernetError> {
    let mut key = [0; 32];
    random.fill(&mut key);
    FernetKeys::new(vec![(name.to_owned(), FernetKey::of(&key))])
}

fn fresh(random: &dyn Random) -> [u8; 16] {
    let mut iv = [0; 16];
    random.fill(&mut iv);
    iv
}

/// The same token with another character in the middle of what is encrypted.
fn tampered(token: &str) -> String {
    let at = token.len() * 3 / 4;
    let other = if token.as_bytes()[at] == b'A' {
        "B"
    } else {
        "A"
    };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}
