//! What callers send: JSON bodies, list parameters and preconditions (RFC 8259, RFC 7396).

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::StatusCode;
use http::header::IF_MATCH;
use http::request::Parts;
use oauth::media_type;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use store::Page;

use super::problem::Problem;
use crate::manage::{GrantFilter, Precondition};
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// The longest page of a list, and the usual one.
const MOST_ITEMS: u32 = 100;

/// A JSON body, of a type that refuses members it does not know.
pub(super) struct Payload<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<AuthorizationServer> for Payload<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &AuthorizationServer) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let is = |name| media_type::is(&parts.headers, name);
        // A form of a web page cannot have one of these without asking first (Fetch §3.3).
        if !is(media_type::JSON) && !is("application/merge-patch+json") {
            return Err(malformed("the body must be application/json")
                .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let body = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| {
            malformed(format!(
                "the body is cut off, or has more than {MAX_BODY} bytes"
            ))
            .with_status(StatusCode::PAYLOAD_TOO_LARGE)
        })?;
        let payload = oauth::json::from_stranger(&body).map_err(|error| {
            malformed(format!(
                "the body is not what this operation takes: {error}"
            ))
        })?;
        Ok(Self(payload))
    }
}

/// The parameters of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// The parameters of the list of people.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    /// The one person with this name.
    pub(super) username: Option<String>,
}

/// The parameters of the list of grants.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    user: Option<String>,
    client_id: Option<String>,
}

impl PageQuery {
    pub(super) fn page(self) -> Result<Page, Problem> {
        page(self.limit, self.cursor)
    }
}

impl UserQuery {
    pub(super) fn page(self) -> Result<Page, Problem> {
        page(self.limit, self.cursor)
    }
}

impl GrantQuery {
    pub(super) fn filter(&self) -> GrantFilter<'_> {
        GrantFilter {
            user: self.user.as_deref(),
            client_id: self.client_id.as_deref(),
        }
    }

    pub(super) fn page(&self) -> Result<Page, Problem> {
        page(self.limit, self.cursor.clone())
    }
}

fn page(limit: Option<u32>, before: Option<String>) -> Result<Page, Problem> {
    let limit = limit.unwrap_or(MOST_ITEMS);
    if !(1..=MOST_ITEMS).contains(&limit) {
        return Err(malformed(format!("limit is 1 to {MOST_ITEMS}")));
    }
    Ok(Page { limit, before })
}

/// The parameters of a request, of a type that refuses those it does not know.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<AuthorizationServer> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &AuthorizationServer,
    ) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, server).await;
        let Query(parameters) = query.map_err(|rejection| malformed(rejection.body_text()))?;
        Ok(Self(parameters))
    }
}

/// A part of the address, decoded.
pub(super) struct Named(pub(super) String);

impl FromRequestParts<AuthorizationServer> for Named {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &AuthorizationServer,
    ) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, server).await;
        let Path(name) = path.map_err(|rejection| malformed(rejection.body_text()))?;
        Ok(Self(name))
    }
}

/// The `If-Match` header (RFC 9110 §13.1.1).
pub(super) struct IfMatch(pub(super) Precondition);

impl FromRequestParts<AuthorizationServer> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &AuthorizationServer,
    ) -> Result<Self, Problem> {
        let mut headers = parts.headers.get_all(IF_MATCH).iter();
        match (headers.next(), headers.next()) {
            (None, _) => Ok(Self(Precondition::NONE)),
            (Some(header), None) => {
                let header = header.to_str();
                Ok(Self(Precondition::if_match(
                    header.map_err(|_| malformed("If-Match is not ASCII"))?,
                )))
            }
            _ => Err(malformed("If-Match is repeated")),
        }
    }
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(Reason::MalformedRequest, detail)
}
