//! What the stand-in API remembers: requests, codes, tokens and settings (RFC 6749 §4.1, §6).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use oauth::pkce::{CodeChallenge, CodeVerifier};
use oauth::secret::{Secret, SecretHash};
use oauth::time::NumericDate;
use serde_json::{Map, Value};

use super::{ACCESS_TOKEN_LIFETIME, Account};

/// How long a page may stand, and a code may lie.
const REQUEST: Duration = Duration::from_mins(10);
const CODE: Duration = Duration::from_mins(1);
const REFRESH: Duration = Duration::from_hours(30 * 24);

/// Whom a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Service,
    /// An account, and the connection from which the token comes.
    Person(&'static Account, u64),
}

/// An authorization request that waits for somebody.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) state: Option<String>,
    pub(super) challenge: CodeChallenge,
}

#[derive(Debug)]
struct Until<T> {
    value: T,
    expires_at: NumericDate,
}

#[derive(Debug)]
struct Refresh {
    account: &'static Account,
    connection: u64,
    is_used: bool,
}

#[derive(Debug, Default)]
pub(super) struct Desk {
    asked: HashMap<String, Until<Asked>>,
    codes: HashMap<SecretHash, Until<(CodeChallenge, &'static Account)>>,
    access: HashMap<SecretHash, Until<Holder>>,
    refresh: HashMap<SecretHash, Until<Refresh>>,
    ended: HashSet<u64>,
    connections: u64,
    pub(super) refreshes: u64,
    pub(super) settings: HashMap<&'static str, Map<String, Value>>,
}

impl Desk {
    pub(super) fn ask(&mut self, name: String, asked: Asked, now: NumericDate) {
        self.forget_old(now);
        let expires_at = now.plus(REQUEST);
        let until = Until {
            value: asked,
            expires_at,
        };
        self.asked.insert(name, until);
    }

    /// The request that was answered, once.
    pub(super) fn answered(&mut self, name: &str, now: NumericDate) -> Option<Asked> {
        let asked = self.asked.remove(name)?;
        (now < asked.expires_at).then_some(asked.value)
    }

    pub(super) fn keep_code(
        &mut self,
        code: &Secret,
        challenge: CodeChallenge,
        account: &'static Account,
        now: NumericDate,
    ) {
        let until = Until {
            value: (challenge, account),
            expires_at: now.plus(CODE),
        };
        self.codes.insert(code.hash(), until);
    }

    /// Redeems a code, once; the connection that begins with it.
    pub(super) fn redeem(
        &mut self,
        code: &Secret,
        verifier: &CodeVerifier,
        now: NumericDate,
    ) -> Option<(&'static Account, u64)> {
        let code = self.codes.remove(&code.hash())?;
        let (challenge, account) = code.value;
        if now >= code.expires_at || !challenge.matches(verifier) {
            return None;
        }
        self.connections += 1;
        Some((account, self.connections))
    }

    pub(super) fn keep_access(&mut self, token: &Secret, holder: Holder, now: NumericDate) {
        let until = Until {
            value: holder,
            expires_at: now.plus(ACCESS_TOKEN_LIFETIME),
        };
        self.access.insert(token.hash(), until);
    }

    pub(super) fn keep_refresh(
        &mut self,
        token: &Secret,
        account: &'static Account,
        connection: u64,
        now: NumericDate,
    ) {
        let until = Until {
            value: Refresh {
                account,
                connection,
                is_used: false,
            },
            expires_at: now.plus(REFRESH),
        };
        self.refresh.insert(token.hash(), until);
    }

    /// Spends a refresh token; one that was spent before ends the connection (RFC 9700 §4.14.2).
    pub(super) fn spend(
        &mut self,
        token: &Secret,
        now: NumericDate,
    ) -> Option<(&'static Account, u64)> {
        let found = self.refresh.get_mut(&token.hash())?;
        let expires_at = found.expires_at;
        let refresh = &mut found.value;
        let (account, connection) = (refresh.account, refresh.connection);
        if refresh.is_used {
            self.ended.insert(connection);
            return None;
        }
        if now >= expires_at || self.ended.contains(&connection) {
            return None;
        }
        refresh.is_used = true;
        self.refreshes += 1;
        Some((account, connection))
    }

    /// Whom an access token stands for, while it is good.
    pub(super) fn holder(&self, token: &Secret, now: NumericDate) -> Option<Holder> {
        let found = self.access.get(&token.hash())?;
        let has_ended = match found.value {
            Holder::Person(_, connection) => self.ended.contains(&connection),
            Holder::Service => false,
        };
        (now < found.expires_at && !has_ended).then_some(found.value)
    }

    /// Ends the connection that a token comes from (RFC 7009 §2.1).
    pub(super) fn revoke(&mut self, token: &Secret) {
        let hash = token.hash();
        let connection = match self.access.get(&hash).map(|token| token.value) {
            Some(Holder::Person(_, connection)) => Some(connection),
            _ => self.refresh.get(&hash).map(|token| token.value.connection),
        };
        self.ended.extend(connection);
    }

    pub(super) fn end_all_of(&mut self, account: &Account) {
        let of_account = self.refresh.values().map(|token| &token.value);
        let of_account = of_account.filter(|refresh| refresh.account.id == account.id);
        let connections: Vec<_> = of_account.map(|refresh| refresh.connection).collect();
        self.ended.extend(connections);
    }

    fn forget_old(&mut self, now: NumericDate) {
        self.asked.retain(|_, asked| now < asked.expires_at);
        self.codes.retain(|_, code| now < code.expires_at);
        self.access.retain(|_, token| now < token.expires_at);
        self.refresh.retain(|_, token| now < token.expires_at);
    }
}
