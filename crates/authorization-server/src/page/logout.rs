//! The page that asks whether to sign out, and says when it is done
//! (OpenID Connect RP-Initiated Logout 1.0 §2, §6).

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};

use super::client_view::ClientView;
use crate::address::ClientAddress;
use crate::error::PageError;
use crate::form::Parameters;
use crate::html::{Frame, respond, with_security_headers};
use crate::logout_request::LogoutRequest;
use crate::server::AuthorizationServer;
use crate::text::Language;
use crate::user::User;

const PATH: &str = "/logout/confirm";

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage<'a> {
    frame: Frame,
    /// Who is signed in; when nobody is, the page says that it is done.
    user: Option<&'a User>,
    client: Option<ClientView>,
    back_to: Option<BackTo>,
    parameters: Vec<(&'static str, &'a str)>,
}

/// Where the person goes on.
struct BackTo {
    host: String,
    address: String,
}

impl LogoutPage<'_> {
    fn title(&self) -> &'static str {
        let text = self.frame.text;
        if self.user.is_some() {
            text.logout_title
        } else {
            text.logout_done
        }
    }
}

pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    address: ClientAddress,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let parameters = Parameters::parse(query.unwrap_or_default().as_bytes())?;
    let request = LogoutRequest::check(&server, &parameters, address).await?;
    let signed_in = server.signed_in(&headers).await?;
    Ok(show(
        &request,
        &headers,
        signed_in.as_ref().map(|(user, _)| user),
    ))
}

/// The person wants it. The form comes from this page and no other, or it would not be here.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, PageError> {
    let form = Parameters::parse(&body)?;
    let request = LogoutRequest::check(&server, &form, address).await?;
    let signed_in = server.signed_in(&headers).await?;
    let shown = form.get("account");
    if let Some((user, session)) = &signed_in {
        // Somebody else signed in meanwhile, in another tab: nobody signs out unasked.
        if shown != Some(&user.subject) {
            return Ok(show(&request, &headers, Some(user)));
        }
        server.sign_out(&user.subject, &session.key).await?;
        server.facts().signed_out(&user.subject);
        tracing::info!(subject = user.subject, "signed out");
    }
    let done = || server.settings().issuer.join(PATH);
    let address = request.address().unwrap_or_else(done);
    let mut response = with_security_headers(Redirect::to(&address).into_response());
    server.sessions().forget().append_to(&mut response);
    Ok(response)
}

fn show(request: &LogoutRequest, headers: &HeaderMap, user: Option<&User>) -> Response {
    let language = Language::choose(request.ui_locales.as_deref(), headers);
    let back_to = request.back_to.as_ref().zip(request.address());
    let page = LogoutPage {
        frame: Frame::at(language, PATH, ""),
        user,
        client: request.client.as_deref().map(ClientView::of),
        back_to: back_to.map(|(uri, address)| BackTo {
            host: uri.display_host(),
            address,
        }),
        parameters: request.parameters(),
    };
    respond(StatusCode::OK, language, &page)
}
