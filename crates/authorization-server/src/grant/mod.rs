//! The grant: one record that walks through the whole flow (RFC 6749 §1.3, RFC 9700 §4.14).
//!
//! `Pending → Approved → Exchanged → Ended`, each move one `replace` in the store, so of any number
//! of racing requests exactly one makes it. The grant is the only mutable truth: codes, refresh
//! tokens and access tokens merely name it, and revoking it is one write.

mod assertion;
mod decide;
mod device;
mod owned;
mod pushed;
mod redeem;
mod request;
mod rotate;
mod user_code;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::random::Random;
use oauth::scope::Scope;
use oauth::secret::SecretHash;
use oauth::time::{Clock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, Record, SharedStore, StoreError, Versioned};

use crate::handle::Handles;
use crate::reason::Reason;
use crate::settings::{Lifetimes, Settings};
use device::{DevicePoll, WaitingDevice};
use pushed::PushedRequest;

pub(crate) use assertion::FromAssertion;
pub(crate) use device::{POLL_INTERVAL, Poll};
pub(crate) use pushed::PUSHED_LIFETIME;
pub(crate) use redeem::Redemption;
pub(crate) use request::{AuthorizationRequest, Delivery, Prompt};
pub(crate) use rotate::Rotation;
pub(crate) use user_code::UserCode;

/// What a person allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Approval {
    pub(crate) subject: String,
    pub(crate) scope: Scope,
    /// When the person proved who they are.
    pub(crate) authenticated_at: NumericDate,
    /// Where they did so, if not here with a password.
    #[serde(default)]
    pub(crate) identity_provider: Option<String>,
}

/// Where a grant is on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Asked for. The browser that asked is the one that may answer, or the first one to see the page
    /// where it is not known who asked.
    Pending { browser: Option<SecretHash> },
    /// Allowed; the code waits to be redeemed.
    Approved {
        browser: SecretHash,
        approval: Approval,
        code_expires_at: NumericDate,
    },
    /// The code was redeemed; tokens are out.
    Exchanged {
        approval: Approval,
        code_expires_at: NumericDate,
        /// The generation of the current refresh token; `None` when the client takes none.
        refresh: Option<Refresh>,
    },
    /// Denied, burned or revoked. Nothing leads out of here.
    Ended,
}

/// The current refresh token of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refresh {
    pub(crate) generation: u64,
    pub(crate) rotated_at: NumericDate,
    #[serde(flatten)]
    pub(crate) terms: RefreshTerms,
}

/// On which terms a client gets refresh tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshTerms {
    /// The key that whoever uses one must possess (RFC 9449 §5). Confidential clients prove
    /// themselves otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bound_to: Option<String>,
}

/// One authorization, from request to end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) request: AuthorizationRequest,
    pub(crate) stage: Stage,
    pub(crate) created_at: NumericDate,
    pub(crate) expires_at: NumericDate,
}

impl Record for Grant {
    const KIND: Kind = Kind::new("grant");
    // It holds the client's `state` and `nonce` while they still mean something.
    const SEALED: bool = true;

    fn owner(&self) -> Option<&str> {
        match &self.stage {
            Stage::Approved { approval, .. } | Stage::Exchanged { approval, .. } => {
                Some(&approval.subject)
            }
            Stage::Pending { .. } | Stage::Ended => None,
        }
    }

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }

    fn may_be_lost(&self) -> bool {
        // Whoever asked, asks again, and a code that nobody remembers is worth nothing. That it was redeemed
        // must stay, and so must every end.
        matches!(self.stage, Stage::Pending { .. } | Stage::Approved { .. })
    }
}

impl Grant {
    /// Whether tokens of this grant are still good.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Exchanged { .. })
    }
}

/// Why a grant did not move.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrantError {
    /// The request does not lead to this move; the reason says why, the flag what became of the grant.
    #[error("{}", reason.as_str())]
    Refused {
        reason: Reason,
        /// Whether the grant was revoked because of this request.
        revoked: bool,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl GrantError {
    fn refused(reason: Reason) -> Self {
        Self::Refused {
            reason,
            revoked: false,
        }
    }

    fn revoked(reason: Reason) -> Self {
        Self::Refused {
            reason,
            revoked: true,
        }
    }
}

/// All grants, and the only place where one moves.
#[derive(Debug)]
pub(crate) struct Grants {
    records: Collection<Grant>,
    devices: Collection<WaitingDevice>,
    polls: Collection<DevicePoll>,
    pushed: Collection<PushedRequest>,
    handles: Handles,
    lifetimes: Lifetimes,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Grants {
    pub(crate) fn new(
        settings: &Settings,
        store: &SharedStore,
        keys: &Arc<KeyRing>,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> Self {
        Self {
            records: Collection::new(Arc::clone(store), Arc::clone(keys)),
            devices: Collection::new(Arc::clone(store), Arc::clone(keys)),
            polls: Collection::new(Arc::clone(store), Arc::clone(keys)),
            pushed: Collection::new(Arc::clone(store), Arc::clone(keys)),
            handles: Handles::new(keys),
            lifetimes: settings.lifetimes.clone(),
            clock: Arc::clone(clock),
            random: Arc::clone(random),
        }
    }

    /// A client asked: the grant begins. A `browser` that is known already is the one that may answer.
    pub(crate) async fn begin(
        &self,
        client_id: &str,
        request: AuthorizationRequest,
        browser: Option<SecretHash>,
    ) -> Result<Grant, StoreError> {
        let now = self.clock.now();
        let grant = Grant {
            id: self.new_id(),
            client_id: client_id.to_owned(),
            request,
            stage: Stage::Pending { browser },
            created_at: now,
            expires_at: now.plus(self.lifetimes.authorization_request),
        };
        self.records.put(&grant.id, &grant).await?;
        Ok(grant)
    }

    /// An id that nobody guesses: 80 bits are random. It begins with the time in milliseconds, so that grants
    /// of one time lie beside each other in the index of the store.
    fn new_id(&self) -> String {
        let mut id = [0; 16];
        self.random.fill(&mut id);
        id[..6].copy_from_slice(&self.clock.now_millis().to_be_bytes()[2..]);
        URL_SAFE_NO_PAD.encode(id)
    }

    pub(crate) async fn find(&self, id: &str) -> Result<Option<Versioned<Grant>>, StoreError> {
        self.records.get(id).await
    }

    /// The code of an approved grant, for the authorization response.
    pub(crate) fn code(&self, grant: &Grant) -> String {
        self.handles.code(&grant.id)
    }

    /// Whether tokens of this grant are still good.
    pub(crate) async fn is_live(&self, id: &str) -> Result<bool, StoreError> {
        let grant = self.records.get(id).await?;
        Ok(grant.is_some_and(|grant| grant.is_live()))
    }

    /// Ends the grant, wherever it is. One write; whoever races to move it, loses. Returns the
    /// person from whom it is taken by this.
    pub(crate) async fn revoke(&self, id: &str) -> Result<Option<String>, StoreError> {
        while let Some(grant) = self.find(id).await? {
            let owner = grant.owner().map(str::to_owned);
            let ended = matches!(grant.stage, Stage::Ended);
            if ended || self.end(&grant).await? {
                return Ok(owner);
            }
        }
        Ok(None)
    }

    /// `true` when this call ended the grant.
    async fn end(&self, grant: &Versioned<Grant>) -> Result<bool, StoreError> {
        let keep = self.clock.now().plus(self.lifetime_after_issue(false));
        Ok(self.move_to(grant, Stage::Ended, keep).await?.is_some())
    }

    /// One step of the state machine; `None` when somebody else made a step first.
    async fn move_to(
        &self,
        grant: &Versioned<Grant>,
        stage: Stage,
        expires_at: NumericDate,
    ) -> Result<Option<Grant>, StoreError> {
        let next = Grant {
            stage,
            expires_at,
            ..grant.record.clone()
        };
        Ok(self.records.replace(grant, &next).await?.then_some(next))
    }

    /// How long a grant lives on after tokens were issued: while one of them may still be used.
    fn lifetime_after_issue(&self, has_refresh_token: bool) -> Duration {
        // A token ends by its own `exp`; its grant has to be there until then, and for clocks that
        // disagree a little longer.
        let access_token = self.lifetimes.access_token + Duration::from_mins(1);
        if has_refresh_token {
            self.lifetimes.refresh_token.max(access_token)
        } else {
            access_token
        }
    }
}
