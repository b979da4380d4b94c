//! Accounts of the stand-in API, and its token endpoint (RFC 6749 §3.2, RFC 7009).

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use http::{HeaderMap, StatusCode};
use oauth::pkce::CodeVerifier;
use oauth::secret::Secret;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::desk::Holder;
use super::refusal::{Refusal, refusal};
use super::{ACCESS_TOKEN_LIFETIME, DemoApi};

/// Somebody with an account there.
#[derive(Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name in tokens.
    pub id: &'static str,
    /// What is chosen on the page.
    pub username: &'static str,
    /// What others call the person.
    pub name: &'static str,
    /// Where mail reaches the person.
    pub email: &'static str,
    /// The language that they prefer.
    pub language: &'static str,
}

impl Account {
    /// Everybody.
    pub const ALL: [Self; 2] = [
        Self {
            id: "acct-1001",
            username: "mina",
            name: "Mina Park",
            email: "mina@api.example",
            language: "ko",
        },
        Self {
            id: "acct-1002",
            username: "joon",
            name: "Joon Lee",
            email: "joon@api.example",
            language: "en",
        },
    ];

    pub(super) fn find(username: &str) -> Option<&'static Self> {
        const ALL: &[Account] = &Account::ALL;
        ALL.iter().find(|account| account.username == username)
    }
}

/// The form of a request, with the client proved; else the answer.
struct Asked(Vec<(String, String)>);

impl Asked {
    fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    fn secret(&self, name: &str) -> Secret {
        Secret::from(self.get(name).unwrap_or_default())
    }
}

impl DemoApi {
    fn asked(&self, headers: &HeaderMap, body: &[u8]) -> Result<Asked, Refusal> {
        let pairs = form_urlencoded::parse(body);
        let asked = Asked(pairs.map(|(k, v)| (k.into(), v.into())).collect());
        let client = &self.0.client;
        let (id, secret) = basic(headers).unwrap_or_else(|| {
            let id = asked.get("client_id").unwrap_or_default().to_owned();
            (id, asked.secret("client_secret"))
        });
        if id == client.client_id && client.client_secret.hash().matches(&secret) {
            Ok(asked)
        } else {
            Err(refusal(
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "who is asking?",
            ))
        }
    }

    fn tokens(&self, holder: Holder) -> Value {
        let (access, refresh) = (self.secret(), self.secret());
        let now = self.now();
        let mut desk = self.desk();
        desk.keep_access(&access, holder, now);
        let mut answer = json!({
            "access_token": access.expose(),
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_LIFETIME.as_secs(),
        });
        if let Holder::Person(account, connection) = holder {
            desk.keep_refresh(&refresh, account, connection, now);
            answer["refresh_token"] = refresh.expose().into();
        }
        answer
    }

    pub(super) fn secret(&self) -> Secret {
        Secret::random(&*self.0.random)
    }

    fn granted(&self, asked: &Asked) -> Option<Holder> {
        let now = self.now();
        match asked.get("grant_type")? {
            "authorization_code" => {
                let verifier = CodeVerifier::parse(asked.get("code_verifier")?).ok()?;
                if asked.get("redirect_uri") != Some(&self.0.client.redirect_uri) {
                    return None;
                }
                let redeemed = self.desk().redeem(&asked.secret("code"), &verifier, now);
                redeemed.map(|(account, connection)| Holder::Person(account, connection))
            }
            "refresh_token" => {
                let spent = self.desk().spend(&asked.secret("refresh_token"), now);
                spent.map(|(account, connection)| Holder::Person(account, connection))
            }
            "client_credentials" => Some(Holder::Service),
            _ => None,
        }
    }
}

pub(super) async fn token(
    State(api): State<DemoApi>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let asked = api.asked(&headers, &body)?;
    let holder = api.granted(&asked).ok_or(refusal(
        StatusCode::BAD_REQUEST,
        "invalid_grant",
        "it is unknown, used or too old",
    ))?;
    let tokens = Json(api.tokens(holder));
    Ok(([(CACHE_CONTROL, "no-store")], tokens).into_response())
}

pub(super) async fn revoke(
    State(api): State<DemoApi>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let asked = api.asked(&headers, &body)?;
    api.desk().revoke(&asked.secret("token"));
    Ok(StatusCode::OK)
}

/// Name and secret of `Authorization: Basic`, each form-encoded (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, Secret)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let pair = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let plain = |text: &str| {
        let text = format!("={text}");
        let pair = form_urlencoded::parse(text.as_bytes()).next();
        pair.map(|(_, value)| value.into_owned())
    };
    Some((plain(id)?, Secret::from(plain(secret)?)))
}
