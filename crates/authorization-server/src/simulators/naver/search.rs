//! Web search as Naver answers it, to applications (Naver Search API, webkr).

use axum::Extension;
use axum::extract::State;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::simulators::door::{Answer, Refusal, answer};
use crate::simulators::{Parameters, Simulator};

/// How many documents there are about everything.
const TOTAL: u64 = 1234;

fn refusal(status: u16, code: &str, message: &str) -> Refusal {
    Refusal(status, json!({"errorMessage": message, "errorCode": code}))
}

fn number(sent: &Parameters, name: &str, usual: u64, most: u64) -> Option<u64> {
    let number = sent.get(name).map_or(Some(usual), |text| text.parse().ok());
    number.filter(|number| (1..=most).contains(number))
}

/// The words of the query stand between tags, as Naver marks what fits.
pub(super) async fn webkr(
    State(naver): State<Simulator>,
    Extension(sent): Extension<Parameters>,
    headers: HeaderMap,
) -> Answer {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (id, secret) = (header("x-naver-client-id"), header("x-naver-client-secret"));
    let app = naver.app();
    match id.zip(secret) {
        None => {
            let message = "Not Exist Client ID : Authentication failed. (인증에 실패했습니다.)";
            return Err(refusal(401, "028", message));
        }
        Some(pair) if pair != (&app.client_id, app.client_secret.expose()) => {
            let message = "Scope Status Invalid : Authentication failed. (인증에 실패했습니다.)";
            return Err(refusal(401, "024", message));
        }
        Some(_) => {}
    }
    let query = sent.get("query");
    let query = query.ok_or_else(|| {
        refusal(
            400,
            "SE01",
            "Incorrect query request (잘못된 쿼리요청입니다.)",
        )
    })?;
    let display = number(&sent, "display", 10, 100).ok_or_else(|| {
        refusal(
            400,
            "SE02",
            "Invalid display value (부적절한 display 값입니다.)",
        )
    })?;
    let start = number(&sent, "start", 1, 1000).ok_or_else(|| {
        refusal(
            400,
            "SE03",
            "Invalid start value (부적절한 start 값입니다.)",
        )
    })?;
    if !matches!(sent.get("sort"), None | Some("sim" | "date")) {
        let message = "Invalid sort value (부적절한 sort 값입니다.)";
        return Err(refusal(400, "SE04", message));
    }
    let escaped = query
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let item = |n: u64| -> Value {
        json!({
            "title": format!("<b>{escaped}</b> &quot;문서&quot; {n}"),
            "link": format!("https://docs.naver.example/{n}?a=1&b=2"),
            "description": format!("{n}번째 결과 &amp; 그 설명: <b>{escaped}</b>에 관한 글입니다."),
        })
    };
    let last = (start + display).min(TOTAL + 1);
    let items: Vec<_> = (start..last).map(item).collect();
    let body = json!({
        "lastBuildDate": "Sat, 28 Nov 2026 16:38:05 +0900",
        "total": TOTAL,
        "start": start,
        "display": items.len(),
        "items": items,
    });
    Ok(answer(200, body))
}
