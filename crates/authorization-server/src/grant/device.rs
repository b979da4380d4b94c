//! A grant that begins on a device: its codes, and how often the device may ask (RFC 8628).

use std::time::Duration;

use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize};
use store::{Kind, Record, StoreError, Versioned};

use super::{
    AuthorizationRequest, Delivery, Grant, GrantError, Grants, Prompt, RefreshTerms, Stage,
    UserCode,
};
use crate::reason::Reason;

/// How long a device waits between two questions, until it is told to slow down (RFC 8628 §3.2).
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// What each question that comes too early adds, for good (RFC 8628 §3.5).
const SLOWER_BY: Duration = Duration::from_secs(5);
/// Clocks here count whole seconds, and a network brings answers and questions closer together.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Which grant a user code leads to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WaitingDevice {
    grant_id: String,
    expires_at: NumericDate,
}

impl Record for WaitingDevice {
    const KIND: Kind = Kind::new("waiting_device");

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

/// When a device last asked, and how long it has to wait since then.
///
/// It gives nobody authority, so it stands beside the grant: the questions of a device must not
/// get in the way of a person's decision.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DevicePoll {
    interval: Duration,
    last_at: NumericDate,
    expires_at: NumericDate,
}

impl Record for DevicePoll {
    const KIND: Kind = Kind::new("device_poll");

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

/// What a device asks with.
#[derive(Debug)]
pub(crate) struct Poll<'a> {
    pub(crate) device_code: &'a str,
    pub(crate) client_id: &'a str,
    /// The terms of refresh tokens, if the client takes any.
    pub(crate) refresh: Option<RefreshTerms>,
}

impl Grants {
    /// A device asked: the grant begins, under a code that a person can type.
    pub(crate) async fn begin_on_device(
        &self,
        client_id: &str,
        scope: Scope,
        resource: ResourceIndicator,
        lifetime: Duration,
    ) -> Result<(Grant, UserCode), StoreError> {
        let id = self.new_id();
        let now = self.clock.now();
        let expires_at = now.plus(lifetime);
        let user_code = self.reserve_user_code(&id, expires_at).await?;
        let request = AuthorizationRequest {
            delivery: Delivery::Device {
                user_code: user_code.to_string(),
            },
            scope,
            resource,
            nonce: None,
            // Anybody can name this client and send somebody the code (RFC 8628 §5.4), and no
            // redirect URI vouches for it: what a person agreed to on one device says nothing
            // about the next.
            prompt: Prompt {
                consent: true,
                ..Prompt::default()
            },
            max_age: None,
            ui_locales: None,
            login_hint: None,
            dpop_jkt: None,
        };
        let grant = Grant {
            id,
            client_id: client_id.to_owned(),
            request,
            stage: Stage::Pending { browser: None },
            created_at: now,
            expires_at,
        };
        self.records.put(&grant.id, &grant).await?;
        Ok((grant, user_code))
    }

    async fn reserve_user_code(
        &self,
        grant_id: &str,
        expires_at: NumericDate,
    ) -> Result<UserCode, StoreError> {
        let waiting = WaitingDevice {
            grant_id: grant_id.to_owned(),
            expires_at,
        };
        loop {
            let user_code = UserCode::random(&*self.random);
            if self
                .devices
                .insert(user_code.key().as_str(), &waiting)
                .await?
            {
                return Ok(user_code);
            }
        }
    }

    /// What a device asks with for this grant.
    pub(crate) fn device_code(&self, grant: &Grant) -> String {
        self.handles.device_code(&grant.id)
    }

    /// The grant of the device that shows this code.
    pub(crate) async fn find_by_user_code(
        &self,
        user_code: &UserCode,
    ) -> Result<Option<Versioned<Grant>>, StoreError> {
        match self.devices.get(user_code.key().as_str()).await? {
            Some(waiting) => self.find(&waiting.grant_id).await,
            None => Ok(None),
        }
    }

    /// The grant that a device code belongs to, if the client that presents it is the right one.
    pub(crate) async fn find_by_device_code(
        &self,
        device_code: &str,
        client_id: &str,
    ) -> Result<Versioned<Grant>, GrantError> {
        let unknown = || GrantError::refused(Reason::DeviceCodeUnknown);
        let handle = self
            .handles
            .read_device_code(device_code)
            .ok_or_else(unknown)?;
        // Nobody can make up a device code, so a grant that is not there was there.
        let grant = self.find(&handle.grant_id).await?;
        let grant = grant.ok_or_else(|| GrantError::refused(Reason::DeviceCodeExpired))?;
        // Whoever finds a device code must not be able to end what it led to.
        if grant.client_id == client_id {
            Ok(grant)
        } else {
            Err(unknown())
        }
    }

    /// Moves an approved grant to `Exchanged`, exactly once; until it is approved, says why not.
    pub(crate) async fn poll(&self, poll: &Poll<'_>) -> Result<Grant, GrantError> {
        let refused = |reason| Err(GrantError::refused(reason));
        let mut is_in_pace = false;
        loop {
            let grant = self
                .find_by_device_code(poll.device_code, poll.client_id)
                .await?;
            // Of racing questions one is in pace, so the others are told to wait and take no harm.
            if !is_in_pace && !self.keeps_pace(&grant).await? {
                return refused(Reason::PolledTooOften);
            }
            is_in_pace = true;
            match &grant.stage {
                Stage::Pending { .. } => return refused(Reason::AuthorizationPending),
                Stage::Approved {
                    code_expires_at, ..
                }
                | Stage::Exchanged {
                    code_expires_at, ..
                } if *code_expires_at <= self.clock.now() => {
                    return refused(Reason::DeviceCodeExpired);
                }
                Stage::Approved {
                    approval,
                    code_expires_at,
                    ..
                } => {
                    let exchanged = self
                        .exchange(&grant, approval, *code_expires_at, poll.refresh.clone())
                        .await?;
                    if let Some(grant) = exchanged {
                        return Ok(grant);
                    }
                }
                Stage::Exchanged { .. } => {
                    // As with a code (OAuth 2.1 §4.1.3): one of the two who have it is a thief.
                    if self.end(&grant).await? {
                        return Err(GrantError::revoked(Reason::DeviceCodeReplayed));
                    }
                }
                Stage::Ended => return refused(Reason::AccessDenied),
            }
        }
    }

    /// Whether the device has waited long enough since it last asked; if not, it waits longer from
    /// now on.
    async fn keeps_pace(&self, grant: &Grant) -> Result<bool, StoreError> {
        let now = self.clock.now();
        loop {
            let before = self.polls.get(&grant.id).await?;
            let (waited, interval) = before.as_ref().map_or((true, POLL_INTERVAL), |before| {
                let waited = now.since(before.last_at) + TOLERANCE >= before.interval;
                let more = if waited { Duration::ZERO } else { SLOWER_BY };
                (waited, before.interval + more)
            });
            let next = DevicePoll {
                interval,
                last_at: now,
                expires_at: grant.expires_at,
            };
            let is_written = match &before {
                Some(before) => self.polls.replace(before, &next).await?,
                None => self.polls.insert(&grant.id, &next).await?,
            };
            if is_written {
                return Ok(waited);
            }
        }
    }
}
