//! Login states: people who are away at an identity provider (RFC 6749 §10.12, RFC 9700 §4.7).
//!
//! The `state` that goes to the provider and comes back says, sealed, what the way is for, which browser
//! went it and to which provider, so an answer that comes from elsewhere fits nothing. Whoever leaves
//! costs no record; whoever is back leaves one, the mark that the way is spent, and only one person
//! can make it. It stays as long as the state counts, so that the second of two clicks learns where the
//! first one leads.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::scope::Scope;
use oauth::secret::{Secret, SecretHash};
use oauth::time::{Clock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, Record, SharedStore, StoreError};
use zeroize::Zeroizing;

use crate::identity_provider::Leg;
use crate::invitation::InvitationId;
use crate::page::account::OwnPage;
use crate::settings::Settings;

/// What a `state` is sealed for, and nothing else is.
const SEALED_FOR: &[u8] = b"login_state";

/// Somebody is away at a provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoginState {
    /// The provider's id.
    pub(crate) provider: String,
    /// The browser that went there.
    pub(crate) browser: SecretHash,
    pub(crate) purpose: Purpose,
    /// What has to fit on return.
    pub(crate) leg: Leg,
    /// Milliseconds since the epoch.
    left_at: i64,
    expires_at: NumericDate,
}

/// What somebody went to a provider for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// To answer a client: pressing the button was the approval of what was ticked.
    Approve { grant_id: String, chosen: Scope },
    /// To connect an account, as somebody who is signed in already.
    Connect {
        subject: String,
        /// What led them there, if it was a server that needs the account.
        #[serde(default)]
        invitation: Option<InvitationId>,
    },
    /// To sign in for a page about one's own account.
    SignIn { to: OwnPage },
}

/// The mark that somebody is back.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LoginReturn {
    since: NumericDate,
    expires_at: NumericDate,
}

impl Record for LoginReturn {
    const KIND: Kind = Kind::new("login_return");

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

/// What became of somebody who is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    /// This is the first to come, and the only one who goes on.
    Now,
    /// Somebody was first, at this time.
    Before(NumericDate),
}

/// Everybody who is away.
#[derive(Debug)]
pub(crate) struct LoginStates {
    returns: Collection<LoginReturn>,
    keys: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    lifetime: Duration,
}

impl LoginStates {
    pub(crate) fn new(
        settings: &Settings,
        store: &SharedStore,
        keys: &Arc<KeyRing>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            returns: Collection::new(Arc::clone(store), Arc::clone(keys)),
            keys: Arc::clone(keys),
            clock: Arc::clone(clock),
            lifetime: settings.lifetimes.authorization_request,
        }
    }

    /// The `state` of somebody who leaves.
    pub(crate) fn begin(
        &self,
        provider: &str,
        leg: Leg,
        browser: SecretHash,
        purpose: Purpose,
    ) -> (LoginState, String) {
        let away = LoginState {
            provider: provider.to_owned(),
            browser,
            purpose,
            leg,
            left_at: self.clock.now_millis(),
            expires_at: self.clock.now().plus(self.lifetime),
        };
        let text = serde_json::to_vec(&away).expect("it is plain data with string keys");
        let sealed = self.keys.seal(&Zeroizing::new(text), SEALED_FOR);
        (away, URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Who comes back with this `state`; nobody whom we have sent, or not any more, is `None`.
    pub(crate) fn find(&self, state: &str) -> Option<LoginState> {
        let sealed = URL_SAFE_NO_PAD.decode(state).ok()?;
        let text = Zeroizing::new(self.keys.open(sealed, SEALED_FOR).ok()?);
        let away: LoginState = serde_json::from_slice(&text).ok()?;
        (away.expires_at > self.clock.now()).then_some(away)
    }

    /// Spends the way of somebody who is back, exactly once.
    pub(crate) async fn spend(&self, away: &LoginState) -> Result<Spent, StoreError> {
        let key = away.key();
        let now = self.clock.now();
        let back = LoginReturn {
            since: now,
            expires_at: away.expires_at,
        };
        if self.returns.insert(&key, &back).await? {
            return Ok(Spent::Now);
        }
        let first = self.returns.get(&key).await?;
        Ok(Spent::Before(first.map_or(now, |first| first.since)))
    }
}

impl LoginState {
    /// The key of the mark: each way has a nonce of its own, which the provider learns. Those of one time lie
    /// beside each other in the index of the store.
    fn key(&self) -> String {
        let nonce = Secret::from(self.leg.nonce()).hash();
        format!("{}.{}", self.left_at, nonce.as_str())
    }
}
