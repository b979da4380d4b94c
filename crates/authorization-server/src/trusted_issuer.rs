//! What an operator decides about the issuers of assertions (RFC 7521 §5.1), already checked.

use std::collections::HashSet;
use std::time::Duration;

use oauth::address::is_protected;
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::grant_type;
use oauth::issuer::Issuer;
use oauth::jws::Algorithm;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use serde::{Deserialize, Serialize};

use crate::identity_provider::{IdentityProviderSettings, is_id};
use crate::settings::{PreRegisteredClient, Settings, SettingsError};

/// Somebody whose signed word is taken: a company's identity provider, or a platform for programs.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    /// What its assertions say as `iss`, byte for byte.
    pub issuer: String,
    /// Where its keys are; without it they are found through the metadata of the issuer.
    pub jwks_uri: Option<String>,
    /// How it may sign. Default: every algorithm with a public key.
    pub algorithms: Vec<Algorithm>,
    /// How long its assertions may live. Default: an hour.
    pub max_lifetime: Duration,
    /// Whether a workload may use an assertion once only; a person's is always used once. Default: yes.
    pub single_use: bool,
    /// What it may say about people, if anything (ID-JAG).
    pub people: Option<TrustedForPeople>,
}

impl TrustedIssuer {
    /// An issuer with every default, which is believed nothing about people.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            jwks_uri: None,
            algorithms: Algorithm::ALL.to_vec(),
            max_lifetime: Duration::from_hours(1),
            single_use: true,
            people: None,
        }
    }
}

/// How far an issuer is trusted to let clients act for its people (enterprise-managed authorization).
#[derive(Clone, Debug)]
pub struct TrustedForPeople {
    /// The name space of its people here. It is the id of an identity provider, if they also sign
    /// in through one whose subjects are the same.
    pub identity_provider: String,
    /// Whether somebody who is not known yet is made known.
    pub sign_up: bool,
    /// The clients that may bring its assertions; empty for every one that authenticates.
    pub clients: Vec<String>,
    /// The resources that it may open; empty for all.
    pub resources: Vec<ResourceIndicator>,
    /// The most that it may allow; `None` for whatever the roles of the person allow.
    pub scope: Option<Scope>,
    /// The one tenant that is meant, of an issuer that has several.
    pub tenant: Option<String>,
}

/// Who a program is on its platform.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Workload {
    /// One of the trusted issuers.
    pub issuer: String,
    /// What its assertions say as `sub`, byte for byte.
    pub subject: String,
}

impl Settings {
    /// The rules on trusted issuers, and on clients that prove themselves through one.
    pub(crate) fn check_trusted_issuers(&self) -> Result<(), SettingsError> {
        let mut names = HashSet::new();
        for trusted in &self.trusted_issuers {
            let refused = |reason: &str| SettingsError::TrustedIssuer {
                issuer: trusted.issuer.clone(),
                reason: reason.to_owned(),
            };
            if !names.insert(&trusted.issuer) {
                return Err(refused("it is there twice"));
            }
            // ID-JAG §9.4: whoever accepts its own assertions widens what it gave itself.
            if trusted.issuer == self.issuer.as_str() {
                return Err(refused("it is this server itself"));
            }
            let keys = trusted.jwks_uri.as_ref().unwrap_or(&trusted.issuer);
            if Issuer::parse(trusted.issuer.as_str()).is_err() && trusted.jwks_uri.is_none() {
                return Err(refused("it is no URL, so its keys need a jwks_uri"));
            }
            if !is_protected(keys) {
                return Err(refused(
                    "its keys must come over https, or somebody on the way can exchange them",
                ));
            }
            if trusted.algorithms.is_empty() {
                return Err(refused("without an algorithm nothing it signs is accepted"));
            }
            let people = trusted.people.as_ref();
            if people.is_some_and(|people| !is_id(&people.identity_provider)) {
                return Err(refused(
                    "its people need an identity_provider: write an id of 1 to 32 of a-z, 0-9 and -, \
                     beginning with a letter",
                ));
            }
            if people.is_some_and(|people| self.is_other_provider(trusted, people)) {
                return Err(refused(
                    "the identity provider of that id is another issuer, so the same subject would be \
                     two people: choose another identity_provider",
                ));
            }
            if people.is_some_and(|people| self.shares_people(trusted, people)) {
                return Err(refused(
                    "another issuer has the same identity_provider, so that each could speak for the \
                     other's people: choose another one",
                ));
            }
            let unknown = |people: &TrustedForPeople| {
                let mut resources = people.resources.iter();
                resources.any(|named| self.resources.iter().all(|one| one.indicator != *named))
            };
            if people.is_some_and(unknown) {
                return Err(refused(
                    "it may open a resource that this server does not have",
                ));
            }
        }
        self.check_workloads()
    }

    /// Whether people of the named provider get their subjects from somebody else.
    fn is_other_provider(&self, trusted: &TrustedIssuer, people: &TrustedForPeople) -> bool {
        let mut providers = self.identity_providers.iter();
        let named = providers.find(|provider| provider.id == people.identity_provider);
        // What is wrong with a provider itself is told elsewhere.
        let Some(Ok(rules)) = named.map(IdentityProviderSettings::rules) else {
            return false;
        };
        let is_issuer = rules
            .issuer
            .is_some_and(|issuer| issuer.as_str() == trusted.issuer);
        let signs_for_it = rules
            .id_token
            .is_some_and(|id_token| id_token.issuers.contains(&trusted.issuer));
        !is_issuer && !signs_for_it
    }

    /// Whether another issuer gives subjects to the same people. A provider of the settings may have
    /// several names: that both are its own is looked at before.
    fn shares_people(&self, trusted: &TrustedIssuer, people: &TrustedForPeople) -> bool {
        let id = &people.identity_provider;
        let mut providers = self.identity_providers.iter();
        let mut others = self.trusted_issuers.iter();
        !providers.any(|provider| provider.id == *id)
            && others.any(|other| {
                let theirs = other.people.as_ref();
                other.issuer != trusted.issuer
                    && theirs.is_some_and(|theirs| theirs.identity_provider == *id)
            })
    }

    fn check_workloads(&self) -> Result<(), SettingsError> {
        let mut known = HashSet::new();
        for client in &self.clients {
            let Some(workload) = &client.workload else {
                continue;
            };
            let is_trusted = |trusted: &TrustedIssuer| trusted.issuer == workload.issuer;
            let method = client.metadata.token_endpoint_auth_method;
            let own_keys = client.metadata.jwks.as_ref();
            let reason = if !self.trusted_issuers.iter().any(is_trusted) {
                "the issuer of its assertions is not a trusted one"
            } else if workload.subject.is_empty() {
                "the subject of its assertions is empty"
            } else if !known.insert(workload) {
                "another client has the same issuer and subject"
            } else if method != TokenEndpointAuthMethod::PrivateKeyJwt {
                "a client with assertions of an issuer authenticates with private_key_jwt"
            } else if client.metadata.jwks_uri.is_some()
                || own_keys.is_some_and(|keys| !keys.keys.is_empty())
            {
                "its issuer signs for it, so it must not have keys of its own"
            } else {
                continue;
            };
            return Err(SettingsError::Client {
                client_id: client.client_id.clone(),
                reason: reason.to_owned(),
            });
        }
        Ok(())
    }

    /// Whether somebody may bring an assertion for a person (ID-JAG §7.2).
    pub(crate) fn trusts_for_people(&self) -> bool {
        let mut trusted = self.trusted_issuers.iter();
        trusted.any(|trusted| trusted.people.is_some())
    }

    /// Whether somebody may use `grant_type=…:jwt-bearer`.
    pub(crate) fn takes_assertions(&self) -> bool {
        let may_use_it = |client: &PreRegisteredClient| {
            client.workload.is_some() && client.metadata.uses_grant(grant_type::JWT_BEARER)
        };
        self.trusts_for_people() || self.clients.iter().any(may_use_it)
    }
}
