//! What the sign-in page sends back.

use oauth::scope::Scope;
use oauth::secret::Secret;

use crate::error::PageError;
use crate::reason::Reason;

/// Which button was pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// With the password that was typed, or as the person who is signed in.
    Approve,
    /// By signing in at the identity provider with this id.
    Provider(String),
    Deny,
}

/// The form of the page. Unlike an OAuth request it repeats a field: one `scope` per ticked box.
#[derive(Debug)]
pub(super) struct LoginForm {
    pub(super) grant_id: Option<String>,
    pub(super) action: Action,
    /// What the person left ticked.
    pub(super) scope: Scope,
    pub(super) credentials: Option<Credentials>,
    /// The account that the page showed as signed in.
    pub(super) account: Option<String>,
}

/// What a person typed to sign in.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: Secret,
}

impl LoginForm {
    pub(super) fn parse(body: &[u8]) -> Result<Self, PageError> {
        let malformed = || PageError::new(Reason::MalformedRequest);
        let (mut action, mut grant_id, mut account) = (None, None, None);
        let (mut username, mut password) = (None, None);
        let mut scope = Vec::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            match &*name {
                "scope" => scope.push(value.into_owned()),
                "action" => action = Some(value.into_owned()),
                "grant" => grant_id = Some(value.into_owned()),
                "account" => account = Some(value.into_owned()),
                "username" => username = Some(value.into_owned()),
                "password" => password = Some(Secret::from(value.into_owned())),
                _ => {}
            }
        }
        let action = match action.as_deref() {
            Some("approve") => Action::Approve,
            Some("deny") => Action::Deny,
            Some(other) => match other.strip_prefix("provider:") {
                Some(provider) => Action::Provider(provider.to_owned()),
                None => return Err(malformed()),
            },
            None => return Err(malformed()),
        };
        let credentials = username.map(|username| Credentials {
            username,
            password: password.unwrap_or_else(|| Secret::from("")),
        });
        let scope = Scope::from_tokens(scope).map_err(|_| malformed())?;
        Ok(Self {
            grant_id,
            action,
            scope,
            credentials,
            account,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ticked_box_counts() {
        let form = b"action=approve&scope=read%3Atodos&scope=openid&username=kim&password=p";
        let form = LoginForm::parse(form).unwrap();
        assert_eq!(form.scope, "openid read:todos".parse().unwrap());
        assert_eq!(form.credentials.unwrap().username, "kim");
        assert_eq!(form.action, Action::Approve);
    }

    #[test]
    fn a_button_of_a_provider_carries_what_is_ticked() {
        let form = LoginForm::parse(b"action=provider%3Anaver&scope=read%3Atodos").unwrap();
        assert_eq!(form.action, Action::Provider("naver".to_owned()));
        assert_eq!(form.scope, "read:todos".parse().unwrap());
    }

    #[test]
    fn a11_the_password_cannot_be_printed() {
        let form = LoginForm::parse(b"action=approve&username=kim&password=canary").unwrap();
        assert!(!format!("{form:?}").contains("canary"));
    }

    #[test]
    fn a_form_without_a_known_button_is_malformed() {
        for bad in [
            &b""[..],
            b"action=",
            b"action=approve-all",
            b"action=deny&scope=%22",
        ] {
            assert!(LoginForm::parse(bad).is_err(), "{bad:?}");
        }
    }
}
