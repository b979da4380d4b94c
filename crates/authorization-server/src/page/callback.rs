//! Where identity providers send people back to (RFC 6749 §4.1.2, RFC 9700 §4.4, §4.7).
//!
//! Each provider has a callback of its own, so an answer of one can never be taken for the answer
//! of another (mix-up), and an answer counts only in the browser that left (login CSRF).

use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use oauth::client::authorization::CallbackAnswer;
use oauth::time::NumericDate;
use store::Versioned;
use tracing::Instrument as _;

use crate::address::ClientAddress;
use crate::error::PageError;
use crate::finish::CurrentRequestId;
use crate::form::Parameters;
use crate::grant::{self, Grant};
use crate::html::{waiting_page, with_security_headers};
use crate::identity_provider::{Arrival, IdentityProvider, IdentityProviderError};
use crate::invitation::InvitationId;
use crate::login_state::{LoginState, Purpose, Spent};
use crate::page::account::{Notice, OwnPage};
use crate::page::login::Visit;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::text::Language;
use crate::user::IdentityError;

/// How long working through an answer may take, with every request to the provider.
const FINISHING: Duration = Duration::from_secs(30);

/// Takes the answer of a provider.
pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    request_id: CurrentRequestId,
    address: ClientAddress,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let answer = read(query.as_deref().unwrap_or_default())?;
    let unknown = || PageError::new(Reason::LoginStateUnknown);
    let state = answer.state.as_deref().ok_or_else(unknown)?;
    let found = server.login_states().find(state).ok_or_else(unknown)?;
    // RFC 9700 §4.4.2.2: the answer must come to the callback of the provider that was asked.
    if found.provider != provider {
        return Err(PageError::new(Reason::OtherIdentityProvider));
    }
    // RFC 9700 §4.7: who is led here with somebody else's answer would act under their name.
    let browser = server.sessions().browser(&headers);
    if browser.map(|browser| browser.hash()).as_ref() != Some(&found.browser) {
        return Err(PageError::new(Reason::OtherBrowser));
    }
    let arrival = Return {
        server: server.clone(),
        request_id,
        address,
        headers,
        found,
    };
    // A browser that asks twice gives up its first request. What that one began goes on to its end
    // even so, because the code of the provider is good for one use.
    // On the heap at once: it is large, and is handed on several times until it runs.
    let work = Box::pin(async move { arrival.take(&answer).await }).in_current_span();
    let done = server.tasks().spawn(work).await;
    done.map_err(|error| PageError::new(Reason::Internal).with_cause(error))?
}

/// The parameters of the answer, none of them twice (RFC 6749 §3.1).
fn read(query: &str) -> Result<CallbackAnswer, PageError> {
    let parameters = Parameters::parse(query.as_bytes());
    let parameters = parameters.map_err(|error| PageError::new(error.reason))?;
    let value = |name: &str| parameters.get(name).map(str::to_owned);
    Ok(CallbackAnswer {
        code: value("code"),
        state: value("state"),
        iss: value("iss"),
        error: value("error"),
        error_description: value("error_description"),
    })
}

/// Somebody who is back, in the browser that left.
struct Return {
    server: AuthorizationServer,
    request_id: CurrentRequestId,
    address: ClientAddress,
    headers: HeaderMap,
    found: LoginState,
}

impl Return {
    async fn take(&self, answer: &CallbackAnswer) -> Result<Response, PageError> {
        if let Spent::Before(since) = self.server.login_states().spend(&self.found).await? {
            return self.again(since).await;
        }
        let provider = self.server.identity_providers().get(&self.found.provider);
        // An operator may have taken it out of the settings meanwhile.
        let provider = provider.ok_or_else(|| PageError::new(Reason::LoginStateUnknown))?;
        // Or have decided that nobody signs in with it.
        if !provider.signs_in() && !matches!(self.found.purpose, Purpose::Connect { .. }) {
            return Err(PageError::new(Reason::LoginStateUnknown));
        }
        let state = answer.state.as_deref().unwrap_or_default();
        let finish = || provider.finish(&self.found.leg, state, answer);
        match &self.found.purpose {
            Purpose::Approve { grant_id, chosen } => {
                let grant = self.find_grant(grant_id).await?;
                if !matches!(grant.stage, grant::Stage::Pending { .. }) {
                    // Answered meanwhile, in another tab.
                    return Ok(self.to_page_of(&grant));
                }
                let Self {
                    server,
                    request_id,
                    headers,
                    ..
                } = self;
                let browser = self.found.browser.clone();
                let visit = Visit::begin(
                    server,
                    request_id.clone(),
                    headers,
                    grant,
                    browser,
                    self.address,
                )
                .await?;
                match finish().await {
                    Ok(arrival) => visit.arrive(provider, arrival, chosen, self.address).await,
                    Err(error) => visit.turn_away(&error).await,
                }
            }
            Purpose::Connect {
                subject,
                invitation,
            } => match finish().await {
                Ok(arrival) => self.connect(subject, *invitation, provider, arrival).await,
                // They changed their mind, which is no error.
                Err(IdentityProviderError::Denied { .. }) => {
                    Ok(self.after_connecting(*invitation, None))
                }
                Err(error) => Err(PageError::new(error.reason()).with_cause(error)),
            },
            Purpose::SignIn { to } => match finish().await {
                Ok(arrival) => self.sign_in(*to, provider, arrival).await,
                Err(IdentityProviderError::Denied { .. }) => {
                    Ok(self.server.to_own_sign_in(*to, None))
                }
                Err(error) => Err(PageError::new(error.reason()).with_cause(error)),
            },
        }
    }

    /// Whoever asks again is led to what became of the first request.
    async fn again(&self, since: NumericDate) -> Result<Response, PageError> {
        let grant_id = match &self.found.purpose {
            Purpose::Approve { grant_id, .. } => grant_id,
            Purpose::Connect { invitation, .. } => {
                return Ok(self.after_connecting(*invitation, None));
            }
            // It shows the way to sign in to whoever missed the answer to the first request.
            Purpose::SignIn { to } => return Ok(self.server.to_own_page(*to, None)),
        };
        let grant = self.find_grant(grant_id).await?;
        let is_pending = matches!(grant.stage, grant::Stage::Pending { .. });
        if is_pending && self.server.now().since(since) < FINISHING {
            let language = Language::choose(grant.request.ui_locales.as_deref(), &self.headers);
            return Ok(waiting_page(language));
        }
        Ok(self.to_page_of(&grant))
    }

    /// Connects the account that the person has just proved to be theirs.
    async fn connect(
        &self,
        subject: &str,
        invitation: Option<InvitationId>,
        provider: &IdentityProvider,
        arrival: Arrival,
    ) -> Result<Response, PageError> {
        // Whoever signed out meanwhile, or is somebody else now, connects nothing.
        let session = self.server.sessions().find(&self.headers).await?;
        let user = self.server.users().find(subject).await?;
        let is_there = session
            .zip(user)
            .is_some_and(|(session, user)| session.is_of(&user));
        if !is_there {
            return Err(PageError::new(Reason::LoginRequired));
        }
        let users = self.server.users();
        let connected = users
            .connect(subject, provider.id(), &arrival.identity)
            .await;
        if let Err(error) = connected {
            let reason = match &error {
                IdentityError::Taken => Reason::IdentityTaken,
                IdentityError::AlreadyConnected(_) => Reason::IdentityAlreadyConnected,
                IdentityError::Store(_) => Reason::StoreFailed,
                _ => Reason::Internal,
            };
            return Err(PageError::new(reason).with_cause(error));
        }
        let vault = self.server.vault();
        vault
            .put(subject, provider.id(), &arrival.credential)
            .await?;
        tracing::info!(
            provider = provider.id(),
            subject,
            "identity provider connected"
        );
        let notice = if provider.signs_in() {
            Notice::Connected
        } else {
            Notice::AccountConnected
        };
        Ok(self.after_connecting(invitation, Some(notice)))
    }

    /// Signs the person in for the page about their account that they wanted to see.
    async fn sign_in(
        &self,
        to: OwnPage,
        provider: &IdentityProvider,
        arrival: Arrival,
    ) -> Result<Response, PageError> {
        let browser = self.found.browser.clone();
        let (user, cookies) = self
            .server
            .sign_in_from(provider, arrival, browser, self.address, &self.headers)
            .await?;
        let mut response = self.server.to_own_page(to, None);
        cookies.append_to(&mut response);
        tracing::info!(
            provider = provider.id(),
            subject = user.subject,
            "signed in for the own account"
        );
        Ok(response)
    }

    async fn find_grant(&self, id: &str) -> Result<Versioned<Grant>, PageError> {
        let grant = self.server.grants().find(id).await?;
        grant.ok_or_else(|| PageError::new(Reason::AuthorizationRequestExpired))
    }

    /// The sign-in page knows the answer to whoever comes back to it.
    fn to_page_of(&self, grant: &Grant) -> Response {
        with_security_headers(self.server.to_page_of(grant))
    }

    /// To the page that the person came from; that of an invitation says by itself how it ended.
    fn after_connecting(
        &self,
        invitation: Option<InvitationId>,
        notice: Option<Notice>,
    ) -> Response {
        match invitation {
            Some(id) => self.server.to_own_page(OwnPage::Connect(id), None),
            None => self.server.to_own_page(OwnPage::Overview, notice),
        }
    }
}
