//! A grant that begins where others arrive: an issuer that we trust has spoken for the person.

use oauth::resource::ResourceIndicator;
use store::StoreError;

use super::{Approval, AuthorizationRequest, Delivery, Grant, Grants, Prompt, Stage};

/// What an assertion has brought about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FromAssertion<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) resource: &'a ResourceIndicator,
    pub(crate) approval: &'a Approval,
}

impl Grants {
    /// Records the grant, so that the person sees it and can end it like any other.
    ///
    /// There is no code and no refresh token, so it goes with its one access token.
    pub(crate) async fn begin_from_assertion(
        &self,
        from: FromAssertion<'_>,
    ) -> Result<Grant, StoreError> {
        let now = self.clock.now();
        let request = AuthorizationRequest {
            delivery: Delivery::Assertion {
                issuer: from.issuer.to_owned(),
            },
            scope: from.approval.scope.clone(),
            resource: from.resource.clone(),
            nonce: None,
            prompt: Prompt::default(),
            max_age: None,
            ui_locales: None,
            login_hint: None,
            dpop_jkt: None,
        };
        let stage = Stage::Exchanged {
            approval: from.approval.clone(),
            code_expires_at: now,
            refresh: None,
        };
        let grant = Grant {
            id: self.new_id(),
            client_id: from.client_id.to_owned(),
            request,
            stage,
            created_at: now,
            expires_at: now.plus(self.lifetime_after_issue(false)),
        };
        self.records.put(&grant.id, &grant).await?;
        Ok(grant)
    }
}
