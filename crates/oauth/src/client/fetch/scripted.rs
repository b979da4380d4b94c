//! A transport without a network: answers come from a script, for tests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{FetchError, Fetched, Outgoing, Transport};

/// A transport whose answers are written beforehand; clones share script and record.
///
/// The rules of [`Fetch`](super::Fetch) on addresses still apply; resolving and connecting do not happen.
///
/// ```
/// use oauth::client::fetch::{Fetch, Limits, Scripted};
/// let script = Scripted::default();
/// script.answer("https://client.example/id", 200, &[("cache-control", "max-age=60")], "{}");
/// let fetch = Fetch::through(script.clone());
/// # futures_util::FutureExt::now_or_never(async {
/// let fetched = fetch.public().get("https://client.example/id", Limits::CLIENT_METADATA).await;
/// assert_eq!(fetched.unwrap().fresh_for().unwrap().as_secs(), 60);
/// assert_eq!(script.requests().len(), 1);
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scripted(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    answers: HashMap<String, Fetched>,
    requests: Vec<Outgoing>,
}

impl Scripted {
    /// From now on, `url` answers with `status`, `headers` and `body`.
    ///
    /// # Panics
    /// If a status or header is not one: the script is wrong, and so is the test that holds it.
    pub fn answer(&self, url: &str, status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) {
        let header = |(name, value): &(&str, &str)| -> (HeaderName, HeaderValue) {
            let name = name.parse().expect("the script writes valid header names");
            (
                name,
                value
                    .parse()
                    .expect("the script writes valid header values"),
            )
        };
        let fetched = Fetched {
            status: StatusCode::from_u16(status).expect("the script writes valid statuses"),
            headers: headers.iter().map(header).collect::<HeaderMap>(),
            body: body.into(),
        };
        self.script().answers.insert(url.to_owned(), fetched);
    }

    /// From now on, `url` answers 200 with `body` as JSON.
    ///
    /// # Panics
    /// If `body` has no JSON form.
    pub fn answer_json(&self, url: &str, body: &impl serde::Serialize) {
        let body =
            serde_json::to_vec(body).expect("the script writes values that have a JSON form");
        self.answer(url, 200, &[("content-type", "application/json")], body);
    }

    /// From now on, `url` cannot be reached, as is every address that was never scripted.
    pub fn unplug(&self, url: &str) {
        self.script().answers.remove(url);
    }

    /// Every request so far, the oldest first.
    pub fn requests(&self) -> Vec<Outgoing> {
        self.script().requests.clone()
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, request: Outgoing) -> Result<Fetched, FetchError> {
        let mut script = self.script();
        let answer = script.answers.get(request.url.as_str()).cloned();
        let max_bytes = request.limits.max_bytes;
        script.requests.push(request);
        match answer {
            Some(answer) if answer.body.len() > max_bytes => Err(FetchError::TooLarge(max_bytes)),
            Some(answer) => Ok(answer),
            None => Err(FetchError::Unreachable(
                "nothing is scripted for this address".into(),
            )),
        }
    }
}
