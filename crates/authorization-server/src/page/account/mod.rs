//! Pages about one's own account: who one is, where one is signed in, and who may act for one.

pub(crate) mod clients;
pub(crate) mod connections;
mod form;
pub(crate) mod overview;
pub(crate) mod password;
pub(crate) mod sessions;
mod shell;
pub(crate) mod sign_in;
mod user_agent;
mod visitor;

use serde::{Deserialize, Serialize};

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
}

impl OwnPage {
    const ALL: [Self; 4] = [
        Self::Overview,
        Self::Clients,
        Self::Sessions,
        Self::Password,
    ];

    /// The path under that of the issuer.
    fn path(self) -> &'static str {
        match self {
            Self::Overview => "/account",
            Self::Clients => "/account/clients",
            Self::Sessions => "/account/sessions",
            Self::Password => "/account/password",
        }
    }

    /// The page at `path`; the overview stands for every address that is no page of ours.
    fn at(path: &str) -> Self {
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
        for elsewhere in [
            "",
            "//evil.example",
            "https://evil.example/account/clients",
            "/account/clients/../../authorize",
            "/login",
        ] {
            assert_eq!(OwnPage::at(elsewhere), OwnPage::Overview, "{elsewhere}");
        }
    }
}
