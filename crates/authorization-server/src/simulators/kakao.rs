//! Kakao as it answers: `kauth` with its KOE codes, `kapi` with its numbers (RFC 6749, OpenID Connect Core).

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{HeaderMap, StatusCode};
use oauth::jws::Algorithm;
use serde_json::{Value, json};

use super::desk::{BadCode, Connection, Kind, Token};
use super::door::{Answer, BadClient, Refusal, answer, bearer};
use super::id_token::keys;
use super::vendor::{Face, KOREAN, Words};
use super::{Addresses, Fault, Parameters, Person, Simulator, Step};

const ACCESS: Duration = Duration::from_secs(21_599);
const REFRESH: Duration = Duration::from_secs(5_183_999);
/// From here on a refresh brings a new refresh token.
const LAST_MONTH: Duration = Duration::from_hours(30 * 24);

static PEOPLE: [Person; 3] = [
    Person::new(
        "garam",
        "3801234567",
        "한가람",
        Some("garam@kakao.example"),
        true,
    ),
    Person::new("nuri", "3801234568", "온누리", None, false),
    Person::new(
        "maru",
        "3801234569",
        "윤마루",
        Some("alice@example.com"),
        false,
    ),
];

pub(super) static FACE: Face = Face {
    words: Words {
        vendor: "Kakao",
        colour: "#846a00",
        heading: "카카오계정으로 로그인",
        ..KOREAN
    },
    people: &PEOPLE,
    algorithm: Some(Algorithm::RS256),
    routes,
    addresses: |origin| Addresses {
        issuer: Some(origin.to_owned()),
        authorization_endpoint: format!("{origin}/oauth/authorize"),
        token_endpoint: format!("{origin}/oauth/token"),
        userinfo_endpoint: Some(format!("{origin}/v2/user/me")),
        email_list_endpoint: None,
        jwks_uri: Some(format!("{origin}/.well-known/jwks.json")),
        revocation_endpoint: Some(format!("{origin}/v1/user/logout")),
    },
    iss: None,
    accepted: |_| Vec::new(),
    denied: &[
        ("error", "access_denied"),
        ("error_description", "User denied access"),
    ],
};

fn routes(simulator: &Simulator) -> Router<Simulator> {
    let at = |step, route| simulator.at(step, route);
    Router::new()
        .route("/oauth/authorize", at(Step::Authorize, get(authorize)))
        .route("/oauth/token", at(Step::Token, post(token)))
        .route(
            "/.well-known/openid-configuration",
            at(Step::Discovery, get(discovery)),
        )
        .route("/.well-known/jwks.json", at(Step::Keys, get(keys)))
        .route("/v2/user/me", at(Step::Profile, get(me).post(me)))
        .route("/v1/oidc/userinfo", at(Step::Profile, get(userinfo)))
        .route("/v1/user/access_token_info", at(Step::Profile, get(info)))
        .route("/v1/user/logout", at(Step::Revoke, post(end)))
        .route("/v1/user/unlink", at(Step::Revoke, post(end)))
}

async fn authorize(
    State(kakao): State<Simulator>,
    Extension(sent): Extension<Parameters>,
) -> Response {
    let app = kakao.app();
    let problem = |code, message| kakao.problem(StatusCode::BAD_REQUEST, code, message);
    if !sent.is("client_id", &app.client_id) {
        return problem("KOE101", "앱 관리자 설정 오류 (잘못된 앱 키)");
    }
    if !sent.is("redirect_uri", &app.redirect_uri) {
        return problem(
            "KOE006",
            "앱 관리자 설정 오류 (등록하지 않은 리다이렉트 URI)",
        );
    }
    if !sent.is("response_type", "code") {
        return problem("KOE001", "잘못된 요청");
    }
    let scope = sent.get("scope").unwrap_or_default();
    // Kakao's own separator; a list with blanks is one unknown word to it.
    if scope.contains(char::is_whitespace) {
        return problem("KOE205", "잘못된 요청 (설정하지 않은 동의항목)");
    }
    // Nothing asked for is what the console has ticked.
    let scope = if scope.is_empty() {
        "account_email profile_nickname".to_owned()
    } else {
        scope.replace(',', " ")
    };
    kakao.ask(&sent.with("scope", &scope))
}

async fn token(State(kakao): State<Simulator>, Extension(sent): Extension<Parameters>) -> Answer {
    kakao.client_in_body(&sent).map_err(|error| match error {
        BadClient::Unknown => refusal(401, "invalid_client", "Not exist client_id.", "KOE101"),
        BadClient::Secret => refusal(401, "invalid_client", "Bad client credentials", "KOE010"),
    })?;
    let mismatch = || refusal(400, "invalid_grant", "Redirect URI mismatch.", "KOE303");
    match sent.get("grant_type") {
        Some("authorization_code") => {
            sent.get("redirect_uri").ok_or_else(mismatch)?;
            let connection = kakao.redeem(&sent).map_err(|error| {
                if error == BadCode::RedirectUri {
                    return mismatch();
                }
                let code = sent.get("code").unwrap_or_default();
                let message = format!("authorization code not found for code={code}");
                refusal(400, "invalid_grant", &message, "KOE320")
            })?;
            Ok(answer(200, kakao.kakao_tokens(&connection, None)))
        }
        Some("refresh_token") => {
            let token = sent.get("refresh_token").unwrap_or_default();
            let token = kakao.find(Kind::Refresh, token).ok_or_else(|| {
                let message = "expired_or_invalid_refresh_token";
                refusal(400, "invalid_grant", message, "KOE322")
            })?;
            let tokens = kakao.kakao_tokens(&token.connection, Some(&token));
            Ok(answer(200, tokens))
        }
        _ => {
            let error = "unsupported_grant_type";
            Err(refusal(400, error, "grant_type is wrong", "KOE201"))
        }
    }
}

fn refusal(status: u16, error: &str, description: &str, code: &str) -> Refusal {
    let body = json!({"error": error, "error_description": description, "error_code": code});
    Refusal(status, body)
}

impl Simulator {
    /// Tokens for a code, or for a refresh token of which little or much time is left.
    fn kakao_tokens(&self, connection: &Connection, old: Option<&Token>) -> Value {
        let access = self.issue(Kind::Access, connection, self.made_up(""), ACCESS);
        let mut tokens = json!({
            "access_token": access,
            "token_type": "bearer",
            "expires_in": ACCESS.as_secs(),
        });
        let is_due = old.is_none_or(|old| old.expires_at.since(self.now()) < LAST_MONTH);
        if is_due && !self.has(Fault::NoRefreshToken) {
            let refresh = self.issue(Kind::Refresh, connection, self.made_up(""), REFRESH);
            tokens["refresh_token"] = refresh.into();
            tokens["refresh_token_expires_in"] = REFRESH.as_secs().into();
        }
        if old.is_none() {
            tokens["scope"] = connection.scope().into();
        }
        if connection.has_scope("openid") {
            let person = connection.person;
            let mut claims = json!({"nickname": person.name, "auth_time": self.now().0});
            if let Some(email) = person
                .email
                .filter(|_| connection.has_scope("account_email"))
            {
                claims["email"] = email.into();
            }
            tokens["id_token"] = self.id_token(connection, &self.url(""), claims).into();
        }
        tokens
    }

    fn kakao_token(&self, headers: &HeaderMap) -> Result<Token, Refusal> {
        let token = bearer(headers).and_then(|token| self.find(Kind::Access, token));
        let body = json!({"msg": "this access token does not exist", "code": -401});
        token.ok_or(Refusal(401, body))
    }
}

/// The person's number.
fn number(subject: &str) -> Value {
    let number: i64 = subject.parse().expect("people of this vendor have numbers");
    number.into()
}

async fn me(State(kakao): State<Simulator>, headers: HeaderMap) -> Answer {
    let connection = kakao.kakao_token(&headers)?.connection;
    let person = connection.person;
    let mut account = json!({
        "profile_nickname_needs_agreement": false,
        "profile": {"nickname": person.name, "is_default_nickname": false},
        "has_email": true,
        "email_needs_agreement": true,
    });
    if let Some(email) = person
        .email
        .filter(|_| connection.has_scope("account_email"))
    {
        account["email_needs_agreement"] = false.into();
        account["is_email_valid"] = true.into();
        account["is_email_verified"] = person.email_verified.into();
        account["email"] = email.into();
    }
    let body = json!({
        "id": number(kakao.subject_of(&connection)),
        "connected_at": "2026-01-05T01:02:03Z",
        "properties": {"nickname": person.name},
        "kakao_account": account,
    });
    Ok(answer(200, body))
}

async fn userinfo(State(kakao): State<Simulator>, headers: HeaderMap) -> Answer {
    let connection = kakao.kakao_token(&headers)?.connection;
    let person = connection.person;
    let mut body = json!({"sub": kakao.subject_of(&connection), "nickname": person.name});
    if let Some(email) = person
        .email
        .filter(|_| connection.has_scope("account_email"))
    {
        body["email"] = email.into();
        body["email_verified"] = person.email_verified.into();
    }
    Ok(answer(200, body))
}

async fn info(State(kakao): State<Simulator>, headers: HeaderMap) -> Answer {
    let token = kakao.kakao_token(&headers)?;
    let left = token.expires_at.since(kakao.now()).as_secs();
    let id = number(token.connection.person.subject);
    let body =
        json!({"id": id, "expires_in": left, "expiresInMillis": left * 1000, "app_id": 1001});
    Ok(answer(200, body))
}

/// Unlinking ends everything; so does logging out, as far as our tokens are concerned.
async fn end(State(kakao): State<Simulator>, headers: HeaderMap) -> Answer {
    let token = kakao.kakao_token(&headers)?;
    kakao.disconnect(&token.connection);
    let id = number(token.connection.person.subject);
    Ok(answer(200, json!({"id": id})))
}

async fn discovery(State(kakao): State<Simulator>) -> Response {
    let body = json!({
        "issuer": kakao.url(""),
        "authorization_endpoint": kakao.url("/oauth/authorize"),
        "token_endpoint": kakao.url("/oauth/token"),
        "userinfo_endpoint": kakao.url("/v1/oidc/userinfo"),
        "jwks_uri": kakao.url("/.well-known/jwks.json"),
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code"],
    });
    answer(200, body)
}
