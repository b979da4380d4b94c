//! What an operator says about one identity provider, and the check of it.

use std::collections::BTreeMap;

use oauth::secret::Secret;

use super::preset::{Preset, PresetFields};
use super::rules::Rules;

/// Identifiers stand in addresses and in names of people: short, and plain in both.
const LONGEST_ID: usize = 32;

/// An identity provider as the operator describes it: a preset, and what differs from it.
#[derive(Clone, Debug)]
pub struct IdentityProviderSettings {
    /// Its name in addresses (`/callback/{id}`) and records; it never changes.
    pub id: String,
    /// The name of the preset that says the rest.
    pub preset: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: Option<Secret>,
    /// What the preset leaves open, such as the tenant.
    pub variables: BTreeMap<String, String>,
    /// What stands over the preset.
    pub overrides: PresetFields,
    /// Whether people sign in with it. If not, they connect accounts there for servers that work
    /// with these accounts.
    pub sign_in: bool,
    /// Whether a verified e-mail address there names the user with that verified address here. Off
    /// by default: whoever controls the provider's word on addresses could then be anybody here.
    pub link_by_verified_email: bool,
    /// Whether people who are not known here are made known when they come from there. On by
    /// default: then everybody with an account there can sign in here, in the default role.
    pub sign_up: bool,
}

/// Why an identity provider cannot be used; the first word of [`IdentityProviderSettingsError::key`]
/// is the setting to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityProviderSettingsError {
    /// The identifier is empty, too long or holds other characters.
    #[error("`{0}` is no id: write 1 to 32 of a-z, 0-9 and -, beginning with a letter")]
    Id(String),
    /// No preset has this name.
    #[error("there is no preset `{name}`: write one of {known}")]
    UnknownPreset {
        /// What was written.
        name: String,
        /// What could have been.
        known: String,
    },
    /// The preset leaves something open.
    #[error("the preset needs `{name}`: {help}")]
    MissingVariable {
        /// The variable.
        name: String,
        /// What it is.
        help: String,
    },
    /// The preset does not know this variable.
    #[error("the preset has no variable `{0}`: remove it")]
    UnknownVariable(String),
    /// The value of a variable does not look like what it is.
    #[error("`{name}` has the wrong form: write {help}")]
    Variable {
        /// The variable.
        name: String,
        /// What it is.
        help: String,
    },
    /// We have no name there.
    #[error("`client_id` is missing: write the one that the provider gave")]
    ClientId,
    /// The authentication method rests on a secret.
    #[error("the provider wants a secret: add `client_secret_file` or `client_secret`")]
    ClientSecret,
    /// Something that the provider cannot work without.
    #[error("`{0}` is missing: the preset does not say it, so it has to be set")]
    Missing(&'static str),
    /// A field that cannot be so.
    #[error("{reason}")]
    Field {
        /// Which field.
        field: &'static str,
        /// Why not, and what to do.
        reason: String,
    },
}

impl IdentityProviderSettingsError {
    /// The key that the operator has to look at.
    pub fn key(&self) -> &str {
        match self {
            Self::Id(_) => "id",
            Self::UnknownPreset { .. } => "preset",
            Self::MissingVariable { .. } | Self::UnknownVariable(_) | Self::Variable { .. } => {
                "variables"
            }
            Self::ClientId => "client_id",
            Self::ClientSecret => "client_secret",
            Self::Missing(field) | Self::Field { field, .. } => field,
        }
    }
}

/// Whether `id` can name a provider: in addresses, and behind the `@` of its people's usernames.
pub(crate) fn is_id(id: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins_well = id.starts_with(|c: char| c.is_ascii_lowercase());
    begins_well && id.len() <= LONGEST_ID && id.chars().all(is_plain)
}

impl IdentityProviderSettings {
    /// The provider `id` by the preset `preset`, with nothing of its own.
    pub fn new(id: &str, preset: &str, client_id: &str, client_secret: Option<Secret>) -> Self {
        Self {
            id: id.to_owned(),
            preset: preset.to_owned(),
            client_id: client_id.to_owned(),
            client_secret,
            variables: BTreeMap::new(),
            overrides: PresetFields::default(),
            sign_in: true,
            link_by_verified_email: false,
            sign_up: true,
        }
    }

    /// Refuses what cannot work or would be dangerous.
    pub fn check(&self) -> Result<(), IdentityProviderSettingsError> {
        self.rules().map(|_| ())
    }

    /// How to speak to the provider.
    pub(crate) fn rules(&self) -> Result<Rules, IdentityProviderSettingsError> {
        use IdentityProviderSettingsError as Error;
        if !is_id(&self.id) {
            return Err(Error::Id(self.id.clone()));
        }
        if self.client_id.is_empty() {
            return Err(Error::ClientId);
        }
        let preset = Preset::find(&self.preset).ok_or_else(|| Error::UnknownPreset {
            name: self.preset.clone(),
            known: Preset::names().collect::<Vec<_>>().join(", "),
        })?;
        let unknown = |name: &&String| !preset.variables.contains_key(*name);
        if let Some(name) = self.variables.keys().find(unknown) {
            return Err(Error::UnknownVariable(name.clone()));
        }
        let fields = self.overrides.clone().over(preset.fields);
        let rules = Rules::new(&fields, |name| {
            if name == "client_id" {
                return Ok(self.client_id.clone());
            }
            let variable = preset.variables.get(name);
            let help = variable.map_or_else(
                || "no preset knows it; write its value in its place".to_owned(),
                |variable| variable.help.clone(),
            );
            let name = name.to_owned();
            let Some((value, variable)) = self.variables.get(&name).zip(variable) else {
                return Err(Error::MissingVariable { name, help });
            };
            if !variable.form.fits(value) {
                return Err(Error::Variable { name, help });
            }
            Ok(value.clone())
        })?;
        if rules.auth_method.is_shared_secret() && self.client_secret.is_none() {
            return Err(Error::ClientSecret);
        }
        if rules.unlink_webhook.is_some() && self.client_secret.is_none() {
            return Err(Error::ClientSecret);
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(preset: &str) -> IdentityProviderSettings {
        IdentityProviderSettings::new("corp", preset, "us", Some("secret".into()))
    }

    fn with(preset: &str, change: impl FnOnce(&mut PresetFields)) -> IdentityProviderSettings {
        let mut settings = settings(preset);
        change(&mut settings.overrides);
        settings
    }

    #[track_caller]
    fn check(settings: &IdentityProviderSettings, key: &str, message: &str) {
        let error = settings.check().unwrap_err();
        assert_eq!(error.key(), key, "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }

    /// Every bundled preset works as soon as its variables and its credentials are there.
    #[test]
    fn every_preset_can_be_used() {
        for name in Preset::names() {
            let mut settings = settings(name);
            for (variable, value) in [
                ("tenant", "72f988bf-86f1-41af-91ab-2d7cd011db47"),
                ("domain", "house.example"),
                ("base", "https://id.example"),
                ("realm", "master"),
            ] {
                if Preset::find(name).unwrap().variables.contains_key(variable) {
                    check(&settings, "variables", variable);
                    settings.variables.insert(variable.into(), value.into());
                }
            }
            match name {
                "oidc" => settings.overrides.issuer = Some("https://id.example".into()),
                "oauth2" => {
                    check(&settings, "authorization_endpoint", "missing");
                    let endpoint = |path: &str| Some(format!("https://id.example/{path}"));
                    settings.overrides.authorization_endpoint = endpoint("authorize");
                    settings.overrides.token_endpoint = endpoint("token");
                    settings.overrides.userinfo_endpoint = endpoint("me");
                }
                _ => {}
            }
            assert_eq!(settings.check(), Ok(()), "{name}");
            settings.client_secret = None;
            check(&settings, "client_secret", "secret");
        }
    }

    #[test]
    fn what_is_dangerous_or_wrong_is_refused() {
        check(&settings("navr"), "preset", "naver-classic");
        check(&settings("oidc"), "issuer", "missing");
        for id in ["", "Corp", "1corp", "a/b", "a.b", "a_b", &"a".repeat(33)] {
            let mut settings = settings("google");
            settings.id = id.to_owned();
            check(&settings, "id", "is no id");
        }
        let mut unknown = settings("google");
        unknown.variables.insert("tenant".into(), "x".into());
        check(&unknown, "variables", "no variable `tenant`");
        let mut common = settings("entra");
        common.variables.insert("tenant".into(), "common".into());
        check(&common, "variables", "wrong form");

        let plain = with("naver", |fields| {
            fields.token_endpoint = Some("http://nid.example/token".into());
        });
        check(&plain, "token_endpoint", "https");
        let simulated = with("naver", |fields| {
            fields.token_endpoint = Some("http://127.0.0.1:9000/token".into());
        });
        assert_eq!(simulated.check(), Ok(()));
        let unsigned = with("google", |fields| {
            fields.id_token_algorithms = Some(vec!["none".into()]);
        });
        check(&unsigned, "id_token_algorithms", "none");
        let anybody = with("google", |fields| {
            fields.id_token_algorithms = Some(vec!["HS256".into()]);
            fields.token_endpoint_auth_method = Some("none".into());
        });
        check(&anybody, "id_token_algorithms", "secret");
        let keyless = with("line", |fields| fields.jwks_uri = Some(String::new()));
        check(&keyless, "jwks_uri", "URL");
        let pointer = with("naver", |fields| {
            fields.subject_at = Some("response.id".into());
        });
        check(&pointer, "subject_at", "/response/id");
        let reserved = with("google", |fields| {
            fields.authorization_parameters = Some([("state".into(), "x".into())].into());
        });
        check(&reserved, "authorization_parameters", "state");
        let unknown = with("google", |fields| {
            fields.issuer = Some("https://{tenant}".into());
        });
        check(&unknown, "variables", "tenant");
    }
}
