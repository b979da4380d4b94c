//! The grant: one record that walks through the whole flow (RFC 6749 §1.3, RFC 9700 §4.14).
//!
//! `Pending → Approved → Exchanged → Ended`, each move one `replace` in the store, so of any number
//! of racing requests exactly one makes it. The grant is the only mutable truth: codes, refresh
//! tokens and access tokens merely name it, and revoking it is one write.

mod device;
mod owned;
mod pushed;
mod redeem;
mod rotate;
mod user_code;

use std::sync::Arc;
use std::time::Duration;

use oauth::pkce::CodeChallenge;
use oauth::random::{self, Random};
use oauth::redirect_uri::RedirectUri;
use oauth::resource::ResourceIndicator;
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

pub(crate) use device::{POLL_INTERVAL, Poll};
pub(crate) use pushed::PUSHED_LIFETIME;
pub(crate) use redeem::Redemption;
pub(crate) use rotate::Rotation;
pub(crate) use user_code::UserCode;

/// What a client asked for, as it was checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AuthorizationRequest {
    pub(crate) delivery: Delivery,
    /// Known scopes that mean something to the resource or to identity.
    pub(crate) scope: Scope,
    pub(crate) resource: ResourceIndicator,
    pub(crate) nonce: Option<String>,
    pub(crate) prompt: Prompt,
    /// Seconds since the person proved who they are (`OpenID` Connect Core §3.1.2.1).
    pub(crate) max_age: Option<u64>,
    pub(crate) ui_locales: Option<String>,
    pub(crate) login_hint: Option<String>,
    /// The key that whoever redeems the code must possess (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dpop_jkt: Option<String>,
}

/// How the answer reaches the client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivery {
    /// The person's browser carries a code there (OAuth 2.1 §4.1.2).
    Redirect {
        redirect_uri: RedirectUri,
        state: Option<String>,
        code_challenge: CodeChallenge,
        /// The hash of the `request_uri` that it came by (RFC 9126).
        pushed_as: Option<SecretHash>,
    },
    /// A device asks for it until it is there (RFC 8628 §3.3).
    Device {
        /// What the device shows, and the person confirms to see.
        user_code: String,
    },
}

impl Delivery {
    /// Where a redirect goes; nowhere for a device.
    pub(crate) fn redirect_uri(&self) -> Option<&RedirectUri> {
        match self {
            Self::Redirect { redirect_uri, .. } => Some(redirect_uri),
            Self::Device { .. } => None,
        }
    }
}

/// Which pages the client wants (`OpenID` Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prompt {
    /// No page at all.
    pub(crate) none: bool,
    /// The person signs in again, whoever is signed in.
    pub(crate) login: bool,
    /// The person is asked again, whatever they agreed to before.
    pub(crate) consent: bool,
}

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
    /// Asked for. The first browser to see the page is the one that may answer.
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

    /// A client asked: the grant begins.
    pub(crate) async fn begin(
        &self,
        client_id: &str,
        request: AuthorizationRequest,
    ) -> Result<Grant, StoreError> {
        let now = self.clock.now();
        let grant = Grant {
            id: random::token::<16>(&*self.random),
            client_id: client_id.to_owned(),
            request,
            stage: Stage::Pending { browser: None },
            created_at: now,
            expires_at: now.plus(self.lifetimes.authorization_request),
        };
        self.records.put(&grant.id, &grant).await?;
        Ok(grant)
    }

    pub(crate) async fn find(&self, id: &str) -> Result<Option<Versioned<Grant>>, StoreError> {
        self.records.get(id).await
    }

    /// Binds a pending grant to the first browser that sees its page (MCP security best practices:
    /// consent belongs to the browser it was given in). `false` when another browser was first.
    pub(crate) async fn bind(
        &self,
        grant: &Versioned<Grant>,
        browser: &SecretHash,
    ) -> Result<bool, StoreError> {
        match &grant.stage {
            Stage::Pending {
                browser: Some(bound),
            }
            | Stage::Approved { browser: bound, .. } => Ok(bound == browser),
            Stage::Pending { browser: None } => {
                let stage = Stage::Pending {
                    browser: Some(browser.clone()),
                };
                if self
                    .move_to(grant, stage, grant.expires_at)
                    .await?
                    .is_some()
                {
                    return Ok(true);
                }
                let now = self.find(&grant.id).await?;
                Ok(now.is_some_and(|grant| {
                    matches!(&grant.stage, Stage::Pending { browser: Some(b) } if b == browser)
                }))
            }
            Stage::Exchanged { .. } | Stage::Ended => Ok(false),
        }
    }

    /// The person said yes, in the browser that the grant is bound to.
    ///
    /// A double click finds the grant approved already and gets the same answer; the code is not
    /// redeemable twice, whoever says it again.
    pub(crate) async fn approve(
        &self,
        grant: &Versioned<Grant>,
        browser: &SecretHash,
        approval: Approval,
    ) -> Result<Grant, GrantError> {
        match &grant.stage {
            Stage::Pending {
                browser: Some(bound),
            } if bound == browser => {}
            Stage::Pending { .. } => return Err(GrantError::refused(Reason::OtherBrowser)),
            _ => return self.approved_before(&grant.id, browser).await,
        }
        self.end_pushed(grant).await?;
        let now = self.clock.now();
        let code_expires_at = match grant.request.delivery {
            Delivery::Redirect { .. } => now.plus(self.lifetimes.authorization_code),
            // A device was told at the beginning how long it may ask.
            Delivery::Device { .. } => grant.expires_at,
        };
        let stage = Stage::Approved {
            browser: browser.clone(),
            approval,
            code_expires_at,
        };
        // The record outlives the code, so that a late replay or a reload is still understood.
        let expires_at = now
            .plus(self.lifetimes.authorization_request)
            .max(code_expires_at);
        match self.move_to(grant, stage, expires_at).await? {
            Some(grant) => Ok(grant),
            None => self.approved_before(&grant.id, browser).await,
        }
    }

    async fn approved_before(&self, id: &str, browser: &SecretHash) -> Result<Grant, GrantError> {
        let found = self.find(id).await?;
        match found.as_deref().map(|grant| &grant.stage) {
            Some(Stage::Approved { browser: bound, .. }) if bound == browser => {}
            Some(Stage::Approved { .. }) => return Err(GrantError::refused(Reason::OtherBrowser)),
            _ => return Err(GrantError::refused(Reason::AuthorizationRequestExpired)),
        }
        let found = found.expect("the match above found it");
        Ok(found.record)
    }

    /// The person said no. The grant ends; `false` when it had moved on already.
    pub(crate) async fn deny(&self, grant: &Versioned<Grant>) -> Result<bool, StoreError> {
        if !matches!(grant.stage, Stage::Pending { .. }) {
            return Ok(false);
        }
        self.end_pushed(grant).await?;
        let moved = self.move_to(grant, Stage::Ended, grant.expires_at).await?;
        Ok(moved.is_some())
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
