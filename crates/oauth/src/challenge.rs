//! `WWW-Authenticate` challenges for `Bearer` and `DPoP`, built and parsed (RFC 6750 §3, RFC 9449 §7.1,
//! RFC 9728 §5.1).

use std::fmt;

use crate::dpop;
use crate::error::ErrorCode;
use crate::scope::Scope;

/// How a token is sent (RFC 6750 §2.1, RFC 9449 §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Whoever has the token may use it.
    #[default]
    Bearer,
    /// A proof of possession comes along.
    Dpop,
}

/// What a resource server asks of a client that it turns away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// How it wants the token.
    pub scheme: Scheme,
    /// Absent when the request carried no credentials at all (RFC 6750 §3.1).
    pub error: Option<ErrorCode>,
    /// A sentence for the developer of the client.
    pub error_description: Option<String>,
    /// The scope that the operation needs.
    pub scope: Option<Scope>,
    /// Where the metadata of the protected resource is (RFC 9728 §5.1).
    pub resource_metadata: Option<String>,
}

impl Challenge {
    /// Reads the first `Bearer` challenge of a `WWW-Authenticate` header value (RFC 9110 §11.6.1).
    ///
    /// Parameters may be quoted or bare; an error code that is not known is dropped.
    pub fn parse(header: &str) -> Option<Self> {
        let mut found: Option<Self> = None;
        for part in parts(header) {
            match (part, &mut found) {
                (Part::Scheme(_), Some(_)) => break,
                (Part::Scheme(scheme), None) => {
                    found = scheme.eq_ignore_ascii_case("bearer").then(Self::default);
                }
                (Part::Parameter(name, value), Some(challenge)) => challenge.set(name, value),
                (Part::Parameter(..), None) => {}
            }
        }
        found
    }

    fn set(&mut self, name: &str, value: String) {
        match name.to_ascii_lowercase().as_str() {
            "error" => self.error = parse_code(&value),
            "error_description" => self.error_description = Some(value),
            "scope" => self.scope = value.parse().ok(),
            "resource_metadata" => self.resource_metadata = Some(value),
            _ => {}
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms = || dpop::ALGORITHMS.map(|alg| format!("{alg:?}")).join(" ");
        let (scheme, algorithms) = match self.scheme {
            Scheme::Bearer => ("Bearer", None),
            Scheme::Dpop => ("DPoP", Some(algorithms())),
        };
        let parameters = [
            ("error", self.error.map(|code| code.to_string())),
            ("error_description", self.error_description.clone()),
            (
                "scope",
                self.scope
                    .as_ref()
                    .filter(|s| !s.is_empty())
                    .map(Scope::to_string),
            ),
            ("resource_metadata", self.resource_metadata.clone()),
            // RFC 9449 §7.1: which algorithms a proof may have.
            ("algs", algorithms),
        ];
        f.write_str(scheme)?;
        let present = parameters
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        for (n, (name, value)) in present.enumerate() {
            write!(
                f,
                "{}{name}=\"{}\"",
                if n == 0 { " " } else { ", " },
                quotable(&value)
            )?;
        }
        Ok(())
    }
}

/// RFC 6750 §3: parameter values hold neither quote nor backslash, so nothing needs escaping.
fn quotable(value: &str) -> String {
    let allowed = |c: char| matches!(c, '\x20'..='\x7e') && c != '"' && c != '\\';
    value
        .chars()
        .map(|c| if allowed(c) { c } else { '?' })
        .collect()
}

fn parse_code(value: &str) -> Option<ErrorCode> {
    serde_json::from_value(serde_json::Value::from(value)).ok()
}

/// A piece of a list of challenges (RFC 9110 §11.6.1).
enum Part<'a> {
    Scheme(&'a str),
    Parameter(&'a str, String),
}

/// The pieces of a header, up to one that cannot be read.
fn parts(mut rest: &str) -> Vec<Part<'_>> {
    const BLANK: [char; 2] = [' ', '\t'];
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let mut found = Vec::new();
    let mut may_begin = true;
    loop {
        let next = rest.trim_start_matches([' ', '\t', ',']);
        // A challenge begins the header or follows a comma; what else stands alone is a `token68`.
        may_begin |= rest[..rest.len() - next.len()].contains(',');
        rest = next;
        let (word, after) = rest.split_at(rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()));
        let of_value = after.trim_start_matches(BLANK).strip_prefix('=');
        if let Some(of_value) = of_value.filter(|_| !word.is_empty()) {
            let Some((value, after)) = value(of_value.trim_start_matches(BLANK)) else {
                return found;
            };
            found.push(Part::Parameter(word, value));
            rest = after;
        } else {
            let is_alone = after.is_empty() || after.starts_with([' ', '\t', ',']);
            if word.is_empty() && (rest.is_empty() || rest.starts_with('"')) {
                return found;
            }
            if may_begin && is_alone {
                found.push(Part::Scheme(word));
            }
            let end = after.find([' ', '\t', ',']).unwrap_or(after.len());
            rest = &after[end..];
        }
        may_begin = false;
    }
}

fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_survives_the_wire() {
        let challenge = Challenge {
            scheme: Scheme::Bearer,
            error: Some(ErrorCode::InsufficientScope),
            error_description: Some("create-todo needs create:todos".into()),
            scope: Some("create:todos read:todos".parse().unwrap()),
            resource_metadata: Some("https://a.example/.well-known/x".into()),
        };
        assert_eq!(Challenge::parse(&challenge.to_string()), Some(challenge));
    }

    #[test]
    fn rfc9449_section_7_1_a_dpop_challenge_names_the_algorithms() {
        let challenge = Challenge {
            scheme: Scheme::Dpop,
            error: Some(ErrorCode::UseDpopNonce),
            ..Default::default()
        };
        let text = r#"DPoP error="use_dpop_nonce", algs="ES256 EdDSA ES384 PS256 RS256""#;
        assert_eq!(challenge.to_string(), text);
    }

    #[test]
    fn d3_without_credentials_there_is_no_error() {
        let challenge = Challenge {
            resource_metadata: Some("u".into()),
            ..Default::default()
        };
        assert_eq!(challenge.to_string(), "Bearer resource_metadata=\"u\"");
    }

    #[test]
    fn bare_values_other_schemes_and_broken_quotes() {
        let parsed =
            Challenge::parse("Basic realm=\"x\", Bearer scope=\"a b\", error=invalid_token");
        let parsed = parsed.unwrap();
        assert_eq!(parsed.error, Some(ErrorCode::InvalidToken));
        assert_eq!(parsed.scope.unwrap().to_string(), "a b");
        assert_eq!(
            Challenge::parse("Bearer scope=\"a"),
            Some(Challenge::default())
        );
        assert_eq!(Challenge::parse("Basic"), None);
    }

    #[test]
    fn what_only_looks_like_a_challenge_is_none() {
        for header in [
            r#"Basic realm="the Bearer scope=all of us""#,
            r#"Basic realm="a \", Bearer scope=\"all\"""#,
            "Negotiate Bearer",
            "Negotiate Bearer/x==",
            r#"Bearers scope="all""#,
            r#"MyBearer scope="all""#,
            r#"Basic realm=x, charset="UTF-8"#,
            r#"Basic "Bearer", Bearer"#,
        ] {
            assert_eq!(Challenge::parse(header), None, "{header}");
        }
        for header in [
            r#"Negotiate abc==, bearer scope = "all""#,
            r#"Basic realm="Bearer, Bearer", BEARER scope=all, Basic scope="none""#,
            r#"Negotiate, Bearer  scope="all" , Digest realm="x", scope=none"#,
        ] {
            let scope = Challenge::parse(header).unwrap().scope;
            assert_eq!(scope.unwrap().to_string(), "all", "{header}");
        }
    }

    #[test]
    fn a_value_cannot_break_out_of_its_quotes() {
        let challenge = Challenge {
            error_description: Some("a\" error=\"x\r\n".into()),
            ..Default::default()
        };
        assert_eq!(
            challenge.to_string(),
            "Bearer error_description=\"a? error=?x??\""
        );
    }
}
