//! Browser sessions: who is signed in where (`OpenID` Connect Core §2, `auth_time`).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, header};
use oauth::random::Random;
use oauth::secret::{Secret, SecretHash};
use oauth::time::{Clock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, ListBy, Record, SharedStore, StoreError, Versioned};

use crate::address::ClientAddress;
use crate::cookies::{Cookies, SetCookies};
use crate::server::AuthorizationServer;
use crate::settings::Settings;
use crate::user::User;

/// Somebody is signed in in a browser. The store knows the session by the hash of its cookie.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BrowserSession {
    pub(crate) subject: String,
    /// When the person proved who they are.
    pub(crate) authenticated_at: NumericDate,
    /// Whether they did so then and there: with a password, or at an identity provider that had to
    /// ask them anew and has proved that it did. Else they may have been signed in there for days.
    #[serde(default)]
    pub(crate) is_proved: bool,
    /// The identity provider they did so at, if it was not here with a password.
    #[serde(default)]
    pub(crate) identity_provider: Option<String>,
    /// From which address.
    pub(crate) address: Option<IpAddr>,
    /// What their browser called itself.
    pub(crate) user_agent: Option<String>,
    /// The browser, as its binding cookie names it.
    pub(crate) browser: SecretHash,
    /// Which password of the person was theirs.
    pub(crate) password_generation: Option<u64>,
    pub(crate) expires_at: NumericDate,
}

/// How a person has proved who they are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proof<'a> {
    /// With their password, just now.
    Password,
    /// At an identity provider.
    Elsewhere {
        provider: &'a str,
        /// When they signed in there, if the provider had to ask them anew and has proved it.
        signed_in_at: Option<NumericDate>,
    },
}

impl Record for BrowserSession {
    const KIND: Kind = Kind::new("browser_session");
    const SEALED: bool = true;

    fn owner(&self) -> Option<&str> {
        Some(&self.subject)
    }

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }

    fn may_be_lost(&self) -> bool {
        // Then the person signs in again.
        true
    }
}

impl BrowserSession {
    /// Whether `user` signed in here while the password was theirs that still is.
    pub(crate) fn is_of(&self, user: &User) -> bool {
        self.subject == user.subject && self.password_generation == Some(user.password_generation())
    }
}

/// All browser sessions, and the cookies that carry them.
#[derive(Debug)]
pub(crate) struct BrowserSessions {
    records: Collection<BrowserSession>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    lifetime: Duration,
    cookies: Cookies,
}

/// How much of a `User-Agent` is worth remembering.
const USER_AGENT_LENGTH: usize = 256;

impl BrowserSessions {
    pub(crate) fn new(
        settings: &Settings,
        store: &SharedStore,
        keys: &Arc<KeyRing>,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> Self {
        Self {
            records: Collection::new(Arc::clone(store), Arc::clone(keys)),
            clock: Arc::clone(clock),
            random: Arc::clone(random),
            lifetime: settings.lifetimes.browser_session,
            cookies: Cookies::of(settings),
        }
    }

    /// The secret that tells this browser from every other, if it has been given one.
    pub(crate) fn browser(&self, headers: &HeaderMap) -> Option<Secret> {
        self.cookies.browser(headers)
    }

    /// A secret for a browser that has none, and the cookies that give it.
    pub(crate) fn new_browser(&self) -> (Secret, SetCookies) {
        let secret = Secret::random(&*self.random);
        let cookies = self.cookies.set_browser(&secret);
        (secret, cookies)
    }

    /// The browser that comes here by itself, with the cookies that it gets when it has none; nothing
    /// where that cannot be told.
    ///
    /// Whoever asks may also be a program that hands its answer to a browser. A browser says that it
    /// goes to a page (Fetch Metadata), and then the same one asks for the next page with its cookies.
    pub(crate) fn navigating(
        &self,
        headers: &HeaderMap,
    ) -> Option<(SecretHash, Option<SetCookies>)> {
        let says = |name: &str, word: &str| headers.get(name).is_some_and(|value| value == word);
        let is_navigation =
            says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document");
        if !is_navigation || !self.cookies.reach_the_host() {
            return None;
        }
        if let Some(browser) = self.browser(headers) {
            return Some((browser.hash(), None));
        }
        let (browser, cookies) = self.new_browser();
        Some((browser.hash(), Some(cookies)))
    }

    /// The session of this browser, unless it has ended.
    pub(crate) async fn find(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Versioned<BrowserSession>>, StoreError> {
        let Some(id) = self.cookies.session(headers) else {
            return Ok(None);
        };
        self.records.get(id.hash().as_str()).await
    }

    /// Every session in which a person is signed in, newest first.
    pub(crate) async fn of(
        &self,
        user: &User,
    ) -> Result<Vec<Versioned<BrowserSession>>, StoreError> {
        let mut sessions = self.records.all(ListBy::Owner(&user.subject)).await?;
        sessions.retain(|session| session.is_of(user));
        Ok(sessions)
    }

    /// Ends the session `id` if it belongs to `subject`; `false` when they have none of that name.
    pub(crate) async fn end(&self, subject: &str, id: &str) -> Result<bool, StoreError> {
        let session = self.records.get(id).await?;
        let is_theirs = session.is_some_and(|session| session.subject == subject);
        if is_theirs {
            self.records.remove(id).await?;
        }
        Ok(is_theirs)
    }

    /// Ends every session of `subject`, except the one called `kept`.
    pub(crate) async fn end_all(
        &self,
        subject: &str,
        kept: Option<&str>,
    ) -> Result<(), StoreError> {
        for session in self.records.all(ListBy::Owner(subject)).await? {
            if kept != Some(&*session.key) {
                self.records.remove(&session.key).await?;
            }
        }
        Ok(())
    }

    /// The cookies by which a browser forgets the session that it had.
    pub(crate) fn forget(&self) -> SetCookies {
        self.cookies.forget_session()
    }

    /// Somebody has signed in: ends the session that this browser had and begins one under a new
    /// id, so that an id planted before is worth nothing. Returns the cookies.
    pub(crate) async fn begin(
        &self,
        user: &User,
        proof: Proof<'_>,
        browser: SecretHash,
        address: ClientAddress,
        headers: &HeaderMap,
    ) -> Result<SetCookies, StoreError> {
        if let Some(before) = self.cookies.session(headers) {
            self.records.remove(before.hash().as_str()).await?;
        }
        let now = self.clock.now();
        let (identity_provider, signed_in_at) = match proof {
            Proof::Password => (None, Some(now)),
            Proof::Elsewhere {
                provider,
                signed_in_at,
            } => (Some(provider.to_owned()), signed_in_at),
        };
        let user_agent = headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok());
        let session = BrowserSession {
            subject: user.subject.clone(),
            authenticated_at: signed_in_at.unwrap_or(now),
            is_proved: signed_in_at.is_some(),
            identity_provider,
            address: address.0,
            user_agent: user_agent.map(|agent| agent.chars().take(USER_AGENT_LENGTH).collect()),
            browser,
            password_generation: Some(user.password_generation()),
            expires_at: now.plus(self.lifetime),
        };
        let id = Secret::random(&*self.random);
        self.records.put(id.hash().as_str(), &session).await?;
        Ok(self.cookies.set_session(&id, self.lifetime))
    }
}

impl AuthorizationServer {
    /// Who is signed in in this browser, in the way that is still theirs.
    pub(crate) async fn signed_in(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<(User, Versioned<BrowserSession>)>, StoreError> {
        let Some(session) = self.sessions().find(headers).await? else {
            return Ok(None);
        };
        let user = self.users().find(&session.subject).await?;
        let user = user.filter(|user| session.is_of(user));
        Ok(user.map(|user| (user, session)))
    }
}
