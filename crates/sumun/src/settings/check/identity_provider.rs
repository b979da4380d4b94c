//! Identity providers: where people may sign in besides here.

use authorization_server::identity_provider::{IdentityProviderSettings, PresetFields};

use super::Check;
use super::address::collect;
use crate::settings::duration;
use crate::settings::file::SettingsFile;
use crate::settings::identity_provider::IdentityProviderSection;
use crate::settings::place::Place;

impl Check<'_> {
    pub(super) fn identity_providers(
        &mut self,
        file: &SettingsFile,
    ) -> Option<Vec<IdentityProviderSettings>> {
        let list = Place::of("identity_providers");
        let sections = &file.identity_providers;
        for (n, section) in sections.iter().enumerate() {
            let is_same = |other: &IdentityProviderSection| other.id == section.id;
            if section.id.is_some() && sections[..n].iter().any(is_same) {
                let message = "another identity provider has the same `id`: choose another one";
                self.refuse(&list.index(n).key("id"), message);
            }
        }
        let numbered = sections.iter().enumerate();
        collect(numbered.map(|(n, section)| self.identity_provider(&list.index(n), section)))
    }

    fn identity_provider(
        &mut self,
        place: &Place,
        section: &IdentityProviderSection,
    ) -> Option<IdentityProviderSettings> {
        let secret_place = place.key("client_secret");
        let secret = self.secret(
            &secret_place,
            section.client_secret.as_ref(),
            section.client_secret_file.as_deref(),
            &place.key("client_secret_file"),
        );
        let has_secret = section.client_secret.is_some() || section.client_secret_file.is_some();
        let access = (&section.access_token_lifetime, "access_token_lifetime");
        let refresh = (&section.refresh_token_lifetime, "refresh_token_lifetime");
        let [access, refresh] = [access, refresh].map(|(written, key)| {
            let seconds = written
                .as_deref()
                .map(|text| self.token_lifetime(&place.key(key), text));
            // What is no lifetime is told already; it does not stand over the preset.
            seconds.flatten()
        });
        let Some(id) = section.id.clone() else {
            let message = "this identity provider has no `id`: add one, such as \"google\"";
            self.refuse(&place.key("id"), message);
            return None;
        };
        if has_secret && secret.is_none() {
            return None;
        }
        let settings = IdentityProviderSettings {
            id,
            preset: section.preset.clone(),
            client_id: section.client_id.clone().unwrap_or_default(),
            client_secret: secret,
            variables: section.variables.clone(),
            overrides: PresetFields {
                access_token_lifetime: access,
                refresh_token_lifetime: refresh,
                ..overrides(section)
            },
            sign_in: section.sign_in,
            link_by_verified_email: section.link_by_verified_email,
            sign_up: section.sign_up,
        };
        if let Err(error) = settings.check() {
            let message = format!("identity provider `{}`: {error}", settings.id);
            self.refuse(&place.key(error.key()), message);
            return None;
        }
        Some(settings)
    }

    /// A lifetime in seconds.
    fn token_lifetime(&mut self, place: &Place, text: &str) -> Option<u64> {
        let parsed = duration::parse(text).map(|lifetime| lifetime.as_secs());
        let parsed = parsed.filter(|seconds| *seconds > 0);
        let reason = format!("`{text}` is no lifetime: write one such as 1h or 90d");
        self.accept(place, parsed.ok_or(reason))
    }
}

/// What stands over the preset, but for the lifetimes.
fn overrides(section: &IdentityProviderSection) -> PresetFields {
    let section = section.clone();
    PresetFields {
        name: section.name,
        name_ko: section.name_ko,
        issuer: section.issuer,
        discovery: section.discovery,
        authorization_endpoint: section.authorization_endpoint,
        token_endpoint: section.token_endpoint,
        userinfo_endpoint: section.userinfo_endpoint,
        email_list_endpoint: section.email_list_endpoint,
        revocation_endpoint: section.revocation_endpoint,
        jwks_uri: section.jwks_uri,
        token_endpoint_auth_method: section.token_endpoint_auth_method,
        scopes: section.scopes,
        scope_separator: section.scope_separator,
        authorization_parameters: section.authorization_parameters,
        fresh_sign_in_parameters: section.fresh_sign_in_parameters,
        proves_fresh_sign_in: section.proves_fresh_sign_in,
        token_parameters: section.token_parameters,
        scope_at_token_endpoint: section.scope_at_token_endpoint,
        state_at_token_endpoint: section.state_at_token_endpoint,
        pkce: section.pkce,
        nonce: section.nonce,
        resource: section.resource,
        id_token: section.id_token,
        id_token_algorithms: section.id_token_algorithms,
        id_token_issuers: section.id_token_issuers,
        required_claims: section.required_claims,
        callback_iss: section.callback_iss,
        success: section.success,
        subject_at: section.subject_at,
        userinfo_subject_at: section.userinfo_subject_at,
        username_at: section.username_at,
        name_at: section.name_at,
        email_at: section.email_at,
        email_verified_at: section.email_verified_at,
        refresh: section.refresh,
        refresh_ended_errors: section.refresh_ended_errors,
        access_token_lifetime: None,
        refresh_token_lifetime: None,
        revocation: section.revocation,
        revocation_token_parameter: section.revocation_token_parameter,
        revocation_parameters: section.revocation_parameters,
        unlink_webhook: section.unlink_webhook,
    }
}
