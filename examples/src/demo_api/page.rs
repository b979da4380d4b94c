//! Where somebody with an account at the stand-in API says who they are (RFC 6749 §4.1.1, §4.1.2).

use std::fmt::Write as _;

use axum::Form;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use http::{HeaderMap, HeaderName, StatusCode};
use oauth::pkce::CodeChallenge;
use oauth::random;
use serde::Deserialize;
use url::Url;

use super::desk::Asked;
use super::{Account, DemoApi};

const HEADERS: [(HeaderName, &str); 2] = [
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
];

const STYLE: &str = "\
:root { color-scheme: light dark; }
body { margin: 0; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 24rem; margin: 6vh auto 0; }
h1 { font-size: 1.375rem; }
label { display: flex; gap: .75rem; align-items: baseline; min-height: 44px; }
small { display: block; opacity: .75; }
fieldset { border: 0; padding: 0; margin: 0 0 1rem; }
button { display: block; width: 100%; min-height: 48px; margin-top: .5rem; font: inherit; }
footer { margin-top: 2rem; opacity: .75; font-size: .8125rem; }";

struct Words {
    language: &'static str,
    title: &'static str,
    asks: &'static str,
    who: &'static str,
    allow: &'static str,
    deny: &'static str,
    notice: &'static str,
    problem: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    title: "Demo API",
    asks: "Sumun wants to read your profile and your activity here, and to change your settings.",
    who: "Which account is yours?",
    allow: "Allow",
    deny: "Cancel",
    notice: "A stand-in for trying things out, not a real service. Nothing leaves this machine.",
    problem: "This request cannot be served: go back to where you came from, and begin again.",
};

const KOREAN: Words = Words {
    language: "ko",
    title: "데모 API",
    asks: "Sumun이 이곳의 프로필과 활동을 읽고 설정을 바꾸려고 합니다.",
    who: "어느 계정을 사용하시겠습니까?",
    allow: "허용",
    deny: "취소",
    notice: "실제 서비스가 아닌 시험용 API입니다. 이 컴퓨터 밖으로 나가는 정보는 없습니다.",
    problem: "요청을 처리할 수 없습니다. 이전 화면으로 돌아가 다시 시작해 주세요.",
};

fn words(headers: &HeaderMap) -> &'static Words {
    let wanted = headers.get(ACCEPT_LANGUAGE);
    let wanted = wanted.and_then(|value| value.to_str().ok());
    if wanted.unwrap_or_default().starts_with("ko") {
        &KOREAN
    } else {
        &ENGLISH
    }
}

fn page(status: StatusCode, words: &Words, content: &str) -> Response {
    let Words {
        language,
        title,
        notice,
        ..
    } = words;
    let page = format!(
        "<!doctype html><html lang=\"{language}\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style>\
         <main><h1>{title}</h1>{content}<footer>{notice}</footer></main></html>"
    );
    (status, HEADERS, Html(page)).into_response()
}

#[derive(Debug, Deserialize)]
pub(super) struct AuthorizationRequest {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    response_type: Option<String>,
    state: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

/// Asks who it is.
pub(super) async fn authorize(
    State(api): State<DemoApi>,
    Query(request): Query<AuthorizationRequest>,
    headers: HeaderMap,
) -> Response {
    let (words, client) = (words(&headers), &api.0.client);
    let is_ours = request.client_id.as_deref() == Some(&client.client_id)
        && request.redirect_uri.as_deref() == Some(&client.redirect_uri);
    let challenge = request.code_challenge.as_deref().map(CodeChallenge::parse);
    let is_s256 = request.code_challenge_method.as_deref() == Some("S256");
    let is_code = request.response_type.as_deref() == Some("code");
    let Some(Ok(challenge)) = challenge.filter(|_| is_ours && is_s256 && is_code) else {
        let problem = format!("<p>{}</p>", words.problem);
        return page(StatusCode::BAD_REQUEST, words, &problem);
    };
    let name = random::token::<16>(&*api.0.random);
    let asked = Asked {
        state: request.state,
        challenge,
    };
    api.desk().ask(name.clone(), asked, api.now());
    let mut content = format!(
        "<form method=\"post\" action=\"/oauth/choose\"><p>{}</p>\
         <input type=\"hidden\" name=\"request\" value=\"{name}\">\
         <fieldset><legend>{}</legend>",
        words.asks, words.who
    );
    for (n, account) in Account::ALL.iter().enumerate() {
        let Account {
            username,
            name,
            email,
            ..
        } = account;
        let checked = if n == 0 { " checked" } else { "" };
        let label = format!(
            "<label><input type=\"radio\" name=\"account\" value=\"{username}\"{checked}>\
             <span>{name}<small>{email}</small></span></label>"
        );
        content.push_str(&label);
    }
    let Words { allow, deny, .. } = words;
    write!(
        content,
        "</fieldset><button name=\"action\" value=\"approve\">{allow}</button>\
         <button name=\"action\" value=\"deny\">{deny}</button></form>"
    )
    .expect("writing to a string cannot fail");
    page(StatusCode::OK, words, &content)
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    request: String,
    account: Option<String>,
    action: String,
}

/// Sends somebody back with what they chose.
pub(super) async fn choose(
    State(api): State<DemoApi>,
    headers: HeaderMap,
    Form(choice): Form<Choice>,
) -> Response {
    let words = words(&headers);
    let now = api.now();
    let asked = api.desk().answered(&choice.request, now);
    let url = Url::parse(&api.0.client.redirect_uri).ok();
    let Some((asked, mut url)) = asked.zip(url) else {
        let problem = format!("<p>{}</p>", words.problem);
        return page(StatusCode::BAD_REQUEST, words, &problem);
    };
    let account = choice.account.as_deref().and_then(Account::find);
    match account.filter(|_| choice.action == "approve") {
        Some(account) => {
            let code = api.secret();
            api.desk().keep_code(&code, asked.challenge, account, now);
            url.query_pairs_mut().append_pair("code", code.expose());
        }
        None => {
            url.query_pairs_mut().append_pair("error", "access_denied");
        }
    }
    if let Some(state) = &asked.state {
        url.query_pairs_mut().append_pair("state", state);
    }
    (HEADERS, Redirect::to(url.as_str())).into_response()
}
