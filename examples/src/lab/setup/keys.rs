//! What verifies tokens (RFC 7517, RFC 9068).

use std::time::Duration;

use oauth::client::fetch::Fetch;
use oauth::metadata::AuthorizationServerMetadata;
use oauth::time::NumericDate;
use serde_json::Value;

use super::super::authority::Facts;
use super::{Check, UNREACHABLE, look};

/// The members of a JWK that only its owner may have (RFC 7518 §6).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

/// A key that signs for longer than this was forgotten.
const OLD: Duration = Duration::from_hours(24 * 365);

/// Longer than this, a token that is lost is good for too long.
const LONG: u64 = 3600;

pub(super) async fn checks(
    fetch: &Fetch,
    metadata: &AuthorizationServerMetadata,
    facts: &Facts,
    now: NumericDate,
) -> Vec<Check> {
    let mut checks = key_set(fetch, metadata, facts).await;
    checks.push(age(facts, now));
    let lifetime = facts.access_token_lifetime;
    let why = format!("access tokens live for {lifetime} seconds");
    checks.push(if lifetime <= LONG {
        Check::pass("token_lifetime", why)
    } else {
        let fix =
            "set `tokens.access_token` to an hour or less; refresh tokens keep people signed in";
        Check::warn("token_lifetime", why, fix)
    });
    checks
}

async fn key_set(
    fetch: &Fetch,
    metadata: &AuthorizationServerMetadata,
    facts: &Facts,
) -> Vec<Check> {
    let address = metadata.jwks_uri.as_deref().unwrap_or_default();
    let seen = match look(fetch, address).await {
        Ok(seen) => seen,
        Err(why) => return vec![Check::warn("jwks", why, UNREACHABLE)],
    };
    let document: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    let keys = document["keys"].as_array().cloned().unwrap_or_default();
    let is_private = |key: &Value| PRIVATE.iter().any(|name| key.get(name).is_some());
    let signing = facts.signing_keys.iter().find(|key| key.state == "signing");
    let is_published = signing.is_some_and(|key| keys.iter().any(|one| one["kid"] == key.kid));
    let is_modern = |key: &Value| matches!(key["alg"].as_str(), Some("ES256" | "EdDSA"));
    vec![
        Check::that(
            seen.status == 200 && is_published,
            "jwks",
            "the key set is published, and the key that signs is in it",
            "the key that signs is not in the published key set",
            "let `jwks_uri` lead to this server, and no cache keep it for longer than it says",
        ),
        Check::that(
            !keys.iter().any(is_private),
            "jwks_public",
            "the key set holds public keys alone",
            "the key set holds private members",
            "take the keys out of use at once, and publish their public side alone",
        ),
        Check::that(
            !keys.is_empty() && keys.iter().all(is_modern),
            "algorithms",
            "tokens are signed with ES256 or EdDSA",
            "a key of another algorithm than ES256 or EdDSA is published",
            "set `signing_algorithm` to ES256 or EdDSA",
        ),
    ]
}

fn age(facts: &Facts, now: NumericDate) -> Check {
    let id = "key_age";
    let Some(key) = facts.signing_keys.iter().find(|key| key.state == "signing") else {
        return Check::fail(id, "no key signs", "restart the server, which makes one");
    };
    let age = now.since(NumericDate(key.signs_from));
    let (days, due) = (age.as_secs() / 86_400, facts.signing_key_lifetime / 86_400);
    let why = format!(
        "the key {} signs for {days} days; a new one comes after {due}",
        key.kid
    );
    if age > OLD || age.as_secs() > facts.signing_key_lifetime + 86_400 {
        return Check::warn(
            id,
            why,
            "have the next key made: `sumun keys rotate`, or the management API",
        );
    }
    Check::pass(id, why)
}
