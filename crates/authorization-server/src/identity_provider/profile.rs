//! Who signed in, by what an identity provider says about them (OpenID Connect Core §5.1).

use std::collections::BTreeMap;

use delegation::Credential;
use oauth::time::NumericDate;
use serde_json::{Map, Value};

use super::error::Refusal;
use super::rules::{Places, Rules};
use crate::text::is_hidden;

/// The longest subject that is accepted (`OpenID` Connect Core §2 allows 255).
const LONGEST_SUBJECT: usize = 255;
/// The longest name that is kept, in characters.
const LONGEST_NAME: usize = 200;
/// The longest e-mail address (RFC 5321 §4.5.3.1.3).
const LONGEST_EMAIL: usize = 254;

/// A person as an identity provider knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The identifier there, unique and never given to somebody else; the only thing that is sure.
    pub subject: String,
    /// The name under which they sign in there; they may change it.
    pub username: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Whether the address is theirs: the provider says so, and its word on this is good.
    pub email_verified: bool,
}

/// Somebody who came back from an identity provider.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Who they are.
    pub identity: Identity,
    /// What the provider issued for them.
    pub credential: Credential,
    /// When they signed in there, if they had to do it anew and the provider has proved that they did.
    pub signed_in_at: Option<NumericDate>,
}

/// What a provider says about a person: an ID token, a profile, or both.
#[derive(Debug)]
pub(super) struct Testimony {
    pub(super) id_token: Option<Value>,
    pub(super) profile: Option<Value>,
    /// An address that the provider has verified, from a list of its own.
    pub(super) address: Option<String>,
}

impl Testimony {
    pub(super) fn new(
        id_token: Option<Map<String, Value>>,
        profile: Option<Value>,
        address: Option<String>,
    ) -> Self {
        Self {
            id_token: id_token.map(Value::Object),
            profile,
            address,
        }
    }

    /// The documents, the profile first: it is fresher and fuller.
    fn documents(&self) -> impl Iterator<Item = &Value> {
        [self.profile.as_ref(), self.id_token.as_ref()]
            .into_iter()
            .flatten()
    }

    fn text(&self, place: Option<&String>) -> Option<String> {
        let place = place?;
        self.documents()
            .find_map(|document| one_line(document.pointer(place)?.as_str()?))
    }

    /// The e-mail address, and whether the same document calls it verified.
    fn email(&self, places: &Places) -> Option<(String, bool)> {
        if let Some(address) = self.address.as_deref().filter(|text| is_address(text)) {
            return Some((address.to_owned(), true));
        }
        let place = places.email.as_ref()?;
        let of_document = |document: &Value| {
            let email = document.pointer(place)?.as_str()?;
            let is_true = |place: &String| match document.pointer(place) {
                // Some providers write it as text.
                Some(Value::String(text)) => text == "true",
                value => value == Some(&Value::Bool(true)),
            };
            let verified = &places.email_verified;
            let is_verified = !verified.is_empty() && verified.iter().all(is_true);
            is_address(email).then(|| (email.to_owned(), is_verified))
        };
        self.documents().find_map(of_document)
    }

    /// Who signed in, after everything that stands against it.
    pub(super) fn identity(&self, rules: &Rules) -> Result<Identity, Refusal> {
        let places = &rules.places;
        // Only the ID token is signed; without one there is only the profile.
        let source = self.id_token.as_ref().or(self.profile.as_ref());
        let subject = source.and_then(|source| identifier(source.pointer(&places.subject)?));
        let subject = subject.ok_or_else(|| Refusal::NoSubject(places.subject.clone()))?;
        if let (Some(profile), Some(_), Some(place)) =
            (&self.profile, &self.id_token, &places.userinfo_subject)
        {
            // OpenID Connect Core §5.3.2: or the profile of one person is put under another's name.
            let repeated = profile.pointer(place).and_then(identifier);
            if repeated.as_ref() != Some(&subject) {
                return Err(Refusal::OtherSubject);
            }
        }
        if let Some(missing) = first_missing(&rules.required_claims, source) {
            return Err(Refusal::RequiredClaim(missing.to_owned()));
        }
        let (email, email_verified) = self.email(places).unzip();
        Ok(Identity {
            subject,
            username: self.text(places.username.as_ref()),
            name: self.text(places.name.as_ref()),
            email,
            email_verified: email_verified.unwrap_or_default(),
        })
    }
}

/// The place of the first value that is not as demanded.
pub(super) fn first_missing<'a>(
    demanded: &'a BTreeMap<String, String>,
    document: Option<&Value>,
) -> Option<&'a str> {
    let is_missing = |(place, value): &(&String, &String)| {
        let found = document.and_then(|document| identifier(document.pointer(place)?));
        found.as_ref() != Some(*value)
    };
    demanded
        .iter()
        .find(is_missing)
        .map(|(place, _)| place.as_str())
}

/// A text or a whole number, as providers write identifiers.
fn identifier(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return None,
    };
    let is_plain = !text.is_empty() && text.len() <= LONGEST_SUBJECT;
    (is_plain && !text.chars().any(char::is_control)).then_some(text)
}

/// The text without what would break a line or hide in one, and not too long.
pub(crate) fn one_line(text: &str) -> Option<String> {
    let visible: String = text
        .chars()
        .filter(|c| !is_hidden(*c))
        .take(LONGEST_NAME)
        .collect();
    let line = visible.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    let has_both = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    let is_misleading = |c: char| c.is_whitespace() || is_hidden(c);
    has_both && text.len() <= LONGEST_EMAIL && !text.contains(is_misleading)
}
