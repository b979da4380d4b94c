//! Form bodies and queries with the rules of OAuth: no parameter twice (RFC 6749 §3.1, §3.2).

use std::borrow::Cow;

use oauth::error::OAuthError;

use crate::error::EndpointError;
use crate::reason::Reason;

/// The largest form that is read, in bytes.
pub(crate) const MAX_FORM: usize = 64 * 1024;

/// More parameters than any request of ours has; looking for repetitions takes time with each.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a request. An empty value counts as absent (RFC 6749 §3.1).
pub(crate) struct Parameters {
    /// Each name, and after it its value.
    text: String,
    /// Where each name ends, and its value.
    ends: Vec<(usize, usize)>,
}

impl Parameters {
    /// Parses `application/x-www-form-urlencoded` text.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, EndpointError> {
        let pairs = text.split(|byte| *byte == b'&').filter_map(decoded);
        let pairs = pairs.filter(|(_, value)| !value.is_empty());
        let mut parameters = Self {
            text: String::with_capacity(text.len()),
            ends: Vec::with_capacity(8),
        };
        for (name, value) in pairs {
            if parameters.get(&name).is_some() {
                return Err(malformed(format!("the parameter {name} is repeated")));
            }
            if parameters.ends.len() == MAX_PARAMETERS {
                return Err(malformed("the request has too many parameters"));
            }
            parameters.text.push_str(&name);
            let end = parameters.text.len();
            parameters.text.push_str(&value);
            parameters.ends.push((end, parameters.text.len()));
        }
        Ok(parameters)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ends.iter().scan(0, |begin, &(middle, end)| {
            let name = &self.text[*begin..middle];
            *begin = end;
            Some((name, &self.text[middle..end]))
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn require(&self, name: &str) -> Result<&str, EndpointError> {
        self.get(name)
            .ok_or_else(|| malformed(format!("the parameter {name} is missing")))
    }
}

/// Name and value of one parameter. In most of them nothing is encoded.
fn decoded(pair: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let is_encoded = |byte: u8| byte == b'%' || byte == b'+' || !byte.is_ascii();
    let plain = str::from_utf8(pair).ok();
    match plain.filter(|pair| !pair.bytes().any(is_encoded)) {
        Some("") => None,
        Some(pair) => {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((name.into(), value.into()))
        }
        None => url::form_urlencoded::parse(pair).next(),
    }
}

/// Values may be secrets, so only names are shown.
impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

pub(crate) fn malformed(text: impl AsRef<str>) -> EndpointError {
    EndpointError::new(Reason::MalformedRequest, OAuthError::invalid_request(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_section_3_1_repetition_and_emptiness() {
        let parameters = Parameters::parse(b"a=1&b=&c=%20x").unwrap();
        assert_eq!(parameters.get("a"), Some("1"));
        assert_eq!(parameters.get("b"), None);
        assert_eq!(parameters.get("c"), Some(" x"));
        assert!(Parameters::parse(b"a=1&a=1").is_err());
    }

    #[test]
    fn what_is_not_decoded_is_what_would_be_decoded_to_itself() {
        for text in [
            "",
            "&&",
            "a",
            "a=",
            "=b",
            "a=b=c&d=e",
            "&a=%41+%&b=",
            "a%3D=b",
            "a=%ff&b=한",
        ] {
            let known = url::form_urlencoded::parse(text.as_bytes());
            let known: Vec<_> = known.filter(|(_, value)| !value.is_empty()).collect();
            let parameters = Parameters::parse(text.as_bytes()).unwrap();
            let known = known.iter().map(|(name, value)| (&**name, &**value));
            assert!(parameters.iter().eq(known), "{text}");
        }
    }

    #[test]
    fn a_flood_of_parameters_is_cut_short() {
        let flood: Vec<_> = (0..=MAX_PARAMETERS).map(|n| format!("p{n}=1")).collect();
        assert!(Parameters::parse(flood[1..].join("&").as_bytes()).is_ok());
        assert!(Parameters::parse(flood.join("&").as_bytes()).is_err());
    }

    #[test]
    fn a11_values_are_not_printed() {
        let parameters = Parameters::parse(b"client_secret=canary").unwrap();
        assert!(!format!("{parameters:?}").contains("canary"));
    }
}
