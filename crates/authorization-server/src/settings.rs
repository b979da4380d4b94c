//! What an operator decides about the authorization server, already checked.

use std::collections::BTreeMap;
use std::time::Duration;

use oauth::client_metadata::ClientMetadata;
use oauth::grant_type;
use oauth::issuer::Issuer;
use oauth::jws::Algorithm;
use oauth::redirect_uri::PrivateUseSchemes;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::secret::SecretHash;
use serde::{Deserialize, Serialize};

use crate::identity_provider::{IdentityProviderSettings, IdentityProviderSettingsError};
use crate::manage::{MANAGEMENT_SCOPES, is_management_scope};
use crate::text::Words;

pub use crate::trusted_issuer::{TrustedForPeople, TrustedIssuer, Workload};

/// Everything that can be set. [`Settings::new`] gives the defaults that are documented per field.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own that an operator sets"
)]
#[derive(Clone, Debug)]
pub struct Settings {
    /// The public address of the server, byte for byte as clients see it.
    pub issuer: Issuer,
    /// The resources that tokens are issued for; never empty.
    pub resources: Vec<Resource>,
    /// The scopes that people are asked for, in words.
    pub scopes: BTreeMap<String, Words>,
    /// What a person with a role may let a client do.
    pub roles: BTreeMap<String, Scope>,
    /// The role of a new user; one of `roles`.
    pub default_role: String,
    /// Clients that the operator registered.
    pub clients: Vec<PreRegisteredClient>,
    /// How tokens live and end.
    pub lifetimes: Lifetimes,
    /// The algorithm of new signing keys: `EdDSA` or `ES256`.
    pub signing_algorithm: Algorithm,
    /// Dynamic registration (RFC 7591); `None` switches it off.
    pub registration: Option<Registration>,
    /// Sign-in on devices without a browser (RFC 8628); `None` switches it off.
    pub device_authorization: Option<DeviceAuthorization>,
    /// Whether authorization requests must be pushed (RFC 9126 §5); few MCP clients can do that.
    pub require_pushed_authorization_requests: bool,
    /// Whether every proof of possession must answer a nonce of this server (RFC 9449 §8). Without it
    /// proofs are new by the client's clock.
    pub dpop_nonce_required: bool,
    /// Whether https URLs may be client identifiers (CIMD).
    pub client_id_metadata_documents: bool,
    /// The private-use schemes that clients may redirect to.
    pub private_use_schemes: PrivateUseSchemes,
    /// Whose signed word on people and programs is taken.
    pub trusted_issuers: Vec<TrustedIssuer>,
    /// Where people may sign in besides here, in the order in which they are shown.
    pub identity_providers: Vec<IdentityProviderSettings>,
    /// Whether people who have a password can sign in with it. Default yes.
    pub password_sign_in: bool,
    /// Whether the management API is served. Its scopes may then stand in `roles` and in the scope
    /// of a client.
    pub management: bool,
}

/// A resource server, by the name that stands in `aud`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resource {
    /// The resource indicator (RFC 8707).
    pub indicator: ResourceIndicator,
    /// The name that a person sees on the consent page.
    pub name: String,
    /// The scopes that mean something to this resource.
    pub scopes: Scope,
}

/// How long each thing lives.
#[derive(Clone, Debug)]
pub struct Lifetimes {
    /// From sign-in page to approval. Default 10 minutes.
    pub authorization_request: Duration,
    /// From approval to redemption of the code. Default 60 seconds.
    pub authorization_code: Duration,
    /// Default 30 minutes.
    pub access_token: Duration,
    /// How long a refresh token lives without being used. Default 30 days.
    pub refresh_token: Duration,
    /// How long a client may repeat the last refresh and get the same answer. Default 30 seconds.
    pub refresh_grace: Duration,
    /// How long a browser stays signed in. Default 12 hours.
    pub browser_session: Duration,
    /// How long a signing key signs before the next one takes over. Default 30 days.
    pub signing_key: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            authorization_request: Duration::from_mins(10),
            authorization_code: Duration::from_mins(1),
            access_token: Duration::from_mins(30),
            refresh_token: Duration::from_hours(30 * 24),
            refresh_grace: Duration::from_secs(30),
            browser_session: Duration::from_hours(12),
            signing_key: Duration::from_hours(30 * 24),
        }
    }
}

impl Lifetimes {
    /// The longest time that a handle is good for without being renewed: a code, a refresh token, or
    /// what stands for a request.
    pub fn longest_handle(&self) -> Duration {
        self.authorization_request
            .max(self.authorization_code)
            .max(self.refresh_token)
    }
}

/// Rules for dynamic registration (RFC 7591).
#[derive(Clone, Debug)]
pub struct Registration {
    /// How many registrations one address may make per hour. Default 60.
    pub per_address_and_hour: u64,
    /// How long a client stays that nobody uses any more; one that never got a token stays a day.
    /// Default 90 days.
    pub unused_lifetime: Duration,
    /// Whether a client that registered with credentials of its own may read, change and remove
    /// its registration (RFC 7592). Default yes.
    pub management: bool,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            per_address_and_hour: 60,
            unused_lifetime: Duration::from_hours(90 * 24),
            management: true,
        }
    }
}

/// Rules for devices that have no browser of their own (RFC 8628).
#[derive(Clone, Debug)]
pub struct DeviceAuthorization {
    /// How long a person has to type the code and decide. Default 10 minutes.
    pub lifetime: Duration,
}

impl Default for DeviceAuthorization {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_mins(10),
        }
    }
}

/// A client that the operator registered.
#[derive(Clone, Debug)]
pub struct PreRegisteredClient {
    /// The client identifier; not an https URL.
    pub client_id: String,
    /// The hash of its secret, when its authentication method needs one.
    pub secret: Option<SecretHash>,
    /// What it may do.
    pub metadata: ClientMetadata,
    /// First-party clients belong to the operator and skip consent.
    pub first_party: bool,
    /// The resources whose tokens this client may introspect (RFC 7662): a resource server's own.
    pub introspects: Vec<ResourceIndicator>,
    /// The resources that this client, as a resource server, may exchange its callers' tokens for
    /// (RFC 8693). It needs the grant type and something in `introspects`.
    pub exchanges_to: Vec<ResourceIndicator>,
    /// Who the client is on its platform, when assertions of that are its proof (RFC 7523 §2.2).
    pub workload: Option<Workload>,
}

impl PreRegisteredClient {
    /// A third-party client without a secret and without any right that is not in `metadata`.
    pub fn new(client_id: impl Into<String>, metadata: ClientMetadata) -> Self {
        Self {
            client_id: client_id.into(),
            secret: None,
            metadata,
            first_party: false,
            introspects: Vec::new(),
            exchanges_to: Vec::new(),
            workload: None,
        }
    }
}

/// Why the settings cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A token without an audience would be good everywhere.
    #[error("at least one resource is needed: a token must say what it is for")]
    NoResource,
    /// New users would have a role that does not exist.
    #[error("the default role `{0}` is not one of the roles")]
    UnknownDefaultRole(String),
    /// The consent page would ask for something that nobody can explain.
    #[error("the scope `{0}` has no description; add one in English and Korean")]
    ScopeWithoutWords(String),
    /// A scope that grants management must not mean anything else.
    #[error("the scope `{0}` must not be described: `manage:` is for the management API")]
    ReservedScope(String),
    /// Generated identifiers and metadata documents share one name space.
    #[error("the client_id `{0}` must not be a URL")]
    ClientIdIsUrl(String),
    /// A pre-registered client breaks a rule of RFC 7591.
    #[error("client `{client_id}`: {reason}")]
    Client {
        /// Which client.
        client_id: String,
        /// Which rule.
        reason: String,
    },
    /// An identity provider cannot be used.
    #[error("identity provider `{id}`: {error}")]
    IdentityProvider {
        /// Which provider.
        id: String,
        /// Why.
        error: IdentityProviderSettingsError,
    },
    /// Two identity providers would share their callback, their people and their credentials.
    #[error("two identity providers have the id `{0}`: choose another one for the second")]
    IdentityProviderTwice(String),
    /// Every way in is closed.
    #[error("nobody could sign in: switch password sign-in on, or add an identity provider")]
    NobodyCanSignIn,
    /// An issuer of assertions cannot be trusted like this.
    #[error("trusted issuer `{issuer}`: {reason}")]
    TrustedIssuer {
        /// Which issuer.
        issuer: String,
        /// Why not.
        reason: String,
    },
    /// Only two algorithms are good for signing here.
    #[error("tokens are signed with EdDSA or ES256, not {0:?}")]
    SigningAlgorithm(Algorithm),
}

impl Settings {
    /// Settings with every default, for one issuer and its resources.
    pub fn new(issuer: Issuer, resources: Vec<Resource>) -> Self {
        let role = "User".to_owned();
        Self {
            issuer,
            resources,
            scopes: BTreeMap::new(),
            roles: BTreeMap::from([(role.clone(), Scope::empty())]),
            default_role: role,
            clients: Vec::new(),
            lifetimes: Lifetimes::default(),
            signing_algorithm: Algorithm::EdDSA,
            registration: Some(Registration::default()),
            device_authorization: Some(DeviceAuthorization::default()),
            require_pushed_authorization_requests: false,
            dpop_nonce_required: false,
            client_id_metadata_documents: true,
            private_use_schemes: PrivateUseSchemes::new(PrivateUseSchemes::KNOWN_CLIENTS),
            trusted_issuers: Vec::new(),
            identity_providers: Vec::new(),
            password_sign_in: true,
            management: false,
        }
    }

    /// Refuses settings that contradict themselves; called before anything is served.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.resources.is_empty() {
            return Err(SettingsError::NoResource);
        }
        if !self.roles.contains_key(&self.default_role) {
            return Err(SettingsError::UnknownDefaultRole(self.default_role.clone()));
        }
        if !matches!(self.signing_algorithm, Algorithm::EdDSA | Algorithm::ES256) {
            return Err(SettingsError::SigningAlgorithm(self.signing_algorithm));
        }
        if let Some(scope) = self.scopes.keys().find(|scope| is_management_scope(scope)) {
            return Err(SettingsError::ReservedScope(scope.clone()));
        }
        let of_roles = self.roles.values().flat_map(Scope::iter);
        let of_resources = self
            .resources
            .iter()
            .flat_map(|resource| resource.scopes.iter());
        // A resource with a right of management would look like the management API.
        let of_resources: Vec<_> = of_resources.collect();
        if let Some(scope) = of_resources.iter().find(|scope| is_management_scope(scope)) {
            return Err(SettingsError::ReservedScope((*scope).to_owned()));
        }
        for scope in of_roles.chain(of_resources) {
            if !self.is_known_scope(scope) {
                return Err(SettingsError::ScopeWithoutWords(scope.to_owned()));
            }
        }
        self.clients
            .iter()
            .try_for_each(|client| self.check_client(client))?;
        self.check_trusted_issuers()?;
        self.check_identity_providers()
    }

    fn check_identity_providers(&self) -> Result<(), SettingsError> {
        let providers = &self.identity_providers;
        let is_way_in = providers.iter().any(|provider| provider.sign_in);
        if !is_way_in && !self.password_sign_in {
            return Err(SettingsError::NobodyCanSignIn);
        }
        for (n, provider) in providers.iter().enumerate() {
            let id = provider.id.clone();
            if providers[..n].iter().any(|other| other.id == id) {
                return Err(SettingsError::IdentityProviderTwice(id));
            }
            let checked = provider.check();
            checked.map_err(|error| SettingsError::IdentityProvider { id, error })?;
        }
        Ok(())
    }

    fn check_client(&self, client: &PreRegisteredClient) -> Result<(), SettingsError> {
        let client_id = client.client_id.clone();
        if client_id.starts_with("https://") {
            return Err(SettingsError::ClientIdIsUrl(client_id));
        }
        let method = client.metadata.token_endpoint_auth_method;
        if method.is_shared_secret() && client.secret.is_none() {
            let reason = "its authentication method needs a secret".to_owned();
            return Err(SettingsError::Client { client_id, reason });
        }
        self.check_exchange(client)?;
        client
            .metadata
            .check(&self.private_use_schemes)
            .map_err(|error| SettingsError::Client {
                client_id,
                reason: error.description,
            })
    }

    /// Exchanging tokens takes three settings, of which none means anything without the others.
    fn check_exchange(&self, client: &PreRegisteredClient) -> Result<(), SettingsError> {
        let may_exchange = client.metadata.uses_grant(grant_type::TOKEN_EXCHANGE);
        let unknown = client
            .exchanges_to
            .iter()
            .find(|named| self.resources.iter().all(|one| one.indicator != **named));
        let reason = if may_exchange == client.exchanges_to.is_empty() {
            format!(
                "to exchange tokens it needs both the grant type {} and a resource to exchange to",
                grant_type::TOKEN_EXCHANGE
            )
        } else if may_exchange && client.introspects.is_empty() {
            "it exchanges tokens of its callers, and introspects none: name its own resource".into()
        } else if let Some(unknown) = unknown {
            format!("it exchanges tokens for {unknown}, which is no resource of this server")
        } else {
            return Ok(());
        };
        let client_id = client.client_id.clone();
        Err(SettingsError::Client { client_id, reason })
    }

    /// The grant types that somebody can use, for the metadata.
    pub(crate) fn grant_types(&self) -> Vec<&'static str> {
        let exchanges = |client: &PreRegisteredClient| !client.exchanges_to.is_empty();
        let mut grant_types = vec![
            grant_type::AUTHORIZATION_CODE,
            grant_type::REFRESH_TOKEN,
            grant_type::CLIENT_CREDENTIALS,
        ];
        if self.clients.iter().any(exchanges) {
            grant_types.push(grant_type::TOKEN_EXCHANGE);
        }
        if self.takes_assertions() {
            grant_types.push(grant_type::JWT_BEARER);
        }
        if self.device_authorization.is_some() {
            grant_types.push(grant_type::DEVICE_CODE);
        }
        grant_types
    }

    /// Whether `scope` is one of ours: described by the operator, or about identity.
    fn is_known_scope(&self, scope: &str) -> bool {
        let is_of_management = || self.management && MANAGEMENT_SCOPES.contains(&scope);
        self.scopes.contains_key(scope)
            || crate::text::identity_scope(scope).is_some()
            || is_of_management()
    }
}
