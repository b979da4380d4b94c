//! With whose credential an upstream is called: nobody's, the gateway's own, or that of the person who calls.

use std::collections::BTreeMap;

use authorization_server::identity_provider::IdentityProviderSettings;
use delegation::AuthType;
use gateway::upstream::{
    AuthTypes, Children, TokenPlace, Transport, UpstreamCredential, UpstreamSettings, UserToken,
};
use http::HeaderName;

use super::Check;
use super::credential::OUR_HEADERS;
use crate::settings::file::SettingsFile;
use crate::settings::place::Place;
use crate::settings::upstream::{UpstreamSection, UserTokenSection};
use crate::settings::{Gateway, Trust, Upstream};

impl Check<'_> {
    /// The auth types of the upstreams, which stand in the order of the file.
    pub(super) fn delegation(
        &mut self,
        file: &SettingsFile,
        gateway: Option<&mut Gateway>,
        providers: &[IdentityProviderSettings],
    ) {
        let list = Place::of("upstreams");
        let upstreams = gateway.map(|gateway| &mut gateway.upstreams);
        let upstreams = upstreams.into_iter().flatten();
        for (n, (upstream, section)) in upstreams.zip(&file.upstreams).enumerate() {
            let place = list.index(n);
            let user_token = section.user_token.as_ref();
            upstream.settings.user_token = user_token.and_then(|wanted| {
                self.user_token(&place.key("user_token"), wanted, upstream, providers)
            });
            if let Some(auth_types) = self.auth_types(&place, section, &upstream.settings) {
                upstream.settings.auth_types = auth_types;
            }
        }
    }

    fn auth_types(
        &mut self,
        place: &Place,
        section: &UpstreamSection,
        settings: &UpstreamSettings,
    ) -> Option<AuthTypes> {
        let is_program = matches!(settings.transport, Transport::Stdio { .. });
        let has_own = !matches!(settings.credential, UpstreamCredential::None);
        let usual = match &section.auth_type {
            Some(text) => self.accept(&place.key("auth_type"), auth_type(text))?,
            None if section.user_token.is_some() && section.auth_types.is_empty() => {
                AuthType::UserToken
            }
            None if has_own => AuthType::ServiceAccount,
            None => AuthType::None,
        };
        let mut by_tool = BTreeMap::new();
        for (tool, text) in &section.auth_types {
            let place = place.key("auth_types").key(tool);
            by_tool.insert(tool.clone(), self.accept(&place, auth_type(text))?);
        }
        let types = AuthTypes::new(usual, by_tool);
        let (place, message) = match (types.any(AuthType::UserToken), &section.user_token) {
            (true, None) => (
                place.key("auth_type"),
                "it is to be called with the tokens of people: say whose, as user_token = { \
                 identity_provider = \"…\" }",
            ),
            (false, Some(_)) => (
                place.key("user_token"),
                "nothing is called with the tokens of people: write auth_type = \"user-token\", or name \
                 tools in `auth_types`",
            ),
            _ if is_program => return Some(types),
            _ => match (types.any(AuthType::ServiceAccount), has_own) {
                (true, false) => (
                    place.key("auth_type"),
                    "a service account needs a credential: add `headers` or `credential`, or write none",
                ),
                (false, true) => (
                    place.key("headers"),
                    "the gateway's own credential goes with nothing: write auth_type = \
                     \"service-account\", name tools in `auth_types`, or remove it",
                ),
                _ => return Some(types),
            },
        };
        self.refuse(&place, message);
        None
    }

    fn user_token(
        &mut self,
        place: &Place,
        section: &UserTokenSection,
        upstream: &Upstream,
        providers: &[IdentityProviderSettings],
    ) -> Option<UserToken> {
        if matches!(upstream.endpoint.trusts, Trust::Foreign(_)) {
            let message = "it is called as the person who called, and people connect their accounts here: \
                           remove `authorization_server`";
            self.refuse(place, message);
        }
        let provider = section.identity_provider.as_deref().unwrap_or_default();
        let known = providers.iter().any(|known| known.id == provider);
        let known = known.then_some(provider).ok_or_else(|| {
            format!(
                "there is no identity provider `{provider}` at which people could connect their accounts: \
                 write the `id` of one of [[identity_providers]]"
            )
        });
        let provider = self.accept(&place.key("identity_provider"), known);
        let token = match &upstream.settings.transport {
            Transport::Http { .. } => self.token_header(place, section, upstream),
            Transport::Stdio { env, children, .. } => {
                if *children == Children::Shared {
                    let message = "a shared process would have the token of whoever came first: write \
                                   children = \"per-user\" or \"per-session\"";
                    self.refuse(place, message);
                }
                self.token_variable(place, section, |name| env.contains_key(name))
            }
        };
        let provider = provider?.to_owned();
        Some(UserToken {
            account: provider.clone(),
            provider,
            place: token?,
        })
    }

    fn token_header(
        &mut self,
        place: &Place,
        section: &UserTokenSection,
        upstream: &Upstream,
    ) -> Option<TokenPlace> {
        if section.env.is_some() {
            let message = "`env` is for upstreams with a `command`: remove it, or write a `header`";
            self.refuse(&place.key("env"), message);
        }
        let header = section.header.as_deref().unwrap_or("Authorization");
        let is_header = |known: &str| known.eq_ignore_ascii_case(header);
        let identity = upstream.settings.forward_identity.as_ref();
        let is_good = HeaderName::from_bytes(header.as_bytes()).is_ok()
            && !OUR_HEADERS.iter().any(|known| is_header(known))
            && !identity.is_some_and(|identity| is_header(&identity.header));
        let message = format!("`{header}` cannot be used: write a header such as Authorization");
        let header = is_good.then(|| header.to_owned()).ok_or(message);
        self.accept(&place.key("header"), header)
            .map(TokenPlace::Header)
    }

    fn token_variable(
        &mut self,
        place: &Place,
        section: &UserTokenSection,
        is_taken: impl Fn(&str) -> bool,
    ) -> Option<TokenPlace> {
        if section.header.is_some() {
            let message = "`header` is for upstreams with a `url`, since a program gets no headers: write \
                           `env`";
            self.refuse(&place.key("header"), message);
        }
        let Some(name) = section.env.as_deref() else {
            let message =
                "write the environment variable in which the program finds the token, as `env`";
            self.refuse(&place.key("env"), message);
            return None;
        };
        let is_name = !name.is_empty() && !name.contains(['=', '\0']);
        let name = if !is_name {
            Err(format!("`{name}` is no name of an environment variable"))
        } else if is_taken(name) {
            Err(format!(
                "`{name}` stands in the upstream's `env`, too: remove one of them"
            ))
        } else {
            Ok(name.to_owned())
        };
        self.accept(&place.key("env"), name)
            .map(TokenPlace::Variable)
    }
}

fn auth_type(text: &str) -> Result<AuthType, String> {
    let known = [
        AuthType::None,
        AuthType::ServiceAccount,
        AuthType::UserToken,
    ];
    let found = known.into_iter().find(|known| known.as_str() == text);
    found.ok_or_else(|| {
        format!("`{text}` is no auth type: write none, service-account or user-token")
    })
}
