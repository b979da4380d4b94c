//! The page at the public URL itself: what is here, for somebody who looks; and what is said where nothing is.

use std::fmt::Write as _;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use axum::routing::get;
use gateway::Gateway;
use oauth::issuer::Issuer;
use oauth::metadata::OAUTH_AUTHORIZATION_SERVER;

use crate::settings::Settings;
use crate::settings::taken::path_of_upstream;

const PLAIN: [(HeaderName, &str); 2] = [
    (CONTENT_TYPE, "text/plain; charset=utf-8"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

pub(super) fn routes(settings: &Settings, gateway: &Gateway) -> Router {
    let own = settings.public_url();
    let mut servers = format!("Sumun at {own}\n\nServers\n");
    for server in &settings.servers {
        line(&mut servers, server.kind.title(), server.resource.as_str());
    }
    let mut metadata = "\nMetadata\n".to_owned();
    line(
        &mut metadata,
        "authorization",
        &own.well_known_inserted(OAUTH_AUTHORIZATION_SERVER),
    );
    let common = settings
        .gateway
        .as_ref()
        .and_then(|gateway| gateway.common.as_ref());
    let common = common.map_or("/mcp", |common| &*common.path).to_owned();

    let path = if own.base_path().is_empty() {
        "/"
    } else {
        own.base_path()
    };
    let (issuer, gateway) = (own.clone(), gateway.clone());
    let page = move || {
        let upstreams = upstreams(&issuer, &common, &gateway);
        std::future::ready((PLAIN, format!("{servers}{upstreams}{metadata}")))
    };
    let index = own.join("/");
    let nothing = format!("There is nothing at this address. {index} says what there is.\n");
    let nothing = move || std::future::ready((StatusCode::NOT_FOUND, PLAIN, nothing.clone()));
    Router::new().route(path, get(page)).fallback(nothing)
}

/// What is behind the gateway now: that changes while the house runs.
fn upstreams(issuer: &Issuer, common: &str, gateway: &Gateway) -> String {
    let mut text = String::new();
    for upstream in gateway.health() {
        let address = issuer.join(&path_of_upstream(&upstream.name));
        line(&mut text, &upstream.name, &address);
    }
    if gateway.is_at(&format!("{}{common}", issuer.base_path())) {
        line(&mut text, "all together", &issuer.join(common));
    }
    text
}

fn line(text: &mut String, name: &str, url: &str) {
    writeln!(text, "  {name:<15} {url}").expect("writing to a string cannot fail");
}
