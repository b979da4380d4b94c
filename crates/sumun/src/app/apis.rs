//! The servers that call further APIs, with the tokens of people and the account of the service.

use std::sync::Arc;

use anyhow::Context as _;
use delegation::{ApiClient, ProviderClient, ServiceAccount, ServiceTokens};
use examples::{Account, Connecting, hybrid, naver};
use http::HeaderName;
use oauth::client::fetch::Fetch;
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::SystemClock;

use super::Wiring;
use crate::settings::{Api, Server, ServerKind, Service};

/// The parts of the hybrid demo.
pub(super) fn hybrid(server: &Server, wiring: &Wiring<'_>) -> anyhow::Result<hybrid::Parts> {
    let api = api_of(server)?;
    Ok(hybrid::Parts {
        api: client(server.kind, api, wiring)?,
        connecting: connecting(server.kind, api, wiring)?,
        clock: Arc::new(SystemClock),
        observer: wiring.tools_of(server.kind),
        skip_authentication: api.skips_authentication,
    })
}

/// The parts of the Naver assistant.
pub(super) fn naver(server: &Server, wiring: &Wiring<'_>) -> anyhow::Result<naver::Parts> {
    let api = api_of(server)?;
    Ok(naver::Parts {
        api: client(server.kind, api, wiring)?,
        connecting: connecting(server.kind, api, wiring)?,
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        observer: wiring.tools_of(server.kind),
        skip_authentication: api.skips_authentication,
    })
}

fn api_of(server: &Server) -> anyhow::Result<&Api> {
    let api = server.api.as_ref();
    let api = api.with_context(|| format!("the server at {} has no API", server.path))?;
    if api.skips_authentication {
        tracing::warn!(
            "skip_api_authentication is set: {} calls {} WITHOUT ANY CREDENTIAL, for everybody \
             alike; this is for development alone",
            server.path,
            api.url
        );
    }
    Ok(api)
}

fn client(kind: ServerKind, api: &Api, wiring: &Wiring<'_>) -> anyhow::Result<ApiClient> {
    let tokens = wiring.authorization_server.valid_tokens().clone();
    let client = ApiClient::new(&api.url, wiring.fetch.clone())?
        .timeout(api.timeout)
        .people(tokens, &api.identity_provider)
        .service(service_account(kind, &api.service, wiring.fetch));
    Ok(match wiring.metrics {
        Some(metrics) => client.observed_by(Arc::clone(metrics) as _),
        None => client,
    })
}

fn service_account(kind: ServerKind, service: &Service, fetch: &Fetch) -> ServiceAccount {
    let Service {
        client_id,
        client_secret,
        token_endpoint,
    } = service.clone();
    match token_endpoint {
        Some(token_endpoint) if kind != ServerKind::Naver => {
            let client = ProviderClient {
                token_endpoint,
                client_id,
                client_secret: Some(client_secret),
                auth_method: TokenEndpointAuthMethod::ClientSecretBasic,
            };
            let tokens = ServiceTokens::new(client, fetch.clone(), Arc::new(SystemClock));
            ServiceAccount::tokens(tokens)
        }
        // Naver's applications say who they are with every call.
        _ => ServiceAccount::headers([
            (
                HeaderName::from_static("x-naver-client-id"),
                Secret::from(client_id),
            ),
            (
                HeaderName::from_static("x-naver-client-secret"),
                client_secret,
            ),
        ]),
    }
}

fn connecting(kind: ServerKind, api: &Api, wiring: &Wiring<'_>) -> anyhow::Result<Connecting> {
    let server = wiring.authorization_server;
    let provider = server.identity_providers().get(&api.identity_provider);
    let provider = provider.context("the identity provider of an API is not there")?;
    let account = Account {
        provider: api.identity_provider.clone(),
        name: provider.name().en.clone(),
        server: kind.title().to_owned(),
    };
    Ok(Connecting::new(
        account,
        server.valid_tokens().clone(),
        Arc::new(server.clone()),
        wiring.tasks.clone(),
    ))
}
