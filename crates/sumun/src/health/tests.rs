//! What is asked once, what is vital, and what a stranger learns.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use audit::{AuditLog, OnFailure};
use axum::body::{Body, to_bytes};
use http::Request;
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use tower::ServiceExt as _;

use super::*;

struct Switch {
    name: &'static str,
    is_vital: bool,
    is_well: Arc<AtomicBool>,
    runs: Arc<AtomicUsize>,
}

#[async_trait]
impl Check for Switch {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn is_vital(&self) -> bool {
        self.is_vital
    }

    async fn run(&self) -> Result<(), String> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let is_well = self.is_well.load(Ordering::SeqCst);
        is_well
            .then_some(())
            .ok_or("db7.internal is away".to_owned())
    }
}

async fn get(router: &Router, path: &str) -> (u16, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 9999).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_is_not_vital_makes_a_house_unhealthy_and_leaves_it_ready() {
    let (store, api) = (AtomicBool::new(true), AtomicBool::new(true));
    let (store, api, runs) = (
        Arc::new(store),
        Arc::new(api),
        Arc::new(AtomicUsize::new(0)),
    );
    let switch = |name, is_vital, is_well: &Arc<AtomicBool>| -> Box<dyn Check> {
        let (is_well, runs) = (Arc::clone(is_well), Arc::clone(&runs));
        Box::new(Switch {
            name,
            is_vital,
            is_well,
            runs,
        })
    };
    let checks = vec![
        switch("store", true, &store),
        switch("upstream:x", false, &api),
    ];
    let router = Health::new(checks).routes("/base");

    let (status, body) = get(&router, "/base/health").await;
    assert_eq!((status, &body["status"]), (200, &json!("healthy")));
    assert_eq!(body["checks"]["store"]["status"], "healthy");

    api.store(false, Ordering::SeqCst);
    assert_eq!(
        get(&router, "/base/health").await.0,
        200,
        "asked a moment ago"
    );
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    tokio::time::advance(FRESH).await;
    let (status, body) = get(&router, "/base/health").await;
    assert_eq!(
        (status, &body["status"], &body["ready"]),
        (503, &json!("unhealthy"), &json!(true))
    );
    assert_eq!(body["checks"]["upstream:x"]["status"], "unhealthy");
    assert!(!body.to_string().contains("internal"), "{body}");
    assert_eq!(get(&router, "/base/health/ready").await.0, 200);

    store.store(false, Ordering::SeqCst);
    tokio::time::advance(FRESH).await;
    assert_eq!(get(&router, "/base/health/ready").await.0, 503);
    assert_eq!(get(&router, "/base/health/live").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_check_without_an_answer_has_failed() {
    struct Hangs;
    #[async_trait]
    impl Check for Hangs {
        fn name(&self) -> String {
            "hangs".to_owned()
        }
        fn is_vital(&self) -> bool {
            true
        }
        async fn run(&self) -> Result<(), String> {
            std::future::pending().await
        }
    }
    let router = Health::new(vec![Box::new(Hangs)]).routes("");
    assert_eq!(get(&router, "/health").await.0, 503);
}

#[tokio::test]
async fn an_audit_log_that_nobody_writes_is_not_well() {
    for (on_failure, is_vital) in [(OnFailure::Refuse, true), (OnFailure::Alarm, false)] {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = audit::Settings::in_directory(directory.path());
        settings.on_failure = on_failure;
        let log = AuditLog::open(settings, Arc::new(SystemClock), &OsRandom).unwrap();
        let check = AuditIsWritten(log.clone());
        assert_eq!(check.is_vital(), is_vital);
        check.run().await.unwrap();
        log.close();
        check.run().await.unwrap_err();
    }
}
