//! What clients may do for a person: their consents and their grants, seen as one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use oauth::redirect_uri::RedirectUri;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::time::NumericDate;
use store::StoreError;

use crate::client::Client;
use crate::grant::Stage;
use crate::server::AuthorizationServer;

/// A client, and everything that a person lets it do.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) client_id: String,
    /// What is known of it without asking anybody.
    pub(crate) client: Option<Arc<Client>>,
    /// One entry for each place that answers go to and each resource, the last used first.
    pub(crate) permissions: Vec<Permission>,
}

/// What a client may do at one resource, answered at one place.
#[derive(Debug)]
pub(crate) struct Permission {
    /// Where answers go; nowhere for a device.
    pub(crate) redirect_uri: Option<RedirectUri>,
    pub(crate) resource: ResourceIndicator,
    pub(crate) scope: Scope,
    pub(crate) since: NumericDate,
    /// When the client last got tokens for it; unknown once their grant is over.
    pub(crate) last_used_at: Option<NumericDate>,
    /// Whether the client may go on while the person is away.
    pub(crate) is_offline: bool,
}

impl Access {
    fn last_used_at(&self) -> NumericDate {
        let used = |permission: &Permission| permission.last_used_at.unwrap_or(permission.since);
        let used = self.permissions.iter().map(used).max();
        used.unwrap_or(NumericDate(0))
    }
}

/// The permissions of one person, while they are gathered.
#[derive(Default)]
struct Gathered(HashMap<String, HashMap<(String, String), Permission>>);

impl Gathered {
    fn add(&mut self, client_id: &str, new: Permission) {
        // The port of a loopback redirect changes with every run of a native client.
        let redirect_uri = new.redirect_uri.as_ref();
        let place = redirect_uri.map(RedirectUri::without_loopback_port);
        let key = (place.unwrap_or_default(), new.resource.as_str().to_owned());
        let of_client = self.0.entry(client_id.to_owned()).or_default();
        match of_client.get_mut(&key) {
            None => {
                of_client.insert(key, new);
            }
            Some(known) => {
                known.scope = known.scope.union(&new.scope);
                known.since = known.since.min(new.since);
                known.last_used_at = known.last_used_at.max(new.last_used_at);
                known.is_offline |= new.is_offline;
            }
        }
    }
}

impl AuthorizationServer {
    /// Every client that may do something for a person, the last used first.
    pub(crate) async fn accesses(&self, subject: &str) -> Result<Vec<Access>, StoreError> {
        let mut gathered = Gathered::default();
        for consent in self.consents().of(subject).await? {
            let consent = consent.record;
            let permission = Permission {
                redirect_uri: consent.redirect_uri,
                resource: consent.resource,
                scope: consent.scope,
                since: consent.given_at,
                last_used_at: None,
                is_offline: false,
            };
            gathered.add(&consent.client_id, permission);
        }
        for grant in self.grants().of(subject).await? {
            let Stage::Exchanged { approval, .. } = &grant.stage else {
                continue;
            };
            let permission = Permission {
                redirect_uri: grant.request.delivery.redirect_uri().cloned(),
                resource: grant.request.resource.clone(),
                scope: approval.scope.clone(),
                since: grant.created_at,
                last_used_at: grant.last_used_at(),
                is_offline: grant.is_offline(),
            };
            gathered.add(&grant.client_id, permission);
        }
        let mut accesses = Vec::new();
        for (client_id, permissions) in gathered.0 {
            // A client that is gone may do nothing any more.
            if self.is_gone(&client_id, NumericDate(i64::MAX)).await? {
                continue;
            }
            let mut permissions: Vec<_> = permissions.into_values().collect();
            permissions.sort_by_key(|p| Reverse((p.last_used_at, p.since)));
            accesses.push(Access {
                client: self.known_client(&client_id).await?,
                client_id,
                permissions,
            });
        }
        accesses.sort_by(|a, b| {
            let by_use = b.last_used_at().cmp(&a.last_used_at());
            by_use.then_with(|| a.client_id.cmp(&b.client_id))
        });
        Ok(accesses)
    }

    /// Ends everything that a client may do for a person, at once. They are asked again next time.
    pub(crate) async fn revoke_access(
        &self,
        subject: &str,
        client_id: &str,
    ) -> Result<(), StoreError> {
        // The consent first: after a crash in between, nobody is let in again unasked.
        self.consents().withdraw(subject, client_id).await?;
        for grant in self.grants().of(subject).await? {
            if grant.client_id == client_id {
                self.revoke_grant(&grant.id).await?;
            }
        }
        tracing::info!(client.id = client_id, subject, "access of a client revoked");
        Ok(())
    }
}
