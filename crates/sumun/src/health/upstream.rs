//! What is somebody else's: APIs that our servers call.

use std::time::Duration;

use async_trait::async_trait;
use oauth::client::fetch::{Fetch, Limits};

use super::Check;

const LIMITS: Limits = Limits {
    max_bytes: 64 * 1024,
    deadline: Duration::from_secs(4),
};

/// Whether an address answers at all. What it answers without credentials says nothing of its health,
/// except that it has failed.
pub(crate) struct Reachable {
    /// What stands in the answer.
    pub(crate) name: String,
    /// The address.
    pub(crate) url: String,
    /// HTTP out.
    pub(crate) fetch: Fetch,
}

#[async_trait]
impl Check for Reachable {
    fn name(&self) -> String {
        format!("upstream:{}", self.name)
    }

    fn is_vital(&self) -> bool {
        false
    }

    async fn run(&self) -> Result<(), String> {
        let fetched = self.fetch.configured().get(&self.url, LIMITS).await;
        let fetched = fetched.map_err(|error| error.to_string())?;
        if fetched.status.is_server_error() {
            return Err(format!("it answers {}", fetched.status));
        }
        Ok(())
    }
}
