//! Calls of an API, as a person or as the service, in JSON (RFC 6750 §2.1, RFC 9110).
//!
//! | file | concept |
//! |---|---|
//! | `mod.rs` | [`ApiClient`], and [`Calls`] on behalf of somebody |
//! | `base.rs` | where the API is, that calls stay there, and [`path_of`] parts from outside |
//! | `service.rs` | [`ServiceAccount`]: the credential of the service itself |
//! | `error.rs` | [`ApiError`]: a safe sentence for the caller, the API's words for the log |

mod base;
mod error;
mod service;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderName, Method, StatusCode};
use oauth::client::fetch::{Authorization, Fetch, Fetched, Limits};
use oauth::secret::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::auth_type::{AuthType, OnBehalfOf};
use crate::observe::{ApiCall, Observe};
use crate::refresh::{ValidTokenError, ValidTokens};
use crate::service_tokens::ServiceTokens;
use base::Base;
use service::Kind;

pub use base::{BaseUrlError, path_of};
pub use error::ApiError;
pub use service::ServiceAccount;

/// An API that tools call. Clones share tokens and connections.
#[derive(Clone)]
pub struct ApiClient {
    base: Base,
    fetch: Fetch,
    limits: Limits,
    people: Option<(ValidTokens, String)>,
    service: Option<ServiceAccount>,
    observer: Option<Arc<dyn Observe>>,
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient")
            .field("host", &self.base.host())
            .finish_non_exhaustive()
    }
}

impl ApiClient {
    /// The API below `base_url`, an address that the operator wrote.
    ///
    /// # Errors
    ///
    /// When `base_url` is not a plain http or https URL.
    pub fn new(base_url: &str, fetch: Fetch) -> Result<Self, BaseUrlError> {
        Ok(Self {
            base: Base::parse(base_url)?,
            fetch,
            limits: Limits {
                max_bytes: 4 * 1024 * 1024,
                deadline: Duration::from_secs(30),
            },
            people: None,
            service: None,
            observer: None,
        })
    }

    /// How long one request may take, 30 seconds unless this says otherwise. A call that is repeated
    /// with a renewed token has this time twice.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.deadline = timeout;
        self
    }

    /// How large an answer may be, 4 MiB unless this says otherwise.
    pub fn max_bytes(mut self, max_bytes: usize) -> Self {
        self.limits.max_bytes = max_bytes;
        self
    }

    /// Calls on behalf of people carry their tokens of `provider`.
    pub fn people(mut self, tokens: ValidTokens, provider: impl Into<String>) -> Self {
        self.people = Some((tokens, provider.into()));
        self
    }

    /// Calls on behalf of the service carry this.
    pub fn service(mut self, account: ServiceAccount) -> Self {
        self.service = Some(account);
        self
    }

    /// Every call is told to `observer`.
    pub fn observed_by(mut self, observer: Arc<dyn Observe>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The host of the API, for messages.
    pub fn host(&self) -> &str {
        self.base.host()
    }

    /// Calls on somebody's behalf.
    pub fn on_behalf_of<'a>(&'a self, whom: OnBehalfOf<'a>) -> Calls<'a> {
        Calls { client: self, whom }
    }

    /// The calls of a tool of this type that `subject` has called.
    ///
    /// # Errors
    ///
    /// When the token of a person is needed, and no person has called.
    pub fn calls<'a>(
        &'a self,
        auth_type: AuthType,
        subject: Option<&'a str>,
    ) -> Result<Calls<'a>, ApiError> {
        Ok(self.on_behalf_of(auth_type.on_behalf_of(subject)?))
    }
}

/// Calls on somebody's behalf; see [`ApiClient::on_behalf_of`].
///
/// Paths are below the base URL, and queries are encoded here. A path with anything in it that would
/// lead elsewhere is refused: dots for directories, a query or fragment, `\`, blanks and control
/// characters. A part of a path that comes from outside may hold `/` as well: build such a path with
/// [`path_of`]. An empty answer reads as `null`.
#[derive(Clone, Copy, Debug)]
pub struct Calls<'a> {
    client: &'a ApiClient,
    whom: OnBehalfOf<'a>,
}

/// What is sent besides address and credential.
enum Body<'a> {
    Nothing,
    Json(Value),
    Form(&'a [(&'a str, &'a str)]),
}

/// What a request carries.
enum Carried<'a> {
    Nothing,
    Headers(&'a [(HeaderName, Secret)]),
    OfService(Secret),
    OfPerson(Secret),
}

impl Carried<'_> {
    fn authorization(&self) -> Authorization<'_> {
        match self {
            Self::Nothing => Authorization::None,
            Self::Headers(headers) => Authorization::Headers(headers),
            Self::OfService(token) | Self::OfPerson(token) => Authorization::Bearer(token),
        }
    }

    fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Headers(headers) => headers.iter().map(|(_, secret)| secret.expose()).collect(),
            Self::OfService(token) | Self::OfPerson(token) => vec![token.expose()],
        }
    }
}

impl Calls<'_> {
    /// Reads.
    ///
    /// # Errors
    ///
    /// See [`ApiError`]; the same for the other methods.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, ApiError> {
        self.send(Method::GET, path, query, Body::Nothing).await
    }

    /// Makes something of `body`.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        self.send(Method::POST, path, &[], document(body)?).await
    }

    /// Sends a form, for APIs that take no JSON (WHATWG URL, `application/x-www-form-urlencoded`).
    pub async fn post_form<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<T, ApiError> {
        self.send(Method::POST, path, &[], Body::Form(form)).await
    }

    /// Puts `body` in place of what is there.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        self.send(Method::PUT, path, &[], document(body)?).await
    }

    /// Removes.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.send(Method::DELETE, path, &[], Body::Nothing).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<T, ApiError> {
        let observed = self.client.observer.as_ref();
        let observed = observed.map(|observer| (observer, Instant::now()));
        let outcome = self.exchange(method, path, query, &body).await;
        let outcome = outcome.and_then(|answer| read(&answer));
        if let Some((observer, begun)) = observed {
            observer.api_called(&ApiCall {
                api: self.client.base.host(),
                outcome: outcome.as_ref().err().map_or("ok", ApiError::kind),
                duration: begun.elapsed(),
            });
        }
        if let Err(error) = &outcome {
            self.log(error);
        }
        outcome
    }

    /// The log has the host and the API's words, but no path: it may name a person.
    fn log(&self, error: &ApiError) {
        let (api, said) = (self.client.base.host(), error.said());
        // Everybody is asked to connect an account once; nothing has failed then.
        if error.needs_person() {
            tracing::debug!(api, %error, "a call of an API waits for the person");
            return;
        }
        tracing::warn!(api, said, %error, "a call of an API has failed");
    }

    /// One request, and one more with a renewed token if the API does not accept the first.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: &Body<'_>,
    ) -> Result<Fetched, ApiError> {
        let url = self.client.base.join(path, query)?;
        let request = async |carried: &Carried<'_>| {
            let requests = self.client.fetch.configured();
            let (method, limits) = (method.clone(), self.client.limits);
            let (authorization, url) = (carried.authorization(), url.as_str());
            let document = match body {
                Body::Form(form) => {
                    return requests.post_form(authorization, url, form, limits).await;
                }
                Body::Json(document) => Some(document),
                Body::Nothing => None,
            };
            requests
                .send_json(method, authorization, url, document, limits)
                .await
        };
        let mut carried = self.carried().await?;
        let mut answer = request(&carried).await?;
        // RFC 6750 §3.1: the token may have ended before its time. A 401 means that nothing was done,
        // so any method can be repeated.
        if answer.status == StatusCode::UNAUTHORIZED
            && let Some(next) = self.next_after(&carried).await?
        {
            carried = next;
            answer = request(&carried).await?;
        }
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(ApiError::in_answer(&answer, &carried.secrets()))
    }

    async fn carried(&self) -> Result<Carried<'_>, ApiError> {
        let client = self.client;
        match self.whom {
            OnBehalfOf::Nobody => Ok(Carried::Nothing),
            OnBehalfOf::Person(subject) => {
                let (tokens, provider) = client.people.as_ref().ok_or(NO_PEOPLE)?;
                let token = tokens.valid_token(subject, provider).await?;
                Ok(Carried::OfPerson(token))
            }
            OnBehalfOf::Service => match &client.service.as_ref().ok_or(NO_SERVICE)?.0 {
                Kind::Headers(headers) => Ok(Carried::Headers(headers)),
                Kind::Tokens(tokens) => of_service(tokens).await,
            },
        }
    }

    /// What to try instead of a token that was refused, if there is a way to get another one.
    async fn next_after(&self, refused: &Carried<'_>) -> Result<Option<Carried<'_>>, ApiError> {
        let client = self.client;
        match (refused, self.whom, &client.people, &client.service) {
            (
                Carried::OfPerson(token),
                OnBehalfOf::Person(subject),
                Some((tokens, provider)),
                _,
            ) => {
                let next = tokens.valid_token_instead_of(token, subject, provider);
                match next.await {
                    Ok(next) => Ok(Some(Carried::OfPerson(next))),
                    Err(ValidTokenError::JustRenewed { .. }) => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
            (Carried::OfService(token), _, _, Some(ServiceAccount(Kind::Tokens(tokens)))) => {
                tokens.refused(token);
                of_service(tokens).await.map(Some)
            }
            _ => Ok(None),
        }
    }
}

async fn of_service(tokens: &ServiceTokens) -> Result<Carried<'static>, ApiError> {
    let token = tokens.token().await.map_err(ApiError::ServiceToken)?;
    Ok(Carried::OfService(token))
}

const NO_PEOPLE: ApiError = ApiError::NotSent {
    cause: "the client of this API has no tokens of people",
};
const NO_SERVICE: ApiError = ApiError::NotSent {
    cause: "the client of this API has no service account",
};

fn document(body: &impl Serialize) -> Result<Body<'static>, ApiError> {
    let document = serde_json::to_value(body).map_err(|_| ApiError::NotSent {
        cause: "its body has no JSON form",
    })?;
    Ok(Body::Json(document))
}

fn read<T: DeserializeOwned>(answer: &Fetched) -> Result<T, ApiError> {
    let body: &[u8] = if answer.body.is_empty() {
        b"null"
    } else {
        &answer.body
    };
    // The parser's own message would quote the answer, which belongs to a person.
    serde_json::from_slice(body).map_err(|error| ApiError::Unreadable {
        cause: format!(
            "{:?} error in line {}, column {}",
            error.classify(),
            error.line(),
            error.column()
        ),
    })
}
