//! Clients: pre-registered, registered by themselves (RFC 7591), or named by a metadata document.

mod administered;
mod key_sets;
mod managed;
mod metadata_document;
mod registered;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use oauth::client_metadata::{ClientMetadata, TokenEndpointAuthMethod};
use oauth::error::OAuthError;
use oauth::random::Random;
use oauth::redirect_uri::RedirectUri;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::secret::SecretHash;
use oauth::time::{Clock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, Record, SharedStore, StoreError};

use crate::address::ClientAddress;
use crate::error::{EndpointError, PageError};
use crate::manage::is_management_scope;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::settings::{PreRegisteredClient, Settings, Workload};
use crate::stranger::NotAsked;
use metadata_document::CachedDocument;

pub(crate) use key_sets::ClientKeySets;
pub(crate) use managed::Registered;
pub(crate) use metadata_document::MetadataDocumentError;

/// How far the clocks of replicas may differ, of which one registers a client and another one serves it.
const SKEW: Duration = Duration::from_mins(1);

/// Where a client comes from, which decides how far it is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// The operator named it in the settings, and there alone: no record says so of itself.
    #[serde(skip)]
    PreRegistered {
        first_party: bool,
        /// The resources whose tokens it may introspect.
        introspects: Vec<ResourceIndicator>,
        /// The resources that it may exchange tokens of its callers for.
        exchanges_to: Vec<ResourceIndicator>,
        /// Who it is on its platform, if that is its proof.
        workload: Option<Workload>,
    },
    /// An operator registered it while the server ran, on a developer's behalf: a third party, but
    /// one that somebody looked at.
    Administered,
    /// It registered itself (RFC 7591).
    Registered,
    /// Its identifier is the address of its metadata (CIMD).
    MetadataDocument,
}

/// A client and what is known of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(
    clippy::struct_field_names,
    reason = "`client_id` is its name in every RFC"
)]
pub(crate) struct Client {
    pub(crate) client_id: String,
    pub(crate) metadata: ClientMetadata,
    pub(crate) secret: Option<SecretHash>,
    /// What the client manages its registration with (RFC 7592).
    #[serde(default)]
    pub(crate) management: Option<SecretHash>,
    pub(crate) origin: Origin,
    pub(crate) created_at: NumericDate,
    /// When it goes, unless it is used before.
    pub(crate) expires_at: Option<NumericDate>,
}

impl Record for Client {
    const KIND: Kind = Kind::new("registered_client");
    // Whoever can write into the store must not be able to make a client, or to send the answers of
    // one to themselves.
    const SEALED: bool = true;

    fn expires_at(&self) -> Option<NumericDate> {
        self.expires_at
    }
}

impl Client {
    /// First-party clients belong to the operator, so nobody has to be asked about them.
    pub(crate) fn is_first_party(&self) -> bool {
        matches!(
            self.origin,
            Origin::PreRegistered {
                first_party: true,
                ..
            }
        )
    }

    /// Since when the client is one. A public client that was removed and registers again has the same name;
    /// what was allowed to the one before is none of its business.
    pub(crate) fn began(&self) -> NumericDate {
        match self.origin {
            Origin::Registered | Origin::Administered => self.created_at.minus(SKEW),
            // When the settings or a document were read says nothing about the client.
            Origin::PreRegistered { .. } | Origin::MetadataDocument => NumericDate(i64::MIN),
        }
    }

    /// Whether the client itself gets what is answered at `redirect_uri`: it authenticates with the code,
    /// or nobody but its own site is there. Else it may be any program on the person's machine
    /// (RFC 8252 §8.6).
    pub(crate) fn is_assured_at(&self, redirect_uri: &RedirectUri) -> bool {
        let method = self.metadata.token_endpoint_auth_method;
        method != TokenEndpointAuthMethod::None || redirect_uri.is_site()
    }

    /// The scope that the operator limited the client to.
    ///
    /// What a client writes into its own registration is a wish, not a limit: MCP clients register
    /// with the first scope they hear of and step up later.
    fn scope_limit(&self) -> Option<&Scope> {
        match self.origin {
            Origin::PreRegistered { .. } | Origin::Administered => self.metadata.scope.as_ref(),
            Origin::Registered | Origin::MetadataDocument => None,
        }
    }

    /// The part of `scope` that the client may ask people for, or get for them.
    ///
    /// Rights to manage this server are only for clients of the operator that ask, or whose limit
    /// names them: neither shall a stranger's page talk an administrator into it, nor a client that
    /// nobody is asked about get them by a link.
    pub(crate) fn within_limit(&self, scope: Scope) -> Scope {
        let is_chosen_third_party = matches!(
            self.origin,
            Origin::PreRegistered {
                first_party: false,
                ..
            }
        );
        match self.scope_limit() {
            Some(limit) => scope.intersection(limit),
            None if is_chosen_third_party => scope,
            None => {
                let others = scope.iter().filter(|token| !is_management_scope(token));
                Scope::from_tokens(others).expect("a part of a well-formed scope is well-formed")
            }
        }
    }

    /// The same for a request, which has to leave something to ask for.
    pub(crate) fn may_ask_for(&self, scope: Scope) -> Result<Scope, EndpointError> {
        let asked_nothing = scope.is_empty();
        let within_limit = self.within_limit(scope);
        if asked_nothing || !within_limit.is_empty() {
            return Ok(within_limit);
        }
        let error = OAuthError::invalid_scope("this client may ask for nothing of that");
        Err(EndpointError::new(Reason::ScopeRefused, error))
    }

    /// Whether the client may ask what a token for one of `audience` is worth (RFC 7662 §2.1).
    pub(crate) fn may_introspect(&self, audience: &[String]) -> bool {
        let Origin::PreRegistered { introspects, .. } = &self.origin else {
            return false;
        };
        introspects
            .iter()
            .any(|resource| oauth::jwt::is_in_audience(resource.as_str(), audience))
    }

    /// Who the client is on its platform, if assertions of that are its proof.
    pub(crate) fn workload(&self) -> Option<&Workload> {
        match &self.origin {
            Origin::PreRegistered { workload, .. } => workload.as_ref(),
            Origin::Administered | Origin::Registered | Origin::MetadataDocument => None,
        }
    }

    /// Whether the client may go on to `resource` in the name of its callers (RFC 8693 §2.1).
    pub(crate) fn may_exchange_to(&self, resource: &ResourceIndicator) -> bool {
        let Origin::PreRegistered { exchanges_to, .. } = &self.origin else {
            return false;
        };
        exchanges_to.contains(resource)
    }
}

/// Why a client could not be looked up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(transparent)]
    NotAsked(#[from] NotAsked),
    #[error(transparent)]
    MetadataDocument(#[from] MetadataDocumentError),
}

impl From<StoreError> for ClientError {
    fn from(error: StoreError) -> Self {
        Self::NotAsked(error.into())
    }
}

impl From<ClientError> for PageError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NotAsked(error) => EndpointError::from(error).into(),
            ClientError::MetadataDocument(error) => {
                Self::new(Reason::MetadataDocumentRefused).with_cause(error)
            }
        }
    }
}

/// All clients.
#[derive(Debug)]
pub(crate) struct Clients {
    /// Shared, since each request of such a client needs it.
    pre_registered: HashMap<String, Arc<Client>>,
    workloads: HashMap<Workload, Arc<Client>>,
    records: Collection<Client>,
    documents: Collection<CachedDocument>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Clients {
    pub(crate) fn new(
        settings: &Settings,
        store: &SharedStore,
        keys: &Arc<KeyRing>,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> Self {
        let started = clock.now();
        let known = settings.clients.iter();
        let pre_registered: HashMap<_, _> = known
            .map(|client| {
                let known = from_settings(client, started);
                (client.client_id.clone(), Arc::new(known))
            })
            .collect();
        let workloads = pre_registered.values();
        let workloads = workloads
            .filter_map(|client| Some((client.workload()?.clone(), Arc::clone(client))))
            .collect();
        Self {
            pre_registered,
            workloads,
            records: Collection::new(Arc::clone(store), Arc::clone(keys)),
            documents: Collection::new(Arc::clone(store), Arc::clone(keys)),
            clock: Arc::clone(clock),
            random: Arc::clone(random),
        }
    }

    /// The client that a platform vouches for under this name.
    pub(crate) fn of_workload(&self, workload: &Workload) -> Option<Arc<Client>> {
        self.workloads.get(workload).cloned()
    }
}

fn from_settings(client: &PreRegisteredClient, created_at: NumericDate) -> Client {
    Client {
        client_id: client.client_id.clone(),
        metadata: client.metadata.clone(),
        secret: client.secret.clone(),
        management: None,
        origin: Origin::PreRegistered {
            first_party: client.first_party,
            introspects: client.introspects.clone(),
            exchanges_to: client.exchanges_to.clone(),
            workload: client.workload.clone(),
        },
        created_at,
        expires_at: None,
    }
}

impl AuthorizationServer {
    /// Keeps a client that registered itself and is in use.
    pub(crate) async fn keep_client(&self, client: &Client) -> Result<(), StoreError> {
        match &self.settings().registration {
            Some(rules) => self.clients().keep(client, rules.unused_lifetime).await,
            None => Ok(()),
        }
    }

    /// The client called `client_id`, wherever it comes from, for a caller at `address`.
    pub(crate) async fn find_client(
        &self,
        client_id: &str,
        address: ClientAddress,
    ) -> Result<Option<Arc<Client>>, ClientError> {
        let clients = self.clients();
        if let Some(client) = clients.pre_registered.get(client_id) {
            return Ok(Some(Arc::clone(client)));
        }
        if client_id.starts_with("https://") {
            if !self.settings().client_id_metadata_documents {
                return Ok(None);
            }
            return Ok(Some(Arc::new(self.fetch_client(client_id, address).await?)));
        }
        let registered = clients.records.get(client_id).await?;
        Ok(registered.map(|client| Arc::new(client.record)))
    }

    /// What is known of a client without asking anybody: a metadata document only while it is fresh.
    pub(crate) async fn known_client(
        &self,
        client_id: &str,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        let clients = self.clients();
        if let Some(client) = clients.pre_registered.get(client_id) {
            return Ok(Some(Arc::clone(client)));
        }
        if client_id.starts_with("https://") {
            let document = clients.documents.get(client_id).await?;
            return Ok(document.map(|document| Arc::new(document.record.into_client(client_id))));
        }
        let registered = clients.records.get(client_id).await?;
        Ok(registered.map(|client| Arc::new(client.record)))
    }

    /// Whether what a client got at a time is void, because it is no longer the client that it was then.
    ///
    /// A client that is named by a metadata document ends only where that is published, and nobody
    /// is asked there to verify a token.
    pub(crate) async fn is_gone(
        &self,
        client_id: &str,
        since: NumericDate,
    ) -> Result<bool, StoreError> {
        let clients = self.clients();
        let is_elsewhere = client_id.starts_with("https://");
        if is_elsewhere || clients.pre_registered.contains_key(client_id) {
            return Ok(false);
        }
        let known = clients.records.get(client_id).await?;
        Ok(known.is_none_or(|client| since < client.began()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_cannot_say_that_the_operator_named_it() {
        let origin = serde_json::from_value::<Origin>("registered".into());
        assert_eq!(origin.unwrap(), Origin::Registered);
        let named = serde_json::json!({"pre_registered": {
            "first_party": true, "introspects": [], "exchanges_to": [], "workload": null,
        }});
        assert!(serde_json::from_value::<Origin>(named).is_err());
    }
}
