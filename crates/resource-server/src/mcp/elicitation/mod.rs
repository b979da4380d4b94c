//! Asking a person to open a page, in the form that their client understands (MCP elicitation, URL mode).
//!
//! A tool cannot go on before somebody has done something in a browser, such as connecting an
//! account. How that is said differs by the client's revision, and by what the client can do:
//!
//! | client | answer |
//! |---|---|
//! | 2026-07-28 with `elicitation.url` | a result `input_required`; the client repeats the call |
//! | 2025-11-25 with `elicitation.url` | error -32042; later the notification that it is done |
//! | every other | an error of the tool that explains, with the link in it |
//!
//! This file makes the JSON and knows no SDK, for gateways; [`AskByUrl`] is the same for rmcp tools.

#[cfg(feature = "rmcp")]
mod ask;

use serde_json::{Map, Value, json};

#[cfg(feature = "rmcp")]
pub use ask::AskByUrl;

use super::envelope::is_stateless;

/// The code of the error that asks to open a page (MCP 2025-11-25, `URLElicitationRequiredError`).
pub const URL_ELICITATION_REQUIRED: i32 = -32042;

/// The notification that somebody has done what the page asked for (MCP 2025-11-25).
pub const ELICITATION_COMPLETE: &str = "notifications/elicitation/complete";

/// The name of the one request in a result `input_required`, and of its answer.
const REQUEST: &str = "open";

/// A page that a person has to open before a call can go on.
///
/// The address goes through the client and the model: it must hold neither secrets nor personal data,
/// and opening it must give nobody any right (MCP 2025-11-25, security considerations).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlElicitation<'a> {
    /// Which one it is, unique for this server.
    pub id: &'a str,
    /// The page.
    pub url: &'a str,
    /// Why it has to be opened, for the person.
    pub message: &'a str,
}

/// How a client can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlMode {
    /// With a result `input_required` (from 2026-07-28 on).
    InputRequired,
    /// With the error -32042 (2025-11-25).
    Error,
    /// In words only.
    Words,
}

impl UrlMode {
    /// The mode of a client that speaks `revision` and has declared `capabilities`.
    ///
    /// Nobody is asked in a way that they have not declared (MCP 2025-11-25, capabilities).
    pub fn of(revision: Option<&str>, capabilities: Option<&Value>) -> Self {
        let url = capabilities.and_then(|all| all.get("elicitation")?.get("url"));
        match revision {
            Some(revision) if url.is_some_and(Value::is_object) => {
                if is_stateless(revision) {
                    Self::InputRequired
                } else if revision == "2025-11-25" {
                    Self::Error
                } else {
                    Self::Words
                }
            }
            _ => Self::Words,
        }
    }
}

/// What a call is answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum ElicitationAnswer {
    /// The `result` of the answer.
    Result(Map<String, Value>),
    /// The `error` of the answer.
    Error(Map<String, Value>),
}

/// What the person has answered to the request to open a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonAnswer {
    /// They opened it, and may not be finished.
    Opened,
    /// They do not want to.
    Declined,
    /// They have closed the question without an answer.
    Cancelled,
}

impl PersonAnswer {
    /// The answer among the `inputResponses` of a repeated call (2026-07-28).
    pub fn among(responses: &Value) -> Option<Self> {
        match responses.get(REQUEST)?.get("action")?.as_str()? {
            "accept" => Some(Self::Opened),
            "decline" => Some(Self::Declined),
            "cancel" => Some(Self::Cancelled),
            _ => None,
        }
    }
}

impl UrlElicitation<'_> {
    /// The answer to a call that cannot go on yet.
    pub fn answer(&self, mode: UrlMode) -> ElicitationAnswer {
        let Self { id, url, message } = self;
        let (value, is_error) = match mode {
            // From 2026-07-28 on an elicitation has no id: the answer stands beside the question.
            UrlMode::InputRequired => {
                let params = json!({"mode": "url", "url": url, "message": message});
                let request = json!({"method": "elicitation/create", "params": params});
                let result =
                    json!({"resultType": "input_required", "inputRequests": {REQUEST: request}});
                (result, false)
            }
            UrlMode::Error => {
                let elicitation =
                    json!({"mode": "url", "elicitationId": id, "url": url, "message": message});
                let error = json!({
                    "code": URL_ELICITATION_REQUIRED,
                    "message": message,
                    "data": {"elicitations": [elicitation]},
                });
                (error, true)
            }
            UrlMode::Words => {
                let text = format!("{message}\n\nOpen this page, and then try again: {url}");
                let content = json!([{"type": "text", "text": text}]);
                (json!({"content": content, "isError": true}), false)
            }
        };
        let Value::Object(object) = value else {
            unreachable!("objects are written above")
        };
        if is_error {
            ElicitationAnswer::Error(object)
        } else {
            ElicitationAnswer::Result(object)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELICITATION: UrlElicitation<'_> = UrlElicitation {
        id: "e1",
        url: "https://as.example/account/connect/e1",
        message: "Connect your calendar.",
    };

    #[test]
    fn rs31_nobody_is_asked_in_a_way_that_they_have_not_declared() {
        let url = json!({"elicitation": {"form": {}, "url": {}}});
        let form = json!({"elicitation": {"form": {}}});
        let any = json!({"elicitation": {}});
        let mode = |revision, capabilities| UrlMode::of(Some(revision), Some(capabilities));
        assert_eq!(mode("2026-07-28", &url), UrlMode::InputRequired);
        assert_eq!(mode("2025-11-25", &url), UrlMode::Error);
        for revision in ["2026-07-28", "2025-11-25"] {
            assert_eq!(mode(revision, &form), UrlMode::Words);
            assert_eq!(mode(revision, &any), UrlMode::Words);
        }
        assert_eq!(mode("2025-06-18", &url), UrlMode::Words);
        assert_eq!(UrlMode::of(None, Some(&url)), UrlMode::Words);
        assert_eq!(UrlMode::of(Some("2026-07-28"), None), UrlMode::Words);
    }

    #[test]
    fn every_revision_is_asked_in_its_own_words() {
        let ElicitationAnswer::Error(error) = ELICITATION.answer(UrlMode::Error) else {
            panic!("an error asks")
        };
        let elicitation = &error["data"]["elicitations"][0];
        assert_eq!(error["code"], -32042);
        assert_eq!(elicitation["mode"], "url");
        assert_eq!(elicitation["elicitationId"], "e1");
        assert_eq!(elicitation["url"], ELICITATION.url);

        let ElicitationAnswer::Result(result) = ELICITATION.answer(UrlMode::InputRequired) else {
            panic!("a result asks")
        };
        assert_eq!(result["resultType"], "input_required");
        let request = &result["inputRequests"][REQUEST];
        assert_eq!(request["method"], "elicitation/create");
        assert_eq!(request["params"]["url"], ELICITATION.url);
        assert_eq!(request["params"].get("elicitationId"), None);

        let ElicitationAnswer::Result(result) = ELICITATION.answer(UrlMode::Words) else {
            panic!("a result explains")
        };
        assert_eq!(result["isError"], true);
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(ELICITATION.url) && text.contains(ELICITATION.message));
    }

    #[test]
    fn the_answer_of_the_person_is_read_from_the_repeated_call() {
        let answered = |action| PersonAnswer::among(&json!({REQUEST: {"action": action}}));
        assert_eq!(answered("accept"), Some(PersonAnswer::Opened));
        assert_eq!(answered("decline"), Some(PersonAnswer::Declined));
        assert_eq!(answered("cancel"), Some(PersonAnswer::Cancelled));
        assert_eq!(answered("other"), None);
        assert_eq!(PersonAnswer::among(&json!({})), None);
    }
}
