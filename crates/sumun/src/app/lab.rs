//! The security lab, and the authorization server that it looks into.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use authorization_server::manage::{
    Actor, ClientView, GrantFilter, KeyState, ManageError, Management,
};
use authorization_server::settings::Lifetimes;
use authorization_server::{AuthorizationServer, ClientAddress, NarrowError};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use examples::lab::{
    Authority, Count, Encryption, Facts, IssueError, Origin, Parts, ServedResource, SigningKey,
    TestToken, Unavailable,
};
use oauth::jwt::AccessTokenClaims;
use oauth::metadata::AuthorizationServerMetadata;
use oauth::random::OsRandom;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::time::SystemClock;
use resource_server::Caller;
use serde_json::Value;
use store::{Collection, Page};

use super::Wiring;
use super::servers;
use crate::data::PERSONAL_DATA;
use crate::health::Health;
use crate::settings::{Server, Settings, Trust};

/// How many records are counted at most, page by page.
const PAGE: u32 = 500;
const MOST_PAGES: usize = 20;

/// The parts of the lab.
pub(super) fn parts(
    server: &Server,
    settings: &Settings,
    wiring: &Wiring<'_>,
    health: &Health,
) -> anyhow::Result<Parts> {
    let resources = settings.servers.iter().map(|served| {
        let resource = servers::resource(settings, &served.described())?;
        let issuer = match &served.trusts {
            Trust::Own => settings.public_url(),
            Trust::Foreign(foreign) => &foreign.issuer,
        };
        anyhow::Ok(ServedResource {
            name: served.kind.name().to_owned(),
            resource: served.resource.as_str().to_owned(),
            metadata_url: resource.metadata_url(),
            issuer: issuer.as_str().to_owned(),
        })
    });
    let data = wiring.data;
    let scanner = settings.pii.as_ref().map(|pii| pii.scanner.clone());
    let thresholds = settings
        .audit
        .as_ref()
        .map(|audit| audit.thresholds.clone());
    let lifetimes = settings.authorization_server.lifetimes.clone();
    Ok(Parts {
        authority: Arc::new(Own {
            server: wiring.authorization_server.clone(),
            resource: server.resource.clone(),
            name: server.kind.name(),
            lifetimes,
            health: health.clone(),
        }),
        resources: resources.collect::<anyhow::Result<_>>()?,
        fetch: wiring.fetch.clone(),
        audit: wiring.audit.cloned(),
        thresholds: thresholds.unwrap_or_default(),
        scanner: scanner.unwrap_or_default(),
        encryption: Some(Encryption {
            ring: Arc::clone(&data.keys),
            purpose: PERSONAL_DATA,
        }),
        customers: Collection::new(Arc::clone(&data.store) as _, Arc::clone(&data.keys)),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        observer: wiring.tools_of(server.kind),
    })
}

/// Tells the lab where a request came from, for its records.
pub(super) async fn tell_origin(mut request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ClientAddress>();
    let origin = Origin(address.and_then(|ClientAddress(address)| *address));
    request.extensions_mut().insert(origin);
    next.run(request).await
}

/// Our own authorization server, as the lab at `resource` sees it.
struct Own {
    server: AuthorizationServer,
    resource: ResourceIndicator,
    /// Who acts with the tokens that the lab has made.
    name: &'static str,
    lifetimes: Lifetimes,
    health: Health,
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("our own authorization server")
    }
}

#[async_trait]
impl Authority for Own {
    fn metadata(&self) -> AuthorizationServerMetadata {
        self.server.metadata()
    }

    async fn facts(&self) -> Result<Facts, Unavailable> {
        let facts = self.look().await.map_err(|error| {
            let error = anyhow::Error::from(error);
            tracing::error!("the state of the authorization server cannot be read: {error:#}");
            Unavailable
        })?;
        Ok(Facts {
            health: self.health.states().await.into_iter().collect(),
            ..facts
        })
    }

    async fn issue(
        &self,
        caller: &Caller,
        asked: Option<&Scope>,
        lifetime: Duration,
    ) -> Result<TestToken, IssueError> {
        let claims = Value::Object(caller.claims().clone());
        let claims: AccessTokenClaims = serde_json::from_value(claims).map_err(|_| {
            IssueError::Refused("the token of this call was issued elsewhere".to_owned())
        })?;
        let token = self
            .server
            .narrow(&claims, &self.resource, self.name, asked, lifetime)
            .await
            .map_err(|error| match error {
                NarrowError::Refused(text) => IssueError::Refused(text),
                // Its cause stands in the log already.
                _ => IssueError::Unavailable(Unavailable),
            })?;
        Ok(TestToken {
            access_token: token.access_token,
            token_type: token.token_type.to_owned(),
            expires_in: token.expires_in,
            scope: token.scope,
        })
    }
}

impl Own {
    async fn look(&self) -> Result<Facts, ManageError> {
        let management = self.server.management(Actor::Operator);
        let keys = management.keys().await?.items.into_iter();
        let keys = keys.map(|key| SigningKey {
            kid: key.kid,
            alg: key.alg,
            state: match key.state {
                KeyState::Next => "next",
                KeyState::Signing => "signing",
                KeyState::Retired => "retired",
            },
            signs_from: key.signs_from,
            published_until: key.published_until,
        });
        let (clients, are_more) = clients(&management).await?;
        let redirect_uris = clients
            .iter()
            .flat_map(|client| client.redirect_uris.clone());
        Ok(Facts {
            signing_keys: keys.collect(),
            signing_key_lifetime: self.lifetimes.signing_key.as_secs(),
            access_token_lifetime: self.lifetimes.access_token.as_secs(),
            clients: Count {
                count: clients.len(),
                or_more: are_more,
            },
            grants: grants(&management).await?,
            redirect_uris: redirect_uris.collect(),
            ..Facts::default()
        })
    }
}

fn first_page() -> Page {
    Page {
        limit: PAGE,
        before: None,
    }
}

/// The clients, and whether there are more.
async fn clients(management: &Management) -> Result<(Vec<ClientView>, bool), ManageError> {
    let (mut page, mut clients) = (first_page(), Vec::new());
    for _ in 0..MOST_PAGES {
        let listing = management.clients(page.clone()).await?;
        clients.extend(listing.items);
        if listing.next.is_none() {
            return Ok((clients, false));
        }
        page.before = listing.next;
    }
    Ok((clients, true))
}

async fn grants(management: &Management) -> Result<Count, ManageError> {
    let (mut page, mut count) = (first_page(), 0);
    for _ in 0..MOST_PAGES {
        let listing = management
            .grants(GrantFilter::default(), page.clone())
            .await?;
        count += listing.items.len();
        if listing.next.is_none() {
            return Ok(Count {
                count,
                or_more: false,
            });
        }
        page.before = listing.next;
    }
    Ok(Count {
        count,
        or_more: true,
    })
}
