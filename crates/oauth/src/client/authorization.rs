//! Sending a person to an authorization server, and reading what comes back (RFC 6749 §4.1.1, §4.1.2, RFC 9207).

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::Deserialize;
use url::Url;

use crate::client::token::Said;
use crate::pkce::CodeChallenge;

/// What a client asks for when it sends a person away (RFC 6749 §4.1.1).
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationRequest<'a> {
    /// The name of the client.
    pub client_id: &'a str,
    /// Where the answer goes.
    pub redirect_uri: &'a str,
    /// What is asked for, joined the way the server wants it; empty leaves the parameter out.
    pub scope: &'a str,
    /// What ties the answer to the browser.
    pub state: &'a str,
    /// What ties the code to whoever redeems it (RFC 7636).
    pub code_challenge: Option<&'a CodeChallenge>,
    /// What ties the ID token to this request (`OpenID` Connect Core §3.1.2.1).
    pub nonce: Option<&'a str>,
    /// What the token is for (RFC 8707).
    pub resource: Option<&'a str>,
}

impl AuthorizationRequest<'_> {
    /// The address to send the person to: `endpoint` with the parameters of this request behind its
    /// own, and `more` behind those.
    pub fn url<'a>(
        &self,
        endpoint: &str,
        more: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Url, url::ParseError> {
        let mut url = Url::parse(endpoint)?;
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", self.client_id)
                .append_pair("redirect_uri", self.redirect_uri)
                .append_pair("state", self.state);
            if !self.scope.is_empty() {
                query.append_pair("scope", self.scope);
            }
            if let Some(challenge) = self.code_challenge {
                query
                    .append_pair("code_challenge", challenge.as_str())
                    .append_pair("code_challenge_method", "S256");
            }
            if let Some(nonce) = self.nonce {
                query.append_pair("nonce", nonce);
            }
            if let Some(resource) = self.resource {
                query.append_pair("resource", resource);
            }
            query.extend_pairs(more);
        }
        Ok(url)
    }
}

/// What comes back in the query of the redirect URI (RFC 6749 §4.1.2, RFC 9207 §2).
///
/// It comes through a browser, so nothing in it is believed; its `Debug` shows no value.
#[derive(Clone, Default, Deserialize)]
pub struct CallbackAnswer {
    /// The authorization code.
    #[serde(default)]
    pub code: Option<String>,
    /// What was sent as `state`.
    #[serde(default)]
    pub state: Option<String>,
    /// Who answers.
    #[serde(default)]
    pub iss: Option<String>,
    /// Why there is no code.
    #[serde(default)]
    pub error: Option<String>,
    /// The same in words.
    #[serde(default)]
    pub error_description: Option<String>,
}

impl fmt::Debug for CallbackAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackAnswer")
            .field("has_code", &self.code.is_some())
            .field("has_error", &self.error.is_some())
            .finish_non_exhaustive()
    }
}

/// Whose answer is expected (RFC 9207 §2.4).
#[derive(Clone, Copy, Debug)]
pub enum ExpectedIssuer<'a> {
    /// The server promises to name itself: it must.
    Promised(&'a str),
    /// It promises nothing; when it names itself, the name must be right.
    IfNamed(&'a str),
    /// Its name is not known beforehand.
    Unknown,
}

/// Why a callback brings no code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// `state` is not the one that was sent.
    #[error("the answer belongs to another request: its state is missing or wrong")]
    State,
    /// `iss` is missing though it was promised, or names somebody else.
    #[error("the answer does not come from the server that was asked: its iss is missing or wrong")]
    Issuer,
    /// The person said no, or could not say yes.
    #[error("the person did not agree: {0}")]
    Denied(Said),
    /// The server asks to come again later.
    #[error("the server is not available: {0}")]
    Unavailable(Said),
    /// Any other error.
    #[error("the server refuses the request: {0}")]
    Refused(Said),
    /// Neither a code nor an error.
    #[error("the answer holds neither a code nor an error")]
    NoCode,
}

impl CallbackAnswer {
    /// The code, after everything that stands against it.
    ///
    /// # Errors
    /// If the answer belongs to another request, comes from another server, or holds an error.
    pub fn code(&self, state: &str, issuer: ExpectedIssuer<'_>) -> Result<&str, CallbackError> {
        let same = |sent: &str| verify_slices_are_equal(sent.as_bytes(), state.as_bytes()).is_ok();
        if !self.state.as_deref().is_some_and(same) {
            return Err(CallbackError::State);
        }
        // RFC 9207 §2.4: before anything else in the answer is looked at, errors among it.
        let is_right = match (issuer, self.iss.as_deref()) {
            (ExpectedIssuer::Promised(expected), named) => named == Some(expected),
            (ExpectedIssuer::IfNamed(expected), Some(named)) => named == expected,
            (ExpectedIssuer::IfNamed(_), None) | (ExpectedIssuer::Unknown, _) => true,
        };
        if !is_right {
            return Err(CallbackError::Issuer);
        }
        if let Some(error) = &self.error {
            let said = Said::new(error, self.error_description.as_deref());
            return Err(match said.code() {
                "access_denied"
                | "login_required"
                | "consent_required"
                | "interaction_required"
                | "account_selection_required" => CallbackError::Denied(said),
                "temporarily_unavailable" | "server_error" => CallbackError::Unavailable(said),
                _ => CallbackError::Refused(said),
            });
        }
        let code = self.code.as_deref().filter(|code| !code.is_empty());
        code.ok_or(CallbackError::NoCode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(query: &str) -> CallbackAnswer {
        let pairs: serde_json::Map<String, serde_json::Value> =
            url::form_urlencoded::parse(query.as_bytes())
                .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
                .collect();
        serde_json::from_value(pairs.into()).unwrap()
    }

    const AS: &str = "https://as.example";

    #[test]
    fn parameters_stand_behind_those_of_the_endpoint() {
        let request = AuthorizationRequest {
            client_id: "us",
            redirect_uri: "https://us.example/callback/x",
            scope: "a,b",
            state: "s",
            code_challenge: None,
            nonce: Some("n"),
            resource: None,
        };
        let url = request.url("https://as.example/auth?tenant=7", [("prompt", "consent")]);
        assert_eq!(
            url.unwrap().as_str(),
            "https://as.example/auth?tenant=7&response_type=code&client_id=us\
             &redirect_uri=https%3A%2F%2Fus.example%2Fcallback%2Fx&state=s&scope=a%2Cb&nonce=n\
             &prompt=consent"
        );
    }

    #[test]
    fn rfc9207_iss_is_looked_at_before_the_error() {
        let answer = answer("state=s&error=access_denied&iss=https://evil.example");
        for expected in [ExpectedIssuer::Promised(AS), ExpectedIssuer::IfNamed(AS)] {
            assert_eq!(answer.code("s", expected), Err(CallbackError::Issuer));
        }
        let denied = answer.code("s", ExpectedIssuer::Unknown);
        assert!(matches!(denied, Err(CallbackError::Denied(_))));
    }

    #[test]
    fn rfc9207_a_promised_iss_must_be_there() {
        let answer = answer("state=s&code=c");
        let promised = answer.code("s", ExpectedIssuer::Promised(AS));
        assert_eq!(promised, Err(CallbackError::Issuer));
        assert_eq!(answer.code("s", ExpectedIssuer::IfNamed(AS)), Ok("c"));
    }

    #[test]
    fn a_foreign_state_comes_before_everything() {
        for query in [
            "code=c",
            "state=&code=c",
            "state=S&code=c",
            "state=x&error=access_denied",
        ] {
            let code = answer(query)
                .code("s", ExpectedIssuer::Unknown)
                .map(str::to_owned);
            assert_eq!(code, Err(CallbackError::State), "{query}");
        }
    }

    #[test]
    fn errors_are_told_apart() {
        let error = |query: &str| {
            answer(query)
                .code("s", ExpectedIssuer::Unknown)
                .unwrap_err()
        };
        assert_eq!(error("state=s"), CallbackError::NoCode);
        assert_eq!(error("state=s&code="), CallbackError::NoCode);
        let busy = error("state=s&error=temporarily_unavailable&code=c");
        assert!(matches!(busy, CallbackError::Unavailable(_)));
        let refused = error("state=s&error=invalid_scope&error_description=no%0Asuch scope");
        assert_eq!(
            refused.to_string(),
            "the server refuses the request: invalid_scope (no such scope)"
        );
    }
}
