//! Settings as an operator meets them: what is accepted, and every refusal in its words.

use std::path::Path;
use std::time::Duration;

use super::*;

mod apis;
mod delegation;
mod identity_providers;
mod secrets;
mod servers;
mod upstreams;

/// The least that works.
const LEAST: &str = r#"
public_url = "https://mcp.example.com"
data = "data"

[[servers]]
name = "whoami"
"#;

fn source(text: &str) -> Source<'_> {
    Source {
        name: "sumun.toml",
        text,
        directory: Path::new("/etc/sumun"),
        readable_by_all: false,
    }
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn parsed(text: &str) -> Result<Settings, Problems> {
    parse(source(text), &environment(&[]), &[])
}

#[track_caller]
fn accepted(text: &str) -> Settings {
    parsed(text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The settings with `lines` on top are refused, with exactly these messages.
#[track_caller]
fn refused(lines: &str, expected: &[&str]) {
    check_refused(&format!("{lines}{LEAST}"), expected);
}

/// The settings with `lines` at the end are refused, with exactly these messages.
#[track_caller]
fn refused_at_end(lines: &str, expected: &[&str]) {
    check_refused(&format!("{LEAST}{lines}"), expected);
}

#[track_caller]
fn check_refused(text: &str, expected: &[&str]) {
    let problems = parsed(text).expect_err("these settings must be refused");
    let messages: Vec<_> = problems
        .list
        .iter()
        .map(|problem| &*problem.message)
        .collect();
    assert_eq!(messages, expected, "\n{problems}");
}

/// [`LEAST`] with another value for one of its keys.
fn with(key: &str, value: &str) -> String {
    let line = LEAST.lines().find(|line| line.starts_with(key)).unwrap();
    LEAST.replace(line, &format!("{key} = {value:?}"))
}

#[test]
fn the_least_that_works() {
    let settings = accepted(LEAST);
    assert_eq!(settings.public_url().as_str(), "https://mcp.example.com");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(
        settings.data,
        Path::new("/etc/sumun/data"),
        "relative to the file"
    );
    assert_eq!(
        settings.default_resource.as_str(),
        "https://mcp.example.com/whoami/mcp"
    );
    let own = &settings.authorization_server;
    assert_eq!(own.lifetimes.access_token, Duration::from_mins(30));
    assert_eq!(own.resources[0].indicator, settings.default_resource);
}

#[test]
fn defaults_are_those_of_the_authorization_server() {
    let own = accepted(LEAST).authorization_server;
    let theirs =
        authorization_server::settings::Settings::new(own.issuer.clone(), own.resources.clone());
    assert_eq!(format!("{own:?}"), format!("{theirs:?}"));
}

#[test]
fn the_environment_is_on_top_of_the_file() {
    let variables = [
        ("SUMUN_LISTEN", "127.0.0.1:9000"),
        ("SUMUN_TOKENS__ACCESS_TOKEN", "5s"),
        ("SUMUN_TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
        ("SUMUN_REGISTRATION__ENABLED", "false"),
        ("SUMUN_REGISTRATION__PER_ADDRESS_AND_HOUR", "7"),
        ("PATH", "/bin"),
    ];
    let settings = parse(source(LEAST), &environment(&variables), &[]).unwrap();
    assert_eq!(settings.listen.port(), 9000);
    assert_eq!(settings.trusted_proxies.len(), 1);
    assert_eq!(settings.max_connections_per_address, None);
    let own = settings.authorization_server;
    assert_eq!(own.lifetimes.access_token, Duration::from_secs(5));
    assert!(own.registration.is_none());
}

#[test]
fn what_a_command_dictates_is_on_top_of_everything() {
    let dictated = [("listen", "127.0.0.1:7".to_owned())];
    let variables = environment(&[("SUMUN_LISTEN", "0.0.0.0:80")]);
    let settings = parse(source(LEAST), &variables, &dictated).unwrap();
    assert_eq!(settings.listen.port(), 7);
}

#[test]
fn problems_of_the_environment_name_the_variable() {
    let variables = environment(&[
        ("SUMUN_TOKENS__ACCESS_TOKEN", "soon"),
        ("SUMUN_LISTN", "127.0.0.1:1"),
        ("SUMUN_ALLOWED_ORIGINS", "[5]"),
    ]);
    let problems = parse(source(LEAST), &variables, &[])
        .unwrap_err()
        .to_string();
    assert_eq!(
        problems,
        "environment variable SUMUN_ALLOWED_ORIGINS: `allowed_origins`: invalid type: integer `5`, \
         expected a string\n\
         environment variable SUMUN_LISTN: unknown key `listn`: did you mean `listen`?\n\
         environment variable SUMUN_TOKENS__ACCESS_TOKEN: `tokens.access_token`: `soon` is not a \
         duration: write it as 45s, 30m, 12h, 30d or 1h30m"
    );
}

#[test]
fn all_problems_are_told_at_once_with_lines_and_snippets() {
    let text = "publik_url = \"https://mcp.example.com\"\ndata = 5\n\n[tokens]\n\
                access_token = \"2d\"\n\n[[servers]]\nname = \"todo\"\npath = \"todo\"\n";
    let problems = parsed(text).unwrap_err().to_string();
    assert_eq!(
        problems,
        r#"sumun.toml: `public_url` is missing: write the address by which clients reach this server, such as public_url = "https://mcp.example.com"
sumun.toml:1:1: unknown key `publik_url`: did you mean `public_url`?
  1 | publik_url = "https://mcp.example.com"
    | ^^^^^^^^^^
sumun.toml:2:8: `data`: invalid type: integer `5`, expected a string
  2 | data = 5
    |        ^
sumun.toml:5:16: `tokens.access_token` is too long: write at most 24h: refresh tokens renew it without anybody noticing
  5 | access_token = "2d"
    |                ^^^^"#
    );
}

#[test]
fn syntax_errors_come_first_and_all_of_them() {
    let problems = parsed("listen = \ndata = [1,\nx y\n").unwrap_err();
    assert!(problems.list.len() >= 2, "{problems}");
    assert!(
        problems.to_string().starts_with("sumun.toml:1:"),
        "{problems}"
    );
}

#[test]
fn the_public_url_is_written_in_one_way() {
    check_refused(
        &with("public_url", "https://mcp.example.com/"),
        &["`public_url` ends with a slash: write it as https://mcp.example.com"],
    );
    check_refused(
        &with("public_url", "http://mcp.example.com"),
        &[
            "`public_url` must be https: tokens for mcp.example.com would cross the network in the \
           clear; put a reverse proxy with TLS in front and write its address",
        ],
    );
    check_refused(
        &with("public_url", "https://mcp.example.com?a"),
        &[
            "`public_url`: `https://mcp.example.com?a` has a query or fragment, which an issuer must \
           not have",
        ],
    );
    check_refused(
        &with("public_url", "https://mcp.example.com#a"),
        &[
            "`public_url`: `https://mcp.example.com#a` has a query or fragment, which an issuer must \
           not have",
        ],
    );
    check_refused(
        &with("public_url", "https://MCP.example.com:443"),
        &["`public_url` has an unusual spelling: write it as https://mcp.example.com"],
    );
    check_refused(
        &with("public_url", "mcp.example.com"),
        &["`public_url`: `mcp.example.com` is not an absolute http or https URL"],
    );
    for good in [
        "https://a.example/tenant/1",
        "http://localhost:8080",
        "http://[::1]:80809",
    ] {
        let good = good.replace("80809", "8080");
        assert_eq!(
            accepted(&with("public_url", &good)).public_url().as_str(),
            good
        );
    }
}

#[test]
fn what_is_missing_is_named() {
    check_refused(
        "[[servers]]\nname = \"whoami\"",
        &[
            "`public_url` is missing: write the address by which clients reach this server, such \
             as public_url = \"https://mcp.example.com\"",
            "`data` is missing: name the directory for the store and its keys, such as data = \
             \"/var/lib/sumun\"",
        ],
    );
    check_refused(
        "public_url = \"https://a.example\"\ndata = \"d\"",
        &[
            "there is no server to protect: add [[servers]] with a name, such as name = \"whoami\", or \
             [[upstreams]] with a name and a url or command",
        ],
    );
}

#[test]
fn plain_http_stays_on_this_machine() {
    let text = format!(
        "listen = \"0.0.0.0:8080\"\n{}",
        with("public_url", "http://localhost:8080")
    );
    check_refused(
        &text,
        &[
            "`listen` = 0.0.0.0:8080 opens this server to the network, but `public_url` has no TLS: \
           listen on 127.0.0.1:8080, or put a reverse proxy with TLS in front and write its https \
           address as `public_url`",
        ],
    );
    accepted(&format!("listen = \"0.0.0.0:8080\"\n{LEAST}"));
    refused(
        "listen = \"localhost\"",
        &["`listen`: write an address and a port, such as 127.0.0.1:8080"],
    );
}

#[test]
fn lifetimes_have_limits() {
    refused_at_end(
        "[tokens]\naccess_token = \"0s\"",
        &["`tokens.access_token` is 0, so nothing would live: make it longer"],
    );
    refused_at_end(
        "[tokens]\nauthorization_code = \"11m\"",
        &[
            "`tokens.authorization_code` is too long: write at most 10m (RFC 6749 §4.1.2): clients \
         redeem it at once",
        ],
    );
    refused_at_end(
        "[tokens]\nrefresh_grace = \"6m\"",
        &[
            "`tokens.refresh_grace` is too long: write at most 5m: within it a stolen refresh token \
         goes unnoticed",
        ],
    );
    refused_at_end(
        "[tokens]\nrefresh_token = \"1m\"",
        &[
            "`tokens.refresh_token` is shorter than `tokens.access_token`, so nothing could ever be \
         refreshed: make it longer",
        ],
    );
    refused_at_end(
        "[registration]\nper_address_and_hour = 0",
        &[
            "`registration.per_address_and_hour` is 0, so nobody could register: write enabled = false \
         instead",
        ],
    );
    let text = format!("{LEAST}[tokens]\nrefresh_grace = \"0s\"\naccess_token = \"24h\"");
    assert!(
        accepted(&text)
            .authorization_server
            .lifetimes
            .refresh_grace
            .is_zero()
    );
}

#[test]
fn words_that_are_none_of_the_choices() {
    refused(
        "signing_algorithm = \"RS256\"",
        &["`signing_algorithm`: tokens are not signed with `RS256`: write EdDSA or ES256"],
    );
    refused_at_end(
        "[log]\nformat = \"xml\"\nlevel = \"loud\"",
        &[
            "`log.format`: `xml` is no format: write text or json",
            "`log.level`: `loud` is no level: write error, warn, info, debug or trace",
        ],
    );
    refused(
        "allowed_origins = [\"https://app.example.com/\"]",
        &[
            "`allowed_origins[0]`: an origin is scheme, host and port alone, such as \
         https://app.example.com",
        ],
    );
    refused(
        "trusted_proxies = [\"10.0.0.0/33\"]",
        &[
            "`trusted_proxies[0]`: write an address and a prefix length, such as 10.0.0.0/8 or \
         2001:db8::/32",
        ],
    );
    refused(
        "device_authorization.lifetime = \"31m\"",
        &[
            "`device_authorization.lifetime` is too long: write at most 30m, so that few codes can \
         be guessed",
        ],
    );
    refused(
        "trusted_proxies = [\"10.0.0.0/8\", \"0.0.0.0/0\", \"::/0\"]",
        &["`trusted_proxies[1]`: 0.0.0.0/0", "`trusted_proxies[2]`: ::/0"].map(|network| {
            format!(
                "{network} is everybody, so whoever comes could write an address of their choice into \
                 X-Forwarded-For, and no limit by address would hold: write where your proxy is, such as 10.0.0.5"
            )
        }).each_ref().map(|message| &**message),
    );
    refused(
        "default_resource = \"/todo/mcp\"",
        &["`default_resource`: no server has the path `/todo/mcp`: write the path of one"],
    );
    refused(
        "max_connections_per_address = 0",
        &["without a connection nobody is served: write at least 1"],
    );
    refused(
        "unheard_of = 1",
        &[
            "unknown key `unheard_of`: known here are public_url, listen, data, default_resource, \
         default_role, password_sign_in, signing_algorithm, require_pushed_authorization_requests, \
         dpop_nonce_required, client_id_metadata_documents, private_use_schemes, \
         allowed_origins, trusted_proxies, max_connections_per_address, log, audit, alerts, metrics, traces, tokens, registration, \
         device_authorization, management, roles, scopes, clients, identity_providers, \
         trusted_issuers, servers, upstreams, gateway, pii, policy",
        ],
    );
}
