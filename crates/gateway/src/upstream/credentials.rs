//! Whose credential goes with a request: nobody's, the gateway's own, or that of the person who calls.

use std::sync::Arc;

use delegation::AuthType;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use oauth::secret::Secret;
use resource_server::Caller;

use super::account::Account;
use super::credential::{Credential, sensitive};
use super::trouble::Trouble;

/// The credentials for one upstream over HTTP.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) own: Credential,
    pub(super) person: Option<PersonHeader>,
    /// Whose goes with what is no call of a tool.
    pub(super) usual: AuthType,
}

/// The header in which the token of a person goes.
#[derive(Debug)]
pub(super) struct PersonHeader {
    pub(super) account: Arc<Account>,
    /// `Authorization` is given the scheme `Bearer` (RFC 6750 §2.1), any other header the token alone.
    pub(super) header: HeaderName,
}

/// What goes with one request.
#[derive(Debug)]
pub(super) enum Carried {
    Nothing,
    /// The gateway's own, with its token if it is one.
    Own(Option<Secret>),
    Token(Secret),
}

impl Carried {
    /// Whether [`Credentials::instead_of`] may have something for it.
    pub(super) fn is_renewable(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Own(token) => token.is_some(),
            Self::Token(_) => true,
        }
    }
}

impl Credentials {
    /// What goes with a request of `caller`; `auth_type` where it is known better than for all.
    pub(super) async fn carried(
        &self,
        caller: &Caller,
        auth_type: Option<AuthType>,
    ) -> Result<Carried, Trouble> {
        match auth_type.unwrap_or(self.usual) {
            AuthType::None => Ok(Carried::Nothing),
            AuthType::ServiceAccount => Ok(Carried::Own(self.own.token().await?)),
            AuthType::UserToken => {
                let person = self.person.as_ref().ok_or(NO_ACCOUNT)?;
                let token = person.account.token(caller).await?;
                Ok(Carried::Token(token))
            }
        }
    }

    /// What may be accepted where `refused` was not, because that has ended before its time. There is at
    /// most one more try: nobody asks for a third.
    pub(super) async fn instead_of(
        &self,
        refused: &Carried,
        caller: &Caller,
    ) -> Result<Option<Carried>, Trouble> {
        match (refused, &self.person) {
            (Carried::Own(Some(token)), _) => {
                self.own.refused(token);
                Ok(Some(Carried::Own(self.own.token().await?)))
            }
            (Carried::Token(token), Some(person)) => {
                let token = person.account.another(token, caller).await?;
                Ok(token.map(Carried::Token))
            }
            _ => Ok(None),
        }
    }

    /// Adds it to the headers of a request.
    pub(super) fn apply(&self, carried: &Carried, headers: &mut HeaderMap) -> Result<(), Trouble> {
        match (carried, &self.person) {
            (Carried::Own(token), _) => self.own.apply(token.as_ref(), headers)?,
            (Carried::Token(token), Some(person)) => {
                headers.insert(person.header.clone(), person.value(token)?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The settings are checked for it; without, nothing goes anywhere.
const NO_ACCOUNT: Trouble = Trouble::Withheld {
    reason: "is called with the tokens of people, and has none",
    retry_after: None,
};

impl PersonHeader {
    fn value(&self, token: &Secret) -> Result<HeaderValue, Trouble> {
        let value = if self.header == AUTHORIZATION {
            sensitive(&format!("Bearer {}", token.expose()))
        } else {
            sensitive(token.expose())
        };
        value.ok_or_else(|| Trouble::unusable("cannot be sent the token of the account"))
    }
}
