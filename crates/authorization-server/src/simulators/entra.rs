//! Microsoft Entra ID as it answers, one tenant (OpenID Connect Core, Microsoft identity platform v2.0).

use std::time::Duration;

use axum::extract::{Path, State};
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

/// The directory (tenant) that the app belongs to.
pub(super) const TENANT: &str = "3f4e2a10-7d1c-4a7e-9b7a-2c1f5d3e8a90";

const ACCESS: Duration = Duration::from_secs(3921);
const REFRESH: Duration = Duration::from_hours(90 * 24);

const UNKNOWN_APP: &str = "Application with this identifier was not found in the directory.";
const RESOURCE: &str =
    "The resource parameter provided in the request doesn't match with the requested scopes.";

static PEOPLE: [Person; 3] = [
    Person::new(
        "adele",
        "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        "Adele Example",
        Some("adele@contoso.example"),
        true,
    ),
    Person::new(
        "bert",
        "AAAAAAAAAAAAAAAAAAAAAJkzqFVrSaSaFHy782bbtaR",
        "Bert Example",
        None,
        false,
    ),
    // Whoever administers a tenant writes what they like into this field.
    Person::new(
        "mona",
        "AAAAAAAAAAAAAAAAAAAAAKkzqFVrSaSaFHy782bbtaS",
        "Mona Example",
        Some("alice@example.com"),
        false,
    ),
];

pub(super) static FACE: Face = Face {
    words: Words {
        vendor: "Microsoft",
        colour: "#0067b8",
        heading: "Pick an account",
        ..ENGLISH
    },
    people: &PEOPLE,
    algorithm: Some(Algorithm::RS256),
    routes,
    addresses: |origin| Addresses {
        issuer: Some(format!("{origin}/{TENANT}/v2.0")),
        authorization_endpoint: format!("{origin}/{TENANT}/oauth2/v2.0/authorize"),
        token_endpoint: format!("{origin}/{TENANT}/oauth2/v2.0/token"),
        userinfo_endpoint: None,
        email_list_endpoint: None,
        jwks_uri: Some(format!("{origin}/{TENANT}/discovery/v2.0/keys")),
        revocation_endpoint: None,
    },
    iss: None,
    accepted: |_| {
        let session = "9f2c6d1e-3b7a-4c8d-a1e5-0f6b2d4c8e71".to_owned();
        vec![("session_state", session)]
    },
    denied: &[
        ("error", "access_denied"),
        ("error_subcode", "cancel"),
        (
            "error_description",
            "AADSTS65004: User declined to consent to access the app.",
        ),
    ],
};

fn routes(simulator: &Simulator) -> Router<Simulator> {
    let at = |step, route| simulator.at(step, route);
    Router::new()
        .route(
            "/{tenant}/oauth2/v2.0/authorize",
            at(Step::Authorize, get(authorize)),
        )
        .route("/{tenant}/oauth2/v2.0/token", at(Step::Token, post(token)))
        .route("/{tenant}/discovery/v2.0/keys", at(Step::Keys, get(keys)))
        .route(
            "/{tenant}/v2.0/.well-known/openid-configuration",
            at(Step::Discovery, get(discovery)),
        )
        .route("/oidc/userinfo", at(Step::Profile, get(userinfo)))
}

/// The tenant by its identifier, or by the names that stand for any.
fn is_known(tenant: &str) -> bool {
    [TENANT, "common", "organizations"].contains(&tenant)
}

async fn authorize(
    State(entra): State<Simulator>,
    Path(tenant): Path<String>,
    Extension(sent): Extension<Parameters>,
) -> Response {
    let app = entra.app();
    let problem = |code, message| entra.problem(StatusCode::BAD_REQUEST, code, message);
    if !is_known(&tenant) {
        return problem(
            "AADSTS90002",
            "Tenant not found. Check to make sure you have the correct tenant ID.",
        );
    }
    if !sent.is("client_id", &app.client_id) {
        return problem("AADSTS700016", UNKNOWN_APP);
    }
    if !sent.is("redirect_uri", &app.redirect_uri) {
        let message = "The redirect URI specified in the request does not match the redirect URIs \
                       configured for the application.";
        return problem("AADSTS50011", message);
    }
    if sent.get("resource").is_some() {
        let message = format!("AADSTS9010010: {RESOURCE}");
        return entra.back_with_error(&sent, "invalid_target", &message);
    }
    if !sent.is("response_type", "code") {
        let message = "AADSTS900144: The request body must contain: 'response_type'.";
        return entra.back_with_error(&sent, "invalid_request", message);
    }
    if sent.get("scope").is_none() {
        let message =
            "AADSTS900144: The request body must contain the following parameter: 'scope'.";
        return entra.back_with_error(&sent, "invalid_request", message);
    }
    if !sent.is("code_challenge_method", "S256") || sent.get("code_challenge").is_none() {
        let message = "AADSTS9002325: Proof Key for Code Exchange is required.";
        return entra.back_with_error(&sent, "invalid_request", message);
    }
    entra.ask(&sent)
}

async fn token(
    State(entra): State<Simulator>,
    Path(tenant): Path<String>,
    Extension(sent): Extension<Parameters>,
    headers: HeaderMap,
) -> Answer {
    let refusal = |status, error, code, message| entra.aadsts(status, error, code, message);
    let bad_grant = |code, message| entra.aadsts(400, "invalid_grant", code, message);
    if !is_known(&tenant) {
        return Err(refusal(400, "invalid_request", 90002, "Tenant not found."));
    }
    entra.client(&sent, &headers).map_err(|error| match error {
        BadClient::Unknown => refusal(400, "unauthorized_client", 700_016, UNKNOWN_APP),
        BadClient::Secret => {
            let message = "Invalid client secret provided.";
            refusal(401, "invalid_client", 7_000_215, message)
        }
    })?;
    if sent.get("resource").is_some() {
        return Err(refusal(400, "invalid_target", 9_010_010, RESOURCE));
    }
    match sent.get("grant_type") {
        Some("authorization_code") if sent.get("scope").is_none() => {
            let message = "Provided value for the input parameter scope cannot be empty when \
                           requesting an access token using the provided authorization code.";
            Err(refusal(400, "invalid_request", 28003, message))
        }
        Some("authorization_code") if sent.get("redirect_uri").is_none() => {
            let message = "The request body must contain the following parameter: 'redirect_uri'.";
            Err(refusal(400, "invalid_request", 900_144, message))
        }
        Some("authorization_code") => {
            let connection = entra.redeem(&sent).map_err(|error| match error {
                BadCode::Unknown => {
                    bad_grant(70008, "The provided authorization code has expired.")
                }
                BadCode::Used => bad_grant(54005, "The code was already redeemed."),
                BadCode::RedirectUri => bad_grant(500_112, "The reply address does not match."),
                BadCode::Verifier => bad_grant(
                    501_481,
                    "The Code_Verifier does not match the code_challenge.",
                ),
            })?;
            Ok(answer(200, entra.entra_tokens(&connection)))
        }
        Some("refresh_token") => {
            let token = sent.get("refresh_token").unwrap_or_default();
            let ended = || bad_grant(50173, "The provided grant has expired: it was revoked.");
            let token = entra.find(Kind::Refresh, token).ok_or_else(ended)?;
            Ok(answer(200, entra.entra_tokens(&token.connection)))
        }
        _ => {
            let message = "The grant type is not supported.";
            Err(refusal(400, "unsupported_grant_type", 70003, message))
        }
    }
}

impl Simulator {
    /// An error as the platform writes it, with everything that its support asks for.
    fn aadsts(&self, status: u16, error: &str, code: u32, message: &str) -> Refusal {
        let trace = "0c1d2e3f-4a5b-4c6d-8e7f-9a0b1c2d3e00";
        let correlation = "5f4e3d2c-1b0a-4998-8877-665544332200";
        let timestamp = "2026-01-05 01:02:03Z";
        let body = json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} \
                 Timestamp: {timestamp}"
            ),
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": self.url(&format!("/error?code={code}")),
        });
        Refusal(status, body)
    }

    /// Every answer has a new refresh token, if there is one at all; the old one stays good.
    fn entra_tokens(&self, connection: &Connection) -> Value {
        let claims = json!({"aud": "00000003-0000-0000-c000-000000000000", "tid": TENANT,
            "jti": self.made_up("")});
        let access = self.signed("JWT", &claims);
        let access = self.issue(Kind::Access, connection, access, ACCESS);
        let mut tokens = json!({
            "token_type": "Bearer",
            "scope": connection.scope(),
            "expires_in": ACCESS.as_secs(),
            "ext_expires_in": ACCESS.as_secs(),
            "access_token": access,
        });
        if connection.has_scope("offline_access") && !self.has(Fault::NoRefreshToken) {
            let refresh = self.issue(Kind::Refresh, connection, self.made_up("1.AXkA"), REFRESH);
            tokens["refresh_token"] = refresh.into();
        }
        if connection.has_scope("openid") {
            let person = connection.person;
            let now = self.now().0;
            let mut claims = json!({
                "ver": "2.0",
                "tid": TENANT,
                "oid": format!("00000000-0000-0000-66f3-{:012x}", person.key.len()),
                "nbf": now,
                "uti": self.made_up(""),
            });
            if connection.has_scope("profile") {
                claims["name"] = person.name.into();
                claims["preferred_username"] = format!("{}@contoso.example", person.key).into();
            }
            if let Some(email) = person.email.filter(|_| connection.has_scope("email")) {
                claims["email"] = email.into();
            }
            let issuer = self.url(&format!("/{TENANT}/v2.0"));
            tokens["id_token"] = self.id_token(connection, &issuer, claims).into();
        }
        tokens
    }
}

async fn userinfo(State(entra): State<Simulator>, headers: HeaderMap) -> Answer {
    let token = bearer(&headers).and_then(|token| entra.find(Kind::Access, token));
    let refused = json!({"error": {"code": "InvalidAuthenticationToken"}});
    let connection = token.ok_or(Refusal(401, refused))?.connection;
    let mut body = json!({"sub": entra.subject_of(&connection), "name": connection.person.name});
    if let Some(email) = connection.person.email {
        body["email"] = email.into();
    }
    Ok(answer(200, body))
}

async fn discovery(State(entra): State<Simulator>, Path(tenant): Path<String>) -> Answer {
    if !is_known(&tenant) {
        let refusal = entra.aadsts(400, "invalid_tenant", 90002, "Tenant not found.");
        return Err(refusal);
    }
    // For any tenant the issuer is a pattern, which is no issuer at all.
    let issuer = if tenant == TENANT {
        TENANT
    } else {
        "{tenantid}"
    };
    let url = |path: &str| entra.url(&format!("/{tenant}{path}"));
    let body = json!({
        "issuer": entra.url(&format!("/{issuer}/v2.0")),
        "authorization_endpoint": url("/oauth2/v2.0/authorize"),
        "token_endpoint": url("/oauth2/v2.0/token"),
        "jwks_uri": url("/discovery/v2.0/keys"),
        "userinfo_endpoint": entra.url("/oidc/userinfo"),
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
    });
    Ok(answer(200, body))
}
