//! How a person sees a client: its name and what vouches for it, and its scopes in an order.

use oauth::scope::Scope;
use url::Url;

use crate::client::{Client, Origin};
use crate::text::{identity_scope, is_hidden};

/// A client, as a person sees it.
pub(crate) struct ClientView {
    pub(crate) name: String,
    /// The host that vouches for the name, for a client named by a metadata document.
    pub(crate) host: Option<String>,
    /// The name is the client's own claim.
    pub(crate) is_claim: bool,
    /// It takes refresh tokens, so it may go on without the person.
    pub(crate) is_offline: bool,
}

impl ClientView {
    /// A client of which nothing is known at this moment but its identifier.
    pub(crate) fn named(client_id: &str) -> Self {
        let host = Url::parse(client_id).ok();
        let host = host.and_then(|url| url.host_str().map(str::to_owned));
        Self {
            name: host.unwrap_or_else(|| plain(client_id)),
            host: None,
            is_claim: false,
            is_offline: false,
        }
    }

    pub(crate) fn of(client: &Client) -> Self {
        let claimed = client.metadata.client_name.as_deref().map(plain);
        let name = claimed.filter(|name| !name.is_empty());
        let host = match client.origin {
            Origin::MetadataDocument => Url::parse(&client.client_id).ok(),
            Origin::PreRegistered { .. } | Origin::Administered | Origin::Registered => None,
        };
        Self {
            is_claim: client.origin == Origin::Registered && name.is_some(),
            is_offline: client.metadata.uses_grant("refresh_token"),
            name: name.unwrap_or_else(|| plain(&client.client_id)),
            host: host.and_then(|url| url.host_str().map(str::to_owned)),
        }
    }
}

/// What a client can do comes before what it can know, and what is no choice comes last.
pub(crate) fn in_order_of_weight(scope: &Scope) -> Vec<&str> {
    let mut tokens: Vec<_> = scope.iter().collect();
    tokens.sort_by_key(|token| (*token == "openid", identity_scope(token).is_some()));
    tokens
}

/// How much of a client's name is shown.
const NAME_LENGTH: usize = 60;

/// What a stranger wrote, without characters that hide or turn round other text.
fn plain(text: &str) -> String {
    let visible: String = text.chars().filter(|c| !is_hidden(*c)).collect();
    let mut characters = visible.trim().chars();
    let mut name: String = characters.by_ref().take(NAME_LENGTH).collect();
    if characters.next().is_some() {
        name.push('…');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c4_a_name_cannot_hide_or_turn_text() {
        assert_eq!(plain("Good\u{202e}live\u{200b}\n"), "Goodlive");
        assert_eq!(plain(&"x".repeat(61)), format!("{}…", "x".repeat(60)));
        assert_eq!(plain("할 일 앱"), "할 일 앱");
        assert_eq!(
            plain("\u{3164}\u{115f} \u{2800}"),
            "",
            "blank letters of Hangul"
        );
    }

    #[test]
    fn what_a_client_can_do_is_shown_first() {
        let scope: Scope = "email openid profile write:todos".parse().unwrap();
        let order = in_order_of_weight(&scope);
        assert_eq!(order, ["write:todos", "email", "profile", "openid"]);
    }
}
