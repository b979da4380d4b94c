//! Whose tokens a server accepts: ours, or those of another authorization server.

use oauth::issuer::Issuer;
use oauth::scope::Scope;
use oauth::secret::Secret;

use super::Check;
use crate::settings::file::ServerSection;
use crate::settings::place::Place;
use crate::settings::upstream::{GatewaySection, UpstreamSection};
use crate::settings::{ForeignIssuer, Trust, Verify};

/// The keys about trust, which several sections have.
#[derive(Clone, Copy)]
pub(super) struct TrustKeys<'a> {
    authorization_server: Option<&'a str>,
    verify: &'a str,
    audience: Option<&'a str>,
    token_types: &'a [String],
    scope: &'a [String],
    client_id: Option<&'a str>,
    client_secret: Option<&'a Secret>,
    client_secret_file: Option<&'a str>,
}

macro_rules! trust_keys {
    ($section:ty) => {
        impl<'a> From<&'a $section> for TrustKeys<'a> {
            fn from(section: &'a $section) -> Self {
                Self {
                    authorization_server: section.authorization_server.as_deref(),
                    verify: &section.verify,
                    audience: section.audience.as_deref(),
                    token_types: &section.token_types,
                    scope: &section.scope,
                    client_id: section.client_id.as_deref(),
                    client_secret: section.client_secret.as_ref(),
                    client_secret_file: section.client_secret_file.as_deref(),
                }
            }
        }
    };
}

trust_keys!(ServerSection);
trust_keys!(UpstreamSection);
trust_keys!(GatewaySection);

impl Check<'_> {
    /// What the server at `address` trusts.
    pub(super) fn trust<'a>(
        &mut self,
        place: &Place,
        section: impl Into<TrustKeys<'a>>,
        address: &str,
    ) -> Option<Trust> {
        let section = section.into();
        let Some(issuer) = section.authorization_server else {
            self.nothing_foreign(place, section);
            return Some(Trust::Own);
        };
        let issuer = self.accept(&place.key("authorization_server"), Issuer::parse(issuer));
        let (secret, secret_file) = (place.key("client_secret"), place.key("client_secret_file"));
        let client_secret = self.secret(
            &secret,
            section.client_secret,
            section.client_secret_file,
            &secret_file,
        );
        let verify = match section.verify {
            "jwt" => self.jwt(place, section),
            "introspection" => self.introspection(place, section, client_secret),
            "userinfo" => self.userinfo(place, section),
            other => {
                let message =
                    format!("`{other}` is no way to verify: write jwt, introspection or userinfo");
                self.refuse(&place.key("verify"), message);
                None
            }
        };
        Some(Trust::Foreign(ForeignIssuer {
            issuer: issuer?,
            audience: section.audience.unwrap_or(address).to_owned(),
            verify: verify?,
        }))
    }

    /// Who writes these keys believes that another server is asked, which would not be so.
    fn nothing_foreign(&mut self, place: &Place, section: TrustKeys<'_>) {
        let keys = [
            ("audience", section.audience.is_some()),
            ("client_id", section.client_id.is_some()),
            ("client_secret", section.client_secret.is_some()),
            ("client_secret_file", section.client_secret_file.is_some()),
            ("scope", !section.scope.is_empty()),
        ];
        for (key, _) in keys.into_iter().filter(|(_, is_set)| *is_set) {
            let message = format!(
                "`{key}` is for servers with an `authorization_server` of their own: add that, or \
                 remove `{key}`"
            );
            self.refuse(&place.key(key), message);
        }
    }

    fn jwt(&mut self, place: &Place, section: TrustKeys<'_>) -> Option<Verify> {
        if section.token_types.is_empty() {
            let message = "without a `typ` no token is accepted: write [\"at+jwt\"]";
            self.refuse(&place.key("token_types"), message);
            return None;
        }
        Some(Verify::Jwt {
            types: section.token_types.to_vec(),
        })
    }

    fn introspection(
        &mut self,
        place: &Place,
        section: TrustKeys<'_>,
        client_secret: Option<Secret>,
    ) -> Option<Verify> {
        let has_secret = section.client_secret.is_some() || section.client_secret_file.is_some();
        if section.client_id.is_none() || !has_secret {
            let message = "introspection needs our own credentials at that server (RFC 7662 §2.1): \
                           add `client_id` and `client_secret`";
            self.refuse(&place.key("verify"), message);
        }
        Some(Verify::Introspection {
            client_id: section.client_id?.to_owned(),
            client_secret: client_secret?,
        })
    }

    /// Claims of a person say neither what a token is for nor what it may do.
    fn userinfo(&mut self, place: &Place, section: TrustKeys<'_>) -> Option<Verify> {
        if section.audience.is_some() {
            let message = "userinfo does not tell what a token is for, so every token of that \
                           issuer is accepted: remove `audience`, or verify by jwt or introspection";
            self.refuse(&place.key("audience"), message);
        }
        let scopes = Scope::from_tokens(section.scope);
        Some(Verify::Userinfo {
            scopes: self.accept(&place.key("scope"), scopes)?,
        })
    }
}
