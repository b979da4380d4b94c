//! Credentials: the tokens that another authorization server issued to us for a user (RFC 6749 §5.1).

use oauth::secret::Secret;
use oauth::time::NumericDate;

/// What a provider issued to us for one person.
#[derive(Clone, Debug)]
pub struct Credential {
    /// What is presented to the provider's APIs.
    pub access_token: Secret,
    /// What gets the next access token, if the provider gives such a thing.
    pub refresh_token: Option<Secret>,
    /// When the access token ends, if the provider says so.
    pub expires_at: Option<NumericDate>,
    /// When the refresh token ends, if the provider says so.
    pub refresh_expires_at: Option<NumericDate>,
    /// What the person allowed, as the provider writes it.
    pub scope: Option<String>,
}

impl Credential {
    /// Whether a next access token can be asked for with it.
    pub fn can_be_renewed(&self, now: NumericDate) -> bool {
        self.refresh_token.is_some() && self.refresh_expires_at.is_none_or(|end| now < end)
    }

    /// Whether its access token has not ended, as far as anybody has said.
    pub fn is_good(&self, now: NumericDate) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// This credential as the successor of `before`: what the answer left out stays as it was.
    pub(crate) fn following(self, before: &Self) -> Self {
        let before = before.clone();
        Self {
            refresh_token: self.refresh_token.or(before.refresh_token),
            refresh_expires_at: self.refresh_expires_at.or(before.refresh_expires_at),
            scope: self.scope.or(before.scope),
            ..self
        }
    }

    /// From when on it is of no use: nothing can be asked with it, and it cannot be renewed.
    ///
    /// `None` when that is not known.
    pub fn ends_at(&self) -> Option<NumericDate> {
        match self.refresh_token {
            // The access token may outlive the token that renews it.
            Some(_) => self
                .refresh_expires_at
                .and_then(|refresh| Some(refresh.max(self.expires_at?))),
            None => self.expires_at,
        }
    }
}

/// A provider that a person is connected to.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The provider's id in the settings.
    pub provider: String,
    /// What it issued.
    pub credential: Credential,
    /// Whether the provider has ended it before its time, so that only the person can help.
    pub has_ended: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_ends_when_neither_of_its_tokens_is_good() {
        let credential = |refresh: bool, expires_at: Option<i64>, refresh_at: Option<i64>| {
            let credential = Credential {
                access_token: Secret::from("a"),
                refresh_token: refresh.then(|| Secret::from("r")),
                expires_at: expires_at.map(NumericDate),
                refresh_expires_at: refresh_at.map(NumericDate),
                scope: None,
            };
            credential.ends_at().map(|date| date.0)
        };
        assert_eq!(credential(false, Some(10), None), Some(10));
        assert_eq!(credential(false, None, None), None);
        assert_eq!(credential(true, Some(10), None), None);
        assert_eq!(credential(true, Some(10), Some(90)), Some(90));
        assert_eq!(credential(true, Some(90), Some(10)), Some(90));
        assert_eq!(credential(true, None, Some(10)), None);
    }
}
