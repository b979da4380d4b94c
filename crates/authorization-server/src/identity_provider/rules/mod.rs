//! How one identity provider is spoken to: its preset, checked and with every blank filled.

mod read;

use std::collections::BTreeMap;
use std::time::Duration;

use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::issuer::Issuer;
use oauth::jws::Algorithm;

use super::preset::PresetFields;
use super::settings::IdentityProviderSettingsError as Error;
use crate::text::Words;
use read::{
    auth_method, filled, id_token, parameters, places, pointers, refuse, resource, revocation,
    scope, unlink_webhook,
};

pub(super) use read::protected;

/// How one identity provider is spoken to.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent habit of a provider, as its preset says it"
)]
pub(crate) struct Rules {
    /// The name that people see.
    pub(crate) name: Words,
    pub(crate) issuer: Option<Issuer>,
    /// Whether endpoints that are not in `endpoints` are found through the issuer.
    pub(crate) discovery: bool,
    pub(crate) endpoints: Endpoints,
    pub(crate) auth_method: TokenEndpointAuthMethod,
    /// The scopes as they stand in the authorization request.
    pub(crate) scope: String,
    pub(crate) authorization_parameters: BTreeMap<String, String>,
    pub(crate) fresh_sign_in_parameters: BTreeMap<String, String>,
    /// Whether ID tokens have to say that a person signed in anew who had to.
    pub(crate) proves_fresh_sign_in: bool,
    pub(crate) token_parameters: BTreeMap<String, String>,
    pub(crate) scope_at_token_endpoint: bool,
    pub(crate) state_at_token_endpoint: bool,
    pub(crate) pkce: bool,
    pub(crate) nonce: bool,
    pub(crate) resource: ResourceRule,
    /// `None` when nothing but the profile says who signed in.
    pub(crate) id_token: Option<IdTokenRules>,
    pub(crate) required_claims: BTreeMap<String, String>,
    pub(crate) callback_iss: bool,
    pub(crate) success: BTreeMap<String, String>,
    pub(crate) places: Places,
    pub(crate) refresh: bool,
    pub(crate) refresh_ended_errors: Vec<String>,
    pub(crate) access_token_lifetime: Option<Duration>,
    pub(crate) refresh_token_lifetime: Option<Duration>,
    pub(crate) revocation: Revocation,
    pub(crate) unlink_webhook: Option<UnlinkWebhook>,
}

/// The addresses of a provider, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoints {
    pub(crate) authorization: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) userinfo: Option<String>,
    pub(crate) email_list: Option<String>,
    pub(crate) revocation: Option<String>,
    pub(crate) jwks: Option<String>,
}

/// What becomes of the resource that a client asks for (RFC 8707, acceptance B6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResourceRule {
    /// The provider does not know it, or refuses it.
    Drop,
    /// The provider knows our resources by their names.
    Forward,
    /// The provider has a name of its own for what we need.
    Instead(String),
}

/// What an ID token must be.
#[derive(Clone, Debug)]
pub(crate) struct IdTokenRules {
    pub(crate) issuers: Vec<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    /// Whether tokens may be signed with the client secret (`HS256`).
    pub(crate) by_client_secret: bool,
}

/// Where things stand in a profile or an ID token (JSON pointers, RFC 6901).
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) subject: String,
    pub(crate) userinfo_subject: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: Vec<String>,
}

/// How a token is ended.
#[derive(Clone, Debug)]
pub(crate) enum Revocation {
    /// The provider offers nothing.
    None,
    /// A form with our credentials (RFC 7009 and its relatives).
    Form {
        token_parameter: String,
        parameters: BTreeMap<String, String>,
    },
    /// A request with the access token itself.
    Bearer,
    /// A `DELETE` with our credentials and a document that names the token.
    Delete,
}

/// How a provider tells that a person has cut the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnlinkWebhook {
    /// `clientId`, `encryptUniqueId`, `timestamp` and `signature`.
    Naver,
}

impl Rules {
    /// Reads `fields`; `variable` knows what stands for `{name}` in them.
    pub(super) fn new(
        fields: &PresetFields,
        variable: impl Fn(&str) -> Result<String, Error>,
    ) -> Result<Self, Error> {
        let fill = |text: &String| filled(text, &variable);
        let filled_map =
            |map: &Option<BTreeMap<String, String>>| -> Result<BTreeMap<String, String>, Error> {
                let pairs = map.iter().flatten();
                let fill = |(name, value): (&String, _)| Ok((name.clone(), fill(value)?));
                pairs.map(fill).collect()
            };
        let address = |field: &'static str, text: &Option<String>| match text {
            Some(text) => protected(field, fill(text)?).map(Some),
            None => Ok(None),
        };
        let issuer = address("issuer", &fields.issuer)?;
        let issuer = issuer.map(Issuer::parse).transpose();
        let issuer = issuer.map_err(|error| refuse("issuer", error.to_string()))?;
        let endpoints = Endpoints {
            authorization: address("authorization_endpoint", &fields.authorization_endpoint)?,
            token: address("token_endpoint", &fields.token_endpoint)?,
            userinfo: address("userinfo_endpoint", &fields.userinfo_endpoint)?,
            email_list: address("email_list_endpoint", &fields.email_list_endpoint)?,
            revocation: address("revocation_endpoint", &fields.revocation_endpoint)?,
            jwks: address("jwks_uri", &fields.jwks_uri)?,
        };
        let name = fields.name.clone().ok_or(Error::Missing("name"))?;
        let rules = Self {
            name: Words {
                ko: fields.name_ko.clone().unwrap_or_else(|| name.clone()),
                en: name,
            },
            discovery: fields.discovery.unwrap_or_default(),
            auth_method: auth_method(fields.token_endpoint_auth_method.as_deref())?,
            scope: scope(fields)?,
            authorization_parameters: parameters(
                "authorization_parameters",
                filled_map(&fields.authorization_parameters)?,
            )?,
            fresh_sign_in_parameters: parameters(
                "fresh_sign_in_parameters",
                filled_map(&fields.fresh_sign_in_parameters)?,
            )?,
            proves_fresh_sign_in: fields.proves_fresh_sign_in.unwrap_or_default(),
            token_parameters: parameters(
                "token_parameters",
                filled_map(&fields.token_parameters)?,
            )?,
            scope_at_token_endpoint: fields.scope_at_token_endpoint.unwrap_or_default(),
            state_at_token_endpoint: fields.state_at_token_endpoint.unwrap_or_default(),
            pkce: fields.pkce.unwrap_or(true),
            nonce: fields.nonce.unwrap_or_default(),
            resource: resource(fields.resource.as_deref())?,
            id_token: id_token(fields, issuer.as_ref(), fill)?,
            required_claims: pointers("required_claims", filled_map(&fields.required_claims)?)?,
            callback_iss: fields.callback_iss.unwrap_or_default(),
            success: pointers("success", filled_map(&fields.success)?)?,
            places: places(fields)?,
            refresh: fields.refresh.unwrap_or_default(),
            refresh_ended_errors: fields
                .refresh_ended_errors
                .clone()
                .unwrap_or_else(|| vec!["invalid_grant".to_owned()]),
            access_token_lifetime: fields.access_token_lifetime.map(Duration::from_secs),
            refresh_token_lifetime: fields.refresh_token_lifetime.map(Duration::from_secs),
            revocation: revocation(fields)?,
            unlink_webhook: unlink_webhook(fields.unlink_webhook.as_deref())?,
            issuer,
            endpoints,
        };
        rules.is_complete()?;
        Ok(rules)
    }

    /// Refuses rules with which nobody could sign in.
    fn is_complete(&self) -> Result<(), Error> {
        let (endpoints, found) = (&self.endpoints, self.discovery);
        let demand = |field, holds| {
            if holds {
                Ok(())
            } else {
                Err(Error::Missing(field))
            }
        };
        demand(
            "issuer",
            self.issuer.is_some() || !(found || self.callback_iss),
        )?;
        demand(
            "authorization_endpoint",
            endpoints.authorization.is_some() || found,
        )?;
        demand("token_endpoint", endpoints.token.is_some() || found)?;
        match &self.id_token {
            Some(id_token) => {
                let needs_keys = !id_token.algorithms.is_empty() && !found;
                demand("jwks_uri", endpoints.jwks.is_some() || !needs_keys)?;
                let has_secret = self.auth_method.is_shared_secret();
                if id_token.by_client_secret && !has_secret {
                    let reason = "HS256 signs with the client secret, and this client has none: \
                                  remove HS256, or use a client with a secret";
                    return Err(refuse("id_token_algorithms", reason));
                }
                Ok(())
            }
            None if self.proves_fresh_sign_in => Err(refuse(
                "proves_fresh_sign_in",
                "only an ID token proves it: set id_token = true, or remove this",
            )),
            // Without an ID token, the profile is all there is to know a person by.
            None => demand("userinfo_endpoint", endpoints.userinfo.is_some() || found),
        }
    }
}
