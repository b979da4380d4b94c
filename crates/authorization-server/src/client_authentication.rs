//! Client authentication, once for every endpoint (RFC 6749 §2.3, RFC 7523 §2.2, OAuth 2.1 §2.4).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::error::OAuthError;
use oauth::jwk::JwkSet;
use oauth::jws::{self, Algorithm};
use oauth::secret::Secret;
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize};
use store::{Collection, Kind, Record};

use crate::client::{Client, ClientError};
use crate::error::EndpointError;
use crate::form::{MAX_FORM, Parameters, malformed};
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// The `client_assertion_type` of a signed assertion (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far in the future an assertion may end; its `jti` is remembered that long.
const MAX_ASSERTION_LIFETIME: Duration = Duration::from_mins(10);

/// A form from a client that proved itself by the method it registered, or that has none to use.
#[derive(Debug)]
pub(crate) struct AuthenticatedClient {
    pub(crate) client: Arc<Client>,
    pub(crate) form: Parameters,
}

impl FromRequest<AuthorizationServer> for AuthenticatedClient {
    type Rejection = EndpointError;

    async fn from_request(
        request: Request,
        server: &AuthorizationServer,
    ) -> Result<Self, EndpointError> {
        let (parts, body) = request.into_parts();
        if !is_form(&parts.headers) {
            return Err(malformed(
                "the body must be application/x-www-form-urlencoded",
            ));
        }
        let body = axum::body::to_bytes(body, MAX_FORM)
            .await
            .map_err(|_| malformed("the body is too large or was cut off"))?;
        let form = Parameters::parse(&body)?;
        let client = authenticate(server, &parts.headers, &form).await?;
        Ok(Self { client, form })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let essence = |value: &str| {
        value
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase()
    };
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| essence(value) == "application/x-www-form-urlencoded")
}

/// What a client shows of itself.
enum Credentials<'a> {
    Nothing,
    Secret(TokenEndpointAuthMethod, Secret),
    Assertion(&'a str),
}

async fn authenticate(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<Arc<Client>, EndpointError> {
    let (client_id, credentials) = presented(headers, form)?;
    let client = server
        .find_client(&client_id)
        .await
        .map_err(from_client_error)?;
    let client = client.ok_or_else(|| {
        let text = "no such client; register again, or check client_id";
        refuse(Reason::UnknownClient, text)
    })?;
    match (client.metadata.token_endpoint_auth_method, credentials) {
        (TokenEndpointAuthMethod::None, Credentials::Nothing) => Ok(client),
        (registered, Credentials::Secret(used, secret)) if registered == used => {
            match &client.secret {
                Some(hash) if hash.matches(&secret) => Ok(client),
                _ => Err(failed("the client secret is wrong")),
            }
        }
        (TokenEndpointAuthMethod::PrivateKeyJwt, Credentials::Assertion(assertion)) => {
            check_assertion(server, &client, assertion).await?;
            Ok(client)
        }
        (registered, _) => Err(failed(&format!(
            "this client authenticates with {}",
            serde_json::to_value(registered)
                .unwrap_or_default()
                .as_str()
                .unwrap_or_default()
        ))),
    }
}

/// RFC 6749 §2.3: a client must not use more than one method in a request.
fn presented<'a>(
    headers: &HeaderMap,
    form: &'a Parameters,
) -> Result<(String, Credentials<'a>), EndpointError> {
    let in_form = form.get("client_id").map(str::to_owned);
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    let authorization = authorizations.next();
    if authorizations.next().is_some() {
        return Err(malformed("the Authorization header is repeated"));
    }
    let secret = form.get("client_secret");
    let assertion = form.get("client_assertion");
    match (authorization, secret, assertion) {
        (None, None, None) => {
            let client_id = in_form.ok_or_else(|| failed("client_id is missing"))?;
            Ok((client_id, Credentials::Nothing))
        }
        (Some(header), None, None) => {
            let (client_id, secret) = header
                .to_str()
                .ok()
                .and_then(basic)
                .ok_or_else(|| failed("the Authorization header is not Basic credentials"))?;
            if in_form.is_some_and(|named| named != client_id) {
                return Err(malformed("client_id differs from the Authorization header"));
            }
            let method = TokenEndpointAuthMethod::ClientSecretBasic;
            Ok((client_id, Credentials::Secret(method, secret)))
        }
        (None, Some(secret), None) => {
            let client_id = in_form.ok_or_else(|| failed("client_id is missing"))?;
            let method = TokenEndpointAuthMethod::ClientSecretPost;
            Ok((client_id, Credentials::Secret(method, Secret::from(secret))))
        }
        (None, None, Some(assertion)) => {
            if form.get("client_assertion_type") != Some(JWT_BEARER) {
                return Err(malformed(format!(
                    "client_assertion_type must be {JWT_BEARER}"
                )));
            }
            // RFC 7521 §4.2: client_id is optional beside an assertion, which names the client.
            let client_id = in_form.or_else(|| unverified_subject(assertion));
            let client_id = client_id.ok_or_else(|| failed("the assertion names no client"))?;
            Ok((client_id, Credentials::Assertion(assertion)))
        }
        _ => Err(malformed(
            "more than one method of client authentication is used",
        )),
    }
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they are put together.
fn basic(header: &str) -> Option<(String, Secret)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    Some((form_decode(client_id), Secret::from(form_decode(secret))))
}

fn form_decode(text: &str) -> String {
    // Whoever follows the RFC has encoded `&` and `=`; for the others they stay what they are.
    let escaped = text.replace('&', "%26").replace('=', "%3D");
    let decoded = url::form_urlencoded::parse(escaped.as_bytes()).next();
    decoded
        .map(|(text, _)| text.into_owned())
        .unwrap_or_default()
}

/// The claims of a client assertion (RFC 7523 §3).
#[derive(Deserialize)]
struct AssertionClaims {
    iss: String,
    sub: String,
    #[serde(with = "oauth::jwt::one_or_many")]
    aud: Vec<String>,
    exp: NumericDate,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    jti: String,
}

/// Which client an assertion is about; only to look the client up, nothing is believed yet.
fn unverified_subject(assertion: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let payload = assertion.split('.').nth(1)?;
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .ok()?;
    Some(serde_json::from_slice::<Subject>(&payload).ok()?.sub)
}

/// An assertion that was used; it cannot be used again (RFC 7523 §3, `jti`).
#[derive(Serialize, Deserialize)]
struct UsedAssertion {
    expires_at: NumericDate,
}

impl Record for UsedAssertion {
    const KIND: Kind = Kind::new("used_assertion");

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

async fn check_assertion(
    server: &AuthorizationServer,
    client: &Client,
    assertion: &str,
) -> Result<(), EndpointError> {
    let keys = client_keys(server, client).await?;
    let verified = jws::verify(assertion, &keys, &Algorithm::ALL)
        .map_err(|error| failed(&format!("the client assertion is refused: {error}")))?;
    let claims: AssertionClaims = serde_json::from_slice(&verified.payload)
        .map_err(|_| failed("the client assertion lacks iss, sub, aud, exp or jti"))?;
    let settings = server.settings();
    // RFC 7523bis: the audience is the issuer; older clients name the token endpoint.
    let accepted = [
        settings.issuer.as_str().to_owned(),
        format!("{}/", settings.issuer),
        settings.issuer.join("/token"),
        settings.issuer.join("/oauth2/token"),
        // RFC 9126 §2: at this endpoint, its own address, too.
        settings.issuer.join("/par"),
    ];
    let now = server.now();
    let skew = Duration::from_secs(30);
    let latest = now.plus(skew);
    if claims.iss != client.client_id || claims.sub != client.client_id {
        return Err(failed(
            "iss and sub of the client assertion must be the client_id",
        ));
    }
    if !claims.aud.iter().any(|aud| accepted.contains(aud)) {
        return Err(failed("aud of the client assertion must be the issuer"));
    }
    if claims.exp.plus(skew) <= now {
        return Err(failed("the client assertion has expired"));
    }
    if claims.exp > now.plus(MAX_ASSERTION_LIFETIME) {
        return Err(failed(
            "the client assertion lives too long; ten minutes are the limit",
        ));
    }
    if claims.nbf.is_some_and(|begin| begin > latest) || claims.iat.is_some_and(|iat| iat > latest)
    {
        return Err(failed("the client assertion is not valid yet"));
    }
    let used = Collection::<UsedAssertion>::new(server.store().clone(), server.keys().clone());
    let key = Secret::from(format!("{}\n{}", client.client_id, claims.jti)).hash();
    let once = UsedAssertion {
        expires_at: claims.exp.plus(skew),
    };
    if used.insert(key.as_str(), &once).await? {
        Ok(())
    } else {
        Err(failed(
            "the client assertion was used before; make a new one for each request",
        ))
    }
}

async fn client_keys(
    server: &AuthorizationServer,
    client: &Client,
) -> Result<JwkSet, EndpointError> {
    if let Some(keys) = &client.metadata.jwks {
        return Ok(keys.clone());
    }
    let uri = client.metadata.jwks_uri.as_deref();
    let uri = uri.ok_or_else(|| failed("the client has no keys"))?;
    server.fetch_client_keys(uri).await.map_err(|cause| {
        failed("the keys of the client could not be fetched from its jwks_uri").with_cause(cause)
    })
}

fn failed(text: &str) -> EndpointError {
    refuse(Reason::ClientAuthenticationFailed, text)
}

fn refuse(reason: Reason, text: &str) -> EndpointError {
    EndpointError::new(reason, OAuthError::invalid_client(text)).with_challenge("Basic")
}

fn from_client_error(error: ClientError) -> EndpointError {
    match error {
        ClientError::Store(error) => error.into(),
        ClientError::MetadataDocument(error) => {
            let text = format!("the client metadata document is refused: {error}");
            refuse(Reason::MetadataDocumentRefused, &text).with_cause(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_section_2_3_1_basic_credentials_are_form_encoded() {
        let header = format!("bAsIc {}", STANDARD.encode("my%3Aclient:s%26e+c%3Dr"));
        let (client_id, secret) = basic(&header).unwrap();
        assert_eq!(client_id, "my:client");
        assert_eq!(secret.expose(), "s&e c=r");
        assert!(basic("Basic !!!").is_none());
        assert!(basic("Bearer abc").is_none());
    }

    #[test]
    fn a_secret_that_was_not_encoded_still_works() {
        let header = format!("Basic {}", STANDARD.encode("c:a=b&c"));
        assert_eq!(basic(&header).unwrap().1.expose(), "a=b&c");
    }
}
