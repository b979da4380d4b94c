//! What the sign-in page shows: who asks, where the answer goes, for what, and as whom.

use askama::Template;
use oauth::redirect_uri::RedirectUri;
use oauth::scope::Scope;

use crate::catalog::Catalog;
use crate::client::Client;
use crate::grant::{Delivery, Grant};
use crate::html::Frame;
use crate::identity_provider::IdentityProvider;
use crate::page::client_view::{ClientView, in_order_of_weight};
use crate::text::{Language, Text};
use crate::user::User;

/// What differs between two showings of the page for one grant.
pub(super) struct View<'a> {
    /// Who is signed in; nobody means that the page asks for it.
    pub(super) account: Option<&'a User>,
    /// What stands in the username field.
    pub(super) username: Option<&'a str>,
    /// What the person left ticked before; everything at first.
    pub(super) chosen: Option<&'a Scope>,
    pub(super) message: Option<Message>,
}

/// What the page has to say, apart from asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    WrongPassword,
    TooManyAttempts,
    SignedOut,
    AccountChanged,
    SignInAgain,
    NothingPermitted,
    ProviderUnavailable,
    AskedEachTime,
}

impl Message {
    /// Whether something went wrong; else the message only explains the page.
    fn is_alarming(self) -> bool {
        !matches!(self, Self::SignInAgain | Self::AskedEachTime)
    }

    fn words(self, text: &Text) -> &'static str {
        match self {
            Self::WrongPassword => text.wrong_password,
            Self::TooManyAttempts => text.too_many_attempts,
            Self::SignedOut => text.signed_out,
            Self::AccountChanged => text.account_changed,
            Self::SignInAgain => text.sign_in_again,
            Self::NothingPermitted => text.nothing_permitted,
            Self::ProviderUnavailable => text.provider_unavailable,
            Self::AskedEachTime => text.asked_each_time,
        }
    }
}

#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct LoginPage<'a> {
    frame: Frame,
    grant_id: &'a str,
    /// First-party clients are not asked about.
    asks_consent: bool,
    client: ClientView,
    resource: ResourceView<'a>,
    destination: Destination<'a>,
    scopes: Vec<ScopeView<'a>>,
    account: Option<AccountView<'a>>,
    /// Whether somebody who is not signed in may do so with a password.
    asks_password: bool,
    /// The identity providers that they may sign in at.
    providers: Vec<ProviderView<'a>>,
    username: &'a str,
    message: Option<Message>,
    /// Nothing can be allowed, so there is no button for it.
    is_hopeless: bool,
}

struct ResourceView<'a> {
    name: &'a str,
    indicator: &'a str,
}

/// Where the answer goes.
enum Destination<'a> {
    Host {
        host: String,
        warning: Option<&'static str>,
    },
    /// Nothing vouches for a device but the person who holds it.
    Device { user_code: &'a str },
}

struct ScopeView<'a> {
    token: &'a str,
    words: &'a str,
    choice: Choice,
}

/// Whether a person has a say in a scope.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Ticked,
    Cleared,
    /// Part of signing in.
    Fixed,
    /// Not among what the signed-in person's roles allow.
    Unavailable,
}

/// A button that leads to an identity provider.
struct ProviderView<'a> {
    id: &'a str,
    words: String,
}

struct AccountView<'a> {
    subject: &'a str,
    username: &'a str,
    name: Option<&'a str>,
}

impl<'a> LoginPage<'a> {
    pub(super) fn new(
        catalog: &'a Catalog,
        language: Language,
        grant: &'a Grant,
        client: &Client,
        view: &View<'a>,
    ) -> Self {
        let request = &grant.request;
        let text = language.text();
        let permitted = view.account.map(|user| user.permitted_scope(catalog));
        let scopes: Vec<_> = in_order_of_weight(&request.scope)
            .into_iter()
            .map(|token| ScopeView {
                token,
                words: catalog.words(token, language).unwrap_or(token),
                choice: choice(token, permitted.as_ref(), view.chosen),
            })
            .collect();
        let is_unavailable = |scope: &ScopeView<'_>| scope.choice == Choice::Unavailable;
        let indicator = request.resource.as_str();
        let resource = catalog.resource(&request.resource);
        Self {
            frame: Frame::new(language),
            grant_id: &grant.id,
            asks_consent: !client.is_first_party(),
            client: ClientView::of(client),
            resource: ResourceView {
                name: resource.map_or(indicator, |resource| &resource.name),
                indicator,
            },
            destination: Destination::of(&request.delivery, text),
            is_hopeless: !scopes.is_empty() && scopes.iter().all(is_unavailable),
            scopes,
            account: view.account.map(AccountView::of),
            asks_password: true,
            providers: Vec::new(),
            username: view.username.unwrap_or_default(),
            message: view.message,
        }
    }

    /// Offers the ways to sign in that the settings leave open.
    pub(super) fn with_ways_in(
        self,
        password: bool,
        providers: impl Iterator<Item = &'a IdentityProvider>,
    ) -> Self {
        let language = self.frame.language;
        let view = |provider: &'a IdentityProvider| ProviderView {
            id: provider.id(),
            words: (self.frame.text.continue_with)(provider.name().get(language)),
        };
        Self {
            asks_password: password,
            providers: providers.map(view).collect(),
            ..self
        }
    }

    /// Whether the page offers the buttons of the providers.
    fn offers_providers(&self) -> bool {
        self.account.is_none() && !self.providers.is_empty()
    }

    /// Whether the button that approves stands beside the one that denies.
    fn approves_at_the_end(&self) -> bool {
        !self.is_hopeless && !self.offers_providers()
    }

    fn title(&self) -> &'static str {
        let text = self.frame.text;
        if self.asks_consent {
            text.consent_title
        } else {
            text.sign_in_title
        }
    }

    fn is_wrong_password(&self) -> bool {
        self.message == Some(Message::WrongPassword)
    }

    fn approve_words(&self) -> &'static str {
        let text = self.frame.text;
        match (self.asks_consent, self.account.is_some()) {
            (true, true) => text.allow,
            (true, false) => text.sign_in_and_allow,
            (false, true) => text.carry_on,
            (false, false) => text.sign_in,
        }
    }

    fn deny_words(&self) -> &'static str {
        let text = self.frame.text;
        if self.asks_consent {
            text.deny
        } else {
            text.cancel
        }
    }
}

impl<'a> Destination<'a> {
    fn of(delivery: &'a Delivery, text: &Text) -> Self {
        match delivery {
            Delivery::Redirect { redirect_uri, .. } => Self::of_redirect(redirect_uri, text),
            Delivery::Device { user_code } => Self::Device { user_code },
            Delivery::Assertion { issuer } => Self::Host {
                host: issuer.clone(),
                warning: None,
            },
        }
    }

    fn of_redirect(redirect_uri: &RedirectUri, text: &Text) -> Self {
        let warning = match (redirect_uri.is_loopback(), redirect_uri.is_site()) {
            (true, _) => Some(text.redirect_loopback),
            (false, false) => Some(text.redirect_installed),
            (false, true) => None,
        };
        Self::Host {
            host: redirect_uri.display_host(),
            warning,
        }
    }
}

impl<'a> AccountView<'a> {
    fn of(user: &'a User) -> Self {
        let name = user.name.as_deref();
        Self {
            subject: &user.subject,
            username: &user.username,
            name,
        }
    }
}

fn choice(token: &str, permitted: Option<&Scope>, chosen: Option<&Scope>) -> Choice {
    if permitted.is_some_and(|permitted| !permitted.contains(token)) {
        Choice::Unavailable
    } else if token == "openid" {
        Choice::Fixed
    } else if chosen.is_none_or(|chosen| chosen.contains(token)) {
        Choice::Ticked
    } else {
        Choice::Cleared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c4_what_is_known_to_be_impossible_is_not_offered() {
        let scope = |text: &str| text.parse::<Scope>().unwrap();
        let (permitted, chosen) = (scope("a openid"), scope("b"));
        assert!(choice("b", Some(&permitted), Some(&chosen)) == Choice::Unavailable);
        assert!(choice("a", Some(&permitted), Some(&chosen)) == Choice::Cleared);
        assert!(choice("openid", Some(&permitted), Some(&chosen)) == Choice::Fixed);
        assert!(choice("a", None, None) == Choice::Ticked);
        assert!(choice("b", None, Some(&chosen)) == Choice::Ticked);
    }
}
