//! Clients that register themselves, and how long they stay (RFC 7591 §3, acceptance C1).

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::client_metadata::{ClientMetadata, TokenEndpointAuthMethod};
use oauth::random;
use oauth::secret::Secret;
use store::StoreError;

use super::{Client, Clients, Origin, Registered};
use crate::settings::Registration;

/// Long enough to come back to the browser after lunch, or after the night.
const UNTRIED: Duration = Duration::from_hours(24);

impl Clients {
    /// Draws up a registration, which is none before it is kept; a confidential client gets a secret
    /// that is shown this once.
    ///
    /// A public client's identifier is the hash of its metadata: the same registration again, from
    /// a client that lost its notes or from another copy of it, is the same client. Nothing is
    /// given away by that, since a public client has nothing to prove itself with.
    pub(crate) fn draw_up(&self, metadata: ClientMetadata, rules: &Registration) -> Registered {
        let now = self.clock.now();
        let method = metadata.token_endpoint_auth_method;
        let secret = method
            .is_shared_secret()
            .then(|| Secret::random(&*self.random));
        // What many may share, nobody may change (docs/decisions/0005).
        let is_shared = method == TokenEndpointAuthMethod::None;
        let management = (rules.management && !is_shared).then(|| Secret::random(&*self.random));
        let client = Client {
            client_id: if is_shared {
                name_by_content(&metadata)
            } else {
                random::token::<16>(&*self.random)
            },
            metadata,
            secret: secret.as_ref().map(Secret::hash),
            management: management.as_ref().map(Secret::hash),
            origin: Origin::Registered,
            created_at: now,
            expires_at: Some(now.plus(untried_lifetime(rules))),
        };
        Registered {
            client,
            secret,
            management,
        }
    }

    /// Keeps a registration. One that is known already stays as it is, and goes no earlier.
    pub(crate) async fn register(
        &self,
        drawn_up: Registered,
        rules: &Registration,
    ) -> Result<Registered, StoreError> {
        let client = &drawn_up.client;
        if self.records.insert(&client.client_id, client).await? {
            return Ok(drawn_up);
        }
        let Some(known) = self.records.get(&client.client_id).await? else {
            return Ok(drawn_up);
        };
        self.keep(&known, untried_lifetime(rules)).await?;
        Ok(Registered {
            client: known.record,
            ..drawn_up
        })
    }

    /// Keeps a registered client that is in use; written at most once in a tenth of its lifetime.
    pub(crate) async fn keep(
        &self,
        client: &Client,
        unused_lifetime: Duration,
    ) -> Result<(), StoreError> {
        let Some(expires_at) = client.expires_at else {
            return Ok(());
        };
        let now = self.clock.now();
        if expires_at.since(now) > unused_lifetime / 10 * 9 {
            return Ok(());
        }
        if let Some(current) = self.records.get(&client.client_id).await? {
            let kept = Client {
                expires_at: Some(now.plus(unused_lifetime)),
                ..current.record.clone()
            };
            // Whoever is faster has written the same thing.
            self.records.replace(&current, &kept).await?;
        }
        Ok(())
    }
}

/// How long a registration stays with which nobody has got a token yet: anybody can make any number.
pub(super) fn untried_lifetime(rules: &Registration) -> Duration {
    UNTRIED.min(rules.unused_lifetime)
}

fn name_by_content(metadata: &ClientMetadata) -> String {
    let canonical = serde_json::to_value(metadata)
        .map(|value| sorted(&value))
        .unwrap_or_default();
    let hash = digest(&SHA256, canonical.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

/// JSON with object members in alphabetical order, whatever order the map type keeps.
fn sorted(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members = members
                .iter()
                .map(|(name, value)| format!("{name:?}:{}", sorted(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        serde_json::Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(sorted).collect::<Vec<_>>().join(",")
            )
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_the_same_metadata_in_another_order_is_the_same_client() {
        let parse = |text: &str| serde_json::from_str::<ClientMetadata>(text).unwrap();
        let one = parse(r#"{"client_name":"x","redirect_uris":["http://127.0.0.1/"],"a":1,"b":2}"#);
        let two = parse(r#"{"b":2,"a":1,"redirect_uris":["http://127.0.0.1/"],"client_name":"x"}"#);
        let other = parse(r#"{"client_name":"y","redirect_uris":["http://127.0.0.1/"]}"#);
        assert_eq!(name_by_content(&one), name_by_content(&two));
        assert_ne!(name_by_content(&one), name_by_content(&other));
    }
}
