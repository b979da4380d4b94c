//! The grants of a person, and of everybody.

use oauth::time::NumericDate;
use store::{ListBy, Page, StoreError, Versioned};

use super::{Grant, Grants, Stage};

impl Grants {
    /// Every grant that a person gave and that has not ended, newest first.
    pub(crate) async fn of(&self, subject: &str) -> Result<Vec<Versioned<Grant>>, StoreError> {
        self.records.all(ListBy::Owner(subject)).await
    }

    /// Grants in any stage, or those that a person has given; the newest first.
    pub(crate) async fn list(
        &self,
        by: ListBy<'_>,
        page: Page,
    ) -> Result<Vec<Versioned<Grant>>, StoreError> {
        self.records.list(by, page).await
    }
}

impl Grant {
    /// When the client last got tokens; never, when it has none yet.
    pub(crate) fn last_used_at(&self) -> Option<NumericDate> {
        match &self.stage {
            Stage::Exchanged { refresh, .. } => {
                let rotated_at = refresh.as_ref().map(|refresh| refresh.rotated_at);
                Some(rotated_at.unwrap_or(self.created_at))
            }
            Stage::Pending { .. } | Stage::Approved { .. } | Stage::Ended => None,
        }
    }

    /// Whether the client may go on without the person: it has a refresh token.
    pub(crate) fn is_offline(&self) -> bool {
        matches!(
            self.stage,
            Stage::Exchanged {
                refresh: Some(_),
                ..
            }
        )
    }
}
