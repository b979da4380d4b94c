//! With whose credential upstreams are called: what is accepted, and every refusal in its words.

use std::collections::BTreeMap;

use ::delegation::AuthType;
use gateway::upstream::{AuthTypes, TokenPlace, UpstreamSettings, UserToken};

use super::*;

const BEFORE: &str = r#"
public_url = "https://mcp.example.com"
data = "data"

[[policy.rules]]
upstream = "docs"

[[identity_providers]]
id = "calendar"
preset = "oauth2"
sign_in = false
client_id = "us"
client_secret = "canary"
authorization_endpoint = "https://id.example/a"
token_endpoint = "https://id.example/t"
userinfo_endpoint = "https://id.example/me"

[[upstreams]]
name = "docs"
"#;

const URL: &str = "url = \"https://docs.example/mcp\"\n";
const PROGRAM: &str = "command = \"docs\"\n";
const OWN: &str = "headers = { X-Key = \"ours\" }\n";
const TOKEN: &str = "user_token = { identity_provider = \"calendar\" }\n";

#[track_caller]
fn upstream(lines: &str) -> UpstreamSettings {
    let settings = accepted(&format!("{BEFORE}{lines}"));
    settings.gateway.unwrap().upstreams.remove(0).settings
}

#[track_caller]
fn refused_with(lines: &str, expected: &str) {
    check_refused(&format!("{BEFORE}{lines}"), &[expected]);
}

#[test]
fn whose_credential_goes_where_is_what_one_would_expect() {
    let usual = |lines: &str| upstream(lines).auth_types.usual();
    assert_eq!(usual(URL), AuthType::None);
    assert_eq!(usual(&format!("{URL}{OWN}")), AuthType::ServiceAccount);
    assert_eq!(usual(&format!("{URL}{TOKEN}")), AuthType::UserToken);
    let one = "auth_types = { \"my-*\" = \"user-token\" }\n";
    assert_eq!(usual(&format!("{URL}{TOKEN}{one}")), AuthType::None);
    let both = upstream(&format!("{URL}{OWN}{TOKEN}{one}"));
    let by_tool = BTreeMap::from([("my-*".to_owned(), AuthType::UserToken)]);
    assert_eq!(
        both.auth_types,
        AuthTypes::new(AuthType::ServiceAccount, by_tool)
    );
    let token = |place| UserToken {
        provider: "calendar".to_owned(),
        account: "calendar".to_owned(),
        place,
    };
    let header = TokenPlace::Header("Authorization".to_owned());
    assert_eq!(both.user_token, Some(token(header)));
    let program = "user_token = { identity_provider = \"calendar\", env = \"TOKEN\" }\n";
    let program = upstream(&format!("{PROGRAM}{program}"));
    let variable = TokenPlace::Variable("TOKEN".to_owned());
    assert_eq!(program.user_token, Some(token(variable)));
}

#[test]
fn a_credential_that_goes_nowhere_and_one_that_is_not_there_are_refused() {
    for (lines, message) in [
        (
            format!("{URL}auth_type = \"user\"\n"),
            "`upstreams[0].auth_type`: `user` is no auth type: write none, service-account or user-token",
        ),
        (
            format!("{URL}auth_types = {{ t = \"user-token\" }}\n"),
            "it is to be called with the tokens of people: say whose, as user_token = { \
             identity_provider = \"…\" }",
        ),
        (
            format!("{URL}{TOKEN}auth_type = \"none\"\n"),
            "nothing is called with the tokens of people: write auth_type = \"user-token\", or name tools in \
             `auth_types`",
        ),
        (
            format!("{URL}auth_type = \"service-account\"\n"),
            "a service account needs a credential: add `headers` or `credential`, or write none",
        ),
        (
            format!("{URL}{OWN}{TOKEN}"),
            "the gateway's own credential goes with nothing: write auth_type = \"service-account\", name \
             tools in `auth_types`, or remove it",
        ),
    ] {
        refused_with(&lines, message);
    }
}

#[test]
fn the_token_of_a_person_goes_to_one_place_and_crosses_no_network_in_the_clear() {
    for (lines, message) in [
        (
            format!("{URL}user_token = {{ identity_provider = \"other\" }}\n"),
            "`upstreams[0].user_token.identity_provider`: there is no identity provider `other` at which \
             people could connect their accounts: write the `id` of one of [[identity_providers]]",
        ),
        (
            format!(
                "{URL}user_token = {{ identity_provider = \"calendar\", header = \"Host\" }}\n"
            ),
            "`upstreams[0].user_token.header`: `Host` cannot be used: write a header such as Authorization",
        ),
        (
            format!("{URL}user_token = {{ identity_provider = \"calendar\", env = \"T\" }}\n"),
            "`env` is for upstreams with a `command`: remove it, or write a `header`",
        ),
        (
            format!("{PROGRAM}{TOKEN}"),
            "write the environment variable in which the program finds the token, as `env`",
        ),
        (
            format!(
                "{PROGRAM}env = {{ T = \"x\" }}\nuser_token = {{ identity_provider = \"calendar\", env = \
                 \"T\" }}\n"
            ),
            "`upstreams[0].user_token.env`: `T` stands in the upstream's `env`, too: remove one of them",
        ),
        (
            format!(
                "{PROGRAM}children = \"shared\"\nuser_token = {{ identity_provider = \"calendar\", env = \
                 \"T\" }}\n"
            ),
            "a shared process would have the token of whoever came first: write children = \"per-user\" or \
             \"per-session\"",
        ),
        (
            format!("url = \"http://docs.example/mcp\"\n{TOKEN}"),
            "credentials for docs.example would cross the network in the clear: write an https address, or \
             insecure_http = true if that network is yours alone",
        ),
    ] {
        refused_with(&lines, message);
    }
}
