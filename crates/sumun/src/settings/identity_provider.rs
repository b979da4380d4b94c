//! `[[identity_providers]]` as it is written, with its keys in the order of `docs/settings.md`.
//!
//! As in [`super::file`], the comments are the reference of the operator.

use std::collections::BTreeMap;

use oauth::secret::Secret;
use serde::Deserialize;

/// `[[identity_providers]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IdentityProviderSection {
    /// Its name in addresses and records: people come back to `/callback/{id}`, which has to be
    /// registered at the provider. It never changes. Required.
    pub(crate) id: Option<String>,
    /// What is known about it: `oidc` (unless set) for any OpenID provider, `oauth2` for any other server, or
    /// `auth0`, `entra`, `github`, `google`, `kakao`, `keycloak`, `line`, `logto`, `naver`,
    /// `naver-classic`. Every key below `link_by_verified_email` stands over the preset.
    pub(crate) preset: String,
    /// Our client identifier there. Required.
    pub(crate) client_id: Option<String>,
    /// Our secret there, or `${NAME}` for the value of that environment variable.
    pub(crate) client_secret: Option<Secret>,
    /// A file with that secret in its first line. A relative path starts at this file.
    pub(crate) client_secret_file: Option<String>,
    /// What the preset leaves open: `tenant` for `entra`, `domain` for `auth0` and `logto`, `base`
    /// and `realm` for `keycloak`.
    pub(crate) variables: BTreeMap<String, String>,
    /// Whether people sign in with it. If not, it stands on no sign-in page, and people connect
    /// accounts there for the servers that work with them (`identity_provider` of a server). On
    /// unless set to `false`.
    pub(crate) sign_in: bool,
    /// Whether people who are not known here are made known when they come from there, with the
    /// default role: everybody with an account there can sign in here then. On unless set to
    /// `false`, which admits only people who have connected their accounts.
    pub(crate) sign_up: bool,
    /// Whether a verified e-mail address there is enough to sign in as the person with the same
    /// verified address here. Only for a provider whose word on addresses is beyond doubt: whoever
    /// can make it confirm an address can sign in as anybody. Otherwise people connect their
    /// accounts themselves.
    pub(crate) link_by_verified_email: bool,
    /// The name that people see, in English.
    pub(crate) name: Option<String>,
    /// The same in Korean.
    pub(crate) name_ko: Option<String>,
    /// Its issuer identifier. Required for `oidc`.
    pub(crate) issuer: Option<String>,
    /// Whether its endpoints are found through the issuer; those that are written here win.
    pub(crate) discovery: Option<bool>,
    /// Where people are sent. This and all other addresses are https, or on this machine.
    pub(crate) authorization_endpoint: Option<String>,
    /// Where codes and refresh tokens become tokens.
    pub(crate) token_endpoint: Option<String>,
    /// Where the profile of a person is.
    pub(crate) userinfo_endpoint: Option<String>,
    /// Where a list of a person's e-mail addresses is, each with `primary` and `verified`. The one
    /// that is both counts as verified.
    pub(crate) email_list_endpoint: Option<String>,
    /// Where tokens end; `{client_id}` stands for our client identifier.
    pub(crate) revocation_endpoint: Option<String>,
    /// Where its public keys are.
    pub(crate) jwks_uri: Option<String>,
    /// How we authenticate there: `client_secret_basic`, `client_secret_post` or `none`.
    pub(crate) token_endpoint_auth_method: Option<String>,
    /// What we ask for.
    pub(crate) scopes: Option<Vec<String>>,
    /// What stands between two scopes in the authorization request.
    pub(crate) scope_separator: Option<String>,
    /// What else stands in the authorization request: `{ prompt = "consent" }`.
    pub(crate) authorization_parameters: Option<BTreeMap<String, String>>,
    /// What stands over those when a client wants the person to sign in anew (`prompt=login`,
    /// `max_age`): `{ prompt = "login" }`.
    pub(crate) fresh_sign_in_parameters: Option<BTreeMap<String, String>>,
    /// Whether its ID tokens say when the person signed in (`auth_time`), which is demanded when they
    /// had to do it anew. Where a fresh sign-in is needed, providers without it are not offered.
    pub(crate) proves_fresh_sign_in: Option<bool>,
    /// What else stands in requests for tokens.
    pub(crate) token_parameters: Option<BTreeMap<String, String>>,
    /// Whether the scopes are repeated in requests for tokens.
    pub(crate) scope_at_token_endpoint: Option<bool>,
    /// Whether `state` is repeated when a code is redeemed.
    pub(crate) state_at_token_endpoint: Option<bool>,
    /// Whether it knows PKCE. Switch it off only for a provider that refuses it.
    pub(crate) pkce: Option<bool>,
    /// Whether it puts our `nonce` into ID tokens.
    pub(crate) nonce: Option<bool>,
    /// What becomes of the resource (RFC 8707) that a client asks for: `drop`, `forward`, or the
    /// resource indicator that stands in its place.
    pub(crate) resource: Option<String>,
    /// Whether it must send an ID token, which then says who signed in.
    pub(crate) id_token: Option<bool>,
    /// How ID tokens may be signed, such as `RS256` or `ES384`; `HS256` is the client secret.
    pub(crate) id_token_algorithms: Option<Vec<String>>,
    /// The names in `iss` of ID tokens, if it is not `issuer` alone. `{claim:tid}` stands for the
    /// token's claim `tid`.
    pub(crate) id_token_issuers: Option<Vec<String>>,
    /// Values that must stand at these places (JSON pointers), or the person is turned away:
    /// `{ "/hd" = "example.com" }` admits the people of one Google domain.
    pub(crate) required_claims: Option<BTreeMap<String, String>>,
    /// Whether it promises `iss` in its answers (RFC 9207); found by discovery, too.
    pub(crate) callback_iss: Option<bool>,
    /// Values that mark a profile as a success: `{ "/resultcode" = "00" }`.
    pub(crate) success: Option<BTreeMap<String, String>>,
    /// Where the identifier of a person stands: in the ID token, or else in the profile.
    pub(crate) subject_at: Option<String>,
    /// Where the profile repeats the subject of the ID token, with which it must be equal.
    pub(crate) userinfo_subject_at: Option<String>,
    /// Where the name stands under which a person signs in.
    pub(crate) username_at: Option<String>,
    /// Where the name of a person stands.
    pub(crate) name_at: Option<String>,
    /// Where the e-mail address of a person stands.
    pub(crate) email_at: Option<String>,
    /// What must be true for the address to count as verified; with nothing here it never is.
    pub(crate) email_verified_at: Option<Vec<String>>,
    /// Whether access tokens can be renewed.
    pub(crate) refresh: Option<bool>,
    /// The errors by which it says that a refresh token has ended.
    pub(crate) refresh_ended_errors: Option<Vec<String>>,
    /// How long an access token lives there, when its answer does not say.
    pub(crate) access_token_lifetime: Option<String>,
    /// How long a refresh token lives there, when its answer does not say.
    pub(crate) refresh_token_lifetime: Option<String>,
    /// How tokens are ended: `form` (RFC 7009 and its relatives), `bearer`, `delete` or
    /// `none`.
    pub(crate) revocation: Option<String>,
    /// The parameter that names the token to be ended; `token` in RFC 7009.
    pub(crate) revocation_token_parameter: Option<String>,
    /// What else stands in a request that ends a token.
    pub(crate) revocation_parameters: Option<BTreeMap<String, String>>,
    /// How it tells, at `/unlink/{id}`, that a person has cut the connection: `naver` or `none`.
    pub(crate) unlink_webhook: Option<String>,
}

impl Default for IdentityProviderSection {
    fn default() -> Self {
        Self {
            preset: "oidc".into(),
            variables: BTreeMap::new(),
            sign_in: true,
            sign_up: true,
            link_by_verified_email: false,
            id: None,
            client_id: None,
            client_secret: None,
            client_secret_file: None,
            name: None,
            name_ko: None,
            issuer: None,
            discovery: None,
            authorization_endpoint: None,
            token_endpoint: None,
            userinfo_endpoint: None,
            email_list_endpoint: None,
            revocation_endpoint: None,
            jwks_uri: None,
            token_endpoint_auth_method: None,
            scopes: None,
            scope_separator: None,
            authorization_parameters: None,
            fresh_sign_in_parameters: None,
            proves_fresh_sign_in: None,
            token_parameters: None,
            scope_at_token_endpoint: None,
            state_at_token_endpoint: None,
            pkce: None,
            nonce: None,
            resource: None,
            id_token: None,
            id_token_algorithms: None,
            id_token_issuers: None,
            required_claims: None,
            callback_iss: None,
            success: None,
            subject_at: None,
            userinfo_subject_at: None,
            username_at: None,
            name_at: None,
            email_at: None,
            email_verified_at: None,
            refresh: None,
            refresh_ended_errors: None,
            access_token_lifetime: None,
            refresh_token_lifetime: None,
            revocation: None,
            revocation_token_parameter: None,
            revocation_parameters: None,
            unlink_webhook: None,
        }
    }
}
