//! On whose behalf something is sent to an upstream, and with whose credential.

use delegation::AuthType;
use resource_server::Caller;

use crate::visit::Visit;

/// On whose behalf something is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Behalf<'a> {
    pub(super) caller: &'a Caller,
    /// Whose credential goes with it, where that is not the same for everything.
    pub(super) auth_type: Option<AuthType>,
}

impl<'a> Behalf<'a> {
    /// A request of a visit, or what belongs to it.
    pub(super) fn calling(visit: &'a Visit) -> Self {
        Self {
            caller: &visit.caller,
            auth_type: visit.auth_type,
        }
    }

    /// What is no call of a tool.
    pub(super) fn of(caller: &'a Caller) -> Self {
        Self {
            caller,
            auth_type: None,
        }
    }
}

impl Behalf<'_> {
    /// The same for whoever goes on beside the request.
    pub(super) fn kept(self) -> Kept {
        Kept {
            caller: self.caller.clone(),
            auth_type: self.auth_type,
        }
    }
}

/// A [`Behalf`] of one's own.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    caller: Caller,
    auth_type: Option<AuthType>,
}

impl Kept {
    pub(super) fn as_ref(&self) -> Behalf<'_> {
        Behalf {
            caller: &self.caller,
            auth_type: self.auth_type,
        }
    }
}
