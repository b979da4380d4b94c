//! A small HTTP client, so that tests see every header of every answer.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// An answer, complete.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of a header, empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// `GET url`, with a bearer token if there is one.
pub(crate) async fn get(url: &str, token: Option<&str>) -> Answer {
    send(
        with_token(Request::get(url), token)
            .body(Body::empty())
            .unwrap(),
    )
    .await
}

/// `POST url` with a form, written as curl's `-d` writes it.
pub(crate) async fn post_form(url: &str, form: &str) -> Answer {
    let request = Request::post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()));
    send(request.unwrap()).await
}

/// Calls a tool of an MCP server (Streamable HTTP, 2026-07-28).
pub(crate) async fn call_tool(url: &str, token: &str, tool: &str, arguments: Value) -> Answer {
    let message = serde_json::json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": tool, "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            },
        },
    });
    let request = with_token(Request::post(url), Some(token))
        .header(CONTENT_TYPE, "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .body(Body::from(message.to_string()));
    send(request.unwrap()).await
}

fn with_token(
    builder: axum::http::request::Builder,
    token: Option<&str>,
) -> axum::http::request::Builder {
    match token {
        Some(token) => builder.header(AUTHORIZATION, format!("Bearer {token}")),
        None => builder,
    }
}

/// Sends a request on a connection of its own.
pub(crate) async fn send(mut request: Request<Body>) -> Answer {
    let uri = request.uri().clone();
    let authority = uri.authority().unwrap().as_str();
    let stream = TcpStream::connect(authority).await.unwrap();
    request
        .headers_mut()
        .entry(HOST)
        .or_insert(authority.parse().unwrap());
    *request.uri_mut() = Uri::from(uri.path_and_query().unwrap().clone());
    if request.method() == Method::GET {
        request
            .headers_mut()
            .insert("connection", "close".parse().unwrap());
    }
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let exchange = async move {
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = to_bytes(Body::new(body), 16 * 1024 * 1024).await.unwrap();
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    };
    // The connection ends when the exchange drops its sender.
    let (answer, _) = tokio::join!(exchange, connection);
    answer
}
