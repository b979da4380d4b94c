//! An MCP server that costs next to nothing, read and answered without a library, so that what stands in
//! front of it is measured (MCP 2026-07-28). Its tools: `echo` says the same again; `notice` and `record`
//! answer 1 KiB each, without and with personal data.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The path of the server.
pub(crate) const PATH: &str = "/mcp";

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: &'a str,
    #[serde(borrow)]
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    name: Option<&'a str>,
    #[serde(borrow)]
    arguments: Option<Arguments<'a>>,
}

#[derive(Deserialize)]
struct Arguments<'a> {
    #[serde(borrow)]
    text: &'a RawValue,
}

/// 1 KiB of JSON text with nothing in it that is personal.
const NOTICE: &str = concat!(
    r#""2026년 4분기 운영 회의 요약\n1. 재고 관리 화면의 응답 시간을 개선하는 작업이 11월 셋째 주에 끝났습니다. "#,
    r#"평균 응답 시간은 420ms에서 180ms로 줄었고 오류 비율은 0.3%입니다.\n2. 배송 지연 안내문은 다음 배포에 "#,
    r#"포함됩니다. 담당 부서는 물류 운영팀이며 검토는 12월 2일에 시작합니다.\n3. The quarterly report lists "#,
    r#"1,284 orders with a total of 38,912,000 KRW; 97.2 percent were delivered within two days, and the "#,
    r#"remaining ones were delayed by weather in the eastern region.\n4. 다음 회의에서는 예산 초안과 채용 계획을 "#,
    r#"함께 논의합니다. 자료는 사내 문서함의 운영 폴더에서 볼 수 있으며 버전은 2.4.1입니다.\n5. Build 20261128 "#,
    r#"passed all checks on both branches and will be released next Monday at 09:30 if nobody objects to it. "#,
    r#"Please read the draft before the meeting and bring your questions along.""#,
);

/// As much, with three values that are.
const RECORD: &str = concat!(
    r#""고객 조회 결과\n이름: 김민수\n연락처: 010-4821-7736\n이메일: ms.kim@example.co.kr\n등급: 우수 고객\n"#,
    r#"최근 주문 3건: 20261102-118 재고 부족으로 부분 배송, 20261109-204 정상 배송, 20261121-077 결제 대기. "#,
    r#"누적 구매액은 1,284,000원이며 적립금은 12,840점입니다.\n메모: 오전보다 오후 배송을 선호하고 포장은 간단하게 "#,
    r#"해 달라고 요청했습니다. 지난달에 색상 교환을 한 번 했으며 상담은 친절했다고 답했습니다.\nThe customer has "#,
    r#"been with the shop for six years, prefers the afternoon slot, and asked for the invoice to be sent "#,
    r#"together with the parcel. Delivery notes from the last two weeks mention no complaint, one change of "#,
    r#"colour, and one partial delivery that was completed on the next working day without extra cost. "#,
    r#"The next step is a short call about the new packaging, which the customer is looking forward to.""#,
);

impl Params<'_> {
    /// What the tool says, as JSON.
    fn answer(&self) -> &str {
        match self.name {
            Some("notice") => NOTICE,
            Some("record") => RECORD,
            _ => self
                .arguments
                .as_ref()
                .map_or("\"\"", |given| given.text.get()),
        }
    }
}

/// The server at [`PATH`].
pub(super) fn router() -> Router {
    Router::new().route(PATH, post(|body: Bytes| async move { answer(&body) }))
}

fn answer(body: &[u8]) -> Response<Body> {
    let Ok(message) = serde_json::from_slice::<Message<'_>>(body) else {
        return status(StatusCode::BAD_REQUEST);
    };
    let Some(id) = message.id else {
        return status(StatusCode::ACCEPTED);
    };
    let result = match message.method {
        "tools/call" => {
            let text = message.params.as_ref().map_or("\"\"", Params::answer);
            format!(
                r#"{{"resultType":"complete","content":[{{"type":"text","text":{text}}}],"isError":false}}"#
            )
        }
        "tools/list" => concat!(
            r#"{"resultType":"complete","ttlMs":60000,"cacheScope":"public","tools":["#,
            r#"{"name":"echo","description":"Says the same again","inputSchema":{"type":"object","#,
            r#""properties":{"text":{"type":"string"}},"required":["text"]},"#,
            r#""annotations":{"readOnlyHint":true}},"#,
            r#"{"name":"notice","description":"A notice","inputSchema":{"type":"object"},"#,
            r#""annotations":{"readOnlyHint":true}},"#,
            r#"{"name":"record","description":"A customer","inputSchema":{"type":"object"},"#,
            r#""annotations":{"readOnlyHint":true}}]}"#
        )
        .to_owned(),
        "server/discover" => concat!(
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"#,
            r#""ttlMs":60000,"cacheScope":"public","#,
            r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"echo","version":"1"}}}"#
        )
        .to_owned(),
        _ => return status(StatusCode::NOT_FOUND),
    };
    let id = id.get();
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    let mut response = Response::new(Body::from(text));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_and_a_record_are_a_kibibyte_each() {
        for text in [NOTICE, RECORD] {
            assert!((900..=1100).contains(&text.len()), "{}", text.len());
        }
    }
}
