//! Reading the fields of a preset, and refusing what cannot work or would be dangerous.

use std::collections::BTreeMap;

use oauth::address::is_protected;
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::issuer::Issuer;
use oauth::jws::Algorithm;
use url::Url;

use super::super::preset::PresetFields;
use super::super::settings::IdentityProviderSettingsError as Error;
use super::{IdTokenRules, Places, ResourceRule, Revocation, UnlinkWebhook};

/// Parameters that are ours in every request; whoever set them would undo a protection.
const RESERVED: [&str; 16] = [
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "grant_type",
    "nonce",
    "redirect_uri",
    "refresh_token",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

pub(super) fn refuse(field: &'static str, reason: impl Into<String>) -> Error {
    let reason = reason.into();
    Error::Field { field, reason }
}

/// The text with every `{name}` replaced; `{claim:name}` is filled from an ID token, later.
pub(super) fn filled(
    text: &str,
    variable: impl Fn(&str) -> Result<String, Error>,
) -> Result<String, Error> {
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        done.push_str(before);
        if name.starts_with("claim:") {
            done.extend(["{", name, "}"]);
        } else {
            done.push_str(&variable(name)?);
        }
        rest = after;
    }
    Ok(done + rest)
}

/// Codes, secrets and tokens travel to these addresses: https, or this machine.
pub(in crate::identity_provider) fn protected(
    field: &'static str,
    text: String,
) -> Result<String, Error> {
    let Ok(url) = Url::parse(&text) else {
        return Err(refuse(
            field,
            format!("`{text}` is not an absolute URL: write one with https"),
        ));
    };
    let is_plain =
        url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if is_plain && is_protected(&text) {
        return Ok(text);
    }
    Err(refuse(
        field,
        format!(
            "`{text}` would let tokens be read or sent elsewhere: write an https address \
             without user name and fragment (http is for this machine alone)"
        ),
    ))
}

pub(super) fn auth_method(text: Option<&str>) -> Result<TokenEndpointAuthMethod, Error> {
    match text {
        None | Some("client_secret_basic") => Ok(TokenEndpointAuthMethod::ClientSecretBasic),
        Some("client_secret_post") => Ok(TokenEndpointAuthMethod::ClientSecretPost),
        Some("none") => Ok(TokenEndpointAuthMethod::None),
        Some(other) => Err(refuse(
            "token_endpoint_auth_method",
            format!("`{other}` is unknown: write client_secret_basic, client_secret_post or none"),
        )),
    }
}

pub(super) fn scope(fields: &PresetFields) -> Result<String, Error> {
    let scopes = fields.scopes.as_deref().unwrap_or_default();
    let is_token = |scope: &String| !scope.is_empty() && !scope.contains([' ', '"', '\\']);
    if let Some(bad) = scopes.iter().find(|scope| !is_token(scope)) {
        return Err(refuse(
            "scopes",
            format!("`{bad}` is not one scope: write one per text"),
        ));
    }
    Ok(scopes.join(fields.scope_separator.as_deref().unwrap_or(" ")))
}

pub(super) fn parameters(
    field: &'static str,
    parameters: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    match parameters
        .keys()
        .find(|name| RESERVED.contains(&name.as_str()))
    {
        Some(name) => Err(refuse(
            field,
            format!("`{name}` is set by this server: remove it"),
        )),
        None => Ok(parameters),
    }
}

pub(super) fn resource(text: Option<&str>) -> Result<ResourceRule, Error> {
    Ok(match text {
        None | Some("drop") => ResourceRule::Drop,
        Some("forward") => ResourceRule::Forward,
        // RFC 8707 §2: a resource indicator is an absolute URI.
        Some(uri) if Url::parse(uri).is_ok() => ResourceRule::Instead(uri.to_owned()),
        Some(other) => {
            let reason = format!("`{other}` is no rule: write drop, forward, or an absolute URI");
            return Err(refuse("resource", reason));
        }
    })
}

pub(super) fn id_token(
    fields: &PresetFields,
    issuer: Option<&Issuer>,
    fill: impl Fn(&String) -> Result<String, Error>,
) -> Result<Option<IdTokenRules>, Error> {
    if !fields.id_token.unwrap_or_default() {
        return Ok(None);
    }
    let field = "id_token_algorithms";
    let names = fields.id_token_algorithms.as_deref().unwrap_or_default();
    let mut rules = IdTokenRules {
        issuers: Vec::new(),
        algorithms: Vec::new(),
        by_client_secret: false,
    };
    for name in names {
        let known = Algorithm::ALL
            .into_iter()
            .find(|known| format!("{known:?}") == *name);
        match known {
            Some(algorithm) => rules.algorithms.push(algorithm),
            None if name == "HS256" => rules.by_client_secret = true,
            None => {
                let reason =
                    format!("`{name}` is not accepted: write names such as RS256 or ES384");
                return Err(refuse(field, reason));
            }
        }
    }
    if names.is_empty() {
        return Err(Error::Missing(field));
    }
    rules.issuers = match &fields.id_token_issuers {
        Some(issuers) => issuers.iter().map(fill).collect::<Result<_, _>>()?,
        None => issuer
            .iter()
            .map(|issuer| issuer.as_str().to_owned())
            .collect(),
    };
    if rules.issuers.is_empty() {
        return Err(Error::Missing("issuer"));
    }
    Ok(Some(rules))
}

/// RFC 6901 §3: a pointer begins with a slash.
fn pointer(field: &'static str, text: &str) -> Result<String, Error> {
    if text.starts_with('/') {
        return Ok(text.to_owned());
    }
    let reason = format!("`{text}` is no JSON pointer: write one such as /response/id");
    Err(refuse(field, reason))
}

pub(super) fn pointers(
    field: &'static str,
    map: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    map.keys()
        .try_for_each(|text| pointer(field, text).map(|_| ()))?;
    Ok(map)
}

pub(super) fn places(fields: &PresetFields) -> Result<Places, Error> {
    let place =
        |field, text: &Option<String>| text.as_deref().map(|text| pointer(field, text)).transpose();
    let verified = fields.email_verified_at.iter().flatten();
    Ok(Places {
        subject: place("subject_at", &fields.subject_at)?.ok_or(Error::Missing("subject_at"))?,
        userinfo_subject: place("userinfo_subject_at", &fields.userinfo_subject_at)?,
        username: place("username_at", &fields.username_at)?,
        name: place("name_at", &fields.name_at)?,
        email: place("email_at", &fields.email_at)?,
        email_verified: verified
            .map(|text| pointer("email_verified_at", text))
            .collect::<Result<_, _>>()?,
    })
}

pub(super) fn revocation(fields: &PresetFields) -> Result<Revocation, Error> {
    match fields.revocation.as_deref() {
        None | Some("none") => Ok(Revocation::None),
        Some("bearer") => Ok(Revocation::Bearer),
        Some("delete") => Ok(Revocation::Delete),
        Some("form") => Ok(Revocation::Form {
            token_parameter: fields
                .revocation_token_parameter
                .clone()
                .unwrap_or_else(|| "token".to_owned()),
            parameters: fields.revocation_parameters.clone().unwrap_or_default(),
        }),
        Some(other) => {
            let reason = format!("`{other}` is unknown: write form, bearer, delete or none");
            Err(refuse("revocation", reason))
        }
    }
}

pub(super) fn unlink_webhook(text: Option<&str>) -> Result<Option<UnlinkWebhook>, Error> {
    match text {
        None | Some("none") => Ok(None),
        Some("naver") => Ok(Some(UnlinkWebhook::Naver)),
        Some(other) => {
            let reason = format!("`{other}` is unknown: write naver or none");
            Err(refuse("unlink_webhook", reason))
        }
    }
}
