//! With a person at a browser, and later without.

use super::{Place, Step, encoded, into_variable};

/// Where the answer goes in the guide: nobody listens there, and the browser shows the code.
const REDIRECT: &str = "http://127.0.0.1:8765/callback";

pub(super) fn authorization_code(place: &Place<'_>) -> Vec<Step> {
    let authorize = place.metadata.authorization_endpoint.as_deref();
    let authorize = authorize.unwrap_or_default();
    let redirect = encoded(REDIRECT);
    let scope = encoded(super::super::READ);
    let resource = encoded(place.resource);
    let address = format!(
        "echo \"{authorize}?response_type=code&client_id=$CLIENT_ID&redirect_uri={redirect}\
         &scope={scope}&resource={resource}&state=$(openssl rand -hex 16)\
         &code_challenge=$CHALLENGE&code_challenge_method=S256\""
    );
    let redeem = format!(
        "curl -s {} \\\n  -d grant_type=authorization_code -d \"client_id=$CLIENT_ID\" -d \"code=$CODE\" \\\n  \
         -d redirect_uri={redirect} -d \"code_verifier=$VERIFIER\" -d resource={resource}",
        place.token_endpoint()
    );
    vec![
        place.register(&["authorization_code", "refresh_token"], Some(REDIRECT)),
        Step::new(
            "Make a verifier and its challenge",
            "Only who made the verifier can redeem the code (PKCE). S256 is the only method here.",
            "VERIFIER=$(openssl rand -base64 48 | tr '+/' '-_' | tr -d '=\\n')\n\
             CHALLENGE=$(printf %s \"$VERIFIER\" | openssl dgst -sha256 -binary | openssl base64 -A | \
             tr '+/' '-_' | tr -d '=')",
        ),
        Step::new(
            "Send the person to sign in",
            "Open this address. `resource` says which server the token is for. After consent the \
             browser goes to the redirect, where nobody listens in this guide: the code stands in its \
             address, beside `iss`, which must be the issuer.",
            address,
        ),
        Step::new(
            "Redeem the code",
            "Once, and soon. Set CODE to the one in the address first. A code that comes twice \
             ends everything that was issued for it.",
            format!(
                "CODE='the code from the address'\n{}",
                into_variable(&redeem)
            ),
        ),
        place.call(),
    ]
}

pub(super) fn refresh_token(place: &Place<'_>) -> Vec<Step> {
    let command = format!(
        "curl -s {} \\\n  -d grant_type=refresh_token -d \"client_id=$CLIENT_ID\" \
         -d \"refresh_token=$REFRESH_TOKEN\"",
        place.token_endpoint()
    );
    vec![
        Step::new(
            "Take the refresh token of an answer",
            "It came with the access token, when the client registered for `refresh_token` \
             (authorization code or device code).",
            "REFRESH_TOKEN=$(printf %s \"$ANSWER\" | sed -E 's/.*\"refresh_token\":\"([^\"]+)\".*/\\1/')",
        ),
        Step::new(
            "Exchange it for the next ones",
            "Every answer brings another refresh token; the old one is spent. Keep the new one before \
             you do anything else.",
            into_variable(&command),
        ),
        Step::note(
            "Do not use one twice",
            "A spent refresh token that comes again after a short grace ends the grant with all its \
             tokens: somebody has stolen it, or the client forgot to keep the new one.",
        ),
        place.call(),
    ]
}
