//! A server whose handler calls an API, on behalf of a person or with a bare HTTP client; and that API.

use std::future::ready;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::routing::{get, post};
use delegation::{
    ApiClient, AuthType, Credential, ProviderClients, RefreshSettings, ValidTokens, Vault,
};
use oauth::client::fetch::Fetch;
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::{Clock as _, SystemClock};
use serde_json::Value;
use store::{KeyRing, SharedStore, SqliteStore};

use crate::command_line::Caller;

/// Where the load goes.
pub(crate) const CALL: &str = "/call";

const TOKEN: &str = "an-access-token-of-ordinary-length-0123456789";

/// What the API answers: a small profile.
const PROFILE: &str =
    r#"{"id":"acct-1001","username":"mina","name":"Mina Park","email":"mina@api.example"}"#;

/// Serves the handler beside the API that it calls.
pub(super) async fn router(caller: Caller, data: &Path) -> anyhow::Result<Router> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let headers = [("content-type", "application/json")];
    let api = Router::new().route("/profile", get(move || ready((headers, PROFILE))));
    let serve = async move {
        // It ends with the process.
        let _ = axum::serve(listener, api).await;
    };
    tokio_util::task::TaskTracker::new().spawn(serve);
    match caller {
        Caller::Bare => bare(&base),
        Caller::Delegated => delegated(&base, data).await,
    }
}

/// The client that everybody writes: one `reqwest` client, a header, JSON back.
#[expect(
    clippy::disallowed_methods,
    reason = "it is what the others are compared with"
)]
fn bare(base: &str) -> anyhow::Result<Router> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .build()?;
    let url = format!("{base}/profile");
    let call = move || {
        let (client, url) = (client.clone(), url.clone());
        async move {
            let answer = client.get(url).bearer_auth(TOKEN).send().await;
            let answer: Value = match answer {
                Ok(answer) => answer.json().await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            answer["name"].to_string()
        }
    };
    Ok(Router::new().route(CALL, post(call)))
}

/// The same call as a person, whose token is in the vault.
async fn delegated(base: &str, data: &Path) -> anyhow::Result<Router> {
    let clock = Arc::new(SystemClock);
    let path = data.join(format!("relay-{}.db", std::process::id()));
    let store: SharedStore = Arc::new(SqliteStore::open(&path, clock.clone()).await?);
    let keys = Arc::new(KeyRing::ephemeral(&OsRandom));
    let credential = Credential {
        access_token: Secret::from(TOKEN),
        refresh_token: Some(Secret::from("a-refresh-token")),
        expires_at: Some(clock.now().plus(Duration::from_hours(24))),
        refresh_expires_at: None,
        scope: None,
    };
    let vault = Vault::new(Arc::clone(&store), Arc::clone(&keys));
    vault.put("alice", "api", &credential).await?;
    let fetch = Fetch::new().context("make an HTTP client")?;
    let parts = delegation::Parts {
        store,
        keys,
        clock: clock.clone(),
        random: Arc::new(OsRandom),
        refresher: Arc::new(ProviderClients::new(fetch.clone(), clock)),
    };
    let tokens = ValidTokens::new(parts, RefreshSettings::default());
    let api = ApiClient::new(base, fetch)?.people(tokens, "api");
    let call = move || {
        let api = api.clone();
        async move {
            let answer: Value = match api.calls(AuthType::UserToken, Some("alice")) {
                Ok(calls) => calls.get("/profile", &[]).await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            answer["name"].to_string()
        }
    };
    Ok(Router::new().route(CALL, post(call)))
}
