//! Alerts to a webhook: signed, dated, and tried again for a while (Standard Webhooks).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, Method};
use oauth::client::fetch::{Authorization, Fetch, Limits};
use oauth::random::{self, Random};
use oauth::secret::Secret;
use oauth::time::Clock;
use serde_json::json;

use crate::rule::Finding;

/// What an answer may be: nobody reads it.
const LIMITS: Limits = Limits {
    max_bytes: 64 * 1024,
    deadline: Duration::from_secs(10),
};

/// How long to wait before each further attempt.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
];

/// Where alerts are sent, and by whom they are signed.
///
/// A message has the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`. The signature
/// is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. An id is the same in every attempt,
/// so that what comes twice is recognized; an old timestamp is no message of ours.
#[derive(Clone)]
pub struct Webhook {
    url: String,
    key: Arc<hmac::Key>,
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhook({})", self.url)
    }
}

impl Webhook {
    /// A webhook at an address that the operator wrote, with the secret that it shares with us.
    pub fn new(
        url: impl Into<String>,
        secret: &Secret,
        fetch: Fetch,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        Self {
            url: url.into(),
            key: Arc::new(key),
            fetch,
            clock,
            random,
        }
    }

    /// Sends an alert until it is taken; says whether it was.
    pub async fn deliver(&self, finding: &Finding) -> bool {
        let id = format!("msg_{}", random::token::<16>(&*self.random));
        let message = json!({
            "type": "alert",
            "timestamp": finding.timestamp,
            "sentence": finding.alert.rule.sentence(),
            "data": finding,
        });
        for pause in PAUSES.iter().map(Some).chain([None]) {
            let Some(problem) = self.attempt(&id, &message).await else {
                return true;
            };
            let Some(pause) = pause else {
                tracing::error!(
                    "audit: the webhook did not take an alert, which is given up: {problem}"
                );
                break;
            };
            tracing::warn!(
                "audit: the webhook did not take an alert; again in {} s: {problem}",
                pause.as_secs()
            );
            tokio::time::sleep(*pause).await;
        }
        false
    }

    /// One attempt; what stood against it.
    async fn attempt(&self, id: &str, message: &serde_json::Value) -> Option<String> {
        let now = self.clock.now().to_string();
        let signed = format!("{id}.{now}.{message}");
        let tag = hmac::sign(&self.key, signed.as_bytes());
        let header =
            |name: &'static str, text: String| (HeaderName::from_static(name), Secret::from(text));
        let headers = [
            header("webhook-id", id.to_owned()),
            header("webhook-timestamp", now),
            header("webhook-signature", format!("v1,{}", STANDARD.encode(tag))),
        ];
        let authorization = Authorization::Headers(&headers);
        let requests = self.fetch.configured();
        let sent = requests.send_json(
            Method::POST,
            authorization,
            &self.url,
            Some(message),
            LIMITS,
        );
        match sent.await {
            Ok(answer) if answer.status.is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status)),
            Err(error) => Some(error.to_string()),
        }
    }
}
