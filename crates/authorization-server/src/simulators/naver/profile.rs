//! Who a person is, from Naver's gateway for its APIs (Naver login guide §3.4.5, §4.1.3).

use axum::Extension;
use axum::extract::State;
use http::HeaderMap;
use serde_json::json;

use crate::simulators::desk::{Connection, Kind};
use crate::simulators::door::{Answer, Refusal, answer, bearer};
use crate::simulators::{Parameters, Simulator};

fn connection_of(naver: &Simulator, headers: &HeaderMap) -> Result<Connection, Refusal> {
    let refusal = |code, message| Refusal(401, json!({"resultcode": code, "message": message}));
    let token = bearer(headers).ok_or_else(|| {
        let message = "Authentication header not exists \
                       (OAuth 인증 헤더(authorization header)가 없습니다.)";
        refusal("028", message)
    })?;
    let token = naver.find(Kind::Access, token);
    let message = "Authentication failed (인증에 실패하였습니다.)";
    Ok(token.ok_or_else(|| refusal("024", message))?.connection)
}

/// Only `id` is sure; whoever declines shares nothing else.
pub(super) async fn me(State(naver): State<Simulator>, headers: HeaderMap) -> Answer {
    let connection = connection_of(&naver, &headers)?;
    let person = connection.person;
    let mut profile = json!({"id": naver.subject_of(&connection)});
    if let Some(email) = person.email {
        profile["email"] = email.into();
        profile["name"] = person.name.into();
        profile["nickname"] = person.key.into();
        profile["gender"] = "U".into();
    }
    let body = json!({"resultcode": "00", "message": "success", "response": profile});
    Ok(answer(200, body))
}

pub(super) async fn verify(
    State(naver): State<Simulator>,
    Extension(sent): Extension<Parameters>,
    headers: HeaderMap,
) -> Answer {
    connection_of(&naver, &headers)?;
    let mut body = json!({"resultcode": "00", "message": "success"});
    if sent.is("info", "true") {
        body["response"] = json!({
            "token": bearer(&headers),
            "expire_date": "2030-01-01T00:00:00",
            "allowed_profile": "id,name,nickname,email",
        });
    }
    Ok(answer(200, body))
}
