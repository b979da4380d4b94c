//! The end of a connection, told by the identity provider (Naver login guide §4.4, acceptance B7).
//!
//! It is the only way to learn that a person has withdrawn at the provider. Nobody sends a notice
//! twice, so everything that it means is done before the answer.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;
use oauth::error::OAuthError;
use oauth::secret::Secret;
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize};
use store::{Collection, Kind, Record, StoreError};

use crate::error::EndpointError;
use crate::form::Parameters;
use crate::identity_provider::{FRESH, UnlinkError, UnlinkNotice};
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// The largest notice that is read.
pub(crate) const MAX_NOTICE: usize = 8 * 1024;

/// A notice that was worked off, for as long as it could come again.
#[derive(Debug, Serialize, Deserialize)]
struct SeenNotice {
    expires_at: NumericDate,
}

impl Record for SeenNotice {
    const KIND: Kind = Kind::new("unlink_notice");

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

/// Takes a notice, and ends everything that rests on the connection.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<StatusCode, EndpointError> {
    let found = server.identity_providers().get(&provider);
    let Some(known) = found.filter(|known| known.sends_unlink_notices()) else {
        return Err(refused("no such connection").with_status(StatusCode::NOT_FOUND));
    };
    // The guide speaks of a form and shows a query.
    let text = if body.is_empty() {
        query.unwrap_or_default().into_bytes()
    } else {
        body.into()
    };
    let parameters = Parameters::parse(&text)?;
    let notice = UnlinkNotice {
        client_id: parameters.require("clientId")?,
        encrypted_subject: parameters.require("encryptUniqueId")?,
        timestamp: parameters.require("timestamp")?,
        signature: parameters.require("signature")?,
    };
    let identity = known
        .unlinked_subject(&notice)
        .map_err(|error| match error {
            UnlinkError::Signature | UnlinkError::OtherClient => {
                let refusal = refused("the notice is not signed by the provider");
                refusal.with_status(StatusCode::FORBIDDEN).with_cause(error)
            }
            UnlinkError::Stale | UnlinkError::Subject => {
                refused("the notice cannot be used").with_cause(error)
            }
        })?;
    // Marked when all is done: after a failure in between, the provider can send it again.
    if !server.has_seen(&provider, &notice).await? {
        server.unlink(&provider, &identity).await?;
        server.mark_seen(&provider, &notice).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn refused(description: &str) -> EndpointError {
    let error = OAuthError::invalid_request(description);
    EndpointError::new(Reason::UnlinkNoticeRefused, error)
}

/// What was signed, and not the signature, which can be written in more than one way.
fn name(provider: &str, notice: &UnlinkNotice<'_>) -> String {
    let UnlinkNotice {
        encrypted_subject,
        timestamp,
        ..
    } = notice;
    let signed = Secret::from(format!("{provider} {timestamp} {encrypted_subject}"));
    signed.hash().as_str().to_owned()
}

impl AuthorizationServer {
    /// Whether this notice was worked off; whoever repeats one ends nothing new.
    async fn has_seen(
        &self,
        provider: &str,
        notice: &UnlinkNotice<'_>,
    ) -> Result<bool, StoreError> {
        let seen = self.seen_notices().get(&name(provider, notice)).await?;
        Ok(seen.is_some())
    }

    async fn mark_seen(&self, provider: &str, notice: &UnlinkNotice<'_>) -> Result<(), StoreError> {
        // A clock that is behind may have signed it, so that it stays fresh for twice that time.
        let expires_at = self.now().plus(FRESH * 2);
        let seen = SeenNotice { expires_at };
        self.seen_notices()
            .put(&name(provider, notice), &seen)
            .await
    }

    fn seen_notices(&self) -> Collection<SeenNotice> {
        Collection::new(self.store().clone(), self.keys().clone())
    }

    /// A person has withdrawn at `provider`: their sessions and grants end, and what the provider
    /// issued is forgotten. They are the same person when they come back.
    async fn unlink(&self, provider: &str, identity: &str) -> Result<(), StoreError> {
        let user = self.users().with_identity(provider, identity).await?;
        let Some(user) = user else {
            // Whoever is not known here has nothing that could end.
            return Ok(());
        };
        let subject = &user.subject;
        // The credential first, which is what the person has withdrawn. It has ended at the provider.
        self.vault().remove(subject, provider).await?;
        self.sessions().end_all(subject, None).await?;
        for grant in self.grants().of(subject).await? {
            self.revoke_grant(&grant.id).await?;
        }
        tracing::info!(
            provider,
            subject,
            "a person has withdrawn at the identity provider"
        );
        Ok(())
    }
}
