//! Pages: what a person sees, and the files that they look like.

pub(crate) mod account;
pub(crate) mod callback;
pub(crate) mod client_view;
pub(crate) mod device;
pub(crate) mod login;
pub(crate) mod logout;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use crate::html::{Asset, MARK, STYLE};
use crate::server::AuthorizationServer;

/// The first value of a parameter in a query.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// Style and mark, under the path of the issuer.
pub(crate) fn assets(base: &str) -> Router<AuthorizationServer> {
    let assets: [&'static Asset; 2] = [&STYLE, &MARK];
    assets.into_iter().fold(Router::new(), |router, asset| {
        let path = format!("{base}/assets/{}", asset.name);
        router.route(&path, get(move || async move { file(asset) }))
    })
}

/// The name changes with the content, so a browser never has to ask twice.
fn file(asset: &'static Asset) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, asset.media_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.content)
}
