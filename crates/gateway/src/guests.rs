//! Callers whose rights may be taken back while they listen (acceptance G2).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use oauth::time::{Clock, NumericDate};
use resource_server::Caller;
use tokio_util::sync::CancellationToken;

use crate::front::Guest;

/// From so many on, those whose tokens have ended are swept out at every new one.
const MANY: usize = 10_000;

/// What was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked<'a> {
    /// A grant, by its id.
    Grant(&'a str),
    /// A token, by its `jti`.
    Token(&'a str),
    /// Everything of a client, by its id.
    Client(&'a str),
    /// Nobody knows what: everything has to prove itself anew.
    Everything,
}

/// The tokens of those who have come in, by what may be revoked.
pub(crate) struct Guests {
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    caller: Caller,
    revoked: CancellationToken,
}

impl Guests {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            known: Mutex::default(),
        }
    }

    /// A guest who is told when their token or grant is revoked.
    pub(crate) fn welcome(&self, caller: Caller) -> Guest {
        let name = caller.token_id().or_else(|| caller.grant_id());
        let Some(name) = name.map(str::to_owned) else {
            return Guest::new(caller);
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MANY && !known.contains_key(&name) {
            let now = self.clock.now();
            known.retain(|_, entry| !has_ended(&entry.caller, now));
        }
        let entry = known.entry(name).or_insert_with(|| Entry {
            caller: caller.clone(),
            revoked: CancellationToken::new(),
        });
        let revoked = entry.revoked.clone();
        Guest { caller, revoked }
    }

    /// Ends the streams of those whom it concerns.
    pub(crate) fn revoke(&self, what: Revoked<'_>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, entry| {
            let is_concerned = match what {
                Revoked::Grant(grant) => entry.caller.grant_id() == Some(grant),
                Revoked::Token(token) => entry.caller.token_id() == Some(token),
                Revoked::Client(client) => entry.caller.client_id() == Some(client),
                Revoked::Everything => true,
            };
            if is_concerned {
                entry.revoked.cancel();
            }
            !is_concerned
        });
    }
}

fn has_ended(caller: &Caller, now: NumericDate) -> bool {
    caller.expires_at().is_some_and(|end| end <= now)
}

#[cfg(test)]
mod tests {
    use oauth::time::SystemClock;

    use super::*;

    #[test]
    fn g2_who_is_revoked_is_told_and_nobody_else() {
        let guests = Guests::new(Arc::new(SystemClock));
        let caller = |token: &str, client: &str| {
            let claims = serde_json::json!({
                "iss": "https://as.example", "sub": "alice", "aud": "r", "exp": 99_999_999_999_u64,
                "client_id": client, "jti": token, "grant_id": format!("grant of {token}"),
            });
            Caller::from(serde_json::from_value::<oauth::jwt::AccessTokenClaims>(claims).unwrap())
        };
        let one = guests.welcome(caller("one", "c"));
        let again = guests.welcome(caller("one", "c"));
        let two = guests.welcome(caller("two", "c"));
        guests.revoke(Revoked::Grant("grant of one"));
        assert!(one.revoked.is_cancelled() && again.revoked.is_cancelled());
        assert!(!two.revoked.is_cancelled());
        guests.revoke(Revoked::Client("c"));
        assert!(two.revoked.is_cancelled());
    }
}
