//! What an identity provider issued for a person: made from its answer, renewed, and ended (RFC 6749 §6, RFC 7009).

use async_trait::async_trait;
use axum::http::Method;
use delegation::{Credential, RefreshCredential, RefreshError};
use oauth::client::fetch::{Authorization, Fetched, Limits};
use oauth::client::token::{Said, TokenError, Tokens, usable};
use serde_json::{Map, Value, json};

use super::error::{IdentityProviderError, Refusal};
use super::rules::Revocation;
use super::{IdentityProvider, IdentityProviders, pairs};

#[async_trait]
impl RefreshCredential for IdentityProviders {
    async fn refresh(
        &self,
        provider: &str,
        credential: &Credential,
    ) -> Result<Credential, RefreshError> {
        let known = self.get(provider).ok_or_else(|| RefreshError::Refused {
            cause: "no such identity provider is in the settings".to_owned(),
        })?;
        let next = known.refresh(credential).await;
        next.map_err(|error| match error {
            IdentityProviderError::CredentialEnded { cause, .. } => RefreshError::Ended { cause },
            IdentityProviderError::Unavailable {
                retry_after, cause, ..
            } => RefreshError::Unavailable { retry_after, cause },
            other => RefreshError::Refused {
                cause: other.to_string(),
            },
        })
    }

    async fn discard(&self, provider: &str, credential: &Credential) {
        let Some(known) = self.get(provider) else {
            return;
        };
        if let Err(error) = known.revoke(credential).await {
            // Nobody keeps it, and it ends there by itself.
            tracing::warn!(
                provider,
                cause = error.to_string(),
                "a credential could not be revoked at its provider"
            );
        }
    }
}

impl IdentityProvider {
    /// The next credential in place of one whose access token has ended or is about to.
    ///
    /// # Errors
    /// [`IdentityProviderError::CredentialEnded`] when only the person can help; an outage is
    /// [`IdentityProviderError::Unavailable`], and leaves the credential as it is.
    pub async fn refresh(
        &self,
        credential: &Credential,
    ) -> Result<Credential, IdentityProviderError> {
        let ended = |cause: String| IdentityProviderError::CredentialEnded {
            provider: self.id.clone(),
            cause,
        };
        let refresh_token = credential
            .refresh_token
            .as_ref()
            .filter(|_| self.rules.refresh);
        let Some(refresh_token) = refresh_token else {
            return Err(ended("there is nothing to renew it with".to_owned()));
        };
        let known = self.known().await?;
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
        ];
        self.extend_token_request(&mut form);
        match self
            .token_endpoint(&known)?
            .tokens(&self.fetch, &form)
            .await
        {
            Ok(tokens) => Ok(self.credential(tokens, Some(credential))),
            Err(TokenError::Refused(said)) if self.says_ended(&said) => {
                Err(ended(said.to_string()))
            }
            Err(error) => Err(IdentityProviderError::of_token(&self.id, error)),
        }
    }

    fn says_ended(&self, said: &Said) -> bool {
        self.rules
            .refresh_ended_errors
            .iter()
            .any(|error| error == said.code())
    }

    /// Ends the tokens of a credential at the provider, as far as it offers that.
    pub async fn revoke(&self, credential: &Credential) -> Result<(), IdentityProviderError> {
        let (token_parameter, parameters) = match &self.rules.revocation {
            Revocation::None => return Ok(()),
            Revocation::Bearer => return self.revoke_as_bearer(credential).await,
            Revocation::Delete => return self.revoke_by_name(credential).await,
            Revocation::Form {
                token_parameter,
                parameters,
            } => (token_parameter, parameters),
        };
        let known = self.known().await?;
        let Some(url) = known.endpoints.revocation.as_deref() else {
            // A provider that is found by discovery need not offer it.
            return Ok(());
        };
        let is_rfc7009 = token_parameter == "token";
        let refresh_token = credential.refresh_token.as_ref().filter(|_| is_rfc7009);
        // The refresh token first: a crash between the two leaves less behind.
        let tokens = refresh_token.map(|token| (token, "refresh_token"));
        let tokens = tokens
            .into_iter()
            .chain([(&credential.access_token, "access_token")]);
        for (token, hint) in tokens {
            let mut form = vec![(token_parameter.as_str(), token.expose())];
            if is_rfc7009 {
                form.push(("token_type_hint", hint));
            }
            form.extend(pairs(parameters));
            let endpoint = self.authenticated(url);
            self.ended(usable(endpoint.post(&self.fetch, &form).await))?;
        }
        Ok(())
    }

    async fn revoke_as_bearer(&self, credential: &Credential) -> Result<(), IdentityProviderError> {
        let known = self.known().await?;
        let url = self.endpoint("revocation_endpoint", known.endpoints.revocation.as_deref())?;
        // Only a token that is still good can end itself.
        let has_ended = credential
            .expires_at
            .is_some_and(|end| end <= self.clock.now());
        let renewed = if has_ended {
            match self.refresh(credential).await {
                Err(IdentityProviderError::CredentialEnded { .. }) => return Ok(()),
                renewed => Some(renewed?),
            }
        } else {
            None
        };
        let token = &renewed.as_ref().unwrap_or(credential).access_token;
        let bearer = Authorization::Bearer(token);
        let requests = self.fetch.configured();
        let answer = requests.post_form(bearer, url, &[], Limits::DOCUMENT).await;
        match usable(answer) {
            // A token that is not good any more has nothing left to end.
            Ok(fetched) if fetched.status.as_u16() == 401 => Ok(()),
            answer => self.ended(answer),
        }
    }

    async fn revoke_by_name(&self, credential: &Credential) -> Result<(), IdentityProviderError> {
        let known = self.known().await?;
        let url = self.endpoint("revocation_endpoint", known.endpoints.revocation.as_deref())?;
        let authorization = match &self.client_secret {
            Some(secret) => Authorization::Basic {
                id: &self.client_id,
                secret,
            },
            None => Authorization::None,
        };
        let document = json!({"access_token": credential.access_token.expose()});
        let requests = self.fetch.configured();
        let answer = requests
            .send_json(
                Method::DELETE,
                authorization,
                url,
                Some(&document),
                Limits::DOCUMENT,
            )
            .await;
        match usable(answer) {
            // A token that is not known there, or not any more, has ended.
            Ok(fetched) if matches!(fetched.status.as_u16(), 404 | 422) => Ok(()),
            answer => self.ended(answer),
        }
    }

    /// Whether the answer means that a token has ended (RFC 7009 §2.2).
    fn ended(&self, answer: Result<Fetched, TokenError>) -> Result<(), IdentityProviderError> {
        let fetched = answer.map_err(|error| IdentityProviderError::of_token(&self.id, error))?;
        let body: Option<Map<String, Value>> = fetched.json().ok();
        let said = body.as_ref().and_then(Said::in_answer);
        let error = match said {
            // RFC 7009 §2.2 calls this a success; Google, which ends both tokens at once, does not.
            Some(said) if said.code() == "invalid_token" => return Ok(()),
            Some(said) => TokenError::Refused(said),
            None if fetched.status.is_success() => return Ok(()),
            None => TokenError::Unreadable(format!("its status is {}", fetched.status.as_u16())),
        };
        Err(self.refuse(Refusal::Token(error)))
    }

    /// The credential in an answer; what the answer leaves out stays as it was (acceptance B4).
    pub(super) fn credential(&self, tokens: Tokens, before: Option<&Credential>) -> Credential {
        let now = self.clock.now();
        let rules = &self.rules;
        let lifetime = tokens.expires_in.or(rules.access_token_lifetime);
        let is_new = tokens.refresh_token.is_some();
        let refresh_lifetime = tokens.refresh_expires_in.or(rules
            .refresh_token_lifetime
            .filter(|_| is_new && before.is_none()));
        let kept = before.and_then(|before| before.refresh_expires_at);
        Credential {
            access_token: tokens.access_token,
            refresh_token: tokens
                .refresh_token
                .or_else(|| before.and_then(|before| before.refresh_token.clone())),
            expires_at: lifetime.map(|lifetime| now.plus(lifetime)),
            refresh_expires_at: refresh_lifetime.map(|lifetime| now.plus(lifetime)).or(kept),
            scope: tokens
                .scope
                .or_else(|| before.and_then(|before| before.scope.clone())),
        }
    }
}
