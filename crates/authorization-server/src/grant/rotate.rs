//! Rotating refresh tokens (OAuth 2.1 §4.3.1, RFC 9700 §4.14.2, acceptance A3).

use store::Versioned;

use super::{Grant, GrantError, Grants, Refresh, Stage};
use crate::reason::Reason;

/// The outcome of a refresh: the grant, and the generation of the refresh token to answer with.
#[derive(Debug)]
pub(crate) struct Rotation {
    pub(crate) grant: Grant,
    pub(crate) generation: u64,
}

impl Grants {
    /// The live grant that a refresh token of any generation names, if it belongs to this client.
    pub(crate) async fn find_by_refresh_token(
        &self,
        token: &str,
        client_id: &str,
    ) -> Result<(Versioned<Grant>, u64), GrantError> {
        let unknown = || GrantError::refused(Reason::RefreshTokenUnknown);
        let handle = self.handles.read_refresh_token(token).ok_or_else(unknown)?;
        let grant = self.find(&handle.grant_id).await?.ok_or_else(unknown)?;
        if grant.client_id == client_id {
            Ok((grant, handle.generation))
        } else {
            Err(unknown())
        }
    }

    /// The text of the refresh token of a generation.
    pub(crate) fn refresh_token(&self, grant_id: &str, generation: u64) -> String {
        self.handles.refresh_token(grant_id, generation)
    }

    /// Moves generation n to n + 1, once; a repetition inside the grace window finds it moved and
    /// gets the same successor; anything older is theft, and the family dies.
    pub(crate) async fn rotate(
        &self,
        token: &str,
        client_id: &str,
    ) -> Result<Rotation, GrantError> {
        loop {
            let (grant, presented) = self.find_by_refresh_token(token, client_id).await?;
            let Stage::Exchanged {
                approval,
                code_expires_at,
                refresh: Some(current),
            } = &grant.stage
            else {
                return Err(GrantError::refused(Reason::GrantEnded));
            };
            let now = self.clock.now();
            let in_grace = now.since(current.rotated_at) <= self.lifetimes.refresh_grace;
            if presented == current.generation {
                let generation = presented + 1;
                let refresh = Some(Refresh {
                    generation,
                    rotated_at: now,
                    terms: current.terms.clone(),
                });
                let (approval, code_expires_at) = (approval.clone(), *code_expires_at);
                let stage = Stage::Exchanged {
                    approval,
                    code_expires_at,
                    refresh,
                };
                let expires_at = now.plus(self.lifetime_after_issue(true));
                if let Some(grant) = self.move_to(&grant, stage, expires_at).await? {
                    return Ok(Rotation { grant, generation });
                }
            } else if presented + 1 == current.generation && in_grace {
                let generation = current.generation;
                return Ok(Rotation {
                    grant: grant.record,
                    generation,
                });
            } else if self.end(&grant).await? {
                return Err(GrantError::revoked(Reason::RefreshTokenReused));
            }
        }
    }
}
