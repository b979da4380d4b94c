//! The cookies of the pages: how they are called and where they go (RFC 6265bis).
//!
//! Two cookies exist: one tells a browser from every other, one carries a browser session. A page
//! that reads them adds its path to [`PAGES`]; nothing else has to be done. Whoever sets one gets
//! [`SetCookies`] and puts it on the answer by [`SetCookies::append_to`].

use std::time::Duration;

use axum::response::Response;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use oauth::secret::Secret;

use crate::settings::Settings;

/// The pages that read cookies, under the path of the issuer.
///
/// Over https a cookie goes to the whole host and to no other. Plain http is for this machine,
/// where a host's cookies go to every port, and so to native clients that listen on the same host
/// for their answers. There each cookie is set once per page, with the path of that page alone.
/// A path that ends in `/` covers what lies below it and not the bare name, so `/callback/naver`
/// of ours gets the cookies and `/callback` of a client does not.
const PAGES: [&str; 5] = ["/login", "/callback/", "/device", "/logout", "/account"];

/// One value of a cookie, as it is set for every page that reads it.
#[derive(Debug)]
pub(crate) struct SetCookies(Vec<HeaderValue>);

impl SetCookies {
    /// Puts the cookies on an answer that stands already.
    pub(crate) fn append_to(self, response: &mut Response) {
        for cookie in self.0 {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

/// How the cookies are called and where they go.
#[derive(Debug)]
pub(crate) struct Cookies {
    browser: &'static str,
    session: &'static str,
    /// One entry per place that a cookie goes to.
    attributes: Vec<String>,
    reach_the_host: bool,
}

impl Cookies {
    pub(crate) fn of(settings: &Settings) -> Self {
        let attributes = "HttpOnly; SameSite=Lax";
        let scheme = settings.issuer.as_str().get(..8).unwrap_or_default();
        if scheme.eq_ignore_ascii_case("https://") {
            // The prefix makes the browser refuse a cookie of this name from any other host.
            return Self {
                browser: "__Host-sumun-browser",
                session: "__Host-sumun-session",
                attributes: vec![format!("Path=/; Secure; {attributes}")],
                reach_the_host: true,
            };
        }
        let base = settings.issuer.base_path();
        let of_page = |page: &str| format!("Path={base}{page}; {attributes}");
        Self {
            browser: "sumun-browser",
            session: "sumun-session",
            attributes: PAGES.into_iter().map(of_page).collect(),
            reach_the_host: false,
        }
    }

    /// Whether cookies come back to every address of this host, not to [`PAGES`] alone.
    pub(crate) fn reach_the_host(&self) -> bool {
        self.reach_the_host
    }

    /// The secret that tells this browser from every other.
    pub(crate) fn browser(&self, headers: &HeaderMap) -> Option<Secret> {
        read(headers, self.browser)
    }

    /// The id of the browser session.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<Secret> {
        read(headers, self.session)
    }

    /// Without a lifetime: the browser forgets it when it is closed.
    pub(crate) fn set_browser(&self, secret: &Secret) -> SetCookies {
        self.set(self.browser, secret.expose(), "")
    }

    pub(crate) fn set_session(&self, id: &Secret, lifetime: Duration) -> SetCookies {
        let max_age = format!("; Max-Age={}", lifetime.as_secs());
        self.set(self.session, id.expose(), &max_age)
    }

    /// The browser forgets its session at once.
    pub(crate) fn forget_session(&self) -> SetCookies {
        self.set(self.session, "", "; Max-Age=0")
    }

    fn set(&self, name: &str, value: &str, max_age: &str) -> SetCookies {
        let one = |attributes: &String| {
            let cookie = format!("{name}={value}; {attributes}{max_age}");
            let mut cookie = HeaderValue::from_str(&cookie)
                .expect("names, base64url and the path of a parsed URL are visible ASCII");
            cookie.set_sensitive(true);
            cookie
        };
        SetCookies(self.attributes.iter().map(one).collect())
    }
}

/// A cookie that has the form of the secrets that are made here; anything else is not ours.
fn read(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let lines = headers.get_all(COOKIE).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    // Of two with the same name the last one counts.
    let (_, value) = pairs.rfind(|(found, _)| *found == name)?;
    let is_base64url = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    (value.len() == 43 && value.bytes().all(is_base64url)).then(|| Secret::from(value))
}

#[cfg(test)]
mod tests {
    use oauth::issuer::Issuer;
    use oauth::random::OsRandom;

    use super::*;

    fn cookies(issuer: &str) -> Cookies {
        Cookies::of(&Settings::new(Issuer::parse(issuer).unwrap(), Vec::new()))
    }

    fn lines(cookies: &SetCookies) -> Vec<String> {
        let lines = cookies.0.iter().map(|line| line.to_str().unwrap());
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn https_cookies_are_bound_to_the_host() {
        let cookies = cookies("https://a.example/tenant");
        let minute = Duration::from_mins(1);
        assert_eq!(
            lines(&cookies.set_session(&Secret::from("v"), minute)),
            ["__Host-sumun-session=v; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60"]
        );
    }

    #[test]
    fn loopback_cookies_do_not_reach_a_clients_callback() {
        let cookies = cookies("http://127.0.0.1:8080/tenant");
        let set = lines(&cookies.set_browser(&Secret::from("v")));
        let paths = set.iter().map(|line| {
            let path = line.strip_prefix("sumun-browser=v; Path=").unwrap();
            path.strip_suffix("; HttpOnly; SameSite=Lax").unwrap()
        });
        let expected = ["/login", "/callback/", "/device", "/logout", "/account"];
        assert!(paths.eq(expected.map(|page| format!("/tenant{page}"))));
        // RFC 6265 §5.1.4: `/callback` is neither one of these paths nor below one.
        assert!(!expected.contains(&"/callback") && !expected.contains(&"/"));
    }

    #[test]
    fn cookies_are_found_wherever_they_stand() {
        let (one, two) = ("1".repeat(43), "2".repeat(43));
        for (lines, found) in [
            (vec![format!("name={one}")], Some(&one)),
            (vec![format!("a=b; name={one};c=d")], Some(&one)),
            (vec!["a=b".to_owned(), format!("name={one}")], Some(&one)),
            (vec![format!("name={one}; name={two}")], Some(&two)),
            (vec![format!("other-name={one}; name2={one}; name")], None),
            (vec![format!("name=={one}")], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in &lines {
                headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
            }
            let read = read(&headers, "name");
            let read = read.as_ref().map(Secret::expose);
            assert_eq!(read, found.map(String::as_str), "{lines:?}");
        }
    }

    #[test]
    fn only_cookies_in_our_form_are_read() {
        let secret = Secret::random(&OsRandom);
        let long = format!("{}x", secret.expose());
        for (value, ours) in [(secret.expose(), true), ("short", false), (&long, false)] {
            let mut headers = HeaderMap::new();
            let line = format!("other=1; name={value}");
            headers.insert(COOKIE, HeaderValue::from_str(&line).unwrap());
            assert_eq!(read(&headers, "name").is_some(), ours, "{value}");
        }
    }
}
