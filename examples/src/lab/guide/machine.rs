//! Without a person: a program for itself, and one in the name of its caller.

use oauth::{grant_type, token_type};

use super::{Place, Step, encoded, into_variable};

/// The client of the reader.
const CREDENTIALS: &str = "CLIENT_ID='the id of your client'\nCLIENT_SECRET='its secret'";

pub(super) fn client_credentials(place: &Place<'_>) -> Vec<Step> {
    let command = format!(
        "curl -s -u \"$CLIENT_ID:$CLIENT_SECRET\" {} \\\n  -d grant_type=client_credentials \
         -d \"scope=$SCOPE\"",
        place.token_endpoint()
    );
    vec![
        Step::new(
            "Have a confidential client",
            "An operator declares it in [[clients]], with `grant_types = [\"client_credentials\"]`, a \
             secret and the scopes that it may have; nobody consents to what it does. A client with \
             `auth_method = \"client_secret_post\"` sends both as fields of the form instead of -u.",
            format!("{CREDENTIALS}\nSCOPE='a scope of the client'"),
        ),
        Step::new(
            "Ask for a token",
            "The scope says which server is meant; add `-d resource=…` where several have it.",
            into_variable(&command),
        ),
        Step::note(
            "Ask again when it ends",
            "There is no refresh token: the secret is all that is needed.",
        ),
    ]
}

pub(super) fn token_exchange(place: &Place<'_>) -> Vec<Step> {
    let kind = encoded(token_type::ACCESS_TOKEN);
    let command = format!(
        "curl -s -u \"$CLIENT_ID:$CLIENT_SECRET\" {} \\\n  -d grant_type={} \\\n  \
         -d \"subject_token=$SUBJECT_TOKEN\" -d subject_token_type={kind} \\\n  -d \"resource=$NEXT\"",
        place.token_endpoint(),
        encoded(grant_type::TOKEN_EXCHANGE),
    );
    vec![
        Step::new(
            "Be a resource server",
            "An operator declares the client in [[clients]] with `introspects`, the server that it is, \
             and `exchanges_to`, the servers that it may go on to.",
            CREDENTIALS,
        ),
        Step::new(
            "Take the token of a call",
            "It must speak for a person and be for your own server. NEXT is the server that you call.",
            "SUBJECT_TOKEN='the access token that came with a call'\nNEXT='the address of the next server'",
        ),
        Step::new(
            "Exchange it",
            "The new token has a part of the old one's scope, ends with it, and names you as who acts \
             (`act`).",
            into_variable(&command),
        ),
    ]
}
