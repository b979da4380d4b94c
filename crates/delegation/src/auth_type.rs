//! Auth types: whose credential a call of a tool carries.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whose credential the calls of a tool carry, as settings spell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthType {
    /// Nobody's: the API is public.
    #[default]
    None,
    /// The service's own, the same for every caller.
    ServiceAccount,
    /// That of the person who called, who has connected an account for it.
    UserToken,
}

impl AuthType {
    /// The name in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ServiceAccount => "service-account",
            Self::UserToken => "user-token",
        }
    }

    /// On whose behalf a tool of this type calls when `subject` has called it.
    ///
    /// The subject is that of the verified caller, and of nobody else: an argument of a tool never
    /// says whose token is used.
    ///
    /// # Errors
    ///
    /// [`NobodyCalled`] when the token of a person is needed, and no person has called.
    pub fn on_behalf_of(self, subject: Option<&str>) -> Result<OnBehalfOf<'_>, NobodyCalled> {
        match self {
            Self::None => Ok(OnBehalfOf::Nobody),
            Self::ServiceAccount => Ok(OnBehalfOf::Service),
            Self::UserToken => subject.map(OnBehalfOf::Person).ok_or(NobodyCalled),
        }
    }
}

impl fmt::Display for AuthType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// On whose behalf one call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBehalfOf<'a> {
    /// Nobody's: it carries no credential.
    Nobody,
    /// The service's.
    Service,
    /// That of the person with this subject.
    Person(&'a str),
}

/// The token of a person is needed, and no person has called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call needs the token of a person, and no person has called: sign in first")]
pub struct NobodyCalled;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_spell_auth_types_as_people_read_them() {
        for (auth_type, text) in [
            (AuthType::None, "\"none\""),
            (AuthType::ServiceAccount, "\"service-account\""),
            (AuthType::UserToken, "\"user-token\""),
        ] {
            assert_eq!(serde_json::to_string(&auth_type).unwrap(), text);
            let read: AuthType = serde_json::from_str(text).unwrap();
            assert_eq!(read, auth_type);
            assert_eq!(format!("\"{auth_type}\""), text);
        }
    }

    #[test]
    fn the_token_of_a_person_needs_a_person() {
        let alice = Some("alice");
        assert_eq!(
            AuthType::UserToken.on_behalf_of(alice),
            Ok(OnBehalfOf::Person("alice"))
        );
        assert_eq!(AuthType::UserToken.on_behalf_of(None), Err(NobodyCalled));
        assert_eq!(
            AuthType::ServiceAccount.on_behalf_of(alice),
            Ok(OnBehalfOf::Service)
        );
        assert_eq!(AuthType::None.on_behalf_of(alice), Ok(OnBehalfOf::Nobody));
    }
}
