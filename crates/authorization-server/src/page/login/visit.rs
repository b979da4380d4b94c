//! One visit to the sign-in page: who is there, what may be skipped, and how it ends.

use std::sync::Arc;

use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use oauth::error::OAuthError;
use oauth::scope::Scope;
use oauth::secret::SecretHash;
use oauth::time::NumericDate;
use store::{StoreError, Versioned};

use super::form::{Credentials, LoginForm};
use super::view::{LoginPage, Message, View};
use crate::address::ClientAddress;
use crate::client::Client;
use crate::consent::ConsentKey;
use crate::error::PageError;
use crate::finish::CurrentRequestId;
use crate::grant::{Approval, Grant, GrantError};
use crate::html::{respond, with_security_headers};
use crate::identity_provider::{IdentityProvider, IdentityProviderError};
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::session::Proof;
use crate::text::Language;
use crate::user::{AuthenticateError, User};

/// A browser that may answer for a pending grant, in the middle of doing so.
pub(in crate::page) struct Visit<'a> {
    pub(super) server: &'a AuthorizationServer,
    request_id: CurrentRequestId,
    pub(super) headers: &'a HeaderMap,
    pub(super) grant: Versioned<Grant>,
    pub(super) browser: SecretHash,
    client: Arc<Client>,
    language: Language,
}

/// Somebody who is signed in.
pub(super) struct Person {
    pub(super) user: User,
    pub(super) authenticated_at: NumericDate,
    /// Whether they proved it then, and were not only known elsewhere.
    pub(super) is_proved: bool,
    pub(super) identity_provider: Option<String>,
}

impl<'a> Visit<'a> {
    pub(in crate::page) async fn begin(
        server: &'a AuthorizationServer,
        request_id: CurrentRequestId,
        headers: &'a HeaderMap,
        grant: Versioned<Grant>,
        browser: SecretHash,
        address: ClientAddress,
    ) -> Result<Self, PageError> {
        let client = server.find_client(&grant.client_id, address).await?;
        let client = client.ok_or_else(|| PageError::new(Reason::UnknownClient))?;
        let language = Language::choose(grant.request.ui_locales.as_deref(), headers);
        Ok(Self {
            server,
            request_id,
            headers,
            grant,
            browser,
            client,
            language,
        })
    }

    /// The page, unless everything is known already.
    pub(super) async fn show(&self, wants_other_account: bool) -> Result<Response, PageError> {
        let prompt = self.grant.request.prompt;
        let signed_in = self.signed_in().await?;
        let person = signed_in.as_ref().filter(|person| self.is_recent(person));
        let mut is_agreed = false;
        if let Some(person) = person.filter(|_| !wants_other_account && !prompt.consent) {
            let granted = self.permitted(&person.user);
            is_agreed = self.is_agreed(person, &granted).await?;
            if is_agreed && self.is_assured() {
                return self.finish(person, granted).await;
            }
        }
        if prompt.none {
            return self.refuse_page(person.is_some(), is_agreed).await;
        }
        if person.is_none() && self.wants_fresh_sign_in() && !self.has_way_in() {
            let text = "nobody can prove here that they signed in anew";
            let error = OAuthError::login_required(text);
            return self.refuse(Reason::LoginRequired, &error, None).await;
        }
        let message = match (&signed_in, person) {
            _ if wants_other_account => None,
            (Some(_), None) => Some(Message::SignInAgain),
            (_, Some(person)) if self.lacks_everything(&person.user) => {
                Some(Message::NothingPermitted)
            }
            _ if is_agreed => Some(Message::AskedEachTime),
            _ => None,
        };
        let account = person
            .filter(|_| !wants_other_account)
            .map(|person| &person.user);
        let former = signed_in.as_ref().filter(|_| !wants_other_account);
        let former = former.map(|person| person.user.username.as_str());
        let username = former.or(self.grant.request.login_hint.as_deref());
        Ok(self.page(
            StatusCode::OK,
            &View {
                account,
                username,
                chosen: None,
                message,
            },
        ))
    }

    /// The person said yes: signs them in if they have to be, and lets the client go on.
    pub(super) async fn approve(
        &self,
        form: LoginForm,
        address: ClientAddress,
    ) -> Result<Response, PageError> {
        let Some(credentials) = &form.credentials else {
            return self.approve_as_signed_in(&form).await;
        };
        if !self.server.settings().password_sign_in {
            // The page has no fields for these.
            return Err(PageError::new(Reason::MalformedRequest));
        }
        let Credentials { username, password } = credentials;
        let again = |status, message| {
            let username = Some(username.as_str());
            let chosen = Some(&form.scope);
            self.page(
                status,
                &View {
                    account: None,
                    username,
                    chosen,
                    message: Some(message),
                },
            )
        };
        let user = match self.server.authenticate(username, password, address).await {
            Ok(Some(user)) => user,
            // Not 401, which would have to name a scheme of HTTP authentication (RFC 9110 §15.5.2).
            Ok(None) => return Ok(again(StatusCode::OK, Message::WrongPassword)),
            Err(AuthenticateError::TooManyAttempts { retry_after }) => {
                self.log(Reason::TooManyRequests, None);
                let mut page = again(StatusCode::TOO_MANY_REQUESTS, Message::TooManyAttempts);
                let seconds = HeaderValue::from(retry_after.as_secs());
                page.headers_mut().insert(RETRY_AFTER, seconds);
                return Ok(page);
            }
            Err(AuthenticateError::Store(error)) => return Err(error.into()),
            Err(AuthenticateError::Unrecorded(error)) => return Err(error.into()),
        };
        let sessions = self.server.sessions();
        let cookies = sessions
            .begin(
                &user,
                Proof::Password,
                self.browser.clone(),
                address,
                self.headers,
            )
            .await?;
        let person = Person {
            user,
            authenticated_at: self.server.now(),
            is_proved: true,
            identity_provider: None,
        };
        let mut response = self.grant_chosen(&person, &form.scope).await?;
        cookies.append_to(&mut response);
        Ok(response)
    }

    /// The person said no, and the client is told so (acceptance C5).
    pub(super) async fn deny(&self) -> Result<Response, PageError> {
        let error = OAuthError::access_denied("the person denied the request");
        self.refuse(Reason::AccessDenied, &error, None).await
    }

    async fn approve_as_signed_in(&self, form: &LoginForm) -> Result<Response, PageError> {
        let again = |account, message| {
            let chosen = Some(&form.scope);
            let view = View {
                account,
                username: None,
                chosen,
                message: Some(message),
            };
            Ok(self.page(StatusCode::OK, &view))
        };
        match self.signed_in().await? {
            None => again(None, Message::SignedOut),
            Some(person) if !self.is_recent(&person) => again(None, Message::SignInAgain),
            // Somebody signed in as another person meanwhile, in another tab: nobody must approve
            // for an account that the page did not show.
            Some(person) if form.account.as_ref() != Some(&person.user.subject) => {
                again(Some(&person.user), Message::AccountChanged)
            }
            Some(person) => self.grant_chosen(&person, &form.scope).await,
        }
    }

    /// Grants what was asked for, chosen by the person and allowed by their roles.
    pub(super) async fn grant_chosen(
        &self,
        person: &Person,
        chosen: &Scope,
    ) -> Result<Response, PageError> {
        let permitted = self.permitted(&person.user);
        let granted = if self.client.is_first_party() {
            permitted
        } else {
            // Signing in is no choice: who approves is recognized if the client asked for it.
            let openid = Scope::from_tokens(["openid"]).expect("a scope token of RFC 6749");
            permitted.intersection(&chosen.union(&openid))
        };
        if granted.is_empty() && !self.grant.request.scope.is_empty() {
            let error = OAuthError::access_denied("nothing of what was asked for was allowed");
            return self.refuse(Reason::AccessDenied, &error, None).await;
        }
        self.finish(person, granted).await
    }

    /// Moves the grant, remembers the agreement and sends the person back to the client.
    async fn finish(&self, person: &Person, scope: Scope) -> Result<Response, PageError> {
        let approval = Approval {
            subject: person.user.subject.clone(),
            scope: scope.clone(),
            authenticated_at: person.authenticated_at,
            identity_provider: person.identity_provider.clone(),
        };
        let subject = &person.user.subject;
        // Before the grant moves: what cannot be recorded does not happen, and once a grant is
        // approved, this page gives its code to whoever comes back to it.
        self.server.facts().approved(&self.grant, subject).await?;
        let approved = match self
            .server
            .grants()
            .approve(&self.grant, &self.browser, approval)
            .await
        {
            Ok(grant) => grant,
            Err(GrantError::Refused { reason, .. }) => {
                self.server.facts().not_approved(&self.grant, reason);
                return match reason {
                    Reason::AuthorizationRequestExpired => Ok(self.to_what_became_of_it()),
                    _ => Err(PageError::new(reason)),
                };
            }
            Err(GrantError::Store(error)) => return Err(error.into()),
        };
        // After the grant: a crash in between means to be asked again, not to have agreed unasked.
        if !self.client.is_first_party() {
            self.server
                .consents()
                .record(self.consent_key(&person.user), &scope)
                .await?;
        }
        tracing::info!(
            client.id = self.client.client_id,
            grant.id = approved.id,
            subject = person.user.subject,
            "authorization request approved"
        );
        Ok(with_security_headers(
            self.server.authorization_response(&approved),
        ))
    }

    /// `prompt=none`: the client learns why there would have been a page (`OpenID` Connect Core
    /// §3.1.2.6).
    async fn refuse_page(
        &self,
        is_signed_in: bool,
        is_agreed: bool,
    ) -> Result<Response, PageError> {
        let (reason, error) = if is_signed_in {
            let text = if is_agreed {
                "the person is asked each time, since another program could pretend to be this client"
            } else {
                "the person has not agreed to this yet"
            };
            (Reason::ConsentRequired, OAuthError::consent_required(text))
        } else {
            (
                Reason::LoginRequired,
                OAuthError::login_required("nobody is signed in"),
            )
        };
        self.refuse(reason, &error, None).await
    }

    /// Ends the grant and tells the client, with the id that finds the reason in the log (C8).
    pub(super) async fn refuse(
        &self,
        reason: Reason,
        error: &OAuthError,
        cause: Option<&IdentityProviderError>,
    ) -> Result<Response, PageError> {
        if !self.server.grants().deny(&self.grant).await? {
            return Ok(self.to_what_became_of_it());
        }
        self.log(reason, cause);
        self.server.facts().not_approved(&self.grant, reason);
        let description = format!(
            "{} (request {})",
            error.description,
            self.request_id.as_str()
        );
        let error = OAuthError::new(error.code, description);
        let response = self.server.authorization_error(&self.grant, &error);
        Ok(with_security_headers(response))
    }

    pub(super) fn log(&self, reason: Reason, cause: Option<&IdentityProviderError>) {
        tracing::info!(
            request.id = self.request_id.as_str(),
            client.id = self.client.client_id,
            grant.id = self.grant.id,
            reason = reason.as_str(),
            cause = cause.map(ToString::to_string),
            "authorization request refused: {}",
            reason.as_str()
        );
    }

    /// Who is signed in in this browser, with the password that is still theirs.
    async fn signed_in(&self) -> Result<Option<Person>, StoreError> {
        let signed_in = self.server.signed_in(self.headers).await?;
        Ok(signed_in.map(|(user, session)| Person {
            user,
            authenticated_at: session.authenticated_at,
            is_proved: session.is_proved,
            identity_provider: session.record.identity_provider,
        }))
    }

    /// Whether the person signed in recently enough for this client (`prompt=login`, `max_age`).
    fn is_recent(&self, person: &Person) -> bool {
        let request = &self.grant.request;
        let age = self.server.now().since(person.authenticated_at).as_secs();
        let is_young = request
            .max_age
            .is_none_or(|max_age| max_age > 0 && age <= max_age);
        let is_answer = person.authenticated_at > self.grant.created_at;
        let is_proof = person.is_proved && (is_answer || (is_young && !request.prompt.login));
        is_proof || !self.wants_fresh_sign_in()
    }

    /// Whether being signed in at an identity provider may not be enough for this client, either.
    pub(super) fn wants_fresh_sign_in(&self) -> bool {
        self.grant.request.prompt.login || self.grant.request.max_age.is_some()
    }

    /// Whether people may sign in with `provider` for this client: if they have to do it anew, only
    /// where that is proved.
    pub(super) fn admits(&self, provider: &IdentityProvider) -> bool {
        provider.proves_fresh_sign_in() || !self.wants_fresh_sign_in()
    }

    /// Whether there is a way to sign in for this client.
    fn has_way_in(&self) -> bool {
        let mut providers = self.server.identity_providers().ways_in();
        self.server.settings().password_sign_in || providers.any(|provider| self.admits(provider))
    }

    /// Whether nothing of this is new: the client is the operator's own, or the person agreed to all
    /// of it before.
    async fn is_agreed(&self, person: &Person, granted: &Scope) -> Result<bool, StoreError> {
        if granted.is_empty() || self.client.is_first_party() {
            return Ok(!granted.is_empty());
        }
        let given = self
            .server
            .consents()
            .given(self.consent_key(&person.user))
            .await?;
        Ok(granted.is_subset(&given))
    }

    /// Whether the answer reaches the client that the person agreed to, and no other program.
    fn is_assured(&self) -> bool {
        let redirect_uri = self.grant.request.delivery.redirect_uri();
        redirect_uri.is_some_and(|uri| self.client.is_assured_at(uri))
    }

    fn consent_key<'b>(&'b self, user: &'b User) -> ConsentKey<'b> {
        let request = &self.grant.request;
        ConsentKey {
            subject: &user.subject,
            client_id: &self.client.client_id,
            redirect_uri: request.delivery.redirect_uri(),
            resource: &request.resource,
            since: self.client.began(),
        }
    }

    /// What was asked for and this person may allow.
    fn permitted(&self, user: &User) -> Scope {
        let permitted = user.permitted_scope(&self.server.catalog());
        self.grant.request.scope.intersection(&permitted)
    }

    fn lacks_everything(&self, user: &User) -> bool {
        !self.grant.request.scope.is_empty() && self.permitted(user).is_empty()
    }

    /// Somebody answered in another tab meanwhile; the page says how that ended.
    fn to_what_became_of_it(&self) -> Response {
        with_security_headers(self.server.to_page_of(&self.grant))
    }

    pub(super) fn page(&self, status: StatusCode, view: &View<'_>) -> Response {
        let catalog = self.server.catalog();
        let page = LoginPage::new(&catalog, self.language, &self.grant, &self.client, view)
            .with_ways_in(
                self.server.settings().password_sign_in,
                self.server
                    .identity_providers()
                    .ways_in()
                    .filter(|provider| self.admits(provider)),
            );
        respond(status, self.language, &page)
    }
}
