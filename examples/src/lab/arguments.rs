//! Arguments of the lab's tools: their schemas, and the same limits again where they are used.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::Deserialize;

const TEXT: RangeInclusive<usize> = 1..=20_000;
const EVENTS: RangeInclusive<usize> = 1..=500;
const LIFETIME: RangeInclusive<u64> = 10..=300;

/// Arguments of `create_oauth2_test_token`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NewToken {
    /// The scopes of the token, with spaces between; a part of the caller's own, or all of them unless
    /// set.
    pub(super) scope: Option<String>,
    /// How many seconds it lives, at most.
    #[schemars(range(min = 10, max = 300))]
    pub(super) expires_in: u64,
}

impl Default for NewToken {
    fn default() -> Self {
        Self {
            scope: None,
            expires_in: 300,
        }
    }
}

impl NewToken {
    pub(super) fn check(&self) -> Result<(), String> {
        within("expires_in", &self.expires_in, &LIFETIME)
    }
}

/// The ways to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Flow {
    /// A person signs in with a browser (with PKCE).
    AuthorizationCode,
    /// A program acts for itself.
    ClientCredentials,
    /// A device without a browser.
    DeviceCode,
    /// The next access token, without the person.
    RefreshToken,
    /// A resource server goes on in the name of its caller.
    TokenExchange,
}

/// Arguments of `get_oauth2_flow_guide`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Guide {
    /// Which way to a token.
    pub(super) flow: Flow,
}

/// Arguments of `test_pii_detection`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Detection {
    /// The text; 1 to 20,000 characters.
    #[schemars(length(min = 1, max = 20_000))]
    pub(super) text: String,
    /// Only these types, such as `KR_RRN`; all of them unless set.
    #[serde(default)]
    pub(super) types: Vec<String>,
    /// Only findings that are at least so sure.
    #[serde(default = "least_score")]
    #[schemars(range(min = 0.5, max = 1.0))]
    pub(super) least_score: f32,
}

fn least_score() -> f32 {
    0.5
}

impl Detection {
    pub(super) fn check(&self) -> Result<(), String> {
        characters("text", &self.text)?;
        if (0.5..=1.0).contains(&self.least_score) {
            return Ok(());
        }
        Err("`least_score` must be from 0.5 to 1".to_owned())
    }
}

/// Arguments of `test_encryption`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Encryption {
    /// What is encrypted; 1 to 20,000 characters.
    #[schemars(length(min = 1, max = 20_000))]
    pub(super) text: String,
}

impl Encryption {
    pub(super) fn check(&self) -> Result<(), String> {
        characters("text", &self.text)
    }
}

/// Arguments of `get_security_audit_log`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct History {
    /// How many events, the newest first.
    #[schemars(range(min = 1, max = 500))]
    pub(super) limit: usize,
    /// What happened, such as `call_outcome` or `token_issued`.
    pub(super) event_type: Option<String>,
    /// From this time on: 2026-11-28, 2026-11-28T09:30:00+09:00, or 24h or 7d for so long ago.
    pub(super) since: Option<String>,
    /// Before this time.
    pub(super) until: Option<String>,
    /// The tool.
    pub(super) tool_name: Option<String>,
    /// Whether there were personal data.
    pub(super) contains_pii: Option<bool>,
    /// Behind this event: the `next_cursor` of the page before.
    pub(super) cursor: Option<u64>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            limit: 50,
            event_type: None,
            since: None,
            until: None,
            tool_name: None,
            contains_pii: None,
            cursor: None,
        }
    }
}

impl History {
    pub(super) fn check(&self) -> Result<(), String> {
        within("limit", &self.limit, &EVENTS)
    }
}

/// Arguments of `simulate_data_breach_detection`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Breach {
    /// The rule that something happens for, such as `mass_read` or `enumeration`; `all` unless set.
    pub(super) scenario: String,
    /// The same number gives the same month.
    pub(super) seed: u64,
}

impl Default for Breach {
    fn default() -> Self {
        Self {
            scenario: "all".to_owned(),
            seed: 1,
        }
    }
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// One page that needs nothing else.
    Html,
    /// Markdown.
    #[default]
    Md,
    /// JSON.
    Json,
}

/// Arguments of `generate_security_report`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Report {
    /// From this time on: 2026-11-28, 2026-11-28T09:30:00+09:00, or 24h or 7d for so long ago.
    pub(super) from: String,
    /// Before this time; now unless set.
    pub(super) to: Option<String>,
    /// In which form.
    pub(super) format: Format,
    /// In which language: `en` or `ko`.
    pub(super) language: String,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            from: "30d".to_owned(),
            to: None,
            format: Format::default(),
            language: "en".to_owned(),
        }
    }
}

fn within<N: PartialOrd + std::fmt::Display>(
    name: &str,
    value: &N,
    range: &RangeInclusive<N>,
) -> Result<(), String> {
    if range.contains(value) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    Err(format!(
        "`{name}` must be from {least} to {most}, not {value}"
    ))
}

fn characters(name: &str, text: &str) -> Result<(), String> {
    if TEXT.contains(&text.chars().count()) {
        return Ok(());
    }
    let (least, most) = (TEXT.start(), TEXT.end());
    Err(format!("`{name}` must have {least} to {most} characters"))
}

#[cfg(test)]
mod tests {
    use schemars::schema_for;

    use super::*;

    #[test]
    fn schemas_promise_what_is_checked() {
        let schema = schema_for!(NewToken).to_value();
        let lifetime = &schema["properties"]["expires_in"];
        assert_eq!(
            (lifetime["minimum"].as_u64(), lifetime["maximum"].as_u64()),
            (Some(10), Some(300))
        );
        let schema = schema_for!(History).to_value();
        assert_eq!(schema["properties"]["limit"]["maximum"], 500);
        let schema = schema_for!(Encryption).to_value();
        assert_eq!(schema["properties"]["text"]["maxLength"], 20_000);
        let lives = |expires_in| {
            let scope = None;
            NewToken { scope, expires_in }.check().is_ok()
        };
        assert!(lives(10) && lives(300) && !lives(9) && !lives(301));
        let encrypts = |length| {
            Encryption {
                text: "가".repeat(length),
            }
            .check()
            .is_ok()
        };
        assert!(encrypts(1) && encrypts(20_000) && !encrypts(0) && !encrypts(20_001));
    }
}
