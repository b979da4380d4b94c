//! Login states: people who are away at an identity provider (RFC 6749 §10.12, RFC 9700 §4.7).
//!
//! A way out and back is named by the `state` that the provider returns. The record says what the
//! way is for, which browser went it and to which provider, so an answer that comes from elsewhere
//! fits nothing. It is spent once. What stays until it expires is the mark that it was, so that the
//! second of two clicks learns where the first one leads.

use std::sync::Arc;
use std::time::Duration;

use oauth::scope::Scope;
use oauth::secret::{Secret, SecretHash};
use oauth::time::{Clock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, Record, SharedStore, StoreError, Versioned};

use crate::identity_provider::Leg;
use crate::invitation::InvitationId;
use crate::page::account::OwnPage;
use crate::settings::Settings;

/// Somebody is away at a provider, or is back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoginState {
    /// The provider's id.
    pub(crate) provider: String,
    /// The browser that went there.
    pub(crate) browser: SecretHash,
    pub(crate) purpose: Purpose,
    pub(crate) stage: Stage,
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

/// Where the person is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Away; this is what has to fit on return.
    Away(Leg),
    /// Back since then.
    Back(NumericDate),
}

impl Record for LoginState {
    const KIND: Kind = Kind::new("login_state");
    const SEALED: bool = true;

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

/// Everybody who is away.
#[derive(Debug)]
pub(crate) struct LoginStates {
    records: Collection<LoginState>,
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
            records: Collection::new(Arc::clone(store), Arc::clone(keys)),
            clock: Arc::clone(clock),
            lifetime: settings.lifetimes.authorization_request,
        }
    }

    /// Somebody leaves.
    pub(crate) async fn begin(
        &self,
        provider: &str,
        leg: Leg,
        browser: SecretHash,
        purpose: Purpose,
    ) -> Result<(), StoreError> {
        let key = key(leg.state());
        let state = LoginState {
            provider: provider.to_owned(),
            browser,
            purpose,
            stage: Stage::Away(leg),
            expires_at: self.clock.now().plus(self.lifetime),
        };
        self.records.put(&key, &state).await
    }

    /// Who comes back with this `state`.
    pub(crate) async fn find(
        &self,
        state: &str,
    ) -> Result<Option<Versioned<LoginState>>, StoreError> {
        self.records.get(&key(state)).await
    }

    /// Spends the way of somebody who is back, exactly once; `false` when it is spent already.
    pub(crate) async fn spend(&self, state: &Versioned<LoginState>) -> Result<bool, StoreError> {
        let back = LoginState {
            stage: Stage::Back(self.clock.now()),
            ..state.record.clone()
        };
        self.records.replace(state, &back).await
    }
}

/// `state` is a secret between the browser, the provider and us.
fn key(state: &str) -> String {
    Secret::from(state).hash().as_str().to_owned()
}
