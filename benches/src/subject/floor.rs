//! The least that a token costs over HTTP: one axum handler, which signs and does nothing else.

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use oauth::jws::Algorithm;

use crate::material::Signer;

/// Answers every request with `message` and a new signature over it, in the form of a token.
pub(super) fn router(algorithm: Algorithm, message: String) -> anyhow::Result<Router> {
    let shared = Arc::new((Signer::new(algorithm)?, message));
    let answer = move |_: axum::body::Bytes| {
        let shared = Arc::clone(&shared);
        async move {
            let (signer, message) = &*shared;
            let signature = signer
                .sign(message.as_bytes())
                .map_err(|_| StatusCode::BAD_GATEWAY)?;
            let mut token = String::with_capacity(message.len() + 128);
            token.push_str("{\"access_token\":\"");
            token.push_str(message);
            token.push('.');
            URL_SAFE_NO_PAD.encode_string(signature, &mut token);
            token.push_str("\"}");
            Ok::<_, StatusCode>(([(CONTENT_TYPE, "application/json")], token))
        }
    };
    Ok(Router::new().route("/oauth2/token", post(answer)))
}
