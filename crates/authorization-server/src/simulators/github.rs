//! GitHub as it answers an OAuth app: form encoding, errors with status 200, tokens without an end (RFC 6749).

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::desk::{BadCode, Connection, Kind};
use super::door::{Answer, Refusal, answer, bearer};
use super::vendor::{ENGLISH, Face, Words};
use super::{Addresses, Parameters, Person, Simulator, Step};

/// GitHub ends a token that nobody has used for a year.
const ACCESS: Duration = Duration::from_hours(365 * 24);

static PEOPLE: [Person; 3] = [
    Person::new(
        "octavia",
        "583231",
        "Octavia Example",
        Some("octavia@github.example"),
        true,
    ),
    Person::new("bruno", "583232", "Bruno Example", None, false),
    Person::new(
        "malo",
        "583233",
        "Malo Example",
        Some("alice@example.com"),
        false,
    ),
];

const DOCUMENTATION: &str = "https://docs.github.com/rest";

pub(super) static FACE: Face = Face {
    words: Words {
        vendor: "GitHub",
        colour: "#24292f",
        ..ENGLISH
    },
    people: &PEOPLE,
    algorithm: None,
    routes,
    addresses: |origin| Addresses {
        issuer: Some(format!("{origin}/login/oauth")),
        authorization_endpoint: format!("{origin}/login/oauth/authorize"),
        token_endpoint: format!("{origin}/login/oauth/access_token"),
        userinfo_endpoint: Some(format!("{origin}/user")),
        email_list_endpoint: Some(format!("{origin}/user/emails")),
        revocation_endpoint: Some(format!("{origin}/applications/{{client_id}}/token")),
        ..Addresses::default()
    },
    iss: None,
    accepted: |_| Vec::new(),
    denied: &[
        ("error", "access_denied"),
        (
            "error_description",
            "The user has denied your application access.",
        ),
        (
            "error_uri",
            "https://docs.github.com/apps/troubleshooting-authorization-request-errors/#access-denied",
        ),
    ],
};

fn routes(simulator: &Simulator) -> Router<Simulator> {
    let at = |step, route| simulator.at(step, route);
    Router::new()
        .route(
            "/login/oauth/authorize",
            at(Step::Authorize, get(authorize)),
        )
        .route("/login/oauth/access_token", at(Step::Token, post(token)))
        .route("/user", at(Step::Profile, get(user)))
        .route("/user/emails", at(Step::Profile, get(emails)))
        .route(
            "/applications/{client_id}/grant",
            at(Step::Revoke, delete(revoke)),
        )
        .route(
            "/applications/{client_id}/token",
            at(Step::Revoke, delete(revoke)),
        )
}

async fn authorize(
    State(github): State<Simulator>,
    Extension(sent): Extension<Parameters>,
) -> Response {
    let app = github.app();
    if !sent.is("client_id", &app.client_id) {
        return github.problem(
            StatusCode::NOT_FOUND,
            "404",
            "This is not the page you are looking for",
        );
    }
    let registered = app.redirect_uri.clone();
    if !sent.is("redirect_uri", &registered) {
        // GitHub tells the app, at the address that it knows.
        let message = "The redirect_uri is not associated with this application.";
        let sent = sent.with("redirect_uri", &registered);
        return github.back_with_error(&sent, "redirect_uri_mismatch", message);
    }
    github.ask(&sent)
}

async fn token(
    State(github): State<Simulator>,
    Extension(sent): Extension<Parameters>,
    headers: HeaderMap,
) -> Response {
    let body = github.github_tokens(&sent).unwrap_or_else(|error| {
        json!({
            "error": error.0,
            "error_description": error.1,
            "error_uri": format!("https://docs.github.com/apps/{}", error.0.replace('_', "-")),
        })
    });
    let accepts = headers.get(ACCEPT).map(HeaderValue::as_bytes);
    if accepts == Some(b"application/json") {
        return answer(200, body);
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in body.as_object().into_iter().flatten() {
        form.append_pair(name, value.as_str().unwrap_or_default());
    }
    let media_type = "application/x-www-form-urlencoded; charset=utf-8";
    ([(CONTENT_TYPE, media_type)], form.finish()).into_response()
}

type Said = (&'static str, &'static str);

impl Simulator {
    fn github_tokens(&self, sent: &Parameters) -> Result<Value, Said> {
        const CLIENT: Said = (
            "incorrect_client_credentials",
            "The client_id and/or client_secret passed are incorrect.",
        );
        const CODE: Said = (
            "bad_verification_code",
            "The code passed is incorrect or expired.",
        );
        const REDIRECT: Said = (
            "redirect_uri_mismatch",
            "The redirect_uri MUST match the registered callback URL for this application.",
        );
        // Not even the grant type is looked at, unless it is another one.
        let grant_type = sent.get("grant_type").unwrap_or("authorization_code");
        if grant_type != "authorization_code" {
            return Err(("unsupported_grant_type", "The grant type is not supported."));
        }
        self.client_in_body(sent).map_err(|_| CLIENT)?;
        let connection = self.redeem(sent).map_err(|error| match error {
            BadCode::RedirectUri => REDIRECT,
            BadCode::Unknown | BadCode::Used | BadCode::Verifier => CODE,
        })?;
        let token = format!("gho_{}", self.made_up("").replace(['-', '_'], "K"));
        let token = self.issue(Kind::Access, &connection, token, ACCESS);
        let scope = connection.scope().replace(' ', ",");
        Ok(json!({"access_token": token, "scope": scope, "token_type": "bearer"}))
    }

    fn github_connection(&self, headers: &HeaderMap) -> Result<Connection, Refusal> {
        if headers.get(USER_AGENT).is_none() {
            let message = "Request forbidden by administrative rules. Please make sure your \
                           request has a User-Agent header.";
            return Err(Refusal(403, message.into()));
        }
        let token = bearer(headers).and_then(|token| self.find(Kind::Access, token));
        token.map(|token| token.connection).ok_or_else(|| {
            let body = json!({
                "message": "Bad credentials", "documentation_url": DOCUMENTATION, "status": "401",
            });
            Refusal(401, body)
        })
    }
}

fn with_scopes(connection: &Connection, mut response: Response) -> Response {
    let scopes = connection.scope().replace(' ', ", ");
    if let Ok(scopes) = HeaderValue::from_str(&scopes) {
        response.headers_mut().insert("x-oauth-scopes", scopes);
    }
    response
}

async fn user(State(github): State<Simulator>, headers: HeaderMap) -> Answer {
    let connection = github.github_connection(&headers)?;
    let person = connection.person;
    let id: i64 = github
        .subject_of(&connection)
        .parse()
        .expect("people of this vendor have numbers");
    let body = json!({
        "login": person.key,
        "id": id,
        "type": "User",
        "name": person.name,
        // What people show to everybody, which is not always what reaches them.
        "email": person.email,
    });
    Ok(with_scopes(&connection, answer(200, body)))
}

async fn emails(State(github): State<Simulator>, headers: HeaderMap) -> Answer {
    let connection = github.github_connection(&headers)?;
    let may_see = connection.has_scope("user:email") || connection.has_scope("user");
    if !may_see {
        let body = json!({
            "message": "Not Found", "documentation_url": DOCUMENTATION, "status": "404",
        });
        return Ok(with_scopes(&connection, answer(404, body)));
    }
    let person = connection.person;
    let addresses: Vec<_> = person.email.iter().map(|email| {
        json!({"email": email, "primary": true, "verified": person.email_verified, "visibility": "public"})
    }).collect();
    Ok(with_scopes(&connection, answer(200, addresses.into())))
}

#[derive(Deserialize)]
struct Ended {
    access_token: String,
}

/// Ends a token, or the whole connection: for one app and one person here they are the same.
async fn revoke(
    State(github): State<Simulator>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    Json(ended): Json<Ended>,
) -> Response {
    if client_id != github.app().client_id || github.client_in_header(&headers).is_err() {
        let body = json!({"message": "Not Found", "documentation_url": DOCUMENTATION});
        return answer(404, body);
    }
    match github.find(Kind::Access, &ended.access_token) {
        Some(token) => {
            github.disconnect(&token.connection);
            StatusCode::NO_CONTENT.into_response()
        }
        None => answer(422, json!({"message": "Validation Failed"})),
    }
}
