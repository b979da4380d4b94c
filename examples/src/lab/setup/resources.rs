//! Every protected server: its metadata, and what it says to whoever comes without a token (RFC 9728,
//! RFC 6750 §3).

use oauth::client::fetch::Fetch;
use oauth::metadata::{AuthorizationServerMetadata, ProtectedResourceMetadata};

use super::{Check, UNREACHABLE, look};

/// A server that is protected here.
#[derive(Clone, Debug)]
pub struct ServedResource {
    /// Its name in the settings.
    pub name: String,
    /// Its public address.
    pub resource: String,
    /// Where its metadata are.
    pub metadata_url: String,
    /// The issuer whose tokens it accepts.
    pub issuer: String,
}

pub(super) async fn checks(
    fetch: &Fetch,
    metadata: &AuthorizationServerMetadata,
    resources: &[ServedResource],
) -> Vec<Check> {
    let mut checks = Vec::new();
    for resource in resources {
        checks.push(document(fetch, resource).await);
        checks.push(challenge(fetch, resource).await);
        if resource.issuer != metadata.issuer.as_str() {
            let id = format!("resource:{}:issuer", resource.name);
            let why = format!(
                "it accepts tokens of {}, not of this server",
                resource.issuer
            );
            let fix = "nothing, if that is meant; else remove its `authorization_server`";
            checks.push(Check::warn(id, why, fix));
        }
    }
    checks
}

async fn document(fetch: &Fetch, resource: &ServedResource) -> Check {
    let id = format!("resource:{}:metadata", resource.name);
    let seen = match look(fetch, &resource.metadata_url).await {
        Ok(seen) => seen,
        Err(why) => return Check::warn(id, why, UNREACHABLE),
    };
    let document: Option<ProtectedResourceMetadata> = serde_json::from_slice(&seen.body).ok();
    let is_right = document.is_some_and(|document| {
        document.resource == resource.resource
            && document
                .authorization_servers
                .iter()
                .any(|issuer| issuer.as_str() == resource.issuer)
    });
    let address = &resource.metadata_url;
    if seen.status == 200 && is_right {
        return Check::pass(id, format!("{address} names the server and its issuer"));
    }
    Check::fail(
        id,
        format!(
            "{address} does not name {} and its issuer",
            resource.resource
        ),
        "let the proxy pass /.well-known on to this server, path and all",
    )
}

async fn challenge(fetch: &Fetch, resource: &ServedResource) -> Check {
    let id = format!("resource:{}:challenge", resource.name);
    let seen = match look(fetch, &resource.resource).await {
        Ok(seen) => seen,
        Err(why) => return Check::warn(id, why, UNREACHABLE),
    };
    if seen.status == 401 && seen.challenge.contains(&resource.metadata_url) {
        return Check::pass(id, "without a token: 401, and where to begin");
    }
    Check::fail(
        id,
        format!(
            "without a token it answers {}, and the challenge does not name its metadata",
            seen.status
        ),
        "let the proxy pass status and WWW-Authenticate on as they are",
    )
}
