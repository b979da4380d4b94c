//! Clients: third-party applications that an operator registers on a developer's behalf, and those
//! that registered themselves (RFC 7591).

use oauth::client_metadata::{ClientMetadata, TokenEndpointAuthMethod};
use oauth::redirect_uri::RedirectUri;
use oauth::scope::Scope;
use oauth::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Page;

use super::roles::known_scope;
use super::{Change, Listing, ManageError, Management, Precondition};
use crate::client::{Client, Origin};

/// What errors call a client.
const KIND: &str = "client";

/// Where a client comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientOrigin {
    /// The settings file declares it.
    Settings,
    /// It was registered here, on a developer's behalf.
    Management,
    /// It registered itself.
    SelfRegistered,
}

/// A client. Its members are those of RFC 7591 wherever that has them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Client")]
pub struct ClientView {
    /// The client identifier.
    pub client_id: String,
    /// The name that people see. It is what the client claims, nothing more.
    pub client_name: Option<String>,
    /// The home page of the client.
    pub client_uri: Option<String>,
    /// Where it comes from. Only a client of origin `management` can be changed here.
    pub origin: ClientOrigin,
    /// Whether it belongs to the operator, so that nobody is asked for consent.
    pub first_party: bool,
    /// How it authenticates.
    pub token_endpoint_auth_method: String,
    /// The grant types that it uses.
    pub grant_types: Vec<String>,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// The scopes that it may ask for, as a list separated by spaces. Without it: every scope on
    /// behalf of a person, except those of management, and none for itself.
    pub scope: Option<String>,
    /// The address of its public keys.
    pub jwks_uri: Option<String>,
    /// When it became known, in seconds since 1970.
    pub created_at: i64,
    /// When it goes, unless it is used before, in seconds since 1970.
    pub expires_at: Option<i64>,
}

impl ClientView {
    fn of(client: &Client) -> Self {
        let metadata = &client.metadata;
        let uris = metadata.redirect_uris.iter();
        Self {
            client_id: client.client_id.clone(),
            client_name: metadata.client_name.clone(),
            client_uri: metadata.client_uri.clone(),
            origin: match client.origin {
                Origin::PreRegistered { .. } => ClientOrigin::Settings,
                Origin::Administered => ClientOrigin::Management,
                Origin::Registered | Origin::MetadataDocument => ClientOrigin::SelfRegistered,
            },
            first_party: client.is_first_party(),
            token_endpoint_auth_method: written(metadata.token_endpoint_auth_method),
            grant_types: metadata.grant_types.clone(),
            redirect_uris: uris.map(|uri| uri.as_str().to_owned()).collect(),
            scope: metadata.scope.as_ref().map(Scope::to_string),
            jwks_uri: metadata.jwks_uri.clone(),
            created_at: client.created_at.0,
            expires_at: client.expires_at.map(|date| date.0),
        }
    }
}

/// A client with the secret that it has just been given.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "ClientWithSecret")]
pub struct NewClientView {
    /// The client.
    #[serde(flatten)]
    pub client: ClientView,
    /// Its secret, which is shown this once; absent for a client that needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

impl NewClientView {
    fn of(client: &Client, secret: Option<&Secret>) -> Self {
        Self {
            client: ClientView::of(client),
            client_secret: secret.map(|secret| secret.expose().to_owned()),
        }
    }
}

/// The secret is not printed.
impl std::fmt::Debug for NewClientView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewClientView")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// A client to be registered. Its members are those of RFC 7591. It is a third party: people are
/// always asked before it gets anything.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// The name that people see.
    pub client_name: String,
    /// The home page of the client.
    #[serde(default)]
    pub client_uri: Option<String>,
    /// `none` (for apps on people's machines), `client_secret_basic`, `client_secret_post` or
    /// `private_key_jwt`. Unless given, `private_key_jwt` for a client with keys, else
    /// `client_secret_basic`.
    #[serde(default)]
    pub token_endpoint_auth_method: Option<String>,
    /// The grant types that it uses; `authorization_code` and `refresh_token` unless given.
    #[serde(default)]
    pub grant_types: Option<Vec<String>>,
    /// Where answers may go. Needed for `authorization_code`.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// The scopes that it may ask for, as a list separated by spaces. Without it: every scope on
    /// behalf of a person, except those of management, and none for itself.
    #[serde(default)]
    pub scope: Option<String>,
    /// The https address of its public keys, for `private_key_jwt`.
    #[serde(default)]
    pub jwks_uri: Option<String>,
}

/// What becomes of a client; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientChange {
    /// The name that people see.
    pub client_name: Option<String>,
    /// The home page of the client.
    pub client_uri: Change<String>,
    /// The grant types that it uses.
    pub grant_types: Option<Vec<String>>,
    /// Where answers may go.
    pub redirect_uris: Option<Vec<String>>,
    /// The scopes that it may ask for, as a list separated by spaces.
    pub scope: Change<String>,
    /// The https address of its public keys, for `private_key_jwt`.
    pub jwks_uri: Change<String>,
}

impl Management {
    /// Clients, the newest first; those of the settings stand in front of the first page.
    pub async fn clients(&self, page: Page) -> Result<Listing<ClientView>, ManageError> {
        let clients = self.server.clients();
        let stored = clients.list(page.clone()).await?;
        let mut listing = Listing::of(&stored, &page, ClientView::of);
        if page.before.is_none() {
            let declared = clients.declared().into_iter().map(ClientView::of);
            listing.items.splice(0..0, declared);
        }
        Ok(listing)
    }

    /// The client called `client_id`.
    pub async fn client(&self, client_id: &str) -> Result<ClientView, ManageError> {
        Ok(ClientView::of(&self.known_client(client_id).await?))
    }

    /// Registers a client on a developer's behalf.
    pub async fn create_client(&self, new: NewClient) -> Result<NewClientView, ManageError> {
        let scope = self.scope_of_client(new.scope.as_deref()).await?;
        let method = match new.token_endpoint_auth_method.as_deref() {
            Some(method) => auth_method(method)?,
            None if new.jwks_uri.is_some() => TokenEndpointAuthMethod::PrivateKeyJwt,
            None => TokenEndpointAuthMethod::ClientSecretBasic,
        };
        let usual = || vec!["authorization_code".to_owned(), "refresh_token".to_owned()];
        let metadata = ClientMetadata {
            client_name: Some(new.client_name),
            client_uri: new.client_uri,
            token_endpoint_auth_method: method,
            grant_types: new.grant_types.unwrap_or_else(usual),
            response_types: vec!["code".to_owned()],
            redirect_uris: redirect_uris(&new.redirect_uris),
            scope,
            jwks_uri: new.jwks_uri,
            ..ClientMetadata::default()
        };
        self.check_metadata(&metadata)?;
        let (client, secret) = self.server.clients().administer(metadata).await?;
        self.log("client created", &client.client_id);
        Ok(NewClientView::of(&client, secret.as_ref()))
    }

    /// Changes a client that was registered here.
    pub async fn change_client(
        &self,
        client_id: &str,
        change: ClientChange,
        precondition: &Precondition,
    ) -> Result<ClientView, ManageError> {
        let scope = match &change.scope {
            Change::Set(scope) => self
                .scope_of_client(Some(scope))
                .await?
                .map_or(Change::Clear, Change::Set),
            Change::Clear => Change::Clear,
            Change::Keep => Change::Keep,
        };
        self.changeable(client_id).await?;
        let edit = |client: &mut Client| {
            self.require_authority_over(client)?;
            precondition.check(&ClientView::of(client))?;
            let (metadata, change) = (&mut client.metadata, change.clone());
            if let Some(name) = change.client_name {
                metadata.client_name = Some(name);
            }
            change.client_uri.apply(&mut metadata.client_uri);
            if let Some(grant_types) = change.grant_types {
                metadata.grant_types = grant_types;
            }
            if let Some(uris) = &change.redirect_uris {
                metadata.redirect_uris = redirect_uris(uris);
            }
            scope.clone().apply(&mut metadata.scope);
            change.jwks_uri.apply(&mut metadata.jwks_uri);
            self.check_metadata(metadata)
        };
        let changed = self.server.clients().change(client_id, edit).await?;
        let changed = changed.ok_or_else(|| ManageError::unknown(KIND, client_id))?;
        self.log("client changed", client_id);
        Ok(ClientView::of(&changed))
    }

    /// Gives a client that was registered here another secret; the old one is void at once.
    pub async fn rotate_client_secret(
        &self,
        client_id: &str,
        precondition: &Precondition,
    ) -> Result<NewClientView, ManageError> {
        let client = self.changeable(client_id).await?;
        let Some(secret) = self.server.clients().secret_for(&client.metadata) else {
            let text = format!("the client `{client_id}` does not authenticate with a secret");
            return Err(ManageError::Invalid(text));
        };
        let edit = |client: &mut Client| {
            self.require_authority_over(client)?;
            precondition.check(&ClientView::of(client))?;
            client.secret = Some(secret.hash());
            Ok::<_, ManageError>(())
        };
        let changed = self.server.clients().change(client_id, edit).await?;
        let changed = changed.ok_or_else(|| ManageError::unknown(KIND, client_id))?;
        self.log("client secret rotated", client_id);
        Ok(NewClientView::of(&changed, Some(&secret)))
    }

    /// Removes a client that the settings do not declare. Its grants and tokens are void at once.
    pub async fn remove_client(
        &self,
        client_id: &str,
        precondition: &Precondition,
    ) -> Result<(), ManageError> {
        let client = self.known_client(client_id).await?;
        if let Origin::PreRegistered { .. } = client.origin {
            return Err(ManageError::declared(KIND, client_id));
        }
        if self.actor.uses(client_id) {
            return Err(ManageError::Own("remove the client of"));
        }
        self.require_authority_over(&client)?;
        precondition.check(&ClientView::of(&client))?;
        self.server.remove_client(client_id).await?;
        self.log("client removed", client_id);
        Ok(())
    }

    async fn known_client(&self, client_id: &str) -> Result<Client, ManageError> {
        let clients = self.server.clients();
        if let Some(declared) = clients.find_declared(client_id) {
            return Ok(declared.clone());
        }
        let stored = clients.find_stored(client_id).await?;
        stored.ok_or_else(|| ManageError::unknown(KIND, client_id))
    }

    /// A client that somebody registered here, and that is not its own master.
    async fn changeable(&self, client_id: &str) -> Result<Client, ManageError> {
        let client = self.known_client(client_id).await?;
        match client.origin {
            Origin::Administered => Ok(client),
            Origin::PreRegistered { .. } => Err(ManageError::declared(KIND, client_id)),
            Origin::Registered | Origin::MetadataDocument => Err(ManageError::Invalid(format!(
                "the client `{client_id}` registered itself, and changes itself; it can be removed"
            ))),
        }
    }

    /// Refuses an actor who would take over rights of management that the client has.
    fn require_authority_over(&self, client: &Client) -> Result<(), ManageError> {
        let own = client.metadata.scope.clone().unwrap_or_default();
        self.require_authority(&own)
    }

    /// The scope that a client gets, if the actor may give it.
    async fn scope_of_client(&self, scope: Option<&str>) -> Result<Option<Scope>, ManageError> {
        let Some(scope) = scope else {
            return Ok(None);
        };
        let tokens: Vec<_> = scope.split_ascii_whitespace().map(str::to_owned).collect();
        let scope = known_scope(&*self.catalog().await?, &tokens)?;
        self.require_authority(&scope)?;
        Ok(Some(scope))
    }

    /// The rules of RFC 7591, and those for what people read.
    fn check_metadata(&self, metadata: &ClientMetadata) -> Result<(), ManageError> {
        let name = metadata.client_name.as_deref().unwrap_or_default();
        let length = name.trim().chars().count();
        if !(1..=100).contains(&length) || name.chars().any(char::is_control) {
            return Err(ManageError::invalid(
                "client_name has 1 to 100 characters and no control characters",
            ));
        }
        let schemes = &self.server.settings().private_use_schemes;
        metadata
            .check(schemes)
            .map_err(|error| ManageError::Invalid(error.description))
    }
}

fn redirect_uris(texts: &[String]) -> Vec<RedirectUri> {
    texts
        .iter()
        .map(|text| RedirectUri::unchecked(text))
        .collect()
}

/// The method as it is written in RFC 7591.
fn written(method: TokenEndpointAuthMethod) -> String {
    let written = serde_json::to_value(method).unwrap_or_default();
    written.as_str().unwrap_or_default().to_owned()
}

fn auth_method(text: &str) -> Result<TokenEndpointAuthMethod, ManageError> {
    serde_json::from_value(text.into()).map_err(|_| {
        ManageError::Invalid(format!(
            "`{text}` is no way to authenticate: write none, client_secret_basic, \
             client_secret_post or private_key_jwt"
        ))
    })
}
