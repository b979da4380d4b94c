//! How long a stream may go on: no longer than what has let the caller in (MCP security best practices).

use std::sync::Arc;
use std::time::Duration;

use oauth::time::{Clock, NumericDate};
use tokio_util::sync::CancellationToken;

use crate::front::{FrontSettings, Guest};

/// How often the clock is asked: a clock may be set, and a machine may sleep.
const LOOK: Duration = Duration::from_secs(15);

/// Ends with the token of a caller, with its revocation, and with the house.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    clock: Arc<dyn Clock>,
    expires_at: Option<NumericDate>,
    revoked: Arc<CancellationToken>,
    closing: CancellationToken,
}

impl Lease {
    pub(crate) fn new(guest: &Guest, settings: &FrontSettings) -> Self {
        Self {
            clock: Arc::clone(&settings.clock),
            expires_at: guest.caller.expires_at(),
            revoked: guest.revoked.clone(),
            closing: settings.closing.clone(),
        }
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        let is_expired = self.expires_at.is_some_and(|end| end <= self.clock.now());
        is_expired || self.revoked.is_cancelled() || self.closing.is_cancelled()
    }

    /// Waits until it is over.
    pub(crate) async fn ended(&self) {
        let expired = async {
            let Some(end) = self.expires_at else {
                return std::future::pending().await;
            };
            loop {
                let left = end.since(self.clock.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LOOK)).await;
            }
        };
        tokio::select! {
            () = self.revoked.cancelled() => {}
            () = self.closing.cancelled() => {}
            () = expired => {}
        }
    }
}
