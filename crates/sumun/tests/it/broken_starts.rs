//! Starts that go wrong: one message each that says what to do, and nothing is lost.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use tempfile::tempdir;

use crate::house::{Ended, House, SETTINGS, broken_serve, free_port};

/// It failed with one line that ends in these words.
#[track_caller]
fn check(ended: &Ended, words: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let errors: Vec<_> = ended
        .err
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert!(
        matches!(errors[..], [only] if only.contains(words)),
        "{words}\n{ended:?}"
    );
}

#[tokio::test]
async fn an_occupied_port() {
    let house = House::with_settings(SETTINGS).await;
    let directory = tempdir().unwrap();
    let ended = broken_serve(SETTINGS, directory.path(), house.port()).await;
    check(
        &ended,
        &format!(
            "port {} is occupied on 127.0.0.1: stop what runs there",
            house.port()
        ),
    );
    assert!(!directory.path().join("data").exists(), "nothing was begun");
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_one() {
    let directory = tempdir().unwrap();
    let data = directory.path().join("data");
    fs::write(&data, "a file").unwrap();
    let ended = broken_serve(SETTINGS, directory.path(), free_port()).await;
    check(
        &ended,
        &format!("the data directory {} cannot be made", data.display()),
    );
    assert_eq!(fs::read_to_string(&data).unwrap(), "a file");
}

#[tokio::test]
async fn a_store_that_cannot_be_written() {
    let directory = tempdir().unwrap();
    let store = directory.path().join("data/sumun.db");
    fs::create_dir_all(&store).unwrap();
    fs::set_permissions(store.parent().unwrap(), Permissions::from_mode(0o700)).unwrap();
    let ended = broken_serve(SETTINGS, directory.path(), free_port()).await;
    check(
        &ended,
        &format!("the store {} cannot be written", store.display()),
    );
}

#[tokio::test]
async fn a_key_ring_that_others_have_access_to() {
    let house = House::with_settings(SETTINGS).await;
    let directory = house.directory();
    house.stop("TERM").await;
    let keys = directory.path().join("data/keyring.json");
    let before = fs::read(&keys).unwrap();
    fs::set_permissions(&keys, Permissions::from_mode(0o644)).unwrap();
    let ended = broken_serve(SETTINGS, directory.path(), free_port()).await;
    let path = keys.display();
    check(
        &ended,
        &format!(
            "the key ring {path} has mode 0644, so others have access to it: chmod 600 {path}"
        ),
    );
    assert_eq!(fs::read(&keys).unwrap(), before);

    fs::set_permissions(&keys, Permissions::from_mode(0o600)).unwrap();
    House::serve(SETTINGS, &directory, free_port(), &[]).await;
}

#[tokio::test]
async fn a_data_directory_that_others_can_write() {
    let directory = Arc::new(tempdir().unwrap());
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    for mode in [0o777, 0o770, 0o702, 0o1777] {
        fs::set_permissions(&data, Permissions::from_mode(mode)).unwrap();
        let ended = broken_serve(SETTINGS, directory.path(), free_port()).await;
        let path = data.display();
        check(
            &ended,
            &format!(
                "the data directory {path} has mode {mode:04o}, so others can exchange the key \
                 ring in it: chmod 700 {path}"
            ),
        );
        assert_eq!(fs::read_dir(&data).unwrap().count(), 0, "nothing was begun");
    }
    // Others may look: the files say for themselves who reads them.
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    House::serve(SETTINGS, &directory, free_port(), &[]).await;
}

#[tokio::test]
async fn a_new_data_directory_is_for_its_owner_alone() {
    let house = House::with_settings(SETTINGS).await;
    let data = fs::metadata(house.directory().path().join("data")).unwrap();
    assert_eq!(data.permissions().mode() & 0o7777, 0o700);
}

#[tokio::test]
async fn a_store_without_its_key_ring() {
    let house = House::with_settings(SETTINGS).await;
    let directory = house.directory();
    house.stop("TERM").await;
    let data = directory.path().join("data");
    let (keys, kept) = (data.join("keyring.json"), directory.path().join("kept"));
    fs::rename(&keys, &kept).unwrap();
    let store = fs::read(data.join("sumun.db")).unwrap();
    let ended = broken_serve(SETTINGS, directory.path(), free_port()).await;
    check(
        &ended,
        &format!(
            "its key ring {} is not: restore the key ring from a backup",
            keys.display()
        ),
    );
    assert!(!keys.exists(), "no other key ring takes its place");
    assert_eq!(fs::read(data.join("sumun.db")).unwrap(), store);

    fs::rename(&kept, &keys).unwrap();
    House::serve(SETTINGS, &directory, free_port(), &[]).await;
}

#[tokio::test]
async fn a_store_from_a_newer_version() {
    let house = House::with_settings(SETTINGS).await;
    let directory = house.directory();
    house.stop("TERM").await;
    let path = directory.path().join("data/sumun.db");
    let mut store = fs::read(&path).unwrap();
    // The file header has `PRAGMA user_version` at offset 60 and `application_id` at 68.
    store[60..64].copy_from_slice(&99_i32.to_be_bytes());
    store[68..72].copy_from_slice(b"SUMN");
    fs::write(&path, &store).unwrap();
    let ended = broken_serve(SETTINGS, directory.path(), free_port()).await;
    check(
        &ended,
        "has schema version 99, this program knows versions up to",
    );
    assert_eq!(fs::read(&path).unwrap(), store, "the file is untouched");
}

#[tokio::test]
async fn d2_a_public_url_that_leads_to_somebody_else() {
    let other = House::demo().await;
    let directory = tempdir().unwrap();
    let mut command = crate::house::serve_command(SETTINGS, directory.path(), free_port());
    command.env("SUMUN_PUBLIC_URL", &other.url);
    let ended = crate::house::run(command, "").await;
    check(
        &ended,
        &format!("public_url = {} leads to somebody else", other.url),
    );
    assert!(!ended.err.contains("is served on"), "{ended:?}");
}

/// The same name for both, as when a stale server still runs behind the proxy.
#[tokio::test]
async fn d2_a_public_url_that_leads_to_a_namesake_with_other_keys() {
    let port = free_port();
    let first = Arc::new(tempdir().unwrap());
    let _first = House::serve(SETTINGS, &first, port, &[]).await;
    let directory = tempdir().unwrap();
    let mut command = crate::house::serve_command(SETTINGS, directory.path(), free_port());
    command.env("SUMUN_PUBLIC_URL", format!("http://127.0.0.1:{port}"));
    let ended = crate::house::run(command, "").await;
    check(
        &ended,
        "another server with the same settings, but other keys",
    );
}

#[tokio::test]
async fn d2_a_public_url_that_nobody_answers_here_is_a_warning() {
    let directory = Arc::new(tempdir().unwrap());
    let url = "https://name-that-only-the-outside-knows.invalid";
    let environment = [("SUMUN_PUBLIC_URL", url)];
    let house = House::serve(SETTINGS, &directory, free_port(), &environment).await;
    let (status, log) = house.stop("TERM").await;
    assert!(status.success(), "{log}");
    assert!(
        log.contains(&format!("public_url = {url} cannot be reached from here")),
        "{log}"
    );
}

#[tokio::test]
async fn bad_settings_are_exit_code_2_with_line_numbers() {
    let directory = tempdir().unwrap();
    let ended = broken_serve("tokens = 5\n", directory.path(), free_port()).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("sumun.toml:1:10: `tokens`"), "{ended:?}");
}
