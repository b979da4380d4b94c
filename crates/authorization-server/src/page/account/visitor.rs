//! Who is looking at the pages about their account.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use oauth::time::NumericDate;
use store::{StoreError, Versioned};

use super::form::AccountForm;
use super::shell::Notice;
use super::{OwnPage, SIGN_IN};
use crate::error::PageError;
use crate::html::with_security_headers;
use crate::server::AuthorizationServer;
use crate::session::{BrowserSession, Proof};
use crate::text::{Language, When};
use crate::user::User;

/// How long ago somebody may have signed in to change how they sign in (OWASP ASVS 3.7.1).
const RECENT: Duration = Duration::from_mins(10);

/// Somebody who is signed in in this browser. Whoever is not, is sent to sign in and comes back.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(super) user: User,
    pub(super) session: Versioned<BrowserSession>,
    pub(super) language: Language,
    pub(super) page: OwnPage,
    pub(super) now: NumericDate,
}

impl Visitor {
    /// The person whom the cookies of a request name.
    pub(super) async fn find(
        server: &AuthorizationServer,
        parts: &Parts,
    ) -> Result<Option<Self>, StoreError> {
        let signed_in = server.signed_in(&parts.headers).await?;
        let base = server.settings().issuer.base_path();
        let path = parts.uri.path();
        Ok(signed_in.map(|(user, session)| Self {
            user,
            session,
            language: Language::choose(None, &parts.headers),
            page: OwnPage::at(path.strip_prefix(base).unwrap_or(path)),
            now: server.now(),
        }))
    }

    /// Whether the person proved who they are so recently that they need not do it again.
    ///
    /// An identity provider where they are signed in sends anybody back who sits at their screen,
    /// without a question; that proves nothing here.
    pub(super) fn is_recent(&self) -> bool {
        self.session.is_proved && self.now.since(self.session.authenticated_at) <= RECENT
    }

    /// How the person has proved who they are by the time that their password is changed: with the
    /// one of before, or as they signed in.
    pub(super) fn proof(&self) -> Proof<'_> {
        match &self.session.identity_provider {
            None => Proof::Password,
            Some(provider) => Proof::Elsewhere {
                provider,
                signed_in_at: Some(if self.user.has_password() {
                    self.now
                } else {
                    self.session.authenticated_at
                }),
            },
        }
    }

    /// Whether a form was shown to this person. In another tab, the same browser may have signed
    /// in as somebody else meanwhile, and nobody changes an account that the page did not show.
    pub(super) fn was_shown(&self, form: &AccountForm) -> bool {
        form.get("account") == Some(&self.user.subject)
    }

    pub(super) fn when(&self, moment: NumericDate) -> When {
        When::new(self.language, moment, self.now)
    }
}

impl FromRequestParts<AuthorizationServer> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &AuthorizationServer,
    ) -> Result<Self, Response> {
        match Self::find(server, parts).await {
            Ok(Some(visitor)) => Ok(visitor),
            Ok(None) => {
                let base = server.settings().issuer.base_path();
                let path = parts.uri.path();
                let page = OwnPage::at(path.strip_prefix(base).unwrap_or(path));
                Err(server.to_own_sign_in(page, None))
            }
            Err(error) => Err(PageError::from(error).into_response()),
        }
    }
}

impl AuthorizationServer {
    /// To a page about one's own account, which says what has happened.
    pub(crate) fn to_own_page(&self, page: OwnPage, notice: Option<Notice>) -> Response {
        let notice = notice.map(|notice| format!("?notice={}", notice.name()));
        let notice = notice.unwrap_or_default();
        self.to_ours(&format!("{}{notice}", page.path()))
    }

    /// To the page where people sign in for a page about their account.
    pub(crate) fn to_own_sign_in(&self, page: OwnPage, notice: Option<Notice>) -> Response {
        let notice = notice.map(|notice| format!("&notice={}", notice.name()));
        let notice = notice.unwrap_or_default();
        self.to_ours(&format!("{SIGN_IN}?to={}{notice}", page.path()))
    }

    fn to_ours(&self, address: &str) -> Response {
        let address = self.settings().issuer.join(address);
        with_security_headers(Redirect::to(&address).into_response())
    }
}
