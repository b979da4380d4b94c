//! What a person does with a grant: sees it in one browser, and says yes or no there (acceptance C4).

use oauth::secret::SecretHash;
use store::{StoreError, Versioned};

use super::{Approval, Delivery, Grant, GrantError, Grants, Stage};
use crate::reason::Reason;

impl Grants {
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
            Delivery::Device { .. } | Delivery::Assertion { .. } => grant.expires_at,
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
}
