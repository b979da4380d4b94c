//! Redeeming an authorization code (OAuth 2.1 §4.1.3, RFC 9700 §4.5, acceptance A1, A2).

use oauth::pkce::CodeVerifier;
use oauth::redirect_uri::RedirectUri;
use oauth::time::NumericDate;
use store::{StoreError, Versioned};

use super::{Approval, Delivery, Grant, GrantError, Grants, Refresh, RefreshTerms, Stage};
use crate::reason::Reason;

/// What a client presents with a code.
#[derive(Debug)]
pub(crate) struct Redemption<'a> {
    pub(crate) code: &'a str,
    pub(crate) client_id: &'a str,
    /// OAuth 2.1 dropped the parameter; when a client sends it, it has to fit.
    pub(crate) redirect_uri: Option<&'a str>,
    pub(crate) code_verifier: &'a CodeVerifier,
    /// The terms of refresh tokens, if the client takes any.
    pub(crate) refresh: Option<RefreshTerms>,
}

impl Grants {
    /// The grant that `code` belongs to, if the client that presents it is the right one.
    pub(crate) async fn find_by_code(
        &self,
        code: &str,
        client_id: &str,
    ) -> Result<Versioned<Grant>, GrantError> {
        let unknown = || GrantError::refused(Reason::CodeUnknown);
        let handle = self.handles.read_code(code).ok_or_else(unknown)?;
        let grant = self.find(&handle.grant_id).await?.ok_or_else(unknown)?;
        // An invalid replay revokes nothing: whoever finds a code in a log must not be able to
        // sign the person out (OAuth 2.1 §4.1.3).
        if grant.client_id == client_id {
            Ok(grant)
        } else {
            Err(unknown())
        }
    }

    /// Moves an approved grant, as it was found by its code, to `Exchanged`, exactly once.
    pub(crate) async fn redeem(
        &self,
        mut grant: Versioned<Grant>,
        redemption: &Redemption<'_>,
    ) -> Result<Grant, GrantError> {
        loop {
            let Delivery::Redirect {
                redirect_uri,
                code_challenge,
                ..
            } = &grant.request.delivery
            else {
                return Err(GrantError::refused(Reason::CodeUnknown));
            };
            check_redirect_uri(redirect_uri, redemption.redirect_uri)?;
            let proves = code_challenge.matches(redemption.code_verifier);
            let now = self.clock.now();
            match &grant.stage {
                Stage::Approved {
                    code_expires_at, ..
                } if *code_expires_at <= now => {
                    return Err(GrantError::refused(Reason::CodeExpired));
                }
                Stage::Approved { .. } if !proves => {
                    // Whoever guesses gets one guess: the code is burned.
                    if self.end(&grant).await? {
                        return Err(GrantError::revoked(Reason::PkceMismatch));
                    }
                }
                Stage::Approved {
                    approval,
                    code_expires_at,
                    ..
                } => {
                    let exchanged = self
                        .exchange(
                            &grant,
                            approval,
                            *code_expires_at,
                            redemption.refresh.clone(),
                        )
                        .await?;
                    if let Some(grant) = exchanged {
                        return Ok(grant);
                    }
                }
                Stage::Exchanged {
                    code_expires_at, ..
                } => {
                    if !proves || *code_expires_at <= now {
                        return Err(GrantError::refused(Reason::CodeUnknown));
                    }
                    // OAuth 2.1 §4.1.3: a second, otherwise valid use revokes what the first gave.
                    if self.end(&grant).await? {
                        return Err(GrantError::revoked(Reason::CodeReplayed));
                    }
                }
                Stage::Pending { .. } | Stage::Ended => {
                    return Err(GrantError::refused(Reason::CodeUnknown));
                }
            }
            // Somebody else moved it first.
            let found = self.find_by_code(redemption.code, redemption.client_id);
            grant = found.await?;
        }
    }
}

impl Grants {
    /// Tokens go out for an approved grant; `None` when somebody else was faster.
    pub(super) async fn exchange(
        &self,
        grant: &Versioned<Grant>,
        approval: &Approval,
        code_expires_at: NumericDate,
        refresh: Option<RefreshTerms>,
    ) -> Result<Option<Grant>, StoreError> {
        let now = self.clock.now();
        let expires_at = now.plus(self.lifetime_after_issue(refresh.is_some()));
        let refresh = refresh.map(|terms| Refresh {
            generation: 1,
            rotated_at: now,
            terms,
        });
        let stage = Stage::Exchanged {
            approval: approval.clone(),
            code_expires_at,
            refresh,
        };
        self.move_to(grant, stage, expires_at).await
    }
}

fn check_redirect_uri(bound: &RedirectUri, sent: Option<&str>) -> Result<(), GrantError> {
    match sent {
        Some(sent) if sent != bound.as_str() => {
            Err(GrantError::refused(Reason::RedirectUriNotRegistered))
        }
        _ => Ok(()),
    }
}
