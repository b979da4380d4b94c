//! From an event to somebody who is told: alert, webhook, signature, retries.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use audit::rule::Thresholds;
use audit::{AuditEvent, AuditLog, EventType, Record, Webhook, Who, watch};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oauth::client::fetch::{Fetch, Scripted};
use oauth::random::OsRandom;
use oauth::secret::Secret;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::{World, call};

const HOOK: &str = "http://hooks.internal/alerts";

struct Watched {
    world: World,
    log: AuditLog,
    script: Scripted,
    stop: CancellationToken,
    tasks: TaskTracker,
}

fn watched() -> Watched {
    let world = World::new();
    let log = world.open();
    let watched = Watched {
        log,
        script: Scripted::default(),
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
        world,
    };
    watched.start();
    watched
}

impl Watched {
    fn start(&self) {
        let clock = Arc::new(self.world.clock.clone());
        let webhook = Webhook::new(
            HOOK,
            &Secret::from("shared"),
            Fetch::through(self.script.clone()),
            clock.clone(),
            Arc::new(OsRandom),
        );
        let (log, stop) = (self.log.clone(), self.stop.clone());
        self.tasks.spawn(watch(
            log,
            Thresholds::default(),
            Some(webhook),
            clock,
            stop,
        ));
    }

    async fn append(&self, kind: EventType) {
        let who = Who::new().client("claude").grant("g1");
        self.log.append(AuditEvent::new(kind, who)).await.unwrap();
    }

    async fn until(&self, mut holds: impl FnMut(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // The clock of the test runs as fast as it can: this is how often is looked.
        let waited = tokio::time::timeout(Duration::from_hours(5), waiting).await;
        waited.expect("it never comes");
    }

    fn delivered(&self) -> u64 {
        self.log.counters().delivered.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_recorded_and_sent_signed() {
    let watched = watched();
    watched.script.answer(HOOK, 204, &[], "");
    watched.append(EventType::RefreshReused).await;
    watched.until(|watched| watched.delivered() == 1).await;

    let lines = watched.world.lines();
    let alert = Record::parse(lines.last().unwrap().as_bytes()).unwrap();
    assert_eq!(alert.event_type, "alert");
    assert_eq!(alert.grant_id.as_deref(), Some("g1"));
    let details = alert.alert.unwrap();
    assert_eq!(
        (&*details.rule, &*details.severity),
        ("refresh_reused", "critical")
    );
    assert_eq!(details.evidence, [2]);

    let requests = watched.script.requests();
    let header = |name: &str| requests[0].headers[name].to_str().unwrap().to_owned();
    let body = std::str::from_utf8(&requests[0].body).unwrap();
    assert_eq!(header("webhook-timestamp"), "1795824000");
    let signed = format!(
        "{}.{}.{body}",
        header("webhook-id"),
        header("webhook-timestamp")
    );
    let tag = STANDARD
        .decode(header("webhook-signature").strip_prefix("v1,").unwrap())
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"shared");
    hmac::verify(&key, signed.as_bytes(), &tag).unwrap();
    assert!(body.contains(r#""rule":"refresh_reused""#), "{body}");

    watched.stop.cancel();
    watched.tasks.close();
    watched.tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_away_gets_the_alert_when_it_is_back() {
    let watched = watched();
    watched.append(EventType::CodeReplayed).await;
    watched
        .until(|watched| watched.script.requests().len() == 3)
        .await;
    assert_eq!(watched.delivered(), 0);
    watched.script.answer(HOOK, 200, &[], "{}");
    watched.until(|watched| watched.delivered() == 1).await;
    let requests = watched.script.requests();
    let ids = |n: usize| requests[n].headers["webhook-id"].clone();
    assert_eq!(ids(0), ids(3), "what comes twice can be recognized");
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_never_answers_is_given_up_and_stops_nothing() {
    let watched = watched();
    watched.script.answer(HOOK, 500, &[], "");
    watched.append(EventType::CodeReplayed).await;
    let given_up =
        |watched: &Watched| watched.log.counters().undelivered.load(Ordering::Relaxed) == 1;
    watched.until(given_up).await;
    assert_eq!(watched.script.requests().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn rules_remember_what_was_before_a_restart_and_tell_it_once() {
    let watched = watched();
    watched.script.answer(HOOK, 200, &[], "");
    let denied = |n: usize| {
        let (direction, action) = (audit::Direction::Arguments, audit::Action::Rejected);
        call(n)
            .found(direction, action, "KR_RRN", 1)
            .denied("pii_rejected")
    };
    watched.append(EventType::CodeReplayed).await;
    watched.log.append(denied(1)).await.unwrap();
    watched.log.append(denied(2)).await.unwrap();
    watched.until(|watched| watched.delivered() == 1).await;
    watched.stop.cancel();
    watched.tasks.close();
    watched.tasks.wait().await;

    let again = Watched {
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
        ..watched
    };
    again.start();
    again.log.append(denied(3)).await.unwrap();
    again.until(|watched| watched.delivered() == 2).await;
    let alerts = again.world.lines();
    let alerts: Vec<_> = alerts
        .iter()
        .filter(|line| line.contains("\"alert\":"))
        .collect();
    assert_eq!(alerts.len(), 2, "{alerts:?}");
    assert!(alerts[1].contains("rephrasing"));
}
