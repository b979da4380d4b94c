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

fn loaded(text: &str, docs: &str) -> Loaded {
    let source = Source {
        name: "sumun.toml",
        text,
        directory: Path::new("/etc/sumun"),
        readable_by_all: false,
    };
    let environment: Environment = [("DOCS".to_owned(), docs.to_owned())].into_iter().collect();
    let settings = parse(source, &environment, &[]).unwrap_or_else(|problems| panic!("{problems}"));
    Loaded::new(settings, text)
}

#[track_caller]
fn check(after: &str, expected: &[&str]) -> Change {
    let change = loaded(BEFORE, "a").change_to(&loaded(after, "a"));
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
    let change = loaded(BEFORE, "a").change_to(&loaded(BEFORE, "b"));
    assert!(change.keeps("crm") && !change.keeps("docs"));
}

#[test]
fn a_new_secret_is_a_change_and_is_not_told() {
    let change = loaded(BEFORE, "old-canary").change_to(&loaded(BEFORE, "new-canary"));
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
            "clients that do not say which resource they mean still mean https://mcp.example.com/mcp, and \
         https://mcp.example.com/docs/mcp when sumun is started again",
        ],
    );
    check(
        &format!("default_resource = \"/docs/mcp\"\n{BEFORE}[gateway]\npath = \"/all/mcp\"\n"),
        &[
            "served together at /all/mcp are: docs, crm",
            "`default_resource` has changed, which takes effect when sumun is started again",
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
