//! Browser sessions and the cookies of the pages (RFC 6265bis).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum_extra::extract::CookieJar;
use http::{HeaderMap, HeaderValue, header};
use oauth::random::Random;
use oauth::secret::{Secret, SecretHash};
use oauth::time::{Clock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, Record, SharedStore, StoreError};

use crate::address::ClientAddress;
use crate::settings::Settings;
use crate::user::User;

/// Somebody is signed in in a browser. The store knows the session by the hash of its cookie.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BrowserSession {
    pub(crate) subject: String,
    /// When the person proved who they are.
    pub(crate) authenticated_at: NumericDate,
    /// Where they did so.
    pub(crate) address: Option<IpAddr>,
    /// What their browser called itself.
    pub(crate) user_agent: Option<String>,
    /// The browser, as its binding cookie names it.
    pub(crate) browser: SecretHash,
    pub(crate) expires_at: NumericDate,
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
}

impl BrowserSession {
    /// Whether `user` signed in here with the password that is still theirs.
    pub(crate) fn is_of(&self, user: &User) -> bool {
        self.subject == user.subject && self.authenticated_at >= user.password_set_at()
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
        read(headers, self.cookies.browser)
    }

    /// A secret for a browser that has none, and the cookie that gives it.
    pub(crate) fn new_browser(&self) -> (Secret, HeaderValue) {
        let secret = Secret::random(&*self.random);
        // Without a lifetime: the browser forgets it when it is closed.
        let cookie = self.cookies.write(self.cookies.browser, &secret, None);
        (secret, cookie)
    }

    /// The session of this browser, unless it has ended.
    pub(crate) async fn find(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<BrowserSession>, StoreError> {
        let Some(id) = read(headers, self.cookies.session) else {
            return Ok(None);
        };
        let session = self.records.get(id.hash().as_str()).await?;
        Ok(session.map(|session| session.record))
    }

    /// Somebody has signed in: ends the session that this browser had and begins one under a new
    /// id, so that an id planted before is worth nothing. Returns the cookie.
    pub(crate) async fn begin(
        &self,
        user: &User,
        browser: SecretHash,
        address: ClientAddress,
        headers: &HeaderMap,
    ) -> Result<HeaderValue, StoreError> {
        if let Some(before) = read(headers, self.cookies.session) {
            self.records.remove(before.hash().as_str()).await?;
        }
        let now = self.clock.now();
        let user_agent = headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok());
        let session = BrowserSession {
            subject: user.subject.clone(),
            authenticated_at: now,
            address: address.0,
            user_agent: user_agent.map(|agent| agent.chars().take(USER_AGENT_LENGTH).collect()),
            browser,
            expires_at: now.plus(self.lifetime),
        };
        let id = Secret::random(&*self.random);
        self.records.put(id.hash().as_str(), &session).await?;
        Ok(self
            .cookies
            .write(self.cookies.session, &id, Some(self.lifetime)))
    }
}

/// How the cookies are called and where they go.
#[derive(Debug)]
struct Cookies {
    browser: &'static str,
    session: &'static str,
    attributes: String,
}

impl Cookies {
    fn of(settings: &Settings) -> Self {
        let attributes = "HttpOnly; SameSite=Lax";
        let scheme = settings.issuer.as_str().get(..8).unwrap_or_default();
        if scheme.eq_ignore_ascii_case("https://") {
            // The prefix makes the browser refuse a cookie of this name from any other host.
            return Self {
                browser: "__Host-sumun-browser",
                session: "__Host-sumun-session",
                attributes: format!("Path=/; Secure; {attributes}"),
            };
        }
        // Plain http is for this machine, where a host's cookies go to every port: a path keeps
        // them from the callback of a native client, which listens on the same host.
        let path = format!("{}/login", settings.issuer.base_path());
        Self {
            browser: "sumun-browser",
            session: "sumun-session",
            attributes: format!("Path={path}; {attributes}"),
        }
    }

    fn write(&self, name: &str, value: &Secret, lifetime: Option<Duration>) -> HeaderValue {
        let max_age = lifetime.map(|lifetime| format!("; Max-Age={}", lifetime.as_secs()));
        let (value, attributes) = (value.expose(), &self.attributes);
        let cookie = format!(
            "{name}={value}; {attributes}{}",
            max_age.unwrap_or_default()
        );
        let mut cookie = HeaderValue::from_str(&cookie)
            .expect("names, base64url and the path of a parsed URL are visible ASCII");
        cookie.set_sensitive(true);
        cookie
    }
}

/// A cookie that has the form of the secrets that are made here; anything else is not ours.
fn read(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let jar = CookieJar::from_headers(headers);
    let value = jar.get(name)?.value();
    let is_base64url = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    (value.len() == 43 && value.bytes().all(is_base64url)).then(|| Secret::from(value))
}

#[cfg(test)]
mod tests {
    use oauth::issuer::Issuer;
    use oauth::random::OsRandom;

    use super::*;

    fn cookie(issuer: &str, lifetime: Option<Duration>) -> String {
        let settings = Settings::new(Issuer::parse(issuer).unwrap(), Vec::new());
        let cookies = Cookies::of(&settings);
        let cookie = cookies.write(cookies.session, &Secret::from("v"), lifetime);
        cookie.to_str().unwrap().to_owned()
    }

    #[test]
    fn https_cookies_are_bound_to_the_host() {
        assert_eq!(
            cookie("https://a.example/tenant", Some(Duration::from_mins(1))),
            "__Host-sumun-session=v; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60"
        );
    }

    #[test]
    fn loopback_cookies_do_not_reach_a_clients_callback() {
        assert_eq!(
            cookie("http://127.0.0.1:8080", None),
            "sumun-session=v; Path=/login; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn only_cookies_in_our_form_are_read() {
        let secret = Secret::random(&OsRandom);
        let long = format!("{}x", secret.expose());
        for (value, ours) in [(secret.expose(), true), ("short", false), (&long, false)] {
            let mut headers = HeaderMap::new();
            let line = format!("other=1; name={value}");
            headers.insert(header::COOKIE, HeaderValue::from_str(&line).unwrap());
            assert_eq!(read(&headers, "name").is_some(), ours, "{value}");
        }
    }
}
