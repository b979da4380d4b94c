//! The look from outside: whether the public URL leads to this very server (RFC 8414 §3.3).

use std::time::Duration;

use anyhow::bail;
use oauth::client::fetch::{Fetch, Limits};
use oauth::issuer::Issuer;
use oauth::jwk::JwkSet;
use oauth::metadata::{AuthorizationServerMetadata, OAUTH_AUTHORIZATION_SERVER};

const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(5),
    ..Limits::DOCUMENT
};

/// Fetches our own metadata and keys by the public URL, as every client will.
///
/// # Errors
///
/// When somebody else answers: clients would be sent there to sign in. When nobody answers, it may
/// be that only the outside knows the name, so that is a warning.
pub(crate) async fn check(fetch: &Fetch, own: &Issuer, keys: &JwkSet) -> anyhow::Result<()> {
    match look(fetch, own, keys).await {
        Seen::Ourselves => Ok(()),
        Seen::Nobody(reason) => {
            tracing::warn!(
                "public_url = {own} cannot be reached from here: {reason}; if clients cannot reach \
                 it either, change `public_url` or the proxy in front"
            );
            Ok(())
        }
        Seen::SomebodyElse(who) => bail!(
            "public_url = {own} leads to somebody else: {who}; write the address by which clients \
             reach this server as `public_url`, or point the proxy there to this server"
        ),
    }
}

/// Who answers under the public URL.
enum Seen {
    Ourselves,
    Nobody(String),
    SomebodyElse(String),
}

async fn look(fetch: &Fetch, own: &Issuer, keys: &JwkSet) -> Seen {
    let url = own.well_known_inserted(OAUTH_AUTHORIZATION_SERVER);
    let metadata: AuthorizationServerMetadata = match read(fetch, &url).await {
        Ok(metadata) => metadata,
        Err(seen) => return seen,
    };
    if metadata.issuer != *own {
        return Seen::SomebodyElse(format!("the issuer there is {}", metadata.issuer));
    }
    // Another server may have been told the same address; its keys are its own.
    let jwks_uri = metadata.jwks_uri.unwrap_or_default();
    let served: JwkSet = match read(fetch, &jwks_uri).await {
        Ok(served) => served,
        Err(seen) => return seen,
    };
    if served.keys.iter().any(|key| keys.keys.contains(key)) {
        Seen::Ourselves
    } else {
        Seen::SomebodyElse("another server with the same settings, but other keys".to_owned())
    }
}

async fn read<T: serde::de::DeserializeOwned>(fetch: &Fetch, url: &str) -> Result<T, Seen> {
    let fetched = fetch.configured().get(url, LIMITS).await;
    let fetched = fetched.map_err(|error| Seen::Nobody(format!("{error}")))?;
    let status = fetched.status;
    // A proxy answers so while it cannot reach what is behind it.
    if status.is_server_error() {
        return Err(Seen::Nobody(format!("{url} answers {status}")));
    }
    let wrong = |what: &str| Seen::SomebodyElse(format!("{url} answers {what}"));
    if !status.is_success() {
        return Err(wrong(status.as_str()));
    }
    serde_json::from_slice(&fetched.body).map_err(|_| wrong("something else than metadata"))
}
