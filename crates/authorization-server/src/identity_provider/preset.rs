//! What is particular about each identity provider, as data: the bundled presets and their fields.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The bundled presets by name, the generic ones first.
const BUNDLED: [(&str, &str); 12] = [
    ("oidc", include_str!("presets/oidc.toml")),
    ("oauth2", include_str!("presets/oauth2.toml")),
    ("auth0", include_str!("presets/auth0.toml")),
    ("entra", include_str!("presets/entra.toml")),
    ("github", include_str!("presets/github.toml")),
    ("google", include_str!("presets/google.toml")),
    ("kakao", include_str!("presets/kakao.toml")),
    ("keycloak", include_str!("presets/keycloak.toml")),
    ("line", include_str!("presets/line.toml")),
    ("logto", include_str!("presets/logto.toml")),
    ("naver", include_str!("presets/naver.toml")),
    ("naver-classic", include_str!("presets/naver-classic.toml")),
];

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty),+ $(,)?) => {
        /// What can be said about an identity provider; what is not said is `None`.
        ///
        /// Presets are written in these fields, and so is what an operator writes over a preset.
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct PresetFields {
            $($(#[doc = $doc])+ pub $name: Option<$kind>,)+
        }

        impl PresetFields {
            /// These fields, and those of `base` for what is not said here.
            pub fn over(self, base: Self) -> Self {
                Self { $($name: self.$name.or(base.$name)),+ }
            }
        }
    };
}

fields! {
    /// The name that people see, in English.
    name: String,
    /// The same in Korean.
    name_ko: String,
    /// Its issuer identifier.
    issuer: String,
    /// Whether its endpoints are found through its issuer; those that are written here win.
    discovery: bool,
    /// Where people are sent.
    authorization_endpoint: String,
    /// Where codes and refresh tokens become tokens.
    token_endpoint: String,
    /// Where the profile of a person is.
    userinfo_endpoint: String,
    /// Where a list of a person's e-mail addresses is, with `primary` and `verified`.
    email_list_endpoint: String,
    /// Where tokens end; `{client_id}` stands for our name there.
    revocation_endpoint: String,
    /// Where its public keys are.
    jwks_uri: String,
    /// How we authenticate: `client_secret_basic`, `client_secret_post` or `none`.
    token_endpoint_auth_method: String,
    /// What we ask for.
    scopes: Vec<String>,
    /// What stands between two scopes in the authorization request.
    scope_separator: String,
    /// What else stands in the authorization request.
    authorization_parameters: BTreeMap<String, String>,
    /// What stands over those parameters when the client wants the person to sign in anew.
    fresh_sign_in_parameters: BTreeMap<String, String>,
    /// Whether its ID tokens say when the person signed in (`auth_time`), which is demanded when they
    /// had to do it anew.
    proves_fresh_sign_in: bool,
    /// What else stands in requests for tokens.
    token_parameters: BTreeMap<String, String>,
    /// Whether the scopes are repeated in requests for tokens.
    scope_at_token_endpoint: bool,
    /// Whether `state` is repeated when the code is redeemed.
    state_at_token_endpoint: bool,
    /// Whether it knows PKCE.
    pkce: bool,
    /// Whether it puts our `nonce` into ID tokens.
    nonce: bool,
    /// What becomes of the resource that a client asks for: `drop`, `forward`, or the resource
    /// indicator that stands in its place.
    resource: String,
    /// Whether it must send an ID token, which then says who signed in.
    id_token: bool,
    /// How ID tokens are signed: names of RFC 7518, `HS256` for the client secret among them.
    id_token_algorithms: Vec<String>,
    /// The names in `iss` of ID tokens, unless it is `issuer` alone.
    id_token_issuers: Vec<String>,
    /// Values that must stand at these places, or the person is turned away.
    required_claims: BTreeMap<String, String>,
    /// Whether it promises `iss` in its answers (RFC 9207).
    callback_iss: bool,
    /// Values that mark a profile answer as a success.
    success: BTreeMap<String, String>,
    /// Where the identifier of a person stands (a JSON pointer, RFC 6901).
    subject_at: String,
    /// Where a profile repeats the subject of the ID token, with which it must be equal.
    userinfo_subject_at: String,
    /// Where the name stands under which a person signs in.
    username_at: String,
    /// Where the name of a person stands.
    name_at: String,
    /// Where the e-mail address of a person stands.
    email_at: String,
    /// What must be true for the address to count as verified; nothing means that it never is.
    email_verified_at: Vec<String>,
    /// Whether access tokens can be renewed.
    refresh: bool,
    /// The errors by which it says that a refresh token has ended.
    refresh_ended_errors: Vec<String>,
    /// How long an access token lives, in seconds, when the answer does not say.
    access_token_lifetime: u64,
    /// How long a refresh token lives, in seconds, when the answer does not say.
    refresh_token_lifetime: u64,
    /// How tokens are ended: `form` (RFC 7009 and its relatives), `bearer`, `delete` or `none`.
    revocation: String,
    /// The parameter that names the token to be ended.
    revocation_token_parameter: String,
    /// What else stands in a request that ends a token.
    revocation_parameters: BTreeMap<String, String>,
    /// How it tells that a person has cut the connection: `naver` or `none`.
    unlink_webhook: String,
}

/// Something that a preset leaves to the operator, such as the name of a tenant.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    /// What it is, for whoever has to write it.
    pub(crate) help: String,
    /// What it looks like.
    pub(crate) form: VariableForm,
}

/// What the value of a variable looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VariableForm {
    /// One part of a path.
    Word,
    /// The name of a host.
    Host,
    /// A URL without a slash at the end.
    Url,
    /// 32 hexadecimal digits in five groups.
    Uuid,
}

impl VariableForm {
    /// Whether `value` looks like this.
    pub(crate) fn fits(self, value: &str) -> bool {
        let only = |more: &str| {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
            !value.is_empty() && value.chars().all(is_allowed)
        };
        match self {
            Self::Word => only("-_"),
            Self::Host => only("-."),
            Self::Url => only("-._~:/[]") && value.contains("://") && !value.ends_with('/'),
            Self::Uuid => {
                let groups: Vec<usize> = value.split('-').map(str::len).collect();
                let is_hex = |c: char| c.is_ascii_hexdigit() || c == '-';
                groups == [8, 4, 4, 4, 12] && value.chars().all(is_hex)
            }
        }
    }
}

/// A bundled preset.
#[derive(Clone, Debug)]
pub(crate) struct Preset {
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) fields: PresetFields,
}

impl Preset {
    /// The names of all presets.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        BUNDLED.iter().map(|(name, _)| *name)
    }

    /// The preset `name`.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let (_, text) = BUNDLED.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(text).expect("a test reads every bundled preset"))
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let mut table: toml::Table = toml::from_str(text)?;
        let variables = table.remove("variables");
        Ok(Self {
            variables: variables.map_or(Ok(BTreeMap::new()), toml::Value::try_into)?,
            fields: table.try_into()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_read_and_says_its_name() {
        for (name, text) in BUNDLED {
            let preset = Preset::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let fields = preset.fields;
            assert!(fields.name.is_some() && fields.name_ko.is_some(), "{name}");
            for variable in preset.variables.keys() {
                assert!(
                    text.contains(&format!("{{{variable}}}")),
                    "{name} needs no {variable}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in [
            "tokn_endpoint = \"x\"",
            "pkce = \"yes\"",
            "[variables.x]\nhelp = \"x\"",
        ] {
            assert!(Preset::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_an_operator_writes_stands_over_the_preset() {
        let base = Preset::find("google").unwrap().fields;
        let own = PresetFields {
            scopes: Some(vec!["openid".into()]),
            ..PresetFields::default()
        };
        let both = own.over(base.clone());
        assert_eq!(both.scopes.unwrap(), ["openid"]);
        assert_eq!(both.issuer, base.issuer);
    }

    #[test]
    fn variables_look_like_what_they_are() {
        use VariableForm::{Host, Url, Uuid, Word};
        assert!(Uuid.fits("72f988bf-86f1-41af-91ab-2d7cd011db47"));
        assert!(Host.fits("house.eu.auth0.com") && Word.fits("master-1"));
        assert!(Url.fits("https://id.example:8443/auth"));
        for (form, bad) in [
            (Uuid, "common"),
            (Uuid, "72f988bf-86f1-41af-91ab-2d7cd011db4g"),
            (Host, "a.example/x"),
            (Host, "a.example@b"),
            (Word, ""),
            (Word, "a/b"),
            (Word, ".."),
            (Url, "https://id.example/"),
            (Url, "id.example"),
            (Url, "https://id.example?x"),
        ] {
            assert!(!form.fits(bad), "{form:?} {bad}");
        }
    }
}
