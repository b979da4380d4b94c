//! Client authentication, once for every endpoint (RFC 6749 §2.3, RFC 7523 §2.2, OAuth 2.1 §2.4).

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::error::OAuthError;
use oauth::grant_type;
use oauth::media_type;
use oauth::secret::Secret;

use crate::address::ClientAddress;
use crate::assertion::workload::may_be_workload;
use crate::assertion::{AssertionError, Unverified};
use crate::client::{Client, ClientError};
use crate::error::EndpointError;
use crate::form::{MAX_FORM, Parameters, malformed};
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::settings::Workload;

/// The `client_assertion_type` of a signed assertion (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

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
        let (mut parts, body) = request.into_parts();
        if !media_type::is(&parts.headers, media_type::FORM) {
            return Err(malformed(
                "the body must be application/x-www-form-urlencoded",
            ));
        }
        let body = axum::body::to_bytes(body, MAX_FORM)
            .await
            .map_err(|_| malformed("the body is too large or was cut off"))?;
        let form = Parameters::parse(&body)?;
        let Ok(address) = ClientAddress::from_request_parts(&mut parts, server).await;
        let mut named = None;
        let client = authenticate(server, &parts.headers, &form, address, &mut named).await;
        if let Err(error) = &client
            && error.reason == Reason::ClientAuthenticationFailed
        {
            server
                .facts()
                .client_not_authenticated(named.as_deref(), error.reason, address);
        }
        let client = client?;
        Ok(Self { client, form })
    }
}

/// What a client shows of itself.
enum Credentials<'a> {
    Nothing,
    Secret(TokenEndpointAuthMethod, Secret),
    Assertion(&'a str),
    /// The grant itself, when that is a workload's assertion.
    Grant(&'a str),
}

/// How the client is called: by its name, or by what the platform of a workload calls it.
enum Name<'a> {
    ClientId(Cow<'a, str>),
    Workload(Workload),
}

/// `named` becomes the client that the request is said to be from, whether or not that is proved.
async fn authenticate(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    form: &Parameters,
    address: ClientAddress,
    named: &mut Option<Arc<Client>>,
) -> Result<Arc<Client>, EndpointError> {
    let (name, credentials) = presented(server, headers, form)?;
    let client = find(server, &name, address).await?;
    *named = Some(Arc::clone(&client));
    if let Credentials::Grant(assertion) = credentials {
        let workload = client.workload().ok_or(AssertionError::Subject);
        let workload = workload.map_err(EndpointError::from_grant)?;
        let checked = server.check_workload(workload, assertion).await;
        checked.map_err(EndpointError::from_grant)?;
        return Ok(client);
    }
    match (client.metadata.token_endpoint_auth_method, credentials) {
        (TokenEndpointAuthMethod::None, Credentials::Nothing) => Ok(client),
        (registered, Credentials::Secret(used, secret)) if registered == used => {
            match &client.secret {
                Some(hash) if hash.matches(&secret) => Ok(client),
                _ => Err(failed("the client secret is wrong")),
            }
        }
        (TokenEndpointAuthMethod::PrivateKeyJwt, Credentials::Assertion(assertion)) => {
            let checked = if let Some(workload) = client.workload() {
                server.check_workload(workload, assertion).await
            } else {
                let checked = server.check_client_assertion(&client, assertion, address);
                checked.await
            };
            checked.map_err(|error| from_assertion(&client, error))?;
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

async fn find(
    server: &AuthorizationServer,
    name: &Name<'_>,
    address: ClientAddress,
) -> Result<Arc<Client>, EndpointError> {
    let client_id = match name {
        Name::ClientId(client_id) => client_id,
        Name::Workload(workload) => {
            let client = server.clients().of_workload(workload);
            return client.ok_or_else(|| EndpointError::from_grant(AssertionError::Subject));
        }
    };
    let client = server.find_client(client_id, address).await;
    client.map_err(from_client_error)?.ok_or_else(|| {
        let text = "no such client; register again, or check client_id";
        refuse(Reason::UnknownClient, text)
    })
}

/// RFC 6749 §2.3: a client must not use more than one method in a request.
fn presented<'a>(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    form: &'a Parameters,
) -> Result<(Name<'a>, Credentials<'a>), EndpointError> {
    let in_form = form.get("client_id").map(Cow::Borrowed);
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    let authorization = authorizations.next();
    if authorizations.next().is_some() {
        return Err(malformed("the Authorization header is repeated"));
    }
    let secret = form.get("client_secret");
    let assertion = form.get("client_assertion");
    match (authorization, secret, assertion) {
        (None, None, None) if let Some(assertion) = proof_in_grant(form) => {
            let name = in_form.map(Name::ClientId).or_else(|| workload(assertion));
            let name = name.ok_or_else(|| EndpointError::from_grant(AssertionError::Claims))?;
            Ok((name, Credentials::Grant(assertion)))
        }
        (None, None, None) => {
            let client_id = in_form.ok_or_else(|| failed("client_id is missing"))?;
            Ok((Name::ClientId(client_id), Credentials::Nothing))
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
            let name = Name::ClientId(client_id.into());
            Ok((name, Credentials::Secret(method, secret)))
        }
        (None, Some(secret), None) => {
            let client_id = in_form.ok_or_else(|| failed("client_id is missing"))?;
            let method = TokenEndpointAuthMethod::ClientSecretPost;
            let name = Name::ClientId(client_id);
            Ok((name, Credentials::Secret(method, Secret::from(secret))))
        }
        (None, None, Some(assertion)) => {
            if form.get("client_assertion_type") != Some(JWT_BEARER) {
                return Err(malformed(format!(
                    "client_assertion_type must be {JWT_BEARER}"
                )));
            }
            // RFC 7521 §4.2: client_id is optional beside an assertion, which names the client.
            let name = match (in_form, workload(assertion)) {
                (Some(client_id), _) => Name::ClientId(client_id),
                (None, Some(Name::Workload(workload)))
                    if server.clients().of_workload(&workload).is_none() =>
                {
                    Name::ClientId(workload.subject.into())
                }
                (None, Some(name)) => name,
                (None, None) => return Err(failed("the assertion names no client")),
            };
            Ok((name, Credentials::Assertion(assertion)))
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

/// The assertion of a grant that is also the proof of the client: a workload's, with nothing beside it
/// (RFC 7523 §2.1, MCP workload identity federation).
pub(crate) fn proof_in_grant(form: &Parameters) -> Option<&str> {
    if form.get("grant_type") != Some(grant_type::JWT_BEARER)
        || form.get("client_secret").is_some()
        || form.get("client_assertion").is_some()
    {
        return None;
    }
    let assertion = form.get("assertion")?;
    let unverified = Unverified::read(assertion)?;
    may_be_workload(&unverified).then_some(assertion)
}

/// What the assertion says of a workload, to look it up. Nothing is believed yet.
fn workload(assertion: &str) -> Option<Name<'static>> {
    let unverified = Unverified::read(assertion)?;
    let (issuer, subject) = (unverified.issuer?, unverified.subject?);
    Some(Name::Workload(Workload { issuer, subject }))
}

fn from_assertion(client: &Client, error: AssertionError) -> EndpointError {
    match error {
        AssertionError::Store(error) => error.into(),
        AssertionError::NotAsked(error) => error.into(),
        AssertionError::Keys(error) if client.workload().is_some() => {
            EndpointError::issuer_unavailable(error.retry_after)
        }
        // The address is the client's own, so that it does not answer is the client's affair.
        AssertionError::Keys(error) => {
            let text = "the keys of the client could not be fetched from its jwks_uri";
            failed(text).with_cause(error)
        }
        error => failed(&format!("the client assertion is refused: {error}")).with_cause(error),
    }
}

fn failed(text: &str) -> EndpointError {
    refuse(Reason::ClientAuthenticationFailed, text)
}

fn refuse(reason: Reason, text: &str) -> EndpointError {
    EndpointError::new(reason, OAuthError::invalid_client(text)).with_challenge("Basic")
}

fn from_client_error(error: ClientError) -> EndpointError {
    match error {
        ClientError::NotAsked(error) => error.into(),
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
