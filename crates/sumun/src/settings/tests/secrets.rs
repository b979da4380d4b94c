//! Secrets: where they may stand, and that no message holds them.

use super::*;

#[test]
fn a11_secrets_are_not_left_where_everybody_reads() {
    let client = "[[clients]]\nclient_id = \"c\"\ngrant_types = [\"client_credentials\"]\n";
    let text = format!("{LEAST}{client}secret = \"canary\"");
    let open = Source {
        readable_by_all: true,
        ..source(&text)
    };
    let problems = parse(open, &environment(&[]), &[]).unwrap_err();
    assert_eq!(
        problems.list[0].message,
        "`clients[0].secret` stands in a file that everybody on this machine can read: chmod o-r \
         sumun.toml, or write \"${NAME}\" and set that environment variable"
    );
    assert!(!problems.to_string().contains("canary"), "{problems}");

    let text = text.replace("canary", "${CLIENT_SECRET}");
    let open = Source {
        readable_by_all: true,
        ..source(&text)
    };
    let settings = parse(open, &environment(&[("CLIENT_SECRET", "canary")]), &[]).unwrap();
    assert!(!format!("{settings:?}").contains("canary"));
    let hash = settings.authorization_server.clients[0]
        .secret
        .clone()
        .unwrap();
    assert!(hash.matches(&Secret::from("canary")));
    assert_eq!(
        parse(open, &environment(&[]), &[]).unwrap_err().list[0].message,
        "`clients[0].secret`: the environment variable CLIENT_SECRET is not set: set it, or use a \
         file"
    );

    let number = parsed(&format!("{LEAST}{client}secret = 1234567"))
        .unwrap_err()
        .to_string();
    assert!(
        number.contains("`clients[0].secret` must be text in quotes"),
        "{number}"
    );
    assert!(!number.contains("1234567"), "{number}");
}

#[test]
fn secret_files_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    let text = format!(
        "{LEAST}[[clients]]\nclient_id = \"c\"\ngrant_types = [\"client_credentials\"]\n\
         secret_file = \"secret\""
    );
    let source = Source {
        directory: directory.path(),
        ..source(&text)
    };
    let problem = || {
        parse(source, &environment(&[]), &[]).unwrap_err().list[0]
            .message
            .clone()
    };
    let shown = path.display();

    assert_eq!(
        problem(),
        format!(
            "`clients[0].secret_file`: the file {shown} cannot be read: No such file or directory \
             (os error 2)"
        )
    );
    std::fs::write(&path, "s3cret\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        problem(),
        format!("`clients[0].secret_file`: everybody can read the secret: chmod o-r {shown}")
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let settings = parse(source, &environment(&[]), &[]).unwrap();
    let hash = settings.authorization_server.clients[0]
        .secret
        .clone()
        .unwrap();
    assert!(hash.matches(&Secret::from("s3cret")));
}
