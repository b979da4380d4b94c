//! The authorization server: what every endpoint and page shares.

use std::sync::Arc;

use delegation::{RefreshCredential, RefreshSettings, ValidTokens, Vault};
use oauth::actor;
use oauth::client::fetch::Fetch;
use oauth::jwk::JwkSet;
use oauth::jwt::AccessTokenClaims;
use oauth::random::{Names, Random};
use oauth::resource::ResourceIndicator;
use oauth::time::{Clock, NumericDate};
use store::{KeyRing, SharedStore, StoreError};
use tokio::sync::broadcast;
use tokio_util::task::TaskTracker;

use crate::assertion::TrustedIssuers;
use crate::catalog::{Catalog, Catalogs};
use crate::client::{ClientKeySets, Clients};
use crate::consent::Consents;
use crate::grant::Grants;
use crate::identity_provider::{IdentityProviderSettingsError, IdentityProviders};
use crate::invitation::ConnectInvitations;
use crate::login_state::LoginStates;
use crate::recording::AuditSlot;
use crate::revocation::{Revocation, Revocations};
use crate::session::BrowserSessions;
use crate::settings::{Resource, Settings, SettingsError};
use crate::signing_keys::SigningKeys;
use crate::stranger::Strangers;
use crate::unused_credential::CredentialRounds;
use crate::user::Users;

/// The doors to the outside: storage, secrets, time, randomness and HTTP.
#[derive(Debug)]
pub struct Parts {
    /// Where everything is remembered.
    pub store: SharedStore,
    /// What seals secrets and makes handles unforgeable.
    pub keys: Arc<KeyRing>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where identifiers and secrets come from.
    pub random: Arc<dyn Random>,
    /// How metadata documents and key sets of clients are fetched.
    pub fetch: Fetch,
}

/// An embedded authorization server; clones are the same server.
#[derive(Clone, Debug)]
pub struct AuthorizationServer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    store: SharedStore,
    keys: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    names: Names,
    strangers: Strangers,
    catalogs: Catalogs,
    trusted_issuers: TrustedIssuers,
    client_key_sets: ClientKeySets,
    grants: Grants,
    clients: Clients,
    consents: Consents,
    users: Users,
    sessions: BrowserSessions,
    signing_keys: SigningKeys,
    revocations: Revocations,
    identity_providers: Arc<IdentityProviders>,
    vault: Vault,
    valid_tokens: ValidTokens,
    login_states: LoginStates,
    invitations: ConnectInvitations,
    credential_rounds: CredentialRounds,
    /// What goes on although nobody waits for it any more.
    tasks: TaskTracker,
    audit: AuditSlot,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The settings contradict themselves.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// An identity provider cannot be used.
    #[error(transparent)]
    IdentityProvider(#[from] IdentityProviderSettingsError),
    /// The store does not answer.
    #[error("the signing keys or the catalog could not be read from the store")]
    Store(#[from] StoreError),
}

impl AuthorizationServer {
    /// Checks the settings, then loads the signing keys or makes the first one.
    pub async fn start(mut settings: Settings, parts: Parts) -> Result<Self, StartError> {
        settings.check()?;
        crate::manage::declare(&mut settings);
        let Parts {
            store,
            keys,
            clock,
            random,
            fetch,
        } = parts;
        let signing_keys = SigningKeys::load(&settings, &store, &keys, &*clock).await?;
        let catalogs = Catalogs::load(&settings, &store, &keys).await?;
        let identity_providers = Arc::new(IdentityProviders::new(&settings, &fetch, &clock)?);
        let refresher = Arc::clone(&identity_providers) as Arc<dyn RefreshCredential>;
        let delegation = delegation::Parts {
            store: Arc::clone(&store),
            keys: Arc::clone(&keys),
            clock: Arc::clone(&clock),
            random: Arc::clone(&random),
            refresher,
        };
        let strangers = Strangers::new(&fetch);
        let inner = Inner {
            catalogs,
            trusted_issuers: TrustedIssuers::new(&settings, &fetch, &clock),
            client_key_sets: ClientKeySets::new(strangers.fetch(), &clock),
            grants: Grants::new(&settings, &store, &keys, &clock, &random),
            clients: Clients::new(&settings, &store, &keys, &clock, &random),
            consents: Consents::new(&store, &keys, &clock),
            users: Users::new(&store, &keys, &clock, &random),
            sessions: BrowserSessions::new(&settings, &store, &keys, &clock, &random),
            revocations: Revocations::new(&store, &keys),
            identity_providers,
            vault: Vault::new(Arc::clone(&store), Arc::clone(&keys)),
            valid_tokens: ValidTokens::new(delegation, RefreshSettings::default()),
            login_states: LoginStates::new(&settings, &store, &keys, &clock),
            invitations: ConnectInvitations::new(&store, &keys),
            credential_rounds: CredentialRounds::default(),
            tasks: TaskTracker::new(),
            audit: AuditSlot::new(),
            signing_keys,
            settings,
            store,
            keys,
            clock,
            names: Names::new(Arc::clone(&random)),
            random,
            strangers,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Every endpoint and page, under the path of the issuer.
    pub fn router(&self) -> axum::Router {
        crate::router::router(self)
    }

    /// The people who can sign in.
    pub fn users(&self) -> &Users {
        &self.0.users
    }

    /// Where people may sign in besides here.
    pub fn identity_providers(&self) -> &IdentityProviders {
        &self.0.identity_providers
    }

    /// What gives other rooms the tokens that identity providers issued for people, good when they
    /// are handed out.
    pub fn valid_tokens(&self) -> &ValidTokens {
        &self.0.valid_tokens
    }

    /// The public keys that verify tokens issued here.
    pub fn key_set(&self) -> Arc<JwkSet> {
        self.0.signing_keys.key_set()
    }

    /// Whether a token that was verified is still worth anything: neither it nor its grant
    /// revoked, nor its client gone.
    pub async fn is_live(&self, claims: &AccessTokenClaims) -> Result<bool, StoreError> {
        let is_live = match (&claims.grant_id, &claims.jti) {
            (Some(grant_id), Some(jti)) if claims.other.contains_key(actor::CLAIM) => {
                self.is_exchange_live(grant_id, jti).await?
            }
            (Some(grant_id), _) => self.grants().is_live(grant_id).await?,
            (None, Some(jti)) => !self.0.revocations.is_revoked(jti).await?,
            (None, None) => false,
        };
        // One read, so that removing a client is one write however many grants it has.
        match &claims.client_id {
            Some(client_id) if is_live => {
                let since = claims.iat.unwrap_or(NumericDate(i64::MIN));
                Ok(!self.is_gone(client_id, since).await?)
            }
            _ => Ok(is_live),
        }
    }

    /// An exchanged token can end alone, and ends with its grant and with the client that the person
    /// gave the grant to, which is not the one that the token names.
    async fn is_exchange_live(&self, grant_id: &str, jti: &str) -> Result<bool, StoreError> {
        let grant = self.grants().find(grant_id).await?;
        let Some(grant) = grant.filter(|grant| grant.is_live()) else {
            return Ok(false);
        };
        let is_gone = self.is_gone(&grant.client_id, grant.created_at).await?;
        Ok(!is_gone && !self.0.revocations.is_revoked(jti).await?)
    }

    /// Ends what was begun and goes on, such as redeeming the code of an identity provider for a
    /// browser that has gone away; to be awaited when nothing is served any more.
    pub async fn settle(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.valid_tokens.settle().await;
    }

    /// Revocations as they happen here, for caches of verified tokens.
    ///
    /// A receiver that lags behind has to forget everything it knows.
    pub fn subscribe(&self) -> broadcast::Receiver<Revocation> {
        self.0.revocations.subscribe()
    }

    /// How many revocations were told so far.
    ///
    /// A receiver that asks before each request learns by this alone, without a lock, that there is
    /// nothing to hear. A revocation is counted before it is answered.
    pub fn revocations_told(&self) -> u64 {
        self.0.revocations.told()
    }

    /// Housekeeping, to be called about once a minute: makes and retires signing keys, and lets go
    /// of what identity providers issued and nothing uses any more.
    pub async fn maintain(&self) -> Result<(), StoreError> {
        self.sweep_credentials_soon();
        self.0.signing_keys.rotate_if_due(&*self.0.clock).await
    }

    /// Reads what other replicas and the command line have added to the resources, scopes and
    /// roles of the settings; to be called every few seconds.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        self.0.catalogs.renew(&self.0.settings).await
    }

    /// Signs a statement of the house that is no token: its type says what it is, so that nobody takes it
    /// for one (RFC 8725 §3.11). `None` for the types of tokens.
    pub fn sign_statement<T: serde::Serialize>(&self, typ: &str, claims: &T) -> Option<String> {
        if typ.eq_ignore_ascii_case("JWT") || typ.to_ascii_lowercase().contains("at+jwt") {
            return None;
        }
        self.0.signing_keys.signing().sign(typ, claims).ok()
    }

    /// Issues tokens for other resources than the settings declared at the start, for a house whose
    /// settings have changed while it runs. Tokens for what is gone stay what they are; nobody serves it.
    /// If it fails, nothing has changed.
    pub async fn declare(&self, mut resources: Vec<Resource>) -> Result<(), StoreError> {
        let settings = &self.0.settings;
        resources.extend(crate::manage::api_resource(settings));
        self.0.catalogs.declare(resources, settings).await
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Resources, scopes and roles as they are now: those of the settings and those added since.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.0.catalogs.current()
    }

    /// Whether tokens are issued for `resource`; one that is not in the snapshot may have been added
    /// on another replica a moment ago.
    pub(crate) async fn is_issued_for(
        &self,
        resource: &ResourceIndicator,
    ) -> Result<bool, StoreError> {
        if self.catalog().resource(resource).is_none() {
            self.refresh().await?;
        }
        Ok(self.catalog().resource(resource).is_some())
    }

    pub(crate) fn catalogs(&self) -> &Catalogs {
        &self.0.catalogs
    }

    pub(crate) fn store(&self) -> &SharedStore {
        &self.0.store
    }

    pub(crate) fn keys(&self) -> &Arc<KeyRing> {
        &self.0.keys
    }

    pub(crate) fn now(&self) -> NumericDate {
        self.0.clock.now()
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.0.random
    }

    /// Names of requests and access tokens, which give nobody any right.
    pub(crate) fn names(&self) -> &Names {
        &self.0.names
    }

    pub(crate) fn strangers(&self) -> &Strangers {
        &self.0.strangers
    }

    pub(crate) fn trusted_issuers(&self) -> &TrustedIssuers {
        &self.0.trusted_issuers
    }

    pub(crate) fn client_key_sets(&self) -> &ClientKeySets {
        &self.0.client_key_sets
    }

    pub(crate) fn grants(&self) -> &Grants {
        &self.0.grants
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.0.clients
    }

    pub(crate) fn consents(&self) -> &Consents {
        &self.0.consents
    }

    /// What identity providers issued for people.
    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub(crate) fn credential_rounds(&self) -> &CredentialRounds {
        &self.0.credential_rounds
    }

    pub(crate) fn login_states(&self) -> &LoginStates {
        &self.0.login_states
    }

    pub(crate) fn invitations(&self) -> &ConnectInvitations {
        &self.0.invitations
    }

    pub(crate) fn audit_slot(&self) -> &AuditSlot {
        &self.0.audit
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    pub(crate) fn sessions(&self) -> &BrowserSessions {
        &self.0.sessions
    }

    pub(crate) fn signing_keys(&self) -> &SigningKeys {
        &self.0.signing_keys
    }

    pub(crate) fn revocations(&self) -> &Revocations {
        &self.0.revocations
    }
}
