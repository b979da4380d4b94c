//! Naver as it answers: `/oauth2.0/*`, and `/oauth2/*` with OpenID Connect and PKCE (RFC 6749, RFC 7009).

mod calendar;
mod profile;
mod search;
mod unlink;

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use oauth::jws::Algorithm;
use serde_json::{Value, json};

use crate::simulators::desk::{Connection, Kind};
use crate::simulators::door::{Answer, Refusal, answer};
use crate::simulators::id_token::keys;
use crate::simulators::vendor::{Face, KOREAN, Words};
use crate::simulators::{Addresses, Fault, Parameters, Person, Simulator, Step};

pub use calendar::CalendarEvent;

const ACCESS: Duration = Duration::from_hours(1);
const REFRESH: Duration = Duration::from_hours(365 * 24);

static PEOPLE: [Person; 3] = [
    Person::new(
        "hana",
        "8fT3kQZ2vX1rB6yLwNc0pJ9sDgHmUe4aVoRi7tKxYzE",
        "김하나",
        Some("hana@naver.example"),
        true,
    ),
    Person::new(
        "duri",
        "Qm5cW8nYpLr0GzJ3bTx7AsKdVf2hEo9iUu6RyNe1X4w",
        "이두리",
        None,
        false,
    ),
    // Naver lets people write any address into their profile, and does not say which it has checked.
    Person::new(
        "sechan",
        "zK4hR7pVdB2mXq9NtYc6LwJ1sFgUeA8oTi3Ex5Qr0vM",
        "박세찬",
        Some("alice@example.com"),
        false,
    ),
];

const WORDS: Words = Words {
    vendor: "NAVER",
    colour: "#038141",
    heading: "네이버 계정으로 로그인",
    ..KOREAN
};

const DENIED: &[(&str, &str)] = &[
    ("error", "access_denied"),
    ("error_description", "Canceled By User"),
];

pub(super) static FACE: Face = Face {
    words: WORDS,
    people: &PEOPLE,
    algorithm: Some(Algorithm::RS256),
    routes,
    addresses: |origin| Addresses {
        issuer: Some(origin.to_owned()),
        authorization_endpoint: format!("{origin}/oauth2/authorize"),
        token_endpoint: format!("{origin}/oauth2/token"),
        jwks_uri: Some(format!("{origin}/oauth2/jwks")),
        ..shared_addresses(origin)
    },
    iss: None,
    accepted: |_| Vec::new(),
    denied: DENIED,
};

pub(super) static CLASSIC: Face = Face {
    words: WORDS,
    people: &PEOPLE,
    algorithm: Some(Algorithm::RS256),
    routes,
    addresses: |origin| Addresses {
        authorization_endpoint: format!("{origin}/oauth2.0/authorize"),
        token_endpoint: format!("{origin}/oauth2.0/token"),
        ..shared_addresses(origin)
    },
    iss: None,
    accepted: |_| Vec::new(),
    denied: DENIED,
};

fn shared_addresses(origin: &str) -> Addresses {
    Addresses {
        userinfo_endpoint: Some(format!("{origin}/v1/nid/me")),
        revocation_endpoint: Some(format!("{origin}/oauth2.0/revoke")),
        ..Addresses::default()
    }
}

fn routes(simulator: &Simulator) -> Router<Simulator> {
    let at = |step, route| simulator.at(step, route);
    let classic = get(classic_authorize).post(classic_authorize);
    Router::new()
        .route("/oauth2.0/authorize", at(Step::Authorize, classic))
        .route(
            "/oauth2/authorize",
            at(Step::Authorize, get(authorize).post(authorize)),
        )
        .route(
            "/oauth2.0/token",
            at(Step::Token, get(classic_token).post(classic_token)),
        )
        .route("/oauth2/token", at(Step::Token, post(token)))
        .route("/oauth2.0/revoke", at(Step::Revoke, post(revoke)))
        .route("/oauth2/jwks", at(Step::Keys, get(keys)))
        .route(
            "/.well-known/openid-configuration",
            at(Step::Discovery, get(discovery)),
        )
        .route(
            "/v1/nid/me",
            at(Step::Profile, get(profile::me).post(profile::me)),
        )
        .route(
            "/v1/search/webkr.json",
            at(Step::Search, get(search::webkr)),
        )
        .route(
            "/calendar/createSchedule.json",
            at(Step::Calendar, post(calendar::create_schedule)),
        )
        .route("/simulator/calendar", get(calendar::page))
        .route(
            "/v1/nid/verify",
            at(Step::Profile, get(profile::verify).post(profile::verify)),
        )
}

async fn classic_authorize(
    State(naver): State<Simulator>,
    Extension(sent): Extension<Parameters>,
) -> Response {
    naver.naver_asks(&sent)
}

async fn authorize(
    State(naver): State<Simulator>,
    Extension(sent): Extension<Parameters>,
) -> Response {
    let is_openid = sent.words("scope").any(|scope| scope == "openid");
    let has_challenge =
        sent.is("code_challenge_method", "S256") && sent.get("code_challenge").is_some();
    if !is_openid || !has_challenge {
        let what = if is_openid { "code_challenge" } else { "scope" };
        return naver.back_with_error(&sent, "invalid_request", &format!("{what} is missing."));
    }
    naver.naver_asks(&sent)
}

impl Simulator {
    fn naver_asks(&self, sent: &Parameters) -> Response {
        let app = self.app();
        if !sent.is("client_id", &app.client_id) || !sent.is("redirect_uri", &app.redirect_uri) {
            let message = "서비스 설정에 오류가 있어 네이버 아이디로 로그인할 수 없습니다.";
            return self.problem(StatusCode::BAD_REQUEST, "invalid_request", message);
        }
        if !sent.is("response_type", "code") {
            let message = "response_type is invalid.";
            return self.back_with_error(sent, "unsupported_response_type", message);
        }
        if sent.get("state").is_none() {
            return self.back_with_error(sent, "invalid_request", "state is missing.");
        }
        if sent.is("auth_type", "autologin") {
            return self.back_with_error(sent, "access_denied", "user not logged in.");
        }
        self.ask(sent)
    }

    /// Tokens; whatever is wrong is said with status 200.
    fn naver_tokens(&self, sent: &Parameters, is_openid: bool) -> Result<Value, (&str, &str)> {
        self.client_in_body(sent)
            .map_err(|_| ("unauthorized_client", "Client authentication failed."))?;
        match sent.get("grant_type") {
            Some("authorization_code") => {
                let state = sent.get("state");
                let state = state.ok_or(("invalid_request", "state is missing."))?;
                let connection = self.redeem(sent).ok();
                let connection = connection.filter(|connection| connection.sent.is("state", state));
                let connection =
                    connection.ok_or(("invalid_request", "no valid data in session"))?;
                let mut tokens = self.naver_access(&connection);
                if !self.has(Fault::NoRefreshToken) {
                    let refresh = self.made_up("c8ce").replace(['-', '_'], "K");
                    let refresh = self.issue(Kind::Refresh, &connection, refresh, REFRESH);
                    tokens["refresh_token"] = refresh.into();
                }
                if is_openid {
                    let id_token = self.id_token(&connection, &self.url(""), json!({}));
                    tokens["id_token"] = id_token.into();
                }
                Ok(tokens)
            }
            Some("refresh_token") => {
                let token = sent.get("refresh_token").unwrap_or_default();
                let token = self.find(Kind::Refresh, token);
                let token = token.ok_or(("invalid_request", "invalid refresh_token"))?;
                // No `refresh_token` in this answer: the old one stays.
                Ok(self.naver_access(&token.connection))
            }
            Some("delete") if !is_openid => {
                let access_token = sent.get("access_token").unwrap_or_default();
                let token = self.find(Kind::Access, access_token);
                let token = token.filter(|_| sent.is("service_provider", "NAVER"));
                let token = token.ok_or(("invalid_request", "invalid access_token"))?;
                self.disconnect(&token.connection);
                Ok(json!({"access_token": access_token, "result": "success"}))
            }
            _ => Err(("invalid_request", "grant_type is invalid.")),
        }
    }

    /// The token has `+`, `/` and `=`, and its lifetime is a string.
    fn naver_access(&self, connection: &Connection) -> Value {
        let mut bytes = [0; 38];
        self.0.random.fill(&mut bytes[6..]);
        bytes[3..6].copy_from_slice(&[0xfb, 0xff, 0xfe]);
        let token = STANDARD.encode(bytes);
        let token = self.issue(Kind::Access, connection, token, ACCESS);
        json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": ACCESS.as_secs().to_string(),
        })
    }
}

async fn classic_token(
    State(naver): State<Simulator>,
    Extension(sent): Extension<Parameters>,
) -> Response {
    told(naver.naver_tokens(&sent, false))
}

async fn token(State(naver): State<Simulator>, Extension(sent): Extension<Parameters>) -> Response {
    told(naver.naver_tokens(&sent, true))
}

fn told(tokens: Result<Value, (&str, &str)>) -> Response {
    let body = tokens.unwrap_or_else(
        |(error, description)| json!({"error": error, "error_description": description}),
    );
    answer(200, body)
}

/// Unlike the token endpoint, this one speaks with status codes; it ends the whole connection.
async fn revoke(State(naver): State<Simulator>, Extension(sent): Extension<Parameters>) -> Answer {
    let refusal = |status, error, description| {
        Refusal(
            status,
            json!({"error": error, "error_description": description}),
        )
    };
    naver
        .client_in_body(&sent)
        .map_err(|_| refusal(401, "unauthorized_client", "Client authentication failed."))?;
    let token = sent.get("token");
    let token = token.ok_or_else(|| refusal(400, "invalid_request", "token is missing."))?;
    let kind = match sent.get("token_type_hint") {
        None | Some("access_token") => Kind::Access,
        Some("refresh_token") => Kind::Refresh,
        Some(_) => {
            return Err(refusal(
                400,
                "invalid_request",
                "token_type_hint is invalid.",
            ));
        }
    };
    if let Some(token) = naver.find(kind, token) {
        naver.disconnect(&token.connection);
    }
    Ok(StatusCode::OK.into_response())
}

async fn discovery(State(naver): State<Simulator>) -> Response {
    answer(
        200,
        json!({
            "issuer": naver.url(""),
            "authorization_endpoint": naver.url("/oauth2/authorize"),
            "token_endpoint": naver.url("/oauth2/token"),
            "jwks_uri": naver.url("/oauth2/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }),
    )
}
