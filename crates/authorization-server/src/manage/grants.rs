//! Grants: what people have allowed clients, listed and revoked (RFC 7009).

use schemars::JsonSchema;
use serde::Serialize;
use store::{ListBy, Page};

use super::{Listing, ManageError, Management, Precondition};
use crate::grant::{Approval, Grant, Stage};

/// What errors call a grant.
const KIND: &str = "grant";

/// How many pages of the store are looked through for one page of an answer, so that no request
/// reads everything there is.
const MOST_PAGES: usize = 20;

/// What a person has allowed a client.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Grant")]
pub struct GrantView {
    /// The `grant_id` of tokens.
    pub id: String,
    /// The id of the person.
    pub user: String,
    /// The client that holds the tokens.
    pub client_id: String,
    /// What the tokens are for.
    pub resource: String,
    /// What was allowed, as a list separated by spaces.
    pub scope: String,
    /// When the person was asked, in seconds since 1970.
    pub created_at: i64,
    /// When the person proved who they are, in seconds since 1970.
    pub authenticated_at: i64,
    /// When the grant ends, unless it is used before, in seconds since 1970.
    pub expires_at: i64,
}

impl GrantView {
    /// Nothing for a grant that nobody has given, or that has ended.
    fn of(grant: &Grant) -> Option<Self> {
        let approval = approval(grant)?;
        Some(Self {
            id: grant.id.clone(),
            user: approval.subject.clone(),
            client_id: grant.client_id.clone(),
            resource: grant.request.resource.as_str().to_owned(),
            scope: approval.scope.to_string(),
            created_at: grant.created_at.0,
            authenticated_at: approval.authenticated_at.0,
            expires_at: grant.expires_at.0,
        })
    }
}

fn approval(grant: &Grant) -> Option<&Approval> {
    match &grant.stage {
        Stage::Approved { approval, .. } | Stage::Exchanged { approval, .. } => Some(approval),
        Stage::Pending { .. } | Stage::Ended => None,
    }
}

/// Whose grants, and for whom.
#[derive(Clone, Copy, Debug, Default)]
pub struct GrantFilter<'a> {
    /// The id of the person who gave them.
    pub user: Option<&'a str>,
    /// The client that holds them.
    pub client_id: Option<&'a str>,
}

impl Management {
    /// Grants that are alive, the newest first. A page may hold fewer than its limit and still have
    /// a next one.
    pub async fn grants(
        &self,
        filter: GrantFilter<'_>,
        mut page: Page,
    ) -> Result<Listing<GrantView>, ManageError> {
        let by = filter.user.map_or(ListBy::All, ListBy::Owner);
        let mut items = Vec::new();
        for _ in 0..MOST_PAGES {
            let records = self.server.grants().list(by, page.clone()).await?;
            let is_last = records.len() < page.limit as usize;
            for record in &records {
                page.before = Some(record.cursor());
                let is_wanted = filter.client_id.is_none_or(|id| id == record.client_id);
                items.extend(GrantView::of(record).filter(|_| is_wanted));
                if items.len() == page.limit as usize {
                    let next = page.before;
                    return Ok(Listing { items, next });
                }
            }
            if is_last {
                return Ok(Listing::whole(items));
            }
        }
        let next = page.before;
        Ok(Listing { items, next })
    }

    /// The grant with this id.
    pub async fn grant(&self, id: &str) -> Result<GrantView, ManageError> {
        let grant = self.server.grants().find(id).await?;
        let view = grant.as_deref().and_then(GrantView::of);
        view.ok_or_else(|| ManageError::unknown(KIND, id))
    }

    /// Ends a grant, and with it every token that names it.
    pub async fn revoke_grant(
        &self,
        id: &str,
        precondition: &Precondition,
    ) -> Result<(), ManageError> {
        precondition.check(&self.grant(id).await?)?;
        self.server.revoke_grant(id).await?;
        self.log("grant revoked", id);
        Ok(())
    }

    /// Ends every grant that passes the filter, and says how many there were.
    pub async fn revoke_grants(&self, filter: GrantFilter<'_>) -> Result<usize, ManageError> {
        let mut revoked = 0;
        let mut page = Page::default();
        loop {
            let listing = self.grants(filter, page.clone()).await?;
            for grant in &listing.items {
                self.server.revoke_grant(&grant.id).await?;
                self.log("grant revoked", &grant.id);
            }
            revoked += listing.items.len();
            if listing.next.is_none() {
                return Ok(revoked);
            }
            page.before = listing.next;
        }
    }
}
