//! `get_oauth2_server_status`: what the authorization server is at this moment.

use oauth::time::{Clock, NumericDate};
use serde_json::{Map, Value, json};

use super::authority::{Authority, Facts};
use super::period;
use super::record::{Answer, Refusal};

pub(super) async fn tell(authority: &dyn Authority, clock: &dyn Clock) -> Result<Answer, Refusal> {
    let facts = authority.facts().await;
    let facts = facts.map_err(|error| Refusal::failed(error.to_string(), "unavailable"))?;
    let metadata = authority.metadata();
    let now = clock.now();
    let keys = facts.signing_keys.iter().map(|key| {
        json!({
            "kid": key.kid,
            "alg": key.alg,
            "state": key.state,
            "signs_from": period::of_seconds(key.signs_from),
            "age_seconds": now.since(NumericDate(key.signs_from)).as_secs(),
            "published_until": key.published_until.map(period::of_seconds),
        })
    });
    let keys: Vec<Value> = keys.collect();
    let value = json!({
        "status": if is_well(&facts) { "healthy" } else { "unhealthy" },
        "issuer": metadata.issuer,
        "endpoints": endpoints(&serde_json::to_value(&metadata).unwrap_or_default()),
        "grant_types_supported": metadata.grant_types_supported,
        "code_challenge_methods_supported": metadata.code_challenge_methods_supported,
        "token_endpoint_auth_methods_supported": metadata.token_endpoint_auth_methods_supported,
        "scopes_supported": metadata.scopes_supported,
        "signing_keys": keys,
        "signing_key_lifetime_seconds": facts.signing_key_lifetime,
        "access_token_lifetime_seconds": facts.access_token_lifetime,
        "clients": facts.clients,
        "grants": facts.grants,
        "health": facts.health,
        "checked_at": period::dated(period::now(clock)),
    });
    Ok(Answer::of(value))
}

fn is_well(facts: &Facts) -> bool {
    facts.health.values().all(|is_well| *is_well)
}

/// Every address that the metadata name.
fn endpoints(metadata: &Value) -> Map<String, Value> {
    let members = metadata.as_object().into_iter().flatten();
    let is_address = |name: &str| name.ends_with("_endpoint") || name == "jwks_uri";
    members
        .filter(|(name, value)| is_address(name) && value.is_string())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
