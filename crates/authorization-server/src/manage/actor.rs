//! Who manages, and the scopes that permit it (RFC 6749 §3.3).

use std::fmt;

use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;

use crate::settings::{Resource, Settings};
use crate::text::Words;

/// What every scope of management begins with; no other scope may.
const PREFIX: &str = "manage:";

/// What each of [`MANAGEMENT_SCOPES`] permits, in English and Korean, for the page that
/// asks for consent.
const WORDS: [(&str, &str); 6] = [
    (
        "See people, clients, grants, roles and keys of this server",
        "이 서버의 사용자, 클라이언트, 권한 부여, 역할, 키 보기",
    ),
    (
        "Add, change and remove people who sign in here",
        "이 서버의 사용자 추가, 변경, 삭제",
    ),
    (
        "Register, change and remove applications",
        "애플리케이션 등록, 변경, 삭제",
    ),
    (
        "Revoke what people have allowed applications",
        "사용자가 애플리케이션에 허용한 권한 취소",
    ),
    (
        "Change roles, resources and scopes",
        "역할, 리소스, 범위 변경",
    ),
    (
        "Change the keys that sign tokens",
        "토큰에 서명하는 키 변경",
    ),
];

/// Every scope of the management API.
pub const MANAGEMENT_SCOPES: [&str; 6] = [
    "manage:read",
    "manage:users",
    "manage:clients",
    "manage:grants",
    "manage:roles",
    "manage:keys",
];

/// Whether `scope` is one of management, or looks like one.
pub(crate) fn is_management_scope(scope: &str) -> bool {
    scope.starts_with(PREFIX)
}

/// The scopes of management with their words.
pub(crate) fn management_words() -> impl Iterator<Item = (&'static str, Words)> {
    MANAGEMENT_SCOPES
        .into_iter()
        .zip(WORDS)
        .map(|(scope, words)| {
            let (en, ko) = (words.0.to_owned(), words.1.to_owned());
            (scope, Words { en, ko })
        })
}

/// Adds the management API to what the settings declare, if it is switched on.
pub(crate) fn declare(settings: &mut Settings) {
    let Some(resource) = api_resource(settings) else {
        return;
    };
    settings.resources.push(resource);
    for (scope, words) in management_words() {
        settings.scopes.insert(scope.to_owned(), words);
    }
}

/// The management API as something that tokens are issued for, if it is switched on.
pub(crate) fn api_resource(settings: &Settings) -> Option<Resource> {
    Some(Resource {
        indicator: settings.management_resource()?,
        name: "Management".to_owned(),
        scopes: Scope::from_tokens(MANAGEMENT_SCOPES)
            .expect("the scopes of management are constants in the form of RFC 6749"),
    })
}

impl Settings {
    /// The name of the management API in tokens; nothing when it is switched off.
    pub(crate) fn management_resource(&self) -> Option<ResourceIndicator> {
        let indicator = ResourceIndicator::parse(&self.issuer.join("/manage"))
            .expect("an issuer with a path behind it is an absolute URI");
        self.management.then_some(indicator)
    }
}

/// Who is managing.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Whoever has the settings file and the store: nothing is out of their reach anyway.
    Operator,
    /// The bearer of an access token.
    Bearer {
        /// The person, or the client that acts for itself.
        subject: String,
        /// The client that holds the token.
        client_id: String,
        /// What the token permits at this moment.
        scope: Scope,
    },
}

impl Actor {
    /// The management rights in `scope` that this actor does not hold.
    pub(super) fn lacks(&self, scope: &Scope) -> Scope {
        let held = match self {
            Self::Operator => return Scope::empty(),
            Self::Bearer { scope, .. } => scope,
        };
        let of_management = scope.iter().filter(|token| is_management_scope(token));
        Scope::from_tokens(of_management)
            .expect("a part of a well-formed scope is well-formed")
            .difference(held)
    }

    /// Whether this is the person `subject`.
    pub(super) fn is(&self, subject: &str) -> bool {
        matches!(self, Self::Bearer { subject: own, .. } if own == subject)
    }

    /// Whether this is the client `client_id`, or acts through it.
    pub(super) fn uses(&self, client_id: &str) -> bool {
        matches!(self, Self::Bearer { client_id: own, .. } if own == client_id)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Bearer {
                subject, client_id, ..
            } => write!(f, "{subject} by {client_id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rights_of_management_have_to_be_held() {
        let scope = |text: &str| text.parse::<Scope>().unwrap();
        let bearer = Actor::Bearer {
            subject: "alice".into(),
            client_id: "console".into(),
            scope: scope("manage:users"),
        };
        assert_eq!(
            bearer.lacks(&scope("delete:todos manage:users")),
            Scope::empty()
        );
        assert_eq!(
            bearer.lacks(&scope("manage:roles manage:users")),
            scope("manage:roles")
        );
        assert_eq!(
            Actor::Operator.lacks(&scope("manage:roles")),
            Scope::empty()
        );
    }

    #[test]
    fn every_scope_of_management_is_recognized_as_one() {
        assert!(management_words().all(|(scope, _)| is_management_scope(scope)));
    }
}
