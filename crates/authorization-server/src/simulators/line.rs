//! LINE Login 2.1 as it answers, with ID tokens under the channel secret (RFC 6749, OpenID Connect Core).

use std::time::Duration;

use axum::extract::State;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::desk::{BadCode, Connection, Kind};
use super::door::{Answer, BadClient, Refusal, answer, bearer};
use super::id_token::keys;
use super::vendor::{Face, JAPANESE, Words};
use super::{Addresses, Fault, Parameters, Person, Simulator, Step};

const ACCESS: Duration = Duration::from_hours(30 * 24);
const REFRESH: Duration = Duration::from_hours(90 * 24);

const PICTURE: &str = "https://profile.line.example/p/1";

static PEOPLE: [Person; 3] = [
    Person::new(
        "ichika",
        "U4af4980629d1c2f3a5b6c7d8e9f0a1b2",
        "佐藤 一花",
        Some("ichika@line.example"),
        true,
    ),
    Person::new(
        "futaba",
        "U8bd5a1730ae2d3f4b6c7d8e9f0a1b2c3",
        "鈴木 二葉",
        None,
        false,
    ),
    // LINE says nothing about whether it has checked an address.
    Person::new(
        "mitsuki",
        "Uc1e6b2841bf3e4a5c7d8e9f0a1b2c3d4",
        "高橋 三月",
        Some("alice@example.com"),
        false,
    ),
];

pub(super) static FACE: Face = Face {
    words: Words {
        vendor: "LINE",
        colour: "#04803a",
        heading: "LINEでログイン",
        ..JAPANESE
    },
    people: &PEOPLE,
    algorithm: None,
    routes,
    addresses: |origin| Addresses {
        issuer: Some(origin.to_owned()),
        authorization_endpoint: format!("{origin}/oauth2/v2.1/authorize"),
        token_endpoint: format!("{origin}/oauth2/v2.1/token"),
        userinfo_endpoint: Some(format!("{origin}/oauth2/v2.1/userinfo")),
        email_list_endpoint: None,
        jwks_uri: Some(format!("{origin}/oauth2/v2.1/certs")),
        revocation_endpoint: Some(format!("{origin}/oauth2/v2.1/revoke")),
    },
    iss: None,
    accepted: |_| Vec::new(),
    denied: &[
        ("error", "access_denied"),
        (
            "error_description",
            "The resource owner denied the request.",
        ),
    ],
};

fn routes(simulator: &Simulator) -> Router<Simulator> {
    let at = |step, route| simulator.at(step, route);
    Router::new()
        .route(
            "/oauth2/v2.1/authorize",
            at(Step::Authorize, get(authorize)),
        )
        .route("/oauth2/v2.1/token", at(Step::Token, post(token)))
        .route("/oauth2/v2.1/certs", at(Step::Keys, get(keys)))
        .route("/oauth2/v2.1/verify", at(Step::Profile, get(verify)))
        .route("/oauth2/v2.1/revoke", at(Step::Revoke, post(revoke)))
        .route(
            "/oauth2/v2.1/userinfo",
            at(Step::Profile, get(userinfo).post(userinfo)),
        )
        .route("/v2/profile", at(Step::Profile, get(profile)))
        .layer(from_fn(named))
}

/// LINE names every answer.
async fn named(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let name = HeaderValue::from_static("3f9a1c1e-7c1b-4b0e-9d5e-0a4f4c1d2e3f");
    response.headers_mut().insert("x-line-request-id", name);
    response
}

async fn authorize(
    State(line): State<Simulator>,
    Extension(sent): Extension<Parameters>,
) -> Response {
    let app = line.app();
    let problem = |code, message| line.problem(StatusCode::BAD_REQUEST, code, message);
    if !sent.is("client_id", &app.client_id) {
        return problem("400", "無効なチャネルです (client_id)");
    }
    if !sent.is("redirect_uri", &app.redirect_uri) {
        return problem("400", "登録されていないコールバックURLです (redirect_uri)");
    }
    let bad = |message| line.back_with_error(&sent, "INVALID_REQUEST", message);
    if !sent.is("response_type", "code") {
        return line.back_with_error(
            &sent,
            "UNSUPPORTED_RESPONSE_TYPE",
            "response_type must be code",
        );
    }
    if sent.get("state").is_none() {
        return bad("'state' is required");
    }
    let mut scopes = sent.words("scope").peekable();
    if scopes.peek().is_none()
        || !scopes.all(|scope| ["openid", "profile", "email"].contains(&scope))
    {
        return line.back_with_error(&sent, "INVALID_SCOPE", "requested scope is invalid");
    }
    if !sent.is("code_challenge_method", "S256") || sent.get("code_challenge").is_none() {
        return bad("'code_challenge' is required");
    }
    line.ask(&sent)
}

async fn token(State(line): State<Simulator>, Extension(sent): Extension<Parameters>) -> Answer {
    line.client_in_body(&sent).map_err(|error| match error {
        BadClient::Unknown => refusal("invalid_client", "invalid client_id"),
        BadClient::Secret => refusal("invalid_client", "invalid client_secret"),
    })?;
    match sent.get("grant_type") {
        Some("authorization_code") => {
            let missing = || refusal("invalid_request", "redirect_uri is required");
            sent.get("redirect_uri").ok_or_else(missing)?;
            let connection = line.redeem(&sent).map_err(|error| match error {
                BadCode::RedirectUri => refusal("invalid_grant", "redirect_uri does not match"),
                BadCode::Verifier => refusal("invalid_grant", "invalid code_verifier"),
                _ => refusal("invalid_grant", "invalid authorization code"),
            })?;
            Ok(answer(200, line.line_tokens(&connection)))
        }
        Some("refresh_token") => {
            let token = sent.get("refresh_token").unwrap_or_default();
            let found = line.find(Kind::Refresh, token);
            let found = found.ok_or_else(|| refusal("invalid_grant", "invalid refresh_token"))?;
            let mut tokens = line.line_access(&found.connection);
            // The same again, with no more time than it had.
            tokens["refresh_token"] = token.into();
            Ok(answer(200, tokens))
        }
        _ => {
            let message = "grant_type is not supported";
            Err(refusal("unsupported_grant_type", message))
        }
    }
}

fn refusal(error: &str, description: &str) -> Refusal {
    let body = json!({"error": error, "error_description": description});
    Refusal(400, body)
}

impl Simulator {
    fn line_tokens(&self, connection: &Connection) -> Value {
        let mut tokens = self.line_access(connection);
        if !self.has(Fault::NoRefreshToken) {
            let refresh = self.issue(Kind::Refresh, connection, self.made_up(""), REFRESH);
            tokens["refresh_token"] = refresh.into();
        }
        if connection.has_scope("openid") {
            let mut claims = json!({"amr": ["linesso"]});
            if connection.has_scope("profile") {
                claims["name"] = connection.person.name.into();
                claims["picture"] = PICTURE.into();
            }
            let email = connection.person.email;
            if let Some(email) = email.filter(|_| connection.has_scope("email")) {
                claims["email"] = email.into();
            }
            tokens["id_token"] = self.id_token(connection, &self.url(""), claims).into();
        }
        tokens
    }

    fn line_access(&self, connection: &Connection) -> Value {
        let access = self.issue(Kind::Access, connection, self.made_up("eyJ"), ACCESS);
        json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": ACCESS.as_secs(),
            "scope": connection.scope(),
        })
    }

    fn line_connection(&self, headers: &HeaderMap, scope: &str) -> Result<Connection, Refusal> {
        let token = bearer(headers).and_then(|token| self.find(Kind::Access, token));
        let connection = token.map(|token| token.connection);
        let connection = connection.filter(|connection| connection.has_scope(scope));
        let body = json!({"message": "The access token expired"});
        connection.ok_or(Refusal(401, body))
    }
}

async fn verify(State(line): State<Simulator>, Extension(sent): Extension<Parameters>) -> Answer {
    let token = sent.get("access_token").unwrap_or_default();
    let token = line.find(Kind::Access, token);
    let token = token.ok_or_else(|| refusal("invalid_request", "access token expired"))?;
    let body = json!({
        "scope": token.connection.scope(),
        "client_id": line.app().client_id,
        "expires_in": token.expires_at.since(line.now()).as_secs(),
    });
    Ok(answer(200, body))
}

async fn revoke(State(line): State<Simulator>, Extension(sent): Extension<Parameters>) -> Answer {
    line.client_in_body(&sent)
        .map_err(|_| refusal("invalid_client", "invalid client_id or client_secret"))?;
    let token = sent.get("access_token");
    let token = token.ok_or_else(|| refusal("invalid_request", "access_token is required"))?;
    if let Some(token) = line.find(Kind::Access, token) {
        line.disconnect(&token.connection);
    }
    Ok(StatusCode::OK.into_response())
}

async fn userinfo(State(line): State<Simulator>, headers: HeaderMap) -> Answer {
    let connection = line.line_connection(&headers, "openid")?;
    let mut body = json!({"sub": line.subject_of(&connection)});
    if connection.has_scope("profile") {
        body["name"] = connection.person.name.into();
        body["picture"] = PICTURE.into();
    }
    Ok(answer(200, body))
}

async fn profile(State(line): State<Simulator>, headers: HeaderMap) -> Answer {
    let connection = line.line_connection(&headers, "profile")?;
    let body = json!({
        "userId": line.subject_of(&connection),
        "displayName": connection.person.name,
        "pictureUrl": PICTURE,
    });
    Ok(answer(200, body))
}
