//! The authorization server on a SQLite file, with one client that acts for itself.

use std::path::Path;
use std::sync::Arc;

use authorization_server::settings::{PreRegisteredClient, Resource, Settings};
use authorization_server::text::Words;
use authorization_server::{AuthorizationServer, Parts};
use axum::Router;
use oauth::client::fetch::Fetch;
use oauth::client_metadata::{ClientMetadata, TokenEndpointAuthMethod};
use oauth::issuer::Issuer;
use oauth::jws::Algorithm;
use oauth::random::OsRandom;
use oauth::resource::ResourceIndicator;
use oauth::secret::Secret;
use oauth::time::{Clock, SystemClock};
use serde_json::json;
use store::{KeyRing, SqliteStore};

use crate::material::{ISSUER, RESOURCE};

/// The client, its secret, and what it may do: those of `sumun demo`.
pub(crate) const CLIENT: &str = "mcp-client";
pub(crate) const SECRET: &str = "secret";
pub(crate) const SCOPE: &str = "mcp.access";

/// Every endpoint and page, with a new store in the directory `data`.
pub(super) async fn router(algorithm: Algorithm, data: &Path) -> anyhow::Result<Router> {
    let directory = tempfile::tempdir_in(data)?.keep();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = SqliteStore::open(&directory.join("sumun.db"), Arc::clone(&clock)).await?;
    let parts = Parts {
        store: Arc::new(store),
        keys: Arc::new(KeyRing::ephemeral(&OsRandom)),
        clock,
        random: Arc::new(OsRandom),
        fetch: Fetch::new()?,
    };
    Ok(AuthorizationServer::start(settings(algorithm)?, parts)
        .await?
        .router())
}

/// The settings of the benchmarks.
pub(super) fn settings(algorithm: Algorithm) -> anyhow::Result<Settings> {
    let resource = Resource {
        indicator: ResourceIndicator::parse(RESOURCE)?,
        name: "whoami".to_owned(),
        scopes: SCOPE.parse()?,
    };
    let mut settings = Settings::new(Issuer::parse(ISSUER)?, vec![resource]);
    let words = Words {
        en: "Be greeted".to_owned(),
        ko: "인사 받기".to_owned(),
    };
    settings.scopes.insert(SCOPE.to_owned(), words);
    settings.signing_algorithm = algorithm;
    let metadata: ClientMetadata = serde_json::from_value(json!({
        "client_name": CLIENT, "grant_types": ["client_credentials"], "scope": SCOPE,
    }))?;
    let method = TokenEndpointAuthMethod::ClientSecretPost;
    let metadata = ClientMetadata {
        token_endpoint_auth_method: method,
        ..metadata
    };
    settings.clients.push(PreRegisteredClient {
        secret: Some(Secret::from(SECRET).hash()),
        first_party: true,
        ..PreRegisteredClient::new(CLIENT, metadata)
    });
    Ok(settings)
}
