//! A browser without pictures: it keeps cookies, follows links inside the house and fills in forms.

use std::collections::BTreeMap;

use axum::body::Body;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{Request, StatusCode};
use oauth::messages::TokenResponse;
use oauth::pkce::CodeVerifier;

use crate::house::{
    Answer, CLIENT, House, ISSUER, PASSWORD, REDIRECT, SITE, SITE_CLIENT, TODO, encode,
};

/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// What the public client asks for, unless a test changes it.
pub(crate) fn request() -> BTreeMap<&'static str, String> {
    let challenge = CodeVerifier::parse(VERIFIER).unwrap().challenge();
    BTreeMap::from([
        ("response_type", "code".to_owned()),
        ("client_id", CLIENT.to_owned()),
        ("redirect_uri", REDIRECT.to_owned()),
        ("scope", "create:todos read:todos".to_owned()),
        ("state", "st4te".to_owned()),
        ("code_challenge", challenge.as_str().to_owned()),
        ("code_challenge_method", "S256".to_owned()),
        ("resource", TODO.to_owned()),
    ])
}

/// The same request of a client that answers reach at its site, and nobody else.
pub(crate) fn at_site(
    mut request: BTreeMap<&'static str, String>,
) -> BTreeMap<&'static str, String> {
    request.insert("client_id", SITE_CLIENT.to_owned());
    request.insert("redirect_uri", SITE.to_owned());
    request
}

/// The token request that belongs to [`request`].
pub(crate) fn redemption(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]
}

/// The address of an authorization request.
pub(crate) fn authorize(request: &BTreeMap<&str, String>) -> String {
    let pairs: Vec<_> = request
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    format!("/authorize?{}", encode(&pairs))
}

#[derive(Clone)]
pub(crate) struct Browser<'a> {
    house: &'a House,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(house: &'a House) -> Self {
        Self {
            house,
            cookies: BTreeMap::new(),
        }
    }

    /// Opens a page and stays on it; redirects are not followed.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header(COOKIE, self.cookie_header());
        let answer = self.house.send(request.body(Body::empty()).unwrap()).await;
        self.keep_cookies(&answer);
        answer
    }

    /// Goes to an address as a browser does that says so (Fetch Metadata).
    pub(crate) async fn navigate(&mut self, path: &str, destination: &str) -> Answer {
        let request = Request::get(path)
            .header(COOKIE, self.cookie_header())
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", destination);
        let answer = self.house.send(request.body(Body::empty()).unwrap()).await;
        self.keep_cookies(&answer);
        answer
    }

    /// Sends a form, as the page it belongs to would.
    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = Request::post(path)
            .header(COOKIE, self.cookie_header())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .header("origin", ISSUER);
        let answer = self
            .house
            .send(request.body(encode(form).into()).unwrap())
            .await;
        self.keep_cookies(&answer);
        answer
    }

    /// Follows an authorization request to its first page, or to the redirect if there is none.
    pub(crate) async fn open(&mut self, request: &BTreeMap<&str, String>) -> (String, Answer) {
        let begun = self.get(&authorize(request)).await;
        let location = begun.location();
        if !location.as_str().starts_with(ISSUER) {
            return (String::new(), begun);
        }
        let grant = begun
            .parameter("grant")
            .expect("the login page knows its grant");
        let path = format!(
            "{}?{}",
            location.path(),
            location.query().unwrap_or_default()
        );
        (grant, self.get(&path).await)
    }

    /// Signs in on the page of `grant` and approves the scopes.
    pub(crate) async fn approve(&mut self, grant: &str, who: &str, scopes: &[&str]) -> Answer {
        let mut form = vec![
            ("grant", grant),
            ("username", who),
            ("password", PASSWORD),
            ("action", "approve"),
        ];
        form.extend(scopes.iter().map(|scope| ("scope", *scope)));
        self.post("/login", &form).await
    }

    /// The whole way to a code, as a person who agrees to everything.
    pub(crate) async fn code(&mut self, who: &str, request: &BTreeMap<&str, String>) -> String {
        let (grant, page) = self.open(request).await;
        let asked: Vec<_> = request["scope"].split(' ').collect();
        let answer = if page.status == StatusCode::OK {
            self.approve(&grant, who, &asked).await
        } else {
            page
        };
        answer
            .parameter("code")
            .unwrap_or_else(|| panic!("no code: {answer:?}"))
    }

    /// The whole way to tokens.
    pub(crate) async fn tokens(&mut self, who: &str) -> TokenResponse {
        let code = self.code(who, &request()).await;
        self.house.redeem(&code).await.tokens()
    }

    pub(crate) fn cookie_header(&self) -> String {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        cookies.collect::<Vec<_>>().join("; ")
    }

    /// Takes cookies that somebody else had.
    pub(crate) fn plant(&mut self, cookie_header: &str) {
        for pair in cookie_header.split("; ") {
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    pub(crate) fn keep_cookies(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}
