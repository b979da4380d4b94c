//! Identity providers: third parties where people sign in, and whose ordinary client we are (RFC 6749 §1.1).
//!
//! To MCP clients this server is the authorization server; to a provider it is one client with one
//! callback. Nothing of a provider is ever passed on: neither tokens nor codes nor words.
//!
//! | file | concept |
//! |---|---|
//! | `preset.rs`, `presets/` | what is particular about each provider, as data |
//! | `settings.rs`, `rules.rs` | what the operator says, and what follows from it |
//! | `leg.rs` | one way of one person to a provider and back |
//! | `endpoints.rs` | where a provider is |
//! | `userinfo.rs`, `profile.rs` | who signed in |
//! | `credential.rs` | what the provider issued: made, renewed, ended |
//! | `unlink.rs` | notices that a person has withdrawn |
//! | `error.rs` | what went wrong |

mod credential;
mod endpoints;
mod error;
mod leg;
mod preset;
mod profile;
mod rules;
mod settings;
mod unlink;
mod userinfo;

use std::fmt;
use std::sync::Arc;

use oauth::client::authorization::{AuthorizationRequest, CallbackAnswer, ExpectedIssuer};
use oauth::client::fetch::{Fetch, Reach};
use oauth::client::id_token::{self, Expectation};
use oauth::client::key_set::{KeySource, RemoteKeySet};
use oauth::client::token::{TokenEndpoint, Tokens};
use oauth::jwk::JwkSet;
use oauth::pkce::CodeVerifier;
use oauth::secret::Secret;
use oauth::time::{Clock, NumericDate};
use serde_json::{Map, Value};
use url::Url;

use crate::settings::Settings;
use crate::text::Words;
use endpoints::{EndpointFinder, Known};
use profile::Testimony;
use rules::{IdTokenRules, ResourceRule, Rules};

pub use error::{IdentityProviderError, Refusal};
pub use leg::Leg;
pub use preset::PresetFields;
pub(crate) use profile::one_line;
pub use profile::{Arrival, Identity};
pub(crate) use settings::is_id;
pub use settings::{IdentityProviderSettings, IdentityProviderSettingsError};
pub(crate) use unlink::{FRESH, UnlinkError, UnlinkNotice};

/// The identity providers of this house, in the order of the settings.
#[derive(Debug)]
pub struct IdentityProviders(Vec<IdentityProvider>);

impl IdentityProviders {
    /// The providers of `settings`.
    pub(crate) fn new(
        settings: &Settings,
        fetch: &Fetch,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, IdentityProviderSettingsError> {
        let build = |own: &IdentityProviderSettings| {
            let redirect_uri = settings.issuer.join(&format!("/callback/{}", own.id));
            IdentityProvider::new(own, redirect_uri, fetch.clone(), Arc::clone(clock))
        };
        let providers = settings.identity_providers.iter().map(build);
        Ok(Self(providers.collect::<Result<_, _>>()?))
    }

    /// The provider `id`.
    pub fn get(&self, id: &str) -> Option<&IdentityProvider> {
        self.0.iter().find(|provider| provider.id == id)
    }

    /// The provider `id`, if people sign in with it.
    pub(crate) fn way_in(&self, id: &str) -> Option<&IdentityProvider> {
        self.get(id).filter(|provider| provider.signs_in)
    }

    /// Those with which people sign in.
    pub(crate) fn ways_in(&self) -> impl Iterator<Item = &IdentityProvider> {
        self.0.iter().filter(|provider| provider.signs_in)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &IdentityProvider> {
        self.0.iter()
    }
}

/// A third party where people sign in.
pub struct IdentityProvider {
    id: String,
    client_id: String,
    client_secret: Option<Secret>,
    link_by_verified_email: bool,
    signs_in: bool,
    sign_up: bool,
    redirect_uri: String,
    rules: Rules,
    finder: EndpointFinder,
    keys: Arc<dyn KeySource>,
    fetch: Fetch,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProvider")
            .field("id", &self.id)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl IdentityProvider {
    fn new(
        settings: &IdentityProviderSettings,
        redirect_uri: String,
        fetch: Fetch,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IdentityProviderSettingsError> {
        let rules = settings.rules()?;
        let keys = (fetch.clone(), Reach::Configured, Arc::clone(&clock));
        let keys: Arc<dyn KeySource> = match (&rules.endpoints.jwks, &rules.issuer) {
            (Some(jwks_uri), _) => Arc::new(RemoteKeySet::at(keys.0, keys.1, jwks_uri, keys.2)),
            (None, Some(issuer)) if rules.discovery => Arc::new(RemoteKeySet::of_issuer(
                keys.0,
                keys.1,
                issuer.clone(),
                keys.2,
            )),
            // Nothing is signed with a key.
            _ => Arc::new(Arc::new(JwkSet::default())),
        };
        Ok(Self {
            id: settings.id.clone(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            link_by_verified_email: settings.link_by_verified_email,
            signs_in: settings.sign_in,
            sign_up: settings.sign_up,
            redirect_uri,
            finder: EndpointFinder::new(&rules),
            rules,
            keys,
            fetch,
            clock,
        })
    }

    /// Its name in addresses and records.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name that people see.
    pub fn name(&self) -> &Words {
        &self.rules.name
    }

    /// Where it sends people back to, by our public address.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Whether a verified address there names the user with that verified address here.
    pub fn links_by_verified_email(&self) -> bool {
        self.link_by_verified_email
    }

    /// Whether people sign in with it; else they connect accounts, for servers that need them.
    pub fn signs_in(&self) -> bool {
        self.signs_in
    }

    /// Whether people who are not known here are made known.
    pub fn signs_up(&self) -> bool {
        self.sign_up
    }

    /// Whether it proves that people who had to sign in anew have done so; its word for who they are
    /// is good in any case.
    pub fn proves_fresh_sign_in(&self) -> bool {
        self.rules.proves_fresh_sign_in
    }

    /// Where to send the person who takes this way, and comes back with `state`.
    pub async fn authorization_url(
        &self,
        leg: &Leg,
        state: &str,
    ) -> Result<Url, IdentityProviderError> {
        let known = self.known().await?;
        let endpoint = self.endpoint(
            "authorization_endpoint",
            known.endpoints.authorization.as_deref(),
        )?;
        let challenge = self.rules.pkce.then(|| self.verifier(leg)).transpose()?;
        let challenge = challenge.map(|verifier| verifier.challenge());
        let request = AuthorizationRequest {
            client_id: &self.client_id,
            redirect_uri: &self.redirect_uri,
            scope: &self.rules.scope,
            state,
            code_challenge: challenge.as_ref(),
            nonce: self.sent_nonce(leg),
            resource: self.resource(leg),
        };
        let mut more = self.rules.authorization_parameters.clone();
        if leg.sign_in_after.is_some() {
            more.extend(self.rules.fresh_sign_in_parameters.clone());
        }
        request
            .url(endpoint, pairs(&more))
            .map_err(|error| self.refuse(Refusal::Metadata(error.to_string())))
    }

    /// Who came back by this way, which has this `state`, with what the provider issued for them.
    pub async fn finish(
        &self,
        leg: &Leg,
        state: &str,
        answer: &CallbackAnswer,
    ) -> Result<Arrival, IdentityProviderError> {
        let known = self.known().await?;
        let code = answer
            .code(state, self.expected_issuer(&known))
            .map_err(|error| IdentityProviderError::of_callback(&self.id, error))?;
        let tokens = self.redeem(&known, leg, state, code).await?;
        let id_token = match &self.rules.id_token {
            Some(rules) => Some(self.verified_id_token(rules, leg, &tokens).await?),
            None => None,
        };
        let signed_in_at = match (&id_token, self.to_be_proved(leg)) {
            (Some(claims), Some(_)) => id_token::auth_time(claims),
            _ => None,
        };
        // RFC 8707 §2: a token for a resource is not for userinfo, and the ID token says who it is.
        let is_elsewhere = id_token.is_some() && self.resource(leg).is_some();
        let profile = match known.endpoints.userinfo.as_deref() {
            Some(endpoint) if !is_elsewhere => {
                Some(self.profile(endpoint, &tokens.access_token).await?)
            }
            _ => None,
        };
        let address = match known.endpoints.email_list.as_deref() {
            Some(endpoint) => {
                self.verified_address(endpoint, &tokens.access_token)
                    .await?
            }
            None => None,
        };
        let identity = Testimony::new(id_token, profile, address).identity(&self.rules);
        Ok(Arrival {
            identity: identity.map_err(|refusal| self.refuse(refusal))?,
            credential: self.credential(tokens, None),
            // Their clock may be ahead.
            signed_in_at: signed_in_at.map(|date| date.min(self.clock.now())),
        })
    }

    /// RFC 6749 §4.1.3.
    async fn redeem(
        &self,
        known: &Known,
        leg: &Leg,
        state: &str,
        code: &str,
    ) -> Result<Tokens, IdentityProviderError> {
        let verifier = self.verifier(leg)?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
        ];
        if self.rules.pkce {
            form.push(("code_verifier", verifier.expose()));
        }
        if self.rules.state_at_token_endpoint {
            form.push(("state", state));
        }
        form.extend(self.resource(leg).map(|resource| ("resource", resource)));
        self.extend_token_request(&mut form);
        let tokens = self.token_endpoint(known)?.tokens(&self.fetch, &form).await;
        tokens.map_err(|error| IdentityProviderError::of_token(&self.id, error))
    }

    async fn verified_id_token(
        &self,
        rules: &IdTokenRules,
        leg: &Leg,
        tokens: &Tokens,
    ) -> Result<Map<String, Value>, IdentityProviderError> {
        let token = tokens.id_token.as_ref();
        let token = token.ok_or_else(|| self.refuse(Refusal::NoIdToken))?;
        let expected = Expectation {
            issuers: &rules.issuers,
            client_id: &self.client_id,
            nonce: self.sent_nonce(leg),
            algorithms: &rules.algorithms,
            client_secret: self
                .client_secret
                .as_ref()
                .filter(|_| rules.by_client_secret),
            access_token: &tokens.access_token,
            signed_in_after: self.to_be_proved(leg),
        };
        id_token::verify(token, &*self.keys, &expected, self.clock.now())
            .await
            .map_err(|error| IdentityProviderError::of_id_token(&self.id, error))
    }

    async fn known(&self) -> Result<Arc<Known>, IdentityProviderError> {
        self.finder.find(&self.id, &self.fetch, &*self.clock).await
    }

    fn endpoint<'a>(
        &self,
        name: &str,
        endpoint: Option<&'a str>,
    ) -> Result<&'a str, IdentityProviderError> {
        endpoint.ok_or_else(|| self.refuse(Refusal::Metadata(format!("it has no {name}"))))
    }

    fn token_endpoint<'a>(
        &'a self,
        known: &'a Known,
    ) -> Result<TokenEndpoint<'a>, IdentityProviderError> {
        let url = self.endpoint("token_endpoint", known.endpoints.token.as_deref())?;
        Ok(self.authenticated(url))
    }

    /// An address that we authenticate at.
    fn authenticated<'a>(&'a self, url: &'a str) -> TokenEndpoint<'a> {
        TokenEndpoint {
            url,
            client_id: &self.client_id,
            client_secret: self.client_secret.as_ref(),
            auth_method: self.rules.auth_method,
        }
    }

    /// What every request for tokens carries besides its grant.
    fn extend_token_request<'a>(&'a self, form: &mut Vec<(&'a str, &'a str)>) {
        if self.rules.scope_at_token_endpoint {
            form.push(("scope", &self.rules.scope));
        }
        form.extend(pairs(&self.rules.token_parameters));
    }

    fn expected_issuer(&self, known: &Known) -> ExpectedIssuer<'_> {
        match &self.rules.issuer {
            Some(issuer) if known.names_itself => ExpectedIssuer::Promised(issuer.as_str()),
            Some(issuer) => ExpectedIssuer::IfNamed(issuer.as_str()),
            None => ExpectedIssuer::Unknown,
        }
    }

    /// The moment after which the ID token has to prove that the person signed in.
    fn to_be_proved(&self, leg: &Leg) -> Option<NumericDate> {
        leg.sign_in_after
            .filter(|_| self.rules.proves_fresh_sign_in)
    }

    fn sent_nonce<'a>(&self, leg: &'a Leg) -> Option<&'a str> {
        self.rules.nonce.then_some(leg.nonce.as_str())
    }

    fn resource<'a>(&'a self, leg: &'a Leg) -> Option<&'a str> {
        match &self.rules.resource {
            ResourceRule::Drop => None,
            ResourceRule::Forward => leg.resource.as_deref(),
            ResourceRule::Instead(resource) => Some(resource),
        }
    }

    fn verifier(&self, leg: &Leg) -> Result<CodeVerifier, IdentityProviderError> {
        // A leg is sealed, so this happens only to a record of another version.
        CodeVerifier::parse(&leg.code_verifier)
            .map_err(|error| self.refuse(Refusal::Metadata(error.to_string())))
    }

    fn refuse(&self, refusal: Refusal) -> IdentityProviderError {
        IdentityProviderError::refused(&self.id, refusal)
    }
}

fn pairs(map: &std::collections::BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
}
