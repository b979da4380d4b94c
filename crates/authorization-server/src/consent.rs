//! What people agreed to, per user, client, way of the answer and resource (acceptance C4).

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::redirect_uri::RedirectUri;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::time::{Clock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, ListBy, Record, SharedStore, StoreError, Versioned};

/// One agreement: this person lets this client, answered there, do this at that resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Consent {
    pub(crate) subject: String,
    pub(crate) client_id: String,
    /// Where the answer goes; nowhere when it waits for a device (RFC 8628).
    pub(crate) redirect_uri: Option<RedirectUri>,
    #[serde(deserialize_with = "ResourceIndicator::written")]
    pub(crate) resource: ResourceIndicator,
    pub(crate) scope: Scope,
    /// When the person agreed for the first time.
    pub(crate) given_at: NumericDate,
}

impl Record for Consent {
    const KIND: Kind = Kind::new("agreement");
    // Whoever can write into the store must not be able to agree in the name of a person.
    const SEALED: bool = true;

    fn owner(&self) -> Option<&str> {
        Some(&self.subject)
    }
}

/// Who is asking whom, where the answer goes and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConsentKey<'a> {
    pub(crate) subject: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: Option<&'a RedirectUri>,
    pub(crate) resource: &'a ResourceIndicator,
    /// Since when the client is one: what was agreed to before is another's.
    pub(crate) since: NumericDate,
}

impl ConsentKey<'_> {
    fn text(&self) -> String {
        // The port of a loopback redirect changes with every run of a native client.
        let redirect_uri = self.redirect_uri.map(RedirectUri::without_loopback_port);
        // Every device of a client is one to it, and this word is no URI.
        let redirect_uri = redirect_uri.as_deref().unwrap_or("device");
        let parts = [
            self.subject,
            self.client_id,
            redirect_uri,
            self.resource.as_str(),
        ];
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(context.finish())
    }
}

#[derive(Debug)]
pub(crate) struct Consents {
    records: Collection<Consent>,
    clock: Arc<dyn Clock>,
}

impl Consents {
    pub(crate) fn new(store: &SharedStore, keys: &Arc<KeyRing>, clock: &Arc<dyn Clock>) -> Self {
        let records = Collection::new(Arc::clone(store), Arc::clone(keys));
        Self {
            records,
            clock: Arc::clone(clock),
        }
    }

    /// The scope that was agreed to before; empty when nothing was.
    pub(crate) async fn given(&self, key: ConsentKey<'_>) -> Result<Scope, StoreError> {
        let consent = self.records.get(&key.text()).await?;
        let consent = consent.filter(|consent| consent.given_at >= key.since);
        Ok(consent
            .map(|consent| consent.record.scope)
            .unwrap_or_default())
    }

    /// Everything that a person has agreed to.
    pub(crate) async fn of(&self, subject: &str) -> Result<Vec<Versioned<Consent>>, StoreError> {
        self.records.all(ListBy::Owner(subject)).await
    }

    /// Forgets what a person has agreed to for a client, so that they are asked again.
    pub(crate) async fn withdraw(&self, subject: &str, client_id: &str) -> Result<(), StoreError> {
        for consent in self.of(subject).await? {
            if consent.client_id == client_id {
                self.records.remove(&consent.key).await?;
            }
        }
        Ok(())
    }

    /// Remembers an agreement. What was agreed to before stays agreed to.
    pub(crate) async fn record(
        &self,
        key: ConsentKey<'_>,
        scope: &Scope,
    ) -> Result<(), StoreError> {
        loop {
            let stored = self.records.get(&key.text()).await?;
            let before = stored
                .as_ref()
                .filter(|before| before.given_at >= key.since);
            if before.is_some_and(|before| scope.is_subset(&before.scope)) {
                return Ok(());
            }
            let consent = Consent {
                subject: key.subject.to_owned(),
                client_id: key.client_id.to_owned(),
                redirect_uri: key.redirect_uri.cloned(),
                resource: key.resource.clone(),
                scope: before.map_or(scope.clone(), |before| before.scope.union(scope)),
                given_at: before.map_or_else(|| self.clock.now(), |before| before.given_at),
            };
            let written = match &stored {
                Some(stored) => self.records.replace(stored, &consent).await?,
                None => self.records.insert(&key.text(), &consent).await?,
            };
            if written {
                return Ok(());
            }
        }
    }

    /// Forgets everything that a person has agreed to.
    pub(crate) async fn forget_all(&self, subject: &str) -> Result<(), StoreError> {
        for consent in self.of(subject).await? {
            self.records.remove(&consent.key).await?;
        }
        Ok(())
    }
}
