//! Google as it answers (OpenID Connect Core, RFC 7009).

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{HeaderMap, StatusCode};
use oauth::jws::Algorithm;
use serde_json::{Value, json};

use super::desk::{BadCode, Connection, Kind};
use super::door::{Answer, BadClient, Refusal, answer, bearer};
use super::id_token::keys;
use super::vendor::{ENGLISH, Face, Words};
use super::{Addresses, Fault, Parameters, Person, Simulator, Step};

const ACCESS: Duration = Duration::from_secs(3599);
/// Google names no end; half a year without use is one.
const REFRESH: Duration = Duration::from_hours(180 * 24);

static PEOPLE: [Person; 3] = [
    // The address of a person who may have an account with a password here, too.
    Person::new(
        "alice",
        "110169484474386276334",
        "Alice Example",
        Some("alice@example.com"),
        true,
    ),
    Person::new("ben", "110169484474386276335", "Ben Example", None, false),
    Person::new(
        "mallory",
        "110169484474386276336",
        "Mallory Example",
        Some("admin@example.com"),
        false,
    ),
];

pub(super) static FACE: Face = Face {
    words: Words {
        vendor: "Google",
        colour: "#0b57d0",
        ..ENGLISH
    },
    people: &PEOPLE,
    algorithm: Some(Algorithm::RS256),
    routes,
    addresses: |origin| Addresses {
        issuer: Some(origin.to_owned()),
        authorization_endpoint: format!("{origin}/o/oauth2/v2/auth"),
        token_endpoint: format!("{origin}/token"),
        userinfo_endpoint: Some(format!("{origin}/v1/userinfo")),
        email_list_endpoint: None,
        jwks_uri: Some(format!("{origin}/oauth2/v3/certs")),
        revocation_endpoint: Some(format!("{origin}/revoke")),
    },
    iss: Some(""),
    accepted: |connection| {
        vec![
            ("scope", google_scope(connection)),
            ("authuser", "0".to_owned()),
            ("prompt", "consent".to_owned()),
        ]
    },
    denied: &[("error", "access_denied")],
};

fn routes(simulator: &Simulator) -> Router<Simulator> {
    let at = |step, route| simulator.at(step, route);
    Router::new()
        .route("/o/oauth2/v2/auth", at(Step::Authorize, get(authorize)))
        .route("/token", at(Step::Token, post(token)))
        .route("/revoke", at(Step::Revoke, post(revoke)))
        .route("/oauth2/v3/certs", at(Step::Keys, get(keys)))
        .route(
            "/v1/userinfo",
            at(Step::Profile, get(userinfo).post(userinfo)),
        )
        .route(
            "/.well-known/openid-configuration",
            at(Step::Discovery, get(discovery)),
        )
}

async fn authorize(
    State(google): State<Simulator>,
    Extension(sent): Extension<Parameters>,
) -> Response {
    let app = google.app();
    let problem = |code, message| google.problem(StatusCode::BAD_REQUEST, code, message);
    if !sent.is("client_id", &app.client_id) {
        let message = "Error 401: invalid_client. The OAuth client was not found.";
        return google.problem(StatusCode::UNAUTHORIZED, "invalid_client", message);
    }
    if !sent.is("redirect_uri", &app.redirect_uri) {
        return problem("redirect_uri_mismatch", "Error 400: redirect_uri_mismatch");
    }
    if !sent.is("response_type", "code") {
        return problem("invalid_request", "Invalid response_type");
    }
    if sent.get("scope").is_none() {
        return problem("invalid_request", "Missing required parameter: scope");
    }
    if !sent.is("code_challenge_method", "S256") || sent.get("code_challenge").is_none() {
        return problem(
            "invalid_request",
            "Missing required parameter: code_challenge",
        );
    }
    google.ask(&sent)
}

async fn token(
    State(google): State<Simulator>,
    Extension(sent): Extension<Parameters>,
    headers: HeaderMap,
) -> Answer {
    google
        .client(&sent, &headers)
        .map_err(|error| match error {
            BadClient::Unknown => refusal(401, "invalid_client", "The OAuth client was not found."),
            BadClient::Secret => refusal(401, "invalid_client", "Unauthorized"),
        })?;
    match sent.get("grant_type") {
        Some("authorization_code") => {
            let missing = || refusal(400, "invalid_request", "Missing parameter: redirect_uri");
            sent.get("redirect_uri").ok_or_else(missing)?;
            let connection = google.redeem(&sent).map_err(|error| match error {
                BadCode::RedirectUri => refusal(400, "redirect_uri_mismatch", "Bad Request"),
                BadCode::Verifier => refusal(400, "invalid_grant", "Invalid code verifier."),
                BadCode::Unknown => refusal(400, "invalid_grant", "Malformed auth code."),
                BadCode::Used => refusal(400, "invalid_grant", "Bad Request"),
            })?;
            Ok(answer(200, google.google_tokens(&connection, true)))
        }
        Some("refresh_token") => {
            let token = sent.get("refresh_token").unwrap_or_default();
            let token = google.find(Kind::Refresh, token).ok_or_else(|| {
                refusal(400, "invalid_grant", "Token has been expired or revoked.")
            })?;
            let tokens = google.google_tokens(&token.connection, false);
            Ok(answer(200, tokens))
        }
        _ => {
            let error = "unsupported_grant_type";
            Err(refusal(400, error, "Invalid grant_type"))
        }
    }
}

fn refusal(status: u16, error: &str, description: &str) -> Refusal {
    let body = json!({"error": error, "error_description": description});
    Refusal(status, body)
}

/// Google writes two of the short names out.
fn google_scope(connection: &Connection) -> String {
    let long = |scope| match scope {
        "email" => "https://www.googleapis.com/auth/userinfo.email",
        "profile" => "https://www.googleapis.com/auth/userinfo.profile",
        other => other,
    };
    let words = connection.sent.words("scope").map(long);
    words.collect::<Vec<_>>().join(" ")
}

impl Simulator {
    fn google_tokens(&self, connection: &Connection, is_first: bool) -> Value {
        let access = self.issue(Kind::Access, connection, self.made_up("ya29.a0"), ACCESS);
        let mut tokens = json!({
            "access_token": access,
            "expires_in": ACCESS.as_secs(),
            "scope": google_scope(connection),
            "token_type": "Bearer",
        });
        // A first sign-in and `prompt=consent` alike; people here always see the page.
        let is_offline = connection.sent.is("access_type", "offline");
        if is_first && is_offline && !self.has(Fault::NoRefreshToken) {
            let refresh = self.issue(Kind::Refresh, connection, self.made_up("1//0g"), REFRESH);
            tokens["refresh_token"] = refresh.into();
        }
        if connection.has_scope("openid") {
            let mut claims = self.google_profile(connection);
            claims["azp"] = self.app().client_id.clone().into();
            claims["at_hash"] = self.hash_of(&access).into();
            // The subject of an ID token is never that of somebody else.
            claims["sub"] = connection.person.subject.into();
            tokens["id_token"] = self.id_token(connection, &self.url(""), claims).into();
        }
        tokens
    }

    fn google_profile(&self, connection: &Connection) -> Value {
        let person = connection.person;
        let mut profile = json!({"sub": self.subject_of(connection)});
        if connection.has_scope("profile") {
            let (given, family) = person.name.split_once(' ').unwrap_or((person.name, ""));
            profile["name"] = person.name.into();
            profile["given_name"] = given.into();
            profile["family_name"] = family.into();
            profile["picture"] = "https://lh3.google.example/a/default".into();
        }
        if let Some(email) = person.email.filter(|_| connection.has_scope("email")) {
            profile["email"] = email.into();
            profile["email_verified"] = person.email_verified.into();
        }
        profile
    }
}

async fn userinfo(State(google): State<Simulator>, headers: HeaderMap) -> Answer {
    let token = bearer(&headers).and_then(|token| google.find(Kind::Access, token));
    let refused = || refusal(401, "invalid_request", "Invalid Credentials");
    let connection = token.ok_or_else(refused)?.connection;
    Ok(answer(200, google.google_profile(&connection)))
}

/// Without authentication: whoever has a token may end it, and its whole connection with it.
async fn revoke(State(google): State<Simulator>, Extension(sent): Extension<Parameters>) -> Answer {
    let token = sent.get("token").and_then(|token| google.find_any(token));
    let refused = || refusal(400, "invalid_token", "Token expired or revoked");
    google.disconnect(&token.ok_or_else(refused)?.connection);
    Ok(answer(200, json!({})))
}

async fn discovery(State(google): State<Simulator>) -> Response {
    let body = json!({
        "issuer": google.url(""),
        "authorization_endpoint": google.url("/o/oauth2/v2/auth"),
        "token_endpoint": google.url("/token"),
        "userinfo_endpoint": google.url("/v1/userinfo"),
        "revocation_endpoint": google.url("/revoke"),
        "jwks_uri": google.url("/oauth2/v3/certs"),
        "response_types_supported": ["code", "token", "id_token", "none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
    });
    answer(200, body)
}
