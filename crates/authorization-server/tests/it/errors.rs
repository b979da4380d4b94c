//! What errors tell, to whom (acceptance C8, A11).

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::registry;

use crate::browser::{Browser, authorize, request};
use crate::house::{House, PASSWORD};

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// While there is one dispatcher alone, `tracing` lets the first thread that comes by a log line
/// decide for all threads whether anybody listens to it, and other tests listen to nothing.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(registry()));

pub(crate) fn listen() -> (Log, tracing::subscriber::DefaultGuard) {
    LazyLock::force(&SECOND);
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn c8_a_request_id_leads_from_the_answer_to_the_reason() {
    let house = House::start().await;
    let (log, _guard) = listen();
    let check = |request_id: &str, reason: &str| {
        let text = log.text();
        let line = text
            .lines()
            .find(|line| line.contains(request_id))
            .expect("a line with the id");
        assert!(line.contains(reason), "{line}");
    };
    let json = house.redeem("nonsense").await;
    let request_id = json.json()["request_id"].as_str().unwrap().to_owned();
    assert_eq!(json.header("x-request-id"), request_id);
    check(&request_id, "code_unknown");

    let mut asked = request();
    asked.insert("response_type", "token".to_owned());
    let redirect = house.get(&authorize(&asked)).await;
    let request_id = redirect.header("x-request-id").to_owned();
    assert!(
        redirect
            .parameter("error_description")
            .unwrap()
            .contains(&request_id)
    );
    check(&request_id, "response_type_unsupported");

    asked.insert("client_id", "nobody".to_owned());
    let page = house.get(&authorize(&asked)).await;
    let request_id = page.header("x-request-id").to_owned();
    assert!(page.body.contains(&request_id));
    check(&request_id, "unknown_client");
}

#[tokio::test]
async fn a11_no_secret_reaches_the_log() {
    let house = House::start().await;
    let (log, _guard) = listen();
    let mut browser = Browser::new(&house);
    let code = browser.code("alice", &request()).await;
    let tokens = house.redeem(&code).await.tokens();
    let refresh_token = tokens.refresh_token.unwrap();
    let rotated = house.refresh(&refresh_token).await.tokens();
    house.advance(31);
    house
        .refresh(&refresh_token)
        .await
        .refused(400, "invalid_grant");
    house.redeem(&code).await.refused(400, "invalid_grant");
    let service = ("service", "service-secret");
    let form = [("grant_type", "client_credentials")];
    house.post_as(service, "/token", &form).await.tokens();
    house
        .post_as(("service", "canary-secret"), "/token", &form)
        .await
        .refused(401, "invalid_client");

    let text = log.text();
    assert!(
        text.contains("refresh_token_reused"),
        "the log is being read: {text}"
    );
    let canaries = [
        PASSWORD,
        "service-secret",
        "canary-secret",
        &code,
        &tokens.access_token,
        &refresh_token,
        &rotated.access_token,
        "st4te",
    ];
    for canary in canaries {
        assert!(!text.contains(canary), "{canary} in the log");
    }
}

#[tokio::test]
async fn a_program_that_asks_for_json_gets_json() {
    let house = House::start().await;
    let mut asked = request();
    asked.insert("client_id", "forgotten".to_owned());
    let request = http::Request::get(authorize(&asked)).header("accept", "application/json");
    let answer = house
        .send(request.body(axum::body::Body::empty()).unwrap())
        .await;
    answer.refused(400, "invalid_client");
}
