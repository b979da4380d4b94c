//! Every route on one page.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use oauth::metadata::{OAUTH_AUTHORIZATION_SERVER, OPENID_CONFIGURATION};
use tower_http::csrf::CsrfLayer;

use crate::endpoint::authorization::MAX_REQUEST;
use crate::endpoint::registration::MAX_REGISTRATION;
use crate::endpoint::unlink::MAX_NOTICE;
use crate::endpoint::{
    authorization, client_configuration, device_authorization, end_session, introspection, jwks,
    metadata, pushed_authorization, registration, revocation, token, unlink, userinfo,
};
use crate::error::PageError;
use crate::finish::Finish;
use crate::page::{self, account};
use crate::reason::Reason;
use crate::server::AuthorizationServer;

pub(crate) fn router(server: &AuthorizationServer) -> Router {
    let base = server.settings().issuer.base_path().to_owned();
    let under = |path: &str| format!("{base}{path}");

    // For programs, also those that run in a browser (acceptance D4).
    let mut endpoints = Router::new()
        .route(&under("/token"), post(token::post))
        .route(&under("/oauth2/token"), post(token::post))
        .route(
            &under("/device_authorization"),
            post(device_authorization::post),
        )
        .route(&under("/par"), post(pushed_authorization::post))
        .route(&under("/revoke"), post(revocation::post))
        .route(&under("/introspect"), post(introspection::post))
        .route(&under("/userinfo"), get(userinfo::get).post(userinfo::get))
        .route(&under("/jwks"), get(jwks::get))
        .route(
            &under("/register"),
            post(registration::post).layer(DefaultBodyLimit::max(MAX_REGISTRATION)),
        );
    for address in metadata_addresses(&base) {
        endpoints = endpoints.route(&address, get(metadata::get));
    }

    // The only resource of a client's own, so the only one with other verbs.
    let configuration = Router::new().route(
        &under("/register/{client_id}"),
        get(client_configuration::get)
            .put(client_configuration::put)
            .delete(client_configuration::delete)
            .layer(DefaultBodyLimit::max(MAX_REGISTRATION)),
    );

    // For identity providers, which come without browser and origin.
    let notices = Router::new().route(
        &under("/unlink/{provider}"),
        post(unlink::post).layer(DefaultBodyLimit::max(MAX_NOTICE)),
    );

    // For people; a form that comes from another site is refused (Fetch Metadata, and `Origin` for
    // browsers without it).
    let finish = Finish::new(server);
    let csrf = CsrfLayer::new()
        .with_rejection_response(|_| PageError::new(Reason::ForeignForm).into_response());
    let pages = Router::new()
        .route(
            &under("/login"),
            get(page::login::get).post(page::login::post),
        )
        .route(
            &under("/logout/confirm"),
            get(page::logout::get).post(page::logout::post),
        )
        .route(
            &under("/device"),
            get(page::device::get).post(page::device::post),
        )
        .route(&under("/account"), get(account::overview::get))
        .route(
            &under("/account/clients"),
            get(account::clients::get).post(account::clients::post),
        )
        .route(
            &under("/account/sessions"),
            get(account::sessions::get).post(account::sessions::post),
        )
        .route(
            &under("/account/password"),
            get(account::password::get).post(account::password::post),
        )
        .route(
            &under("/account/sign-in"),
            get(account::sign_in::get).post(account::sign_in::post),
        )
        .route(
            &under("/account/connections"),
            post(account::connections::post),
        )
        .route(
            &under("/account/connect/{invitation}"),
            get(account::invitation::get).post(account::invitation::post),
        )
        .route(&under("/callback/{provider}"), get(page::callback::get))
        .layer((finish.clone(), csrf, DefaultBodyLimit::max(MAX_REQUEST)));
    // A link from anywhere leads to these, and a client may post to them.
    let links = Router::new()
        .route(
            &under("/authorize"),
            get(authorization::get).post(authorization::post),
        )
        .route(
            &under("/logout"),
            get(end_session::get).post(end_session::post),
        )
        .layer((finish.clone(), DefaultBodyLimit::max(MAX_REQUEST)));

    let others = notices
        .merge(page::assets(&base))
        .merge(crate::manage::api::router(server));
    // Layers that are named together are one to the router, which copies each for each request.
    endpoints
        .layer(finish.clone().open_to("GET,POST"))
        .merge(configuration.layer(finish.clone().open_to("GET,PUT,DELETE")))
        .merge(others.layer(finish))
        .merge(pages)
        .merge(links)
        .with_state(server.clone())
}

/// Both names, at the root of the host and under the path of the issuer (RFC 8414 §3, §5).
fn metadata_addresses(base: &str) -> Vec<String> {
    let mut addresses = Vec::new();
    for name in [OAUTH_AUTHORIZATION_SERVER, OPENID_CONFIGURATION] {
        addresses.push(format!("/.well-known/{name}"));
        if !base.is_empty() {
            addresses.push(format!("/.well-known/{name}{base}"));
            addresses.push(format!("{base}/.well-known/{name}"));
        }
    }
    addresses
}
