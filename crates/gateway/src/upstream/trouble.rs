//! What can go wrong between the gateway and a server, before it is said to a client.

use std::time::Duration;

use crate::message::RpcError;
use crate::server::Failure;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// The server does not know the session any more, or was gone before it had the request. To ask anew,
    /// in a new session, can repeat nothing.
    Lost(&'static str),
    /// It went away while it had the request: nobody knows what it has done.
    Broken(&'static str),
    /// It refuses what is said, as of another era or transport, or has never heard of MCP: it has done
    /// nothing of it, and to ask anew, in other words, can repeat nothing.
    Foreign(String),
    /// It has taken the request, and its answer is of another era or transport, or no MCP at all: nobody
    /// knows what it has done.
    Strange(String),
    /// It says nothing for longer than it may.
    Silent(&'static str),
    /// It cannot be used now.
    Unusable {
        reason: String,
        retry_after: Option<Duration>,
    },
    /// It is called with the token of the caller's account, which they have not connected.
    NotConnected,
    /// It was not asked, because of a limit of ours: this says nothing about it.
    Withheld {
        reason: &'static str,
        retry_after: Option<Duration>,
    },
    /// It said so itself.
    Rpc(RpcError),
    /// There are no words for this.
    Untranslatable(String),
}

impl Trouble {
    /// The server cannot be used, and `reason` says why: a sentence that begins with what it does.
    pub(super) fn unusable(reason: impl Into<String>) -> Self {
        Self::Unusable {
            reason: reason.into(),
            retry_after: None,
        }
    }

    /// The same, before the server has the request: whatever it has done, it is nothing of that.
    pub(super) fn at_the_beginning(self) -> Self {
        match self {
            Self::Strange(reason) => Self::Foreign(reason),
            trouble => trouble,
        }
    }

    /// The same, once the server has the request: what it does not know any more, or refuses, it may have
    /// begun.
    pub(super) fn in_the_middle(self) -> Self {
        match self {
            Self::Lost(reason) => Self::Broken(reason),
            Self::Foreign(reason) => Self::Strange(reason),
            trouble => trouble,
        }
    }

    /// What the client learns of it; `name` is the server's.
    pub(super) fn into_failure(self, name: &str) -> Failure {
        let unavailable = |reason: &str, retry_after| Failure::Unavailable {
            reason: format!("the server `{name}` {reason}"),
            retry_after,
        };
        let in_doubt = |reason: &str| {
            let reason = format!("{reason}; it may have done what was asked, or not");
            unavailable(&reason, None)
        };
        match self {
            Self::Lost(reason) | Self::Silent(reason) => unavailable(reason, None),
            Self::NotConnected => unavailable("needs an account that is not connected", None),
            Self::Broken(reason) => in_doubt(reason),
            Self::Strange(reason) => in_doubt(&reason),
            Self::Foreign(reason) => unavailable(&reason, None),
            Self::Unusable {
                reason,
                retry_after,
            } => unavailable(&reason, retry_after),
            Self::Withheld {
                reason,
                retry_after,
            } => unavailable(reason, retry_after),
            Self::Rpc(error) => Failure::Rpc(error),
            Self::Untranslatable(what) => Failure::Untranslatable(what),
        }
    }
}
