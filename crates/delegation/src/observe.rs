//! What happens here, for whoever counts it: calls of APIs and renewals of tokens.

use std::fmt;
use std::time::Duration;

/// Somebody who counts; it is called on the way of a call, so it must be quick.
pub trait Observe: fmt::Debug + Send + Sync + 'static {
    /// A call of an API has ended, with everything that was repeated for it.
    fn api_called(&self, call: &ApiCall<'_>);

    /// A provider has been asked for the next token of a person.
    fn token_refreshed(&self, provider: &str, outcome: RefreshOutcome);
}

/// A call of an API that has ended. Neither its path nor the person stands here.
#[derive(Clone, Copy, Debug)]
pub struct ApiCall<'a> {
    /// The host of the API.
    pub api: &'a str,
    /// How it ended: `ok`, or the kind of its error in snake case.
    pub outcome: &'static str,
    /// How long it took.
    pub duration: Duration,
}

/// How a renewal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefreshOutcome {
    /// There is a new token.
    Renewed,
    /// The provider has ended the credential.
    Ended,
    /// There was no new token this time.
    Failed,
}

impl RefreshOutcome {
    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }
}
