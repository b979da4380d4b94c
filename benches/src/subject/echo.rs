//! An MCP server that costs next to nothing: one tool `echo`, read and answered without a library, so that
//! what stands in front of it is measured (MCP 2026-07-28).

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
    #[serde(borrow)]
    arguments: Option<Arguments<'a>>,
}

#[derive(Deserialize)]
struct Arguments<'a> {
    #[serde(borrow)]
    text: &'a RawValue,
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
            let arguments = message.params.and_then(|params| params.arguments);
            let text = arguments.map_or("\"\"", |arguments| arguments.text.get());
            format!(
                r#"{{"resultType":"complete","content":[{{"type":"text","text":{text}}}],"isError":false}}"#
            )
        }
        "tools/list" => concat!(
            r#"{"resultType":"complete","ttlMs":60000,"cacheScope":"public","tools":[{"name":"echo","#,
            r#""description":"Says the same again","inputSchema":{"type":"object","#,
            r#""properties":{"text":{"type":"string"}},"required":["text"]},"#,
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
