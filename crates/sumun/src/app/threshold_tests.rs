//! Tests of what happens to every request: through a small router, without a network.

use std::collections::BTreeMap;

use axum::body::{Bytes, to_bytes};
use axum::routing::{get, post};
use futures_util::stream;
use gateway::policy::Policy;
use gateway::upstream::{HttpClient, UpstreamParts};
use gateway::{Parts, Plan, SessionKeys};
use http::header::CONTENT_TYPE;
use oauth::client::fetch::Fetch;
use oauth::time::SystemClock;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::*;

/// A gateway with nothing behind it.
fn nothing() -> Gateway {
    let parts = Parts {
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        tasks: TaskTracker::new(),
        closing: CancellationToken::new(),
        session_keys: SessionKeys::new(&[0; 32], &[]),
        audit: None,
        pins: None,
        upstreams: UpstreamParts {
            http: HttpClient::new().unwrap(),
            fetch: Fetch::new().unwrap(),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            issuer: "https://as.example".to_owned(),
            signer: None,
            accounts: None,
            environment: BTreeMap::new(),
            starts: Arc::new(Semaphore::new(1)),
        },
    };
    let plan = Plan {
        policy: Arc::new(Policy::closed()),
        redactor: None,
        upstreams: Vec::new(),
        federation: None,
    };
    Gateway::new(plan, parts).unwrap()
}

fn house(router: Router, stop: &CancellationToken) -> Threshold {
    Threshold::new(router, nothing(), Vec::new(), stop)
}

fn get_request(path: &str) -> Request {
    let request = Request::get(path).header(HOST, "localhost");
    request.body(Body::empty()).unwrap()
}

fn post_request(body: Body) -> Request {
    Request::post("/")
        .header(HOST, "localhost")
        .body(body)
        .unwrap()
}

/// RFC 9112 §3.2.
#[tokio::test]
async fn a_request_names_one_host() {
    let router = Router::new().route("/", get(|| async { "here" }));
    let house = house(router, &CancellationToken::new());
    for (version, hosts, expected) in [
        (Version::HTTP_11, &["a.example"][..], StatusCode::OK),
        (Version::HTTP_11, &[], StatusCode::BAD_REQUEST),
        (
            Version::HTTP_11,
            &["a.example", "b.example"],
            StatusCode::BAD_REQUEST,
        ),
        (
            Version::HTTP_11,
            &["a.example", "a.example"],
            StatusCode::BAD_REQUEST,
        ),
        (Version::HTTP_10, &[], StatusCode::OK),
        (
            Version::HTTP_10,
            &["a.example", "b.example"],
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let request = Request::get("/").version(version);
        let request = hosts
            .iter()
            .fold(request, |request, host| request.header(HOST, *host));
        let answer = house
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.unwrap().status(), expected, "{version:?} {hosts:?}");
    }
}

#[tokio::test]
async fn c8_every_answer_carries_an_id_of_our_own() {
    let router = Router::new().route("/", get(|| async { "here" }));
    let stop = CancellationToken::new();
    let mut request = get_request("/");
    request
        .headers_mut()
        .insert(REQUEST_ID, HeaderValue::from_static("forged"));
    let response = house(router.clone(), &stop).oneshot(request).await.unwrap();
    let first = response.headers()[REQUEST_ID].clone();
    assert_ne!(first, "forged");
    let response = house(router, &stop)
        .oneshot(get_request("/unknown"))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_ne!(response.headers()[REQUEST_ID], first);
}

#[tokio::test]
async fn a_panic_is_an_answer_without_its_words() {
    async fn panics() {
        panic!("canary");
    }
    let router = Router::new().route("/", get(panics));
    let response = house(router, &CancellationToken::new())
        .oneshot(get_request("/"))
        .await;
    let response = response.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.headers().contains_key(REQUEST_ID));
    let body = to_bytes(response.into_body(), 1000).await.unwrap();
    assert!(!String::from_utf8_lossy(&body).contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_begin_is_given_up() {
    let router = Router::new().route("/", get(std::future::pending::<()>));
    let response = house(router, &CancellationToken::new())
        .oneshot(get_request("/"))
        .await;
    assert_eq!(response.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let router = Router::new().route(
        "/",
        post(|body: Bytes| async move { body.len().to_string() }),
    );
    let router = router.layer(axum::extract::DefaultBodyLimit::disable());
    let request = post_request(Body::from(vec![0; LARGEST_BODY + 1]));
    let response = house(router, &CancellationToken::new())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn standing_streams_end_with_the_house_and_no_other_answer_does() {
    let endless = || async {
        let events = stream::once(async { Ok::<_, std::io::Error>("data: x\n\n") });
        let body = Body::from_stream(events.chain(stream::pending()));
        ([(CONTENT_TYPE, "text/event-stream")], body)
    };
    let router = Router::new().route("/", get(endless).post(endless));
    let stop = CancellationToken::new();
    let router = house(router, &stop);
    let standing = router.clone().oneshot(get_request("/")).await.unwrap();
    let working = router.oneshot(post_request(Body::empty())).await.unwrap();
    let mut working = working.into_body().into_data_stream();
    assert_eq!(working.next().await.unwrap().unwrap(), "data: x\n\n");

    stop.cancel();
    let events: Vec<_> = standing.into_body().into_data_stream().collect().await;
    assert!(events.len() <= 1, "the stream has ended");
    assert!(
        futures_util::poll!(working.next()).is_pending(),
        "an answer is not cut off"
    );
}
