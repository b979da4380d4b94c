//! Form bodies and queries with the rules of OAuth: no parameter twice (RFC 6749 §3.1, §3.2).

use std::ops::Range;

use oauth::error::OAuthError;

use crate::error::EndpointError;
use crate::reason::Reason;

/// The largest form that is read, in bytes.
pub(crate) const MAX_FORM: usize = 64 * 1024;

/// More parameters than any request of ours has; looking for repetitions takes time with each.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a request. An empty value counts as absent (RFC 6749 §3.1).
pub(crate) struct Parameters {
    text: String,
    /// Where in the text each name and its value are.
    places: Vec<(Range<usize>, Range<usize>)>,
    /// The names that are there more than once.
    repeated: Vec<Range<usize>>,
}

impl Parameters {
    /// Parses `application/x-www-form-urlencoded` text, in which nothing is repeated.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, EndpointError> {
        let parameters = Self::parse_repetitive(text)?;
        parameters.require_no_repetition()?;
        Ok(parameters)
    }

    /// The same for a refusal that has to be sent to where another parameter says: what is repeated counts
    /// as absent until somebody [asks](Self::require_no_repetition).
    pub(crate) fn parse_repetitive(text: &[u8]) -> Result<Self, EndpointError> {
        match plain(text) {
            Some(text) => Self::parse_plain(text),
            None => Self::parse_encoded(text),
        }
    }

    /// Where nothing is encoded, names and values stand in the text as they are.
    fn parse_plain(text: &str) -> Result<Self, EndpointError> {
        let mut parameters = Self::of(text.to_owned());
        let mut begin = 0;
        for pair in text.as_bytes().split(|byte| *byte == b'&') {
            let end = begin + pair.len();
            let name = pair.iter().position(|byte| *byte == b'=');
            let middle = begin + name.unwrap_or(pair.len());
            parameters.add(begin..middle, (middle + 1).min(end)..end)?;
            begin = end + 1;
        }
        Ok(parameters)
    }

    fn parse_encoded(text: &[u8]) -> Result<Self, EndpointError> {
        let mut parameters = Self::of(String::with_capacity(text.len()));
        for (name, value) in url::form_urlencoded::parse(text) {
            let begin = parameters.text.len();
            parameters.text.push_str(&name);
            let middle = parameters.text.len();
            parameters.text.push_str(&value);
            let end = parameters.text.len();
            parameters.add(begin..middle, middle..end)?;
        }
        Ok(parameters)
    }

    fn of(text: String) -> Self {
        Self {
            text,
            places: Vec::with_capacity(8),
            repeated: Vec::new(),
        }
    }

    fn add(&mut self, name: Range<usize>, value: Range<usize>) -> Result<(), EndpointError> {
        if value.is_empty() {
            return Ok(());
        }
        let text = &self.text[name.clone()];
        if self.is_repeated(text) {
            return Ok(());
        }
        if self.get(text).is_some() {
            self.repeated.push(name);
            return Ok(());
        }
        if self.places.len() == MAX_PARAMETERS {
            return Err(malformed("the request has too many parameters"));
        }
        self.places.push((name, value));
        Ok(())
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let places = self.places.iter();
        places.map(|(name, value)| (&self.text[name.clone()], &self.text[value.clone()]))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .filter(|_| !self.is_repeated(name))
            .map(|(_, value)| value)
    }

    /// Whether a parameter is there more than once.
    pub(crate) fn is_repeated(&self, name: &str) -> bool {
        let mut repeated = self.repeated.iter();
        repeated.any(|known| self.text[known.clone()] == *name)
    }

    /// Refuses what is repeated (RFC 6749 §3.1, §3.2). Several targets may be named (RFC 8707 §2, RFC 8693
    /// §2.1), but a token of ours is for one.
    pub(crate) fn require_no_repetition(&self) -> Result<(), EndpointError> {
        let Some(name) = self.repeated.first() else {
            return Ok(());
        };
        let name = &self.text[name.clone()];
        let text = format!("the parameter {name} is repeated");
        if !matches!(name, "resource" | "audience") {
            return Err(malformed(text));
        }
        let text =
            format!("{text}, and a token is for one resource alone; ask for one after the other");
        let error = OAuthError::invalid_target(text);
        Err(EndpointError::new(Reason::ResourceRefused, error))
    }

    pub(crate) fn require(&self, name: &str) -> Result<&str, EndpointError> {
        self.get(name)
            .ok_or_else(|| malformed(format!("the parameter {name} is missing")))
    }
}

/// The text, if nothing in it is encoded, as in most.
fn plain(text: &[u8]) -> Option<&str> {
    // Counted to the end, so that many bytes are looked at together.
    let encoded = text
        .iter()
        .filter(|byte| matches!(byte, b'%' | b'+' | 0x80..));
    if encoded.count() > 0 {
        return None;
    }
    str::from_utf8(text).ok()
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
    fn what_is_repeated_has_no_value() {
        for text in ["a=1&b=2&a=3&a=4", "a=1&b=2&%61=1"] {
            let parameters = Parameters::parse_repetitive(text.as_bytes()).unwrap();
            assert_eq!(parameters.get("a"), None);
            assert_eq!(parameters.get("b"), Some("2"));
            assert!(parameters.is_repeated("a") && !parameters.is_repeated("b"));
            assert!(parameters.require_no_repetition().is_err());
        }
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
