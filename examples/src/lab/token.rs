//! `create_oauth2_test_token`: a real token with at most what the caller may do, for minutes.

use std::time::Duration;

use oauth::scope::Scope;
use resource_server::Caller;
use serde_json::json;

use super::arguments::NewToken;
use super::authority::{Authority, IssueError};
use super::record::{Answer, Refusal};

pub(super) async fn create(
    authority: &dyn Authority,
    caller: &Caller,
    resource: &str,
    arguments: &NewToken,
) -> Result<Answer, Refusal> {
    arguments.check().map_err(Refusal::arguments)?;
    let asked: Option<Scope> = match arguments.scope.as_deref().map(str::parse) {
        None => None,
        Some(Ok(asked)) => Some(asked),
        Some(Err(_)) => {
            let text = "`scope` must be scopes with spaces between, such as lab:read lab:test";
            return Err(Refusal::arguments(text));
        }
    };
    // Told here in words for a model; whoever issues the token holds to it, too.
    if let Some(asked) = &asked
        && !asked.is_subset(caller.scopes())
    {
        let missing = asked.difference(caller.scopes());
        let own = caller.scopes();
        let text = format!(
            "a test token has no more scopes than its caller: leave out {missing}; yours are {own}"
        );
        return Err(Refusal::denied(text, audit::reason::MORE_THAN_OWN));
    }
    let lifetime = Duration::from_secs(arguments.expires_in);
    match authority.issue(caller, asked.as_ref(), lifetime).await {
        Ok(token) => Ok(Answer::of(json!({
            "access_token": token.access_token.expose(),
            "token_type": token.token_type,
            "expires_in": token.expires_in,
            "scope": token.scope,
            "resource": resource,
            "note": "It ends with the grant of the call that made it. Whoever has it can use it: show it \
                     to nobody.",
        }))),
        Err(IssueError::Refused(text)) => Err(Refusal::denied(text, "token_refused")),
        Err(IssueError::Unavailable(error)) => {
            Err(Refusal::failed(error.to_string(), "unavailable"))
        }
    }
}
