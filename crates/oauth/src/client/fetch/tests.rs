//! Where requests may not go (acceptance C3), and what bounds their answers.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use std::time::Duration;

use http::header::AUTHORIZATION;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::secret::Secret;

const LIMITS: Limits = Limits {
    max_bytes: 100,
    deadline: Duration::from_secs(5),
};

/// Answers one request after the other with the given texts, then closes.
async fn server(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    #[expect(
        clippy::disallowed_methods,
        reason = "the test waits for the server by its handle"
    )]
    let requests = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = socket.read(&mut request).await.unwrap();
            requests.push(String::from_utf8(request[..length].to_vec()).unwrap());
            // The client may hang up on an answer that is too large.
            let _ = socket.write_all(answer.as_bytes()).await;
        }
        requests
    });
    (base, requests)
}

#[tokio::test]
async fn c3_special_use_hosts_are_refused_before_any_request() {
    let fetch = Fetch::new().unwrap();
    for host in [
        "localhost",
        "localhost.",
        "a.localhost",
        "127.0.0.1",
        "127.0.0.1.",
        "[::1]",
        "0",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "169.254.169.254",
        "[64:ff9b::7f00:1]",
        "[fd00::1]",
        "10.0.0.1",
        "100.64.0.1",
        "192.0.2.1",
    ] {
        let error = fetch
            .public()
            .get(&format!("https://{host}:9/"), LIMITS)
            .await
            .unwrap_err();
        assert!(matches!(error, FetchError::SpecialUse), "{host}: {error}");
    }
    let error = fetch
        .public()
        .get("http://example.com/", LIMITS)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::NotHttps), "{error}");
}

/// A name server that answers something else each time.
#[derive(Debug)]
struct Changing(Mutex<Vec<Vec<IpAddr>>>);

#[async_trait]
impl HostResolver for Changing {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        if answers.is_empty() {
            Err(io::ErrorKind::NotFound.into())
        } else {
            Ok(answers.remove(0))
        }
    }
}

const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PRIVATE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

#[tokio::test]
async fn c3_one_private_answer_among_public_ones_is_refused() {
    for answers in [vec![PRIVATE], vec![PUBLIC, PRIVATE], vec![PUBLIC, HOME]] {
        let resolver = Arc::new(Changing(Mutex::new(vec![answers])));
        let fetch = Fetch::through(Network::new(resolver).unwrap());
        let error = fetch
            .public()
            .get("https://rebind.example/", LIMITS)
            .await
            .unwrap_err();
        assert!(matches!(error, FetchError::SpecialUse), "{error:?}");
    }
}

#[tokio::test]
async fn c3_dns_rebinding_has_no_second_resolution_to_poison() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // The first answer counts as public for this test; the second would be refused, were it asked for.
    let resolver = Arc::new(Changing(Mutex::new(vec![vec![HOME], vec![PRIVATE]])));
    let network = Network::with_exceptions(Arc::clone(&resolver) as _, vec![HOME]).unwrap();
    let fetch = Fetch::through(network);
    let url = format!("https://rebind.example:{port}/");
    let public = fetch.public();
    let (answer, accepted) = tokio::join!(public.get(&url, LIMITS), async {
        let (socket, _) = listener.accept().await.unwrap();
        drop(socket);
    });
    let () = accepted;
    assert!(
        answer.unwrap_err().is_outage(),
        "the connection was made, then broke"
    );
    assert_eq!(
        resolver.0.lock().unwrap().len(),
        1,
        "exactly one resolution"
    );
}

#[tokio::test]
async fn c3_redirects_are_not_followed() {
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n";
    let (base, requests) = server(vec![moved.into()]).await;
    let fetched = Fetch::new()
        .unwrap()
        .configured()
        .get(&base, LIMITS)
        .await
        .unwrap();
    assert_eq!(fetched.status, 302);
    assert_eq!(requests.await.unwrap().len(), 1);
}

#[tokio::test]
async fn c3_the_body_cap_holds_with_and_without_a_length() {
    let long = "x".repeat(101);
    let announced = format!("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n{long}");
    let streamed = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{long}");
    let (base, _requests) = server(vec![announced, streamed]).await;
    let fetch = Fetch::new().unwrap();
    for _ in 0..2 {
        let error = fetch.configured().get(&base, LIMITS).await.unwrap_err();
        assert!(matches!(error, FetchError::TooLarge(100)), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_meets_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let limits = Limits {
        deadline: Duration::from_millis(50),
        ..LIMITS
    };
    let error = Fetch::new()
        .unwrap()
        .configured()
        .get(&url, limits)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Deadline), "{error:?}");
}

#[tokio::test]
async fn rfc6749_basic_credentials_are_form_encoded() {
    let (base, requests) = server(vec![
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".into(),
    ])
    .await;
    let secret = Secret::from("p:w d");
    let basic = Authorization::Basic {
        id: "a:b",
        secret: &secret,
    };
    let fetch = Fetch::new().unwrap();
    let form = [("token", "a b&c"), ("token_type_hint", "access_token")];
    fetch
        .configured()
        .post_form(basic, &base, &form, LIMITS)
        .await
        .unwrap();
    let request = requests.await.unwrap().remove(0);
    // base64("a%3Ab:p%3Aw+d")
    assert!(
        request.contains("authorization: Basic YSUzQWI6cCUzQXcrZA==\r\n"),
        "{request}"
    );
    assert!(
        request.ends_with("token=a+b%26c&token_type_hint=access_token"),
        "{request}"
    );
}

#[tokio::test]
async fn a11_requests_show_no_credentials() {
    let script = Scripted::default();
    script.answer("https://as.example/userinfo", 200, &[], "{}");
    let fetch = Fetch::through(script.clone());
    let canary = Secret::from("canary");
    let bearer = Authorization::Bearer(&canary);
    fetch
        .public()
        .get_as(bearer, "https://as.example/userinfo", LIMITS)
        .await
        .unwrap();
    let requests = script.requests();
    assert_eq!(requests[0].headers[AUTHORIZATION], "Bearer canary");
    assert!(!format!("{requests:?} {bearer:?}").contains("canary"));
    assert!(!format!("{:?}", requests[0].headers).contains("canary"));
}

#[test]
fn freshness_in_every_spelling() {
    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: Option<u64>) {
        let header = |(name, value): &(&str, &str)| -> (http::HeaderName, HeaderValue) {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        let fetched = Fetched {
            status: http::StatusCode::OK,
            headers: headers.iter().map(header).collect(),
            body: Bytes::new(),
        };
        assert_eq!(
            fetched.fresh_for(),
            expected.map(Duration::from_secs),
            "{headers:?}"
        );
    }
    check(&[], None);
    check(&[("cache-control", "public")], None);
    check(&[("cache-control", "public, Max-Age=60")], Some(60));
    check(&[("cache-control", "max-age=60"), ("age", "50")], Some(10));
    check(&[("cache-control", "max-age=60"), ("age", "90")], Some(0));
    check(&[("cache-control", "max-age=60, no-store")], Some(0));
    check(
        &[
            ("cache-control", "max-age=60"),
            ("cache-control", "no-cache"),
        ],
        Some(0),
    );
}

#[tokio::test]
async fn a_credential_that_no_header_can_hold_is_an_error_and_not_left_out() {
    let script = Scripted::default();
    let fetch = Fetch::through(script.clone());
    let secret = Secret::from("line\r\nbreak");
    let headers = [(http::HeaderName::from_static("x-api-key"), secret.clone())];
    for authorization in [
        Authorization::Bearer(&secret),
        Authorization::Headers(&headers),
    ] {
        let url = "https://api.example/";
        let answer = fetch.configured().get_as(authorization, url, LIMITS).await;
        let error = answer.unwrap_err();
        assert!(matches!(error, FetchError::Credential), "{error}");
        assert!(!format!("{error} {error:?}").contains("break"));
    }
    assert!(script.requests().is_empty(), "nothing was sent");
}
