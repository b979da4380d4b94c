//! What a person reads, in English and Korean (language tags: RFC 5646, RFC 9110 §12.5.4).

use std::cmp::Reverse;

use axum::http::{HeaderMap, HeaderValue, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reason::Reason;

pub(crate) mod account;
mod en;
mod hidden;
mod ko;
mod time;

pub(crate) use account::AccountText;
pub(crate) use hidden::is_hidden;
pub(crate) use time::When;

/// A language that the pages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English, also for everybody who asks for a language that we do not have.
    #[default]
    English,
    /// Korean.
    Korean,
}

impl Language {
    /// The language a person prefers: the client's `ui_locales` (`OpenID` Connect Core §3.1.2.1)
    /// come before the browser's `Accept-Language`.
    pub(crate) fn choose(ui_locales: Option<&str>, headers: &HeaderMap) -> Self {
        ui_locales
            .and_then(|locales| locales.split(' ').find_map(Self::from_tag))
            .unwrap_or_else(|| Self::accepted(headers.get(header::ACCEPT_LANGUAGE)))
    }

    /// The language that the browser asks for in its `Accept-Language`.
    pub(crate) fn accepted(accept_language: Option<&HeaderValue>) -> Self {
        let accepted = accept_language.and_then(|value| value.to_str().ok());
        accepted.and_then(Self::most_accepted).unwrap_or_default()
    }

    /// The language tag for `lang` and `Content-Language`.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    /// Everything that the pages say in this language.
    pub(crate) fn text(self) -> &'static Text {
        match self {
            Self::English => &en::TEXT,
            Self::Korean => &ko::TEXT,
        }
    }

    fn from_tag(tag: &str) -> Option<Self> {
        match tag.split('-').next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "ko" => Some(Self::Korean),
            _ => None,
        }
    }

    /// Of the languages in an `Accept-Language` header, the one with the highest weight; among
    /// equals the first.
    fn most_accepted(header: &str) -> Option<Self> {
        let weighted = header.split(',').filter_map(|range| {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let language = Self::from_tag(tag.trim())?;
            Some((language, thousandths(parameters)?))
        });
        weighted
            .filter(|(_, weight)| *weight > 0)
            .min_by_key(|(_, weight)| Reverse(*weight))
            .map(|(language, _)| language)
    }
}

/// The weight of a language range in thousandths (RFC 9110 §12.4.2); nothing when it is malformed.
fn thousandths(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1000);
    }
    let (name, value) = parameters.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let fraction = format!("{fraction:0<3}");
    let weight = whole.parse::<u16>().ok()? * 1000 + fraction.parse::<u16>().ok()?;
    (weight <= 1000 && fraction.len() == 3).then_some(weight)
}

/// Words of the operator in every language, such as what a scope means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// In English.
    pub en: String,
    /// In Korean.
    pub ko: String,
}

impl Words {
    /// The words in `language`.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Korean => &self.ko,
        }
    }
}

/// The scopes about the person that need no setting (`OpenID` Connect Core §5.4).
pub(crate) const IDENTITY_SCOPES: [&str; 3] = ["openid", "profile", "email"];

/// Where the words for an identity scope stand in a [`Text`].
pub(crate) type IdentityWords = fn(&Text) -> &'static str;

/// The words for `scope`, when it is one of [`IDENTITY_SCOPES`].
pub(crate) fn identity_scope(scope: &str) -> Option<IdentityWords> {
    match scope {
        "openid" => Some(|text| text.scope_openid),
        "profile" => Some(|text| text.scope_profile),
        "email" => Some(|text| text.scope_email),
        _ => None,
    }
}

/// Everything that the pages say in one language.
///
/// Both languages are constants of this type, so none of them can miss a line. No sentence has a
/// name inside it, except where a function puts it there: names stand in places of their own, which
/// suits the grammar of both.
pub(crate) struct Text {
    pub(crate) house: &'static str,
    pub(crate) sign_in_title: &'static str,
    pub(crate) consent_title: &'static str,
    pub(crate) client: &'static str,
    pub(crate) client_published_at: &'static str,
    pub(crate) client_name_is_a_claim: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) redirect_host: &'static str,
    pub(crate) redirect_loopback: &'static str,
    pub(crate) redirect_installed: &'static str,
    pub(crate) logout_title: &'static str,
    pub(crate) logout_hint: &'static str,
    pub(crate) logout_back_to: &'static str,
    pub(crate) logout: &'static str,
    pub(crate) logout_done: &'static str,
    pub(crate) logout_done_hint: &'static str,
    pub(crate) logout_go_on: &'static str,
    pub(crate) device_title: &'static str,
    pub(crate) device_code: &'static str,
    pub(crate) device_code_hint: &'static str,
    pub(crate) device_code_question: &'static str,
    pub(crate) device_code_matches: &'static str,
    pub(crate) device_other_code: &'static str,
    pub(crate) unknown_code: &'static str,
    pub(crate) device_shows: &'static str,
    pub(crate) device_warning: &'static str,
    pub(crate) scopes: &'static str,
    pub(crate) scopes_hint: &'static str,
    pub(crate) scopes_none: &'static str,
    /// What it means that a client takes refresh tokens.
    pub(crate) scopes_offline: &'static str,
    pub(crate) scope_fixed: &'static str,
    pub(crate) scope_unavailable: &'static str,
    pub(crate) scope_openid: &'static str,
    pub(crate) scope_profile: &'static str,
    pub(crate) scope_email: &'static str,
    pub(crate) account: &'static str,
    pub(crate) username: &'static str,
    pub(crate) password: &'static str,
    pub(crate) signed_in_as: &'static str,
    pub(crate) other_account: &'static str,
    pub(crate) sign_in: &'static str,
    /// What stands on the button of an identity provider with this name.
    pub(crate) continue_with: fn(&str) -> String,
    pub(crate) or: &'static str,
    pub(crate) providers: &'static str,
    pub(crate) providers_hint: &'static str,
    pub(crate) sign_in_and_allow: &'static str,
    pub(crate) carry_on: &'static str,
    pub(crate) allow: &'static str,
    pub(crate) deny: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) wrong_password: &'static str,
    pub(crate) too_many_attempts: &'static str,
    pub(crate) signed_out: &'static str,
    pub(crate) account_changed: &'static str,
    pub(crate) sign_in_again: &'static str,
    pub(crate) nothing_permitted: &'static str,
    pub(crate) provider_unavailable: &'static str,
    pub(crate) asked_each_time: &'static str,
    pub(crate) error_reason: &'static str,
    pub(crate) error_request: &'static str,
    pub(crate) explanations: Explanations,
    pub(crate) own: AccountText,
}

/// Why a person cannot go on.
pub(crate) struct Explanations {
    pub(crate) request_expired: Explanation,
    pub(crate) request_finished: Explanation,
    pub(crate) device_allowed: Explanation,
    pub(crate) device_denied: Explanation,
    pub(crate) sign_in_waiting: Explanation,
    pub(crate) way_back_unknown: Explanation,
    pub(crate) other_provider: Explanation,
    pub(crate) provider_denied: Explanation,
    pub(crate) provider_unavailable: Explanation,
    pub(crate) provider_refused: Explanation,
    pub(crate) identity_unknown: Explanation,
    pub(crate) invitation_unknown: Explanation,
    pub(crate) invitation_of_somebody_else: Explanation,
    pub(crate) account_connected: Explanation,
    pub(crate) identity_taken: Explanation,
    pub(crate) identity_already_connected: Explanation,
    pub(crate) last_way_in: Explanation,
    pub(crate) signed_out: Explanation,
    pub(crate) other_browser: Explanation,
    pub(crate) unknown_client: Explanation,
    pub(crate) redirect_uri: Explanation,
    pub(crate) client_unreadable: Explanation,
    pub(crate) invalid_request: Explanation,
    pub(crate) foreign_origin: Explanation,
    pub(crate) too_many_requests: Explanation,
    pub(crate) server_error: Explanation,
}

impl Explanations {
    /// What a person is told when a request was refused for `reason`.
    pub(crate) fn of(&self, reason: Reason) -> &Explanation {
        match reason {
            Reason::AuthorizationRequestExpired | Reason::RequestUriUnknown => {
                &self.request_expired
            }
            Reason::OtherBrowser => &self.other_browser,
            Reason::LoginStateUnknown => &self.way_back_unknown,
            Reason::OtherIdentityProvider => &self.other_provider,
            Reason::IdentityProviderDenied => &self.provider_denied,
            Reason::IdentityProviderUnavailable => &self.provider_unavailable,
            Reason::IdentityProviderRefused => &self.provider_refused,
            Reason::IdentityUnknown => &self.identity_unknown,
            Reason::InvitationUnknown => &self.invitation_unknown,
            Reason::InvitationOfSomebodyElse => &self.invitation_of_somebody_else,
            Reason::IdentityTaken => &self.identity_taken,
            Reason::IdentityAlreadyConnected => &self.identity_already_connected,
            Reason::LastWayIn => &self.last_way_in,
            Reason::LoginRequired => &self.signed_out,
            Reason::UnknownClient => &self.unknown_client,
            Reason::MetadataDocumentRefused => &self.client_unreadable,
            Reason::RedirectUriNotRegistered
            | Reason::PostLogoutRedirectUriNotRegistered
            | Reason::RedirectUriRefused => &self.redirect_uri,
            Reason::ForeignForm => &self.foreign_origin,
            Reason::TooManyRequests => &self.too_many_requests,
            Reason::StoreFailed | Reason::Internal => &self.server_error,
            // Everything else is something that the client sent.
            _ => &self.invalid_request,
        }
    }
}

/// One page without a way on: what happened, why, and what to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Explanation {
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
    pub(crate) what_to_do: &'static str,
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(ui_locales: Option<&str>, accept_language: &'static str, expected: Language) {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT_LANGUAGE,
            HeaderValue::from_static(accept_language),
        );
        assert_eq!(Language::choose(ui_locales, &headers), expected);
    }

    #[test]
    fn the_clients_wish_comes_before_the_browsers() {
        check(Some("ko"), "en", Language::Korean);
        check(Some("fr-CA ko-KR en"), "en", Language::Korean);
        check(Some("EN-gb"), "ko", Language::English);
        check(Some("fr de"), "ko-KR,ko;q=0.9", Language::Korean);
        check(Some(""), "ko", Language::Korean);
    }

    #[test]
    fn rfc9110_weights_decide_and_order_breaks_ties() {
        check(None, "ko-KR,ko;q=0.9,en-US;q=0.8", Language::Korean);
        check(None, "en;q=0.3, ko;q=0.301", Language::Korean);
        check(None, "en, ko", Language::English);
        check(None, "ko;q=0, en;q=0.001", Language::English);
        check(None, "ko;q=0", Language::English);
        check(None, "fr, *;q=0.5", Language::English);
    }

    #[test]
    fn a_malformed_weight_is_no_wish() {
        for bad in [
            "ko;q=2",
            "ko;q=",
            "ko;x=1",
            "ko;q=0.1234",
            "ko;q=-1",
            "ko;q=99999",
        ] {
            check(None, bad, Language::English);
        }
        assert_eq!(Language::choose(None, &HeaderMap::new()), Language::English);
    }

    #[test]
    fn every_identity_scope_has_words_and_no_other() {
        for scope in IDENTITY_SCOPES {
            let words = identity_scope(scope).unwrap();
            assert_ne!(
                words(Language::English.text()),
                words(Language::Korean.text())
            );
        }
        assert!(identity_scope("phone").is_none());
    }
}
