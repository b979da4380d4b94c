//! `sumun import`, `policy` and `export`: from the settings of a client to a house, and who may do what.

use std::path::Path;

use tempfile::tempdir;

use crate::house::{Ended, run, settings_file, sumun};

const SETTINGS: &str = r#"
public_url = "https://mcp.example.com"
data = "data"

[roles]
Admin = ["notes:delete"]
User = []

[scopes."notes:delete"]
en = "Delete notes"
ko = "메모 삭제"
"#;

const CLIENT: &str = r#"{"mcpServers": {
    "Notes": {"url": "https://notes.example/mcp", "headers": {"Authorization": "Bearer canary-0123456789abcdef"}}
}}"#;

async fn command(directory: &Path, arguments: &[&str], input: &str) -> Ended {
    let mut command = sumun();
    command
        .args(arguments)
        .arg("--config")
        .arg(directory.join("sumun.toml"));
    command.env("NOTES_AUTHORIZATION", "canary-0123456789abcdef");
    run(command, input).await
}

#[tokio::test]
async fn a_client_s_servers_move_behind_the_gateway() {
    let directory = tempdir().unwrap();
    let path = settings_file(SETTINGS, directory.path());
    let said = command(directory.path(), &["import", "-", "--write"], CLIENT).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with(SETTINGS) && text.contains("name = \"notes\""),
        "{text}"
    );
    assert!(
        !text.contains("canary") && !format!("{said:?}").contains("canary"),
        "{said:?}"
    );
    let again = command(directory.path(), &["import", "-", "--write"], CLIENT).await;
    assert!(
        again
            .err
            .contains("the settings have an upstream `notes` already"),
        "{again:?}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    let said = command(directory.path(), &["config", "check"], "").await;
    assert!(
        said.out
            .contains("guards          https://mcp.example.com/notes/mcp"),
        "{said:?}"
    );
    let said = command(
        directory.path(),
        &["export", "mcp-remote", "--name", "notes"],
        "",
    )
    .await;
    assert_eq!(
        said.out, "npx -y mcp-remote https://mcp.example.com/notes/mcp\n",
        "{said:?}"
    );
}

#[tokio::test]
async fn an_explanation_knows_the_roles_of_a_person() {
    let directory = tempdir().unwrap();
    let rules = "[[upstreams]]\nname = \"notes\"\nurl = \"https://notes.example/mcp\"\n\
                 [[policy.rules]]\nupstream = \"notes\"\ntools = [\"read\"]\n\
                 [[policy.rules]]\nname = \"deleting\"\nupstream = \"notes\"\nscopes = [\"notes:delete\"]\n";
    settings_file(&format!("{SETTINGS}{rules}"), directory.path());
    for (name, role) in [("alice", "User"), ("boss", "Admin")] {
        let said = command(
            directory.path(),
            &["user", "add", name, "--role", role],
            "a long password\n",
        )
        .await;
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    let explain = async |arguments: &[&str]| {
        let arguments = [&["policy", "explain"], arguments].concat();
        command(directory.path(), &arguments, "").await
    };
    let said = explain(&["--user", "alice", "--tool", "notes.delete"]).await;
    assert!(
        said.out
            .starts_with("alice may not call the tool `delete` of notes.\n"),
        "{said:?}"
    );
    assert!(said.out.contains("decided by  deleting"), "{said:?}");
    let said = explain(&["--user", "boss", "--tool", "notes.delete", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&json["permitted"], &json["rule"]),
        (&true.into(), &"deleting".into()),
        "{said:?}"
    );
    let said = explain(&[
        "--user",
        "boss",
        "--tool",
        "notes.delete",
        "--scope",
        "openid",
    ])
    .await;
    assert!(
        said.out.contains("is asked to get these scopes"),
        "{said:?}"
    );
    let said = explain(&["--client", "robot", "--method", "notes.acme/do"]).await;
    assert!(
        said.out
            .starts_with("robot may not send `acme/do` to notes.\n"),
        "{said:?}"
    );
    let said = explain(&["--user", "nobody", "--tool", "notes.read"]).await;
    assert_eq!(
        said.err,
        "error: there is no user `nobody`: make one with `sumun user add nobody`\n"
    );
    let said = command(directory.path(), &["policy", "check"], "").await;
    assert!(
        said.out
            .contains("permit   tools read: everybody  (policy.rules[0])\n"),
        "{said:?}"
    );
    assert!(!said.out.contains("note:"), "{said:?}");
    let said = command(directory.path(), &["policy", "trust", "nots"], "").await;
    assert_eq!(
        (said.code, &*said.err),
        (
            Some(1),
            "error: no upstream is called `nots`: there are notes\n"
        )
    );
    let said = command(directory.path(), &["policy", "trust", "notes"], "").await;
    assert!(
        said.out
            .starts_with("nothing is known of the tools of `notes`"),
        "{said:?}"
    );
}

/// Nobody would be told otherwise: whoever asks for such a scope gets a token without it.
#[tokio::test]
async fn a_scope_that_no_role_has_is_noticed() {
    let directory = tempdir().unwrap();
    let rules = "[scopes.\"notes:read\"]\nen = \"Read notes\"\nko = \"메모 읽기\"\n\
                 [[upstreams]]\nname = \"notes\"\nurl = \"https://notes.example/mcp\"\n\
                 [[policy.rules]]\nupstream = \"notes\"\nscopes = [\"notes:read\"]\n\
                 [[policy.rules]]\nupstream = \"notes\"\nscopes = [\"notes:delete\"]\n";
    settings_file(&format!("{SETTINGS}{rules}"), directory.path());
    for arguments in [["config", "check"], ["policy", "check"]] {
        let said = command(directory.path(), &arguments, "").await;
        let notes: Vec<_> = said
            .out
            .lines()
            .filter(|line| line.starts_with("note: "))
            .collect();
        assert_eq!(
            notes,
            [
                "note: no role has `notes:read`, so no person can get it: add it to one under [roles], unless \
                 `sumun role add` has done that"
            ],
            "{said:?}"
        );
    }
}
