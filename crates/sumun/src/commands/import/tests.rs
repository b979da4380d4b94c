//! Settings of clients as they are found, and what becomes of them.

use super::*;

fn import(text: &str) -> Imported {
    imported("mcp.json", text, None).unwrap()
}

#[test]
fn programs_and_addresses_of_claude_and_cursor() {
    let text = r#"{"mcpServers": {
        "Context7": {"command": "npx", "args": ["-y", "@upstash/context7-mcp"], "env": {"LOG": "debug"}, "autoApprove": []},
        "github": {"url": "https://api.example/mcp/", "type": "http",
                   "headers": {"Authorization": "Bearer ghp_0123456789canary", "X-Toolsets": "repos"}},
        "old": {"serverUrl": "http://127.0.0.1:3000/sse", "type": "sse"},
        "off": {"command": "x", "disabled": true}
    }}"#;
    let expected = r#"
# From mcp.json: Context7
[[upstreams]]
name = "context7"
title = "Context7"
command = "npx"
args = ["-y", "@upstash/context7-mcp"]
env = { LOG = "debug" }

# Everybody who can sign in may use it. Add roles = ["…"] or scopes = ["…"] for fewer.
[[policy.rules]]
upstream = "context7"

# From mcp.json: github
[[upstreams]]
name = "github"
url = "https://api.example/mcp/"
transport = "http"
headers = { Authorization = "Bearer ${GITHUB_AUTHORIZATION}", X-Toolsets = "repos" }

# Everybody who can sign in may use it. Add roles = ["…"] or scopes = ["…"] for fewer.
[[policy.rules]]
upstream = "github"

# From mcp.json: old
[[upstreams]]
name = "old"
url = "http://127.0.0.1:3000/sse"
transport = "sse"

# Everybody who can sign in may use it. Add roles = ["…"] or scopes = ["…"] for fewer.
[[policy.rules]]
upstream = "old"
"#;
    let imported = import(text);
    assert_eq!(imported.text, expected);
    assert_eq!(
        imported.notes,
        [
            "set the environment variable GITHUB_AUTHORIZATION: its value stands in the client's settings, behind \
         `Bearer` at headers.Authorization of `github`",
            "`off` is left out: it is switched off in mcp.json",
            "`old` gets no credentials: if your client signed in there, give it `headers` or [upstreams.credential]",
        ]
    );
}

#[test]
fn placeholders_of_vs_code_become_variables() {
    let text = r#"{
        // asked once
        "inputs": [{"id": "api-key", "type": "promptString", "password": true}],
        "servers": {
            "내 서버": {"type": "stdio", "command": "uvx", "args": ["x", "--verbose"], "cwd": "/srv",
                "env": {"API_KEY": "${input:api-key}", "HOME_OF": "${env:HOME}", "D": "${X:-y}",
                        "PLAIN": "a\"b\\c", "SESSION": "0123456789abcdef0123"}, "envFile": ".env"},
        },
    }"#;
    let imported = import(text);
    let expected = r#"
# From mcp.json: 내 서버
[[upstreams]]
name = "upstream"
title = "내 서버"
command = "uvx"
args = ["x", "--verbose"]
env = { API_KEY = "${API_KEY}", D = "${X}", HOME_OF = "${HOME}", PLAIN = "a\"b\\c", SESSION = "${SESSION}" }
directory = "/srv"

# Everybody who can sign in may use it. Add roles = ["…"] or scopes = ["…"] for fewer.
[[policy.rules]]
upstream = "upstream"
"#;
    assert_eq!(imported.text, expected);
    assert_eq!(
        imported.notes,
        [
            "set the environment variable API_KEY: the client asked for `api-key`, for API_KEY of `upstream`",
            "set the environment variable X: there are no defaults here",
            "set the environment variable SESSION: its value stands in the client's settings, at env.SESSION of \
         `upstream`",
            "of `내 서버`, these keys mean nothing here: envFile",
        ]
    );
}

#[test]
fn a11_no_secret_is_written() {
    let text = r#"{"mcpServers": {"a": {"command": "x", "env": {"PASSWORD": "canary", "OTHER": "sk-canary0123456789abcdef"}},
        "b": {"url": "https://x.example/mcp", "headers": {"x-api-key": "canary", "Cookie": "canary"}}}}"#;
    let imported = import(text);
    assert!(
        !format!("{imported:?}").contains("canary"),
        "{}",
        imported.text
    );
}

/// Arguments and addresses take no references, so the whole server is left to the operator.
#[test]
fn what_holds_a_secret_in_its_arguments_or_address_is_left_out() {
    let text = r#"{"mcpServers": {
        "db": {"command": "npx", "args": ["-y", "server-postgres", "postgres://kim:canary@db.example/notes"]},
        "flag": {"command": "x", "args": ["--token", "canary"]},
        "good": {"command": "x"},
        "url": {"url": "https://x.example/mcp?api_key=canary"}}}"#;
    let imported = import(text);
    assert_eq!(imported.count, 1, "{}", imported.text);
    assert!(!format!("{imported:?}").contains("canary"), "{imported:?}");
    assert_eq!(
        imported.notes[..2],
        [
            "`db` is left out: an argument holds what looks like a secret in an address, in front of its `@`, and no \
         secret is written: add the section yourself, with the secret in `env` if the program takes it from there \
         (everybody on the machine sees arguments)",
            "`flag` is left out: an argument looks like a secret, behind `--token`, and no secret is written: add the \
         section yourself, with the secret in `env` if the program takes it from there (everybody on the machine \
         sees arguments)",
        ]
    );
    assert!(
        imported.notes[2]
            .starts_with("`url` is left out: its url holds what looks like a secret as `api_key`"),
        "{:?}",
        imported.notes
    );
}

#[test]
fn names_are_free_and_allowed() {
    assert_eq!(section::slug("My  Server_2!"), "my-server-2");
    assert_eq!(section::slug("token"), "token-server");
    assert_eq!(section::slug("Metrics"), "metrics-server");
    assert_eq!(section::slug(&"x-".repeat(40)).len(), 31);
    let taken = ["a".to_owned(), "a-2".to_owned()].into();
    assert_eq!(section::free("a".to_owned(), &taken), "a-3");
    let text = r#"{"mcpServers": {"A b": {"command": "x"}, "a-b": {"command": "y"}}}"#;
    let imported = import(text).text;
    assert!(
        imported.contains("name = \"a-b\"\n") && imported.contains("name = \"a-b-2\"\n"),
        "{imported}"
    );
}

#[test]
fn what_is_there_already_is_left_alone() {
    let text = r#"{"mcpServers": {"docs": {"command": "x"}, "new": {"command": "y"}}}"#;
    let present = "[[upstreams]]\nname = \"docs\"\nurl = \"https://docs.example/mcp\"\n";
    let imported = imported("mcp.json", text, Some(present)).unwrap();
    assert_eq!(imported.count, 1);
    assert_eq!(
        imported.notes,
        ["`docs` is left out: the settings have an upstream `docs` already"]
    );

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sumun.toml");
    std::fs::write(&path, present).unwrap();
    write(&path, present, &imported.text).unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, format!("{present}{}", imported.text));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);

    let inline = "upstreams = [{ name = \"docs\", url = \"https://docs.example/mcp\" }]\n";
    std::fs::write(&path, inline).unwrap();
    assert!(write(&path, inline, &imported.text).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), inline);
}

#[test]
fn what_is_no_settings_of_a_client() {
    for text in [
        "[]",
        "{}",
        "{\"mcpServers\": {\"a\": 5}}",
        "{\"mcpServers\": {\"a\": {\"args\": \"x\"}}}",
        "no",
    ] {
        assert!(imported("mcp.json", text, None).is_err(), "{text}");
    }
}
