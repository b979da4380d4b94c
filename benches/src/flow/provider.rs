//! The identity provider of the benchmark: it signs an ID token for every code, and checks nothing.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread;

use axum::extract::State;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Form, Json, Router};
use http::StatusCode;
use oauth::jwk::JwkSet;
use oauth::jws::Algorithm;
use oauth::signing_key::SigningKey;
use oauth::time::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::subject::road::{CLIENT_AT_PROVIDER, provider_issuer};

/// What the provider knows.
pub(super) struct Provider {
    issuer: String,
    key: SigningKey,
}

impl Provider {
    /// Answers on `port`, from a thread of its own, until this process ends.
    pub(super) fn start(port: u16, pkcs8: &[u8]) -> anyhow::Result<()> {
        let provider = Arc::new(Self {
            issuer: provider_issuer(port),
            key: SigningKey::from_pkcs8(Algorithm::EdDSA, pkcs8)?,
        });
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)))?;
        let listener = listener.tap_io(|stream| {
            // A connection that has ended already needs nothing.
            let _ = stream.set_nodelay(true);
        });
        let router = Router::new()
            .route("/token", post(token))
            .route("/keys", get(keys))
            .with_state(provider);
        thread::spawn(move || runtime.block_on(async { axum::serve(listener, router).await }));
        Ok(())
    }
}

/// The code is the nonce and the number of the person, so the provider need not remember anything.
async fn token(
    State(provider): State<Arc<Provider>>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Json<Value>, StatusCode> {
    let code = form.iter().find(|(name, _)| name == "code");
    let parts = code.and_then(|(_, code)| code.rsplit_once('.'));
    let (nonce, person) = parts.ok_or(StatusCode::BAD_REQUEST)?;
    let now = SystemClock.now().0;
    let claims = json!({
        "iss": provider.issuer, "aud": CLIENT_AT_PROVIDER, "sub": person, "nonce": nonce,
        "iat": now, "exp": now + 300, "preferred_username": format!("person-{person}"),
    });
    let id_token = provider.key.sign("JWT", &claims);
    let id_token = id_token.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(json!({
        "access_token": format!("access-{nonce}"), "refresh_token": format!("refresh-{nonce}"),
        "token_type": "Bearer", "expires_in": 3600, "id_token": id_token,
    })))
}

async fn keys(State(provider): State<Arc<Provider>>) -> Json<JwkSet> {
    Json(JwkSet {
        keys: vec![provider.key.public().clone()],
    })
}
