//! Signing in for the pages about one's own account, without a client that asks for anything.

use std::borrow::Cow;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use oauth::secret::SecretHash;

use super::form::AccountForm;
use super::shell::Notice;
use super::visitor::Visitor;
use super::{OwnPage, SIGN_IN};
use crate::address::ClientAddress;
use crate::departure::{Departure, DepartureError};
use crate::error::PageError;
use crate::html::{Frame, respond};
use crate::identity_provider::{IdentityProvider, IdentityProviderError};
use crate::login_state::Purpose;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::session::Proof;
use crate::text::Language;
use crate::user::AuthenticateError;

#[derive(Template)]
#[template(path = "account/sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    to: Cow<'static, str>,
    /// What it is about.
    hint: &'static str,
    username: &'a str,
    notice: Option<Notice>,
    asks_password: bool,
    providers: Vec<ProviderView<'a>>,
}

/// A button that leads to an identity provider.
struct ProviderView<'a> {
    id: &'a str,
    words: String,
}

impl<'a> ProviderView<'a> {
    fn of(provider: &'a IdentityProvider, language: Language) -> Self {
        let continue_with = language.text().continue_with;
        Self {
            id: provider.id(),
            words: continue_with(provider.name().get(language)),
        }
    }
}

/// Shows the page, unless somebody is signed in and need not do it again.
pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, PageError> {
    let query = AccountForm::parse(query.unwrap_or_default().as_bytes())?;
    let to = OwnPage::at(query.get("to").unwrap_or_default());
    let (parts, _) = request.into_parts();
    let visitor = Visitor::find(&server, &parts).await?;
    let notice = Notice::in_query(&query);
    let is_enough = |visitor: &Visitor| notice != Some(Notice::SignInAgain) || visitor.is_recent();
    if visitor.as_ref().is_some_and(is_enough) {
        return Ok(server.to_own_page(to, None));
    }
    let username = visitor.as_ref().map(|visitor| &*visitor.user.username);
    let sign_in = SignIn {
        server: &server,
        headers: &parts.headers,
        to,
        username: username.unwrap_or_default(),
        is_again: visitor.is_some(),
    };
    let has_password = |visitor: &Visitor| visitor.user.has_password();
    let types_password =
        server.settings().password_sign_in && visitor.as_ref().is_none_or(has_password);
    let notice = match notice {
        Some(Notice::SignInAgain) if !types_password && sign_in.ways_in().next().is_none() => {
            Some(Notice::NoProof)
        }
        notice => notice,
    };
    Ok(sign_in.page(StatusCode::OK, notice))
}

/// Signs a person in and sends them to the page that they wanted, or to an identity provider.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, PageError> {
    let form = AccountForm::parse(&body)?;
    let sessions = server.sessions();
    let sign_in = SignIn {
        server: &server,
        headers: &headers,
        to: OwnPage::at(form.get("to").unwrap_or_default()),
        username: form.get("username").unwrap_or_default(),
        is_again: sessions.find(&headers).await?.is_some(),
    };
    // Nothing was begun for any browser that this one could be mistaken for.
    let known = sessions.browser(&headers);
    let (new, cookies) = known.is_none().then(|| sessions.new_browser()).unzip();
    let browser = known.or(new).expect("a browser without a secret got one");
    let action = form.get("action").unwrap_or_default();
    let mut response = match action.strip_prefix("provider:") {
        Some(provider) => sign_in.leave(provider, browser.hash(), address).await?,
        None => {
            sign_in
                .with_password(&form, browser.hash(), address)
                .await?
        }
    };
    if let Some(cookies) = cookies {
        cookies.append_to(&mut response);
    }
    Ok(response)
}

/// Somebody who signs in, and what for.
struct SignIn<'a> {
    server: &'a AuthorizationServer,
    headers: &'a HeaderMap,
    to: OwnPage,
    username: &'a str,
    /// Whether they are signed in already and have to prove that it is them.
    is_again: bool,
}

impl SignIn<'_> {
    /// The providers where a person can do that.
    fn ways_in(&self) -> impl Iterator<Item = &IdentityProvider> {
        let providers = self.server.identity_providers().ways_in();
        providers.filter(|provider| provider.proves_fresh_sign_in() || !self.is_again)
    }

    async fn with_password(
        &self,
        form: &AccountForm,
        browser: SecretHash,
        address: ClientAddress,
    ) -> Result<Response, PageError> {
        let server = self.server;
        if !server.settings().password_sign_in {
            return Err(PageError::new(Reason::MalformedRequest));
        }
        let password = form.secret("password");
        let signed_in = server.authenticate(self.username, &password, address);
        let user = match signed_in.await {
            Ok(Some(user)) => user,
            // Not 401, which would have to name a scheme of HTTP authentication (RFC 9110 §15.5.2).
            Ok(None) => return Ok(self.page(StatusCode::OK, Some(Notice::WrongPassword))),
            Err(AuthenticateError::TooManyAttempts { retry_after }) => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let mut page = self.page(status, Some(Notice::TooManyAttempts));
                let headers = page.headers_mut();
                headers.insert(RETRY_AFTER, retry_after.as_secs().into());
                return Ok(page);
            }
            Err(AuthenticateError::Store(error)) => return Err(error.into()),
            Err(AuthenticateError::Unrecorded(error)) => return Err(error.into()),
        };
        let cookies = server
            .sessions()
            .begin(&user, Proof::Password, browser, address, self.headers)
            .await?;
        let mut response = server.to_own_page(self.to, None);
        cookies.append_to(&mut response);
        tracing::info!(subject = user.subject, "signed in for the own account");
        Ok(response)
    }

    /// Sends the person to the provider whose button was pressed.
    async fn leave(
        &self,
        provider: &str,
        browser: SecretHash,
        address: ClientAddress,
    ) -> Result<Response, PageError> {
        let provider = self.server.identity_providers().way_in(provider);
        let departure = Departure {
            provider: provider.ok_or_else(|| PageError::new(Reason::MalformedRequest))?,
            browser,
            address,
            resource: None,
            // Who does it again was asked to prove who they are, there as here.
            is_fresh: self.is_again,
            purpose: Purpose::SignIn { to: self.to },
        };
        match self.server.depart(departure).await {
            Ok(response) => Ok(response),
            Err(DepartureError::Page(error)) => Err(error),
            Err(DepartureError::Provider(error)) => Ok(self.stay(&error)),
        }
    }

    /// The page again, because the provider cannot be reached; another way may be open.
    fn stay(&self, error: &IdentityProviderError) -> Response {
        let reason = error.reason().as_str();
        let cause = error.to_string();
        tracing::info!(
            reason,
            cause,
            "sign-in for the own account refused: {reason}"
        );
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut page = self.page(status, Some(Notice::ProviderUnavailable));
        if let IdentityProviderError::Unavailable { retry_after, .. } = error {
            let headers = page.headers_mut();
            headers.insert(RETRY_AFTER, retry_after.as_secs().into());
        }
        page
    }

    fn page(&self, status: StatusCode, notice: Option<Notice>) -> Response {
        let language = Language::choose(None, self.headers);
        let page = SignInPage {
            frame: Frame::at(language, SIGN_IN, ""),
            to: self.to.path(),
            hint: match self.to {
                OwnPage::Connect(_) => language.text().own.sign_in_to_connect,
                _ => language.text().own.sign_in_hint,
            },
            username: self.username,
            notice,
            asks_password: self.server.settings().password_sign_in,
            providers: self
                .ways_in()
                .map(|provider| ProviderView::of(provider, language))
                .collect(),
        };
        respond(status, language, &page)
    }
}
