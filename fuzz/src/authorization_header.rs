//! `Authorization` headers, at the token endpoint and at a resource server (RFC 6750, RFC 7617).

use std::convert::Infallible;
use std::sync::OnceLock;

use axum::body::Body;
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, StatusCode};
use resource_server::verify::{VerifyError, verify_with};
use resource_server::{RequireBearer, Secret};
use tokio::runtime::{Builder, Runtime};
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

use crate::house::with_house;

/// The input is the header.
pub fn run(data: &[u8]) {
    let Ok(header) = HeaderValue::from_bytes(data) else {
        return;
    };
    at_the_token_endpoint(header.clone());
    at_a_resource_server(header);
}

fn at_the_token_endpoint(header: HeaderValue) {
    let request = Request::post("/token")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(AUTHORIZATION, header)
        .body(Body::from("grant_type=client_credentials"));
    let request = request.expect("every part is well-formed");
    let answer = with_house(|house| house.attack(request));
    assert!(answer.status.is_client_error(), "{}", answer.status);
}

/// No token verifies, so nothing but a challenge may come back.
fn at_a_resource_server(header: HeaderValue) {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let runtime = Builder::new_current_thread().build();
        runtime.expect("a process that fuzzes may have a runtime")
    });
    let verifier = verify_with(|_token: Secret| async {
        Err::<resource_server::Caller, _>(VerifyError::invalid("nothing is good"))
    });
    let server = service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::from("let in")))
    });
    let guarded = ServiceBuilder::new()
        .layer(RequireBearer::new(verifier))
        .service(server);
    let request = Request::get("/mcp").header(AUTHORIZATION, header);
    let request = request.body(Body::empty()).expect("it is well-formed");
    let Ok(answer) = runtime.block_on(guarded.oneshot(request));
    let status = answer.status();
    let is_refusal = status == StatusCode::UNAUTHORIZED || status == StatusCode::BAD_REQUEST;
    assert!(is_refusal, "{status}");
    assert!(answer.headers().contains_key(WWW_AUTHENTICATE));
}
