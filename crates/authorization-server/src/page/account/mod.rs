//! Pages about one's own account: who one is, where one is signed in, and who may act for one.

pub(crate) mod clients;
pub(crate) mod connections;
mod form;
pub(crate) mod invitation;
pub(crate) mod overview;
pub(crate) mod password;
pub(crate) mod sessions;
mod shell;
pub(crate) mod sign_in;
mod user_agent;
mod visitor;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::invitation::InvitationId;

pub(crate) use shell::Notice;

/// Where people sign in for these pages. Nobody asks for anything here, so there is no grant.
const SIGN_IN: &str = "/account/sign-in";

/// A page that a person can be sent back to after signing in; there is no other place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OwnPage {
    #[default]
    Overview,
    Clients,
    Sessions,
    Password,
    /// Where an account is connected that a server needs.
    Connect(InvitationId),
}

/// What stands before the id of an invitation.
const CONNECT: &str = "/account/connect/";

impl OwnPage {
    const ALL: [Self; 4] = [
        Self::Overview,
        Self::Clients,
        Self::Sessions,
        Self::Password,
    ];

    /// The path under that of the issuer.
    pub(crate) fn path(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Overview => "/account",
            Self::Clients => "/account/clients",
            Self::Sessions => "/account/sessions",
            Self::Password => "/account/password",
            Self::Connect(id) => return format!("{CONNECT}{}", id.as_str()).into(),
        })
    }

    /// The page at `path`; the overview stands for every address that is no page of ours.
    fn at(path: &str) -> Self {
        let invitation = path.strip_prefix(CONNECT).and_then(InvitationId::parse);
        if let Some(id) = invitation {
            return Self::Connect(id);
        }
        let all = Self::ALL.into_iter();
        all.rev()
            .find(|page| page.path() == path)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_anywhere_else_after_signing_in() {
        assert_eq!(OwnPage::at("/account/clients"), OwnPage::Clients);
        let id = "aZ09-_aZ09-_aZ09-_aZ09";
        let connect = OwnPage::at(&format!("/account/connect/{id}"));
        assert_eq!(connect.path(), format!("/account/connect/{id}"));
        for elsewhere in [
            "",
            "/account/connect/",
            "/account/connect/../../../../login",
            "/account/connect/aZ09-_aZ09-_aZ09-_aZ0?",
            "//evil.example",
            "https://evil.example/account/clients",
            "/account/clients/../../authorize",
            "/login",
        ] {
            assert_eq!(OwnPage::at(elsewhere), OwnPage::Overview, "{elsewhere}");
        }
    }
}
