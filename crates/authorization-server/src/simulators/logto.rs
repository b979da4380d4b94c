//! Logto as it answers, with keys of the curve P-384 (OpenID Connect Core, RFC 8707).

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{HeaderMap, StatusCode};
use oauth::jws::Algorithm;
use oauth::jwt::ACCESS_TOKEN_TYPE;
use serde_json::{Value, json};

use super::desk::{Connection, Kind};
use super::door::{Answer, Refusal, answer, bearer};
use super::id_token::keys;
use super::vendor::{ENGLISH, Face, Words};
use super::{Addresses, Fault, Parameters, Person, Simulator, Step};

const ACCESS: Duration = Duration::from_hours(1);
const REFRESH: Duration = Duration::from_hours(14 * 24);

const UNKNOWN_RESOURCE: &str = "resource indicator is missing, or unknown";

/// The API resource that the tenant has registered.
pub(super) const API_RESOURCE: &str = "https://api.logto.example";

static PEOPLE: [Person; 3] = [
    Person::new(
        "liv",
        "foo7b1xq0m2k",
        "Liv Example",
        Some("liv@logto.example"),
        true,
    ),
    Person::new("bo", "bar8c2yr1n3l", "Bo Example", None, false),
    Person::new(
        "max",
        "baz9d3zs2o4m",
        "Max Example",
        Some("alice@example.com"),
        false,
    ),
];

pub(super) static FACE: Face = Face {
    words: Words {
        vendor: "Logto",
        colour: "#5d34f2",
        ..ENGLISH
    },
    people: &PEOPLE,
    algorithm: Some(Algorithm::ES384),
    routes,
    addresses: |origin| Addresses {
        issuer: Some(format!("{origin}/oidc")),
        authorization_endpoint: format!("{origin}/oidc/auth"),
        token_endpoint: format!("{origin}/oidc/token"),
        userinfo_endpoint: Some(format!("{origin}/oidc/me")),
        email_list_endpoint: None,
        jwks_uri: Some(format!("{origin}/oidc/jwks")),
        revocation_endpoint: Some(format!("{origin}/oidc/token/revocation")),
    },
    iss: Some("/oidc"),
    accepted: |_| Vec::new(),
    denied: &[
        ("error", "access_denied"),
        ("error_description", "End-User aborted interaction"),
    ],
};

fn routes(simulator: &Simulator) -> Router<Simulator> {
    let at = |step, route| simulator.at(step, route);
    Router::new()
        .route(
            "/oidc/auth",
            at(Step::Authorize, get(authorize).post(authorize)),
        )
        .route("/oidc/token", at(Step::Token, post(token)))
        .route("/oidc/me", at(Step::Profile, get(me).post(me)))
        .route("/oidc/jwks", at(Step::Keys, get(keys)))
        .route("/oidc/token/revocation", at(Step::Revoke, post(revoke)))
        .route(
            "/oidc/token/introspection",
            at(Step::Profile, post(introspect)),
        )
        .route(
            "/oidc/.well-known/openid-configuration",
            at(Step::Discovery, get(discovery)),
        )
}

async fn authorize(
    State(logto): State<Simulator>,
    Extension(sent): Extension<Parameters>,
) -> Response {
    let app = logto.app();
    let problem = |code, message| logto.problem(StatusCode::BAD_REQUEST, code, message);
    if !sent.is("client_id", &app.client_id) {
        return problem("oidc.invalid_client", "invalid client");
    }
    if !sent.is("redirect_uri", &app.redirect_uri) {
        let message =
            "`redirect_uri` did not match any of the client's registered `redirect_uris`.";
        return problem("oidc.invalid_redirect_uri", message);
    }
    let bad = |code, message| logto.back_with_error(&sent, code, message);
    if !sent.is("response_type", "code") {
        return bad(
            "unsupported_response_type",
            "unsupported response_type requested",
        );
    }
    if !sent.is("code_challenge_method", "S256") || sent.get("code_challenge").is_none() {
        let message = "Authorization Server policy requires PKCE to be used for this request";
        return bad("invalid_request", message);
    }
    if is_foreign(&sent) {
        return bad("invalid_target", UNKNOWN_RESOURCE);
    }
    logto.ask(&sent)
}

async fn token(
    State(logto): State<Simulator>,
    Extension(sent): Extension<Parameters>,
    headers: HeaderMap,
) -> Answer {
    logto.logto_client(&sent, &headers)?;
    if is_foreign(&sent) {
        return Err(refusal(400, "invalid_target", UNKNOWN_RESOURCE));
    }
    let bad_grant = || refusal(400, "invalid_grant", "grant request is invalid");
    let connection = match sent.get("grant_type") {
        Some("authorization_code") => {
            sent.get("redirect_uri").ok_or_else(bad_grant)?;
            logto.redeem(&sent).map_err(|_| bad_grant())?
        }
        Some("refresh_token") => {
            let old = sent.get("refresh_token").unwrap_or_default();
            let token = logto.find(Kind::Refresh, old).ok_or_else(bad_grant)?;
            // A refresh token is good once.
            logto.forget(old);
            token.connection
        }
        _ => {
            let message = "unsupported grant_type requested";
            return Err(refusal(400, "unsupported_grant_type", message));
        }
    };
    Ok(answer(200, logto.logto_tokens(&connection, &sent)))
}

/// Whether another resource is asked for than the tenant knows (RFC 8707 §2).
fn is_foreign(sent: &Parameters) -> bool {
    sent.get("resource")
        .is_some_and(|resource| resource != API_RESOURCE)
}

/// Logto writes every error twice, in its own words and in those of the standard.
fn refusal(status: u16, error: &str, description: &str) -> Refusal {
    let body = json!({
        "code": format!("oidc.{error}"),
        "message": description,
        "error": error,
        "error_description": description,
    });
    Refusal(status, body)
}

impl Simulator {
    fn logto_client(&self, sent: &Parameters, headers: &HeaderMap) -> Result<(), Refusal> {
        let refused = |_| refusal(401, "invalid_client", "client authentication failed");
        self.client(sent, headers).map_err(refused)
    }

    fn logto_tokens(&self, connection: &Connection, sent: &Parameters) -> Value {
        let now = self.now();
        let resource = sent.get("resource").or(connection.sent.get("resource"));
        // Opaque, unless it is for an API resource.
        let access = match resource {
            Some(resource) => {
                let claims = json!({
                    "iss": self.url("/oidc"), "sub": connection.person.subject, "aud": resource,
                    "iat": now.0, "exp": now.plus(ACCESS).0, "jti": self.made_up(""),
                    "client_id": self.app().client_id, "scope": connection.scope(),
                });
                self.signed(ACCESS_TOKEN_TYPE, &claims)
            }
            None => self.made_up(""),
        };
        let access = self.issue(Kind::Access, connection, access, ACCESS);
        let mut tokens = json!({
            "access_token": access,
            "expires_in": ACCESS.as_secs(),
            "scope": connection.scope(),
            "token_type": "Bearer",
        });
        let is_offline =
            connection.has_scope("offline_access") && connection.sent.is("prompt", "consent");
        if is_offline && !self.has(Fault::NoRefreshToken) {
            let refresh = self.issue(Kind::Refresh, connection, self.made_up(""), REFRESH);
            tokens["refresh_token"] = refresh.into();
        }
        if connection.has_scope("openid") {
            let mut claims = self.logto_profile(connection);
            claims["at_hash"] = self.hash_of(&access).into();
            claims["sub"] = connection.person.subject.into();
            tokens["id_token"] = self.id_token(connection, &self.url("/oidc"), claims).into();
        }
        tokens
    }

    fn logto_profile(&self, connection: &Connection) -> Value {
        let person = connection.person;
        let mut profile = json!({"sub": self.subject_of(connection)});
        if connection.has_scope("profile") {
            profile["name"] = person.name.into();
            profile["username"] = person.key.into();
            profile["picture"] = Value::Null;
        }
        if let Some(email) = person.email.filter(|_| connection.has_scope("email")) {
            profile["email"] = email.into();
            profile["email_verified"] = person.email_verified.into();
        }
        profile
    }
}

async fn me(State(logto): State<Simulator>, headers: HeaderMap) -> Answer {
    // A token for an API resource is a JWT, and opens that resource alone.
    let token = bearer(&headers).filter(|token| !token.contains('.'));
    let token = token.and_then(|token| logto.find(Kind::Access, token));
    let refused = || refusal(401, "invalid_token", "invalid token provided");
    let connection = token.ok_or_else(refused)?.connection;
    Ok(answer(200, logto.logto_profile(&connection)))
}

async fn revoke(
    State(logto): State<Simulator>,
    Extension(sent): Extension<Parameters>,
    headers: HeaderMap,
) -> Answer {
    logto.logto_client(&sent, &headers)?;
    let token = sent.get("token").and_then(|token| logto.find_any(token));
    if let Some(token) = token {
        logto.disconnect(&token.connection);
    }
    Ok(StatusCode::OK.into_response())
}

async fn introspect(
    State(logto): State<Simulator>,
    Extension(sent): Extension<Parameters>,
    headers: HeaderMap,
) -> Answer {
    logto.logto_client(&sent, &headers)?;
    let token = sent.get("token").and_then(|token| logto.find_any(token));
    let Some(token) = token else {
        return Ok(answer(200, json!({"active": false})));
    };
    let body = json!({
        "active": true,
        "sub": token.connection.person.subject,
        "client_id": logto.app().client_id,
        "exp": token.expires_at.0,
        "iss": logto.url("/oidc"),
        "scope": token.connection.scope(),
        "token_type": "Bearer",
    });
    Ok(answer(200, body))
}

async fn discovery(State(logto): State<Simulator>) -> Response {
    let body = json!({
        "issuer": logto.url("/oidc"),
        "authorization_endpoint": logto.url("/oidc/auth"),
        "token_endpoint": logto.url("/oidc/token"),
        "userinfo_endpoint": logto.url("/oidc/me"),
        "jwks_uri": logto.url("/oidc/jwks"),
        "revocation_endpoint": logto.url("/oidc/token/revocation"),
        "introspection_endpoint": logto.url("/oidc/token/introspection"),
        "authorization_response_iss_parameter_supported": true,
        "code_challenge_methods_supported": ["S256"],
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES384"],
        "scopes_supported": ["openid", "offline_access", "profile", "email"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    });
    answer(200, body)
}
