//! What differs between two settings files.

use std::path::Path;

use super::*;
use crate::settings::{Environment, Source, parse};

const BEFORE: &str = r#"
public_url = "https://mcp.example.com"
data = "data"

[[upstreams]]
name = "docs"
url = "https://docs.example/mcp"
headers = { Authorization = "${DOCS}" }

[[upstreams]]
name = "crm"
command = "crm"

[[policy.rules]]
"#;

fn read(text: &str, docs: &str) -> Result<Settings, SettingsError> {
    let source = Source {
        name: "sumun.toml",
        text,
        directory: Path::new("/etc/sumun"),
        readable_by_all: false,
    };
    let environment: Environment = [("DOCS".to_owned(), docs.to_owned())].into_iter().collect();
    Ok(parse(source, &environment, &[])?)
}

#[track_caller]
fn loaded(text: &str) -> Loaded {
    let settings = read(text, "a").unwrap_or_else(|error| panic!("{error}"));
    Loaded::new(settings, text)
}

#[track_caller]
fn change(before: &Loaded, after: &str) -> Change {
    let change = before.change_to(after, |text| read(text, "a"));
    change.unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn check(after: &str, expected: &[&str]) -> Change {
    let change = change(&loaded(BEFORE), after);
    assert_eq!(change.in_words(), expected);
    assert_eq!(change.is_empty(), expected.is_empty());
    change
}

#[test]
fn the_same_settings_are_no_change() {
    check(BEFORE, &[]);
    check(&format!("# a comment\n{BEFORE}"), &[]);
    check(&BEFORE.replace("data = \"data\"", "data   = 'data'"), &[]);
}

#[test]
fn upstreams_come_change_and_go() {
    check(
        &format!("{BEFORE}[[upstreams]]\nname = \"new\"\ncommand = \"new\"\n"),
        &[
            "the upstream `new` is new",
            "served together at /mcp are: docs, crm, new",
        ],
    );
    check(
        &BEFORE.replace("\"crm\"\ncommand", "\"sales\"\ncommand"),
        &[
            "the upstream `sales` is new",
            "the upstream `crm` is gone",
            "served together at /mcp are: docs, sales",
        ],
    );
    check(
        &BEFORE.replace("command = \"crm\"", "command = \"crm\"\nargs = [\"-v\"]"),
        &["the upstream `crm` has changed"],
    );
    check(
        &BEFORE.replace("\"docs\"\n", "\"docs\"\ndpop = \"required\"\n"),
        &["the upstream `docs` has changed"],
    );
    let other = loaded(BEFORE).change_to(BEFORE, |text| read(text, "b"));
    let change = other.unwrap();
    assert!(change.keeps("crm") && !change.keeps("docs"));
}

#[test]
fn a_new_secret_is_a_change_and_is_not_told() {
    let before = Loaded::new(read(BEFORE, "old-canary").unwrap(), BEFORE);
    let after = before.change_to(BEFORE, |text| read(text, "new-canary"));
    let change = after.unwrap();
    assert_eq!(change.in_words(), ["the upstream `docs` has changed"]);
    assert!(!format!("{change:?}").contains("canary"));
}

#[test]
fn the_policy_is_another_one() {
    let change = check(
        &format!("{BEFORE}roles = [\"Admin\"]\n"),
        &["the policy has changed"],
    );
    assert!(change.policy.is_some());
}

#[test]
fn the_common_endpoint_comes_and_goes() {
    // Where clients go that do not say changes with it.
    let alone = format!("{BEFORE}[gateway]\nfederated = false\n");
    check(
        &alone,
        &[
            "upstreams are not served together any more",
            "clients that do not say which resource they mean mean https://mcp.example.com/docs/mcp from now on",
        ],
    );
    check(
        &format!("default_resource = \"/docs/mcp\"\n{BEFORE}[gateway]\npath = \"/all/mcp\"\n"),
        &[
            "served together at /all/mcp are: docs, crm",
            "`default_resource` has changed, which takes effect when sumun is started again",
            "clients that do not say which resource they mean mean https://mcp.example.com/all/mcp from now on",
        ],
    );
}

#[test]
fn the_rest_waits_for_the_next_start() {
    let after = format!("listen = \"127.0.0.1:9000\"\n{BEFORE}[tokens]\naccess_token = \"5m\"\n");
    check(
        &after,
        &[
            "`listen` has changed, which takes effect when sumun is started again",
            "`tokens` has changed, which takes effect when sumun is started again",
        ],
    );
}

/// Where the endpoints are, and who may get tokens for what.
fn addresses(settings: &Settings) -> Vec<String> {
    let endpoints = settings.gateway.iter().flat_map(Gateway::endpoints);
    let endpoints = endpoints.map(|endpoint| endpoint.resource.as_str().to_owned());
    let resources = settings.authorization_server.resources.iter();
    let resources = resources.map(|resource| resource.indicator.as_str().to_owned());
    endpoints.chain(resources).collect()
}

#[test]
fn what_waits_for_the_next_start_waits_wholly() {
    let before = loaded(BEFORE);
    let elsewhere = BEFORE.replace("mcp.example.com", "new.example.com");
    let after = format!(
        "allowed_origins = [\"https://app.example.com\"]\n{elsewhere}roles = [\"Admin\"]\n\
         [[servers]]\nname = \"whoami\"\n"
    );
    let moved = change(&before, &after);
    assert_eq!(
        moved.in_words(),
        [
            "the policy has changed",
            "`allowed_origins` has changed, which takes effect when sumun is started again",
            "`public_url` has changed, which takes effect when sumun is started again",
            "`servers` has changed, which takes effect when sumun is started again",
            "clients that do not say which resource they mean still mean https://mcp.example.com/mcp, and \
             https://new.example.com/whoami/mcp when sumun is started again",
        ]
    );
    let now = moved.settings();
    assert_eq!(now.public_url(), before.settings.public_url());
    assert_eq!(now.allowed_origins, [""; 0]);
    assert_eq!(addresses(now), addresses(&before.settings));
    assert!(moved.keeps("docs") && moved.keeps("crm"));

    // It is told once, and goes on waiting when something else changes.
    let in_force = moved.loaded;
    assert!(change(&in_force, &after).is_empty());
    let more = format!("{after}[[upstreams]]\nname = \"new\"\ncommand = \"new\"\n");
    let more = change(&in_force, &more);
    assert_eq!(
        more.in_words(),
        [
            "the upstream `new` is new",
            "served together at /mcp are: docs, crm, new"
        ]
    );
    let new = "https://mcp.example.com/new/mcp".to_owned();
    assert!(addresses(more.settings()).contains(&new));

    // Who takes everything back has nothing that waits.
    assert_eq!(
        change(&in_force, BEFORE).in_words(),
        ["the policy has changed"]
    );
}

#[test]
fn what_needs_something_that_waits_is_not_taken_over_without_it() {
    let scope = "[scopes.\"docs:read\"]\nen = \"Read\"\nko = \"읽기\"\n";
    let after = format!("{BEFORE}scopes = [\"docs:read\"]\n{scope}");
    let refused = loaded(BEFORE).change_to(&after, |text| read(text, "a"));
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("`scopes` has changed"), "{said}");
    assert!(said.contains("need the scope `docs:read`"), "{said}");
}

#[test]
fn what_clients_mean_that_do_not_say_waits_as_long_as_it_is_there() {
    let alone = format!("{BEFORE}[gateway]\nfederated = false\n");
    let first = "[[upstreams]]\nname = \"first\"\ncommand = \"first\"\n";
    let after = alone.replacen("[[upstreams]]", &format!("{first}\n[[upstreams]]"), 1);
    let change = change(&loaded(&alone), &after);
    assert_eq!(
        change.in_words(),
        [
            "the upstream `first` is new",
            "clients that do not say which resource they mean still mean https://mcp.example.com/docs/mcp, and \
             https://mcp.example.com/first/mcp when sumun is started again",
        ]
    );
    let resources = &change.settings().authorization_server.resources;
    let meant = resources[0].indicator.as_str();
    assert_eq!(meant, "https://mcp.example.com/docs/mcp");
}
