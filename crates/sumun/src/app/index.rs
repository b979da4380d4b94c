//! The page at the public URL itself: what is here, for somebody who looks.

use std::fmt::Write as _;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use oauth::metadata::OAUTH_AUTHORIZATION_SERVER;

use crate::settings::Settings;

pub(super) fn routes(settings: &Settings) -> Router {
    let own = settings.public_url();
    let mut text = format!("Sumun at {own}\n\nServers\n");
    for server in &settings.servers {
        line(&mut text, server.kind.title(), server.resource.as_str());
    }
    text.push_str("\nMetadata\n");
    line(
        &mut text,
        "authorization",
        &own.well_known_inserted(OAUTH_AUTHORIZATION_SERVER),
    );

    let path = if own.base_path().is_empty() {
        "/"
    } else {
        own.base_path()
    };
    let page = ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text);
    Router::new().route(path, get(move || std::future::ready(page.clone())))
}

fn line(text: &mut String, name: &str, url: &str) {
    writeln!(text, "  {name:<14}{url}").expect("writing to a string cannot fail");
}
