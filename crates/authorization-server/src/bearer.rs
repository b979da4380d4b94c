//! The one token in the `Authorization` header of a request (RFC 6750 §2.1, §3).

use http::HeaderMap;
use http::header::AUTHORIZATION;
use oauth::error::OAuthError;

use crate::error::EndpointError;
use crate::form::malformed;
use crate::reason::Reason;

/// The token. `reason` is why whoever sent none is refused.
pub(crate) fn bearer(headers: &HeaderMap, reason: Reason) -> Result<&str, EndpointError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(malformed("the Authorization header is repeated"));
    }
    let token = value
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| token.trim()).ok_or_else(|| {
        // §3.1: whoever sent nothing is told no error, only how to begin.
        let error = OAuthError::invalid_token("an access token is needed");
        EndpointError::new(reason, error)
            .with_challenge("Bearer")
            .without_code()
    })
}
