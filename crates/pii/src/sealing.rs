//! What encryption and stand-ins are made with: keys, random bytes and the time, handed in by whoever has them.

use std::fmt;
use std::sync::Arc;

use crate::fernet::{Binding, FernetError, FernetKeys};
use crate::kind::Kind;
use crate::policy::Context;

type Keys = dyn Fn() -> Arc<FernetKeys> + Send + Sync;
type Random = dyn Fn(&mut [u8]) + Send + Sync;
type Now = dyn Fn() -> u64 + Send + Sync;

/// What encryption and stand-ins are made with.
pub struct Sealing {
    keys: Box<Keys>,
    random: Box<Random>,
    now: Box<Now>,
}

impl Sealing {
    /// Keys, a source of random bytes, and a clock that tells seconds.
    ///
    /// The keys are asked for each time, since a ring goes on: what was encrypted with a key that is retired
    /// elsewhere could never be read again.
    pub fn new(
        keys: impl Fn() -> Arc<FernetKeys> + Send + Sync + 'static,
        random: impl Fn(&mut [u8]) + Send + Sync + 'static,
        now: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            keys: Box::new(keys),
            random: Box::new(random),
            now: Box::new(now),
        }
    }

    /// The keys as they are now.
    pub(crate) fn keys(&self) -> Arc<FernetKeys> {
        (self.keys)()
    }

    /// Encrypts a value for the tool and the subject of a call.
    pub(crate) fn encrypt(
        &self,
        kind: &Kind,
        value: &str,
        context: &Context<'_>,
    ) -> Result<String, FernetError> {
        let mut iv = [0; 16];
        (self.random)(&mut iv);
        let binding = Binding {
            kind: kind.name(),
            tool: context.tool,
            subject: context.subject,
        };
        self.keys().encrypt(value, binding, (self.now)(), iv)
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").finish_non_exhaustive()
    }
}
