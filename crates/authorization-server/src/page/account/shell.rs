//! What the pages about one's own account have in common.

use super::OwnPage;
use super::form::AccountForm;
use super::visitor::Visitor;
use crate::html::Frame;
use crate::text::{AccountText, Text};

/// What has happened, for the page that a person comes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    ClientRevoked,
    SessionEnded,
    OthersEnded,
    PasswordChanged,
    Connected,
    AccountConnected,
    Disconnected,
    SignInAgain,
    NoProof,
    AccountChanged,
    LastWay,
    WrongPassword,
    WrongOldPassword,
    PasswordsDiffer,
    PasswordLength,
    TooManyAttempts,
    ProviderUnavailable,
}

impl Notice {
    /// Those that an address may name; the others belong to an answer alone.
    const NAMED: [Self; 10] = [
        Self::ClientRevoked,
        Self::SessionEnded,
        Self::OthersEnded,
        Self::PasswordChanged,
        Self::Connected,
        Self::AccountConnected,
        Self::Disconnected,
        Self::SignInAgain,
        Self::AccountChanged,
        Self::LastWay,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ClientRevoked => "client-revoked",
            Self::SessionEnded => "session-ended",
            Self::OthersEnded => "others-ended",
            Self::PasswordChanged => "password-changed",
            Self::Connected => "connected",
            Self::AccountConnected => "account-connected",
            Self::Disconnected => "disconnected",
            Self::SignInAgain => "sign-in-again",
            Self::NoProof => "no-proof",
            Self::AccountChanged => "account-changed",
            Self::LastWay => "last-way",
            Self::WrongPassword => "wrong-password",
            Self::WrongOldPassword => "wrong-old-password",
            Self::PasswordsDiffer => "passwords-differ",
            Self::PasswordLength => "password-length",
            Self::TooManyAttempts => "too-many-attempts",
            Self::ProviderUnavailable => "provider-unavailable",
        }
    }

    /// The notice in the query of a page.
    pub(super) fn in_query(query: &AccountForm) -> Option<Self> {
        let name = query.get("notice")?;
        let mut named = Self::NAMED.into_iter();
        named.find(|notice| notice.name() == name)
    }

    pub(super) fn words(self, text: &Text) -> &'static str {
        let own = &text.own;
        match self {
            Self::ClientRevoked => own.done_client,
            Self::SessionEnded => own.done_session,
            Self::OthersEnded => own.done_others,
            Self::PasswordChanged => own.done_password,
            Self::Connected => own.done_connected,
            Self::AccountConnected => own.done_account_connected,
            Self::Disconnected => own.done_disconnected,
            Self::SignInAgain => own.sign_in_again,
            Self::NoProof => own.no_proof,
            Self::AccountChanged => own.account_changed,
            Self::LastWay => own.last_way,
            Self::WrongPassword => text.wrong_password,
            Self::WrongOldPassword => own.wrong_old_password,
            Self::PasswordsDiffer => own.passwords_differ,
            Self::PasswordLength => own.password_length,
            Self::TooManyAttempts => text.too_many_attempts,
            Self::ProviderUnavailable => text.provider_unavailable,
        }
    }

    /// Whether something went wrong; else the notice says what was done.
    pub(super) fn is_alarming(self) -> bool {
        matches!(
            self,
            Self::AccountChanged
                | Self::LastWay
                | Self::WrongPassword
                | Self::WrongOldPassword
                | Self::PasswordsDiffer
                | Self::PasswordLength
                | Self::TooManyAttempts
                | Self::ProviderUnavailable
                | Self::NoProof
        )
    }
}

/// The part of a page that is the same on all of them.
pub(super) struct Shell {
    pub(super) page: OwnPage,
    /// Whom the page was shown to, for its forms.
    pub(super) subject: String,
    pub(super) notice: Option<Notice>,
}

impl Shell {
    pub(super) fn of(visitor: &Visitor, notice: Option<Notice>) -> Self {
        Self {
            page: visitor.page,
            subject: visitor.user.subject.clone(),
            notice,
        }
    }

    /// The pages to choose from: address, name, and whether it is this one.
    pub(super) fn tabs(&self, text: &AccountText) -> [(String, &'static str, bool); 3] {
        [
            (OwnPage::Overview, text.overview),
            (OwnPage::Clients, text.clients),
            (OwnPage::Sessions, text.sessions),
        ]
        .map(|(page, name)| {
            (
                page.path().trim_start_matches('/').to_owned(),
                name,
                page == self.page,
            )
        })
    }
}

/// The frame of the page that a visitor looks at.
pub(super) fn frame(visitor: &Visitor) -> Frame {
    Frame::at(visitor.language, &visitor.page.path(), "")
}

/// A part of a list that is too long for one page.
pub(super) struct Paged<T> {
    pub(super) items: Vec<T>,
    /// The number of the page before and of the page behind this one.
    pub(super) newer: Option<usize>,
    pub(super) older: Option<usize>,
}

/// How many entries one page shows.
const PER_PAGE: usize = 20;

impl<T> Paged<T> {
    /// The page of `all` with the number `page`; the last one for a number behind it.
    pub(super) fn cut(all: Vec<T>, page: usize) -> Self {
        let last = all.len().div_ceil(PER_PAGE).max(1);
        let page = page.clamp(1, last);
        let items = all.into_iter().skip((page - 1) * PER_PAGE).take(PER_PAGE);
        Self {
            items: items.collect(),
            newer: (page > 1).then(|| page - 1),
            older: (page < last).then(|| page + 1),
        }
    }

    /// The same page with other items.
    pub(super) fn map<U>(self, make: impl FnMut(T) -> U) -> Paged<U> {
        Paged {
            items: self.items.into_iter().map(make).collect(),
            newer: self.newer,
            older: self.older,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_and_nothing_is_lost() {
        let cut = |page| {
            let paged = Paged::cut((0..41).collect(), page);
            (paged.items.len(), paged.newer, paged.older)
        };
        assert_eq!(cut(1), (20, None, Some(2)));
        assert_eq!(cut(2), (20, Some(1), Some(3)));
        assert_eq!(cut(3), (1, Some(2), None));
        assert_eq!(cut(9), cut(3));
        assert_eq!(cut(0), cut(1));
        let none = Paged::cut(Vec::<u8>::new(), 1);
        assert!(none.items.is_empty() && none.newer.is_none() && none.older.is_none());
    }
}
