//! Tests of the key ring and of its file.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::random::OsRandom;
use oauth::time::ManualClock;
use tempfile::TempDir;

use super::*;

/// A key ring, and what its keys give: worked out once with another implementation of RFC 5116,
/// RFC 5869 and RFC 2104, and to be understood forever.
const FILE: &str = r#"{"keys": [
    {"kid": "old", "created_at": 1, "seals_from": 1, "key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    {"kid": "new", "created_at": 2, "seals_from": 2, "key": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}
]}"#;
const SEALED: &str = "v2.old.AAECAwQFBgcICQoLY51pd4wwt3sfzjRqv24gjy22SWeV9NwlV4La9ziAPqh6ItlQxI4losXQm4RMIPid.\
                      DA0ODxAREhMUFRYX17q8GjVeQmOp2R95PLP-LsFmw89r";
/// The same value in the form of now, which is not text, in base64url.
const SEALED_BYTES: &str = "djMub2xkLgABAgMEBQYHCAkKCwD_CBfjXtoXdKRdAsgYVftexDgX6oqhWSz\
                            4o4-_Brss5oIWqIylDJty_JlP428nkSoGl-cVQjn-Mb-yzRMmt0-7Qy2h-w";
const TAG: &str = "M1UEY5xCmKhCmyeqETMu1xegrDnsuHiXIrYO_EmoD_k";

struct Desk {
    directory: TempDir,
    clock: ManualClock,
}

impl Desk {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: ManualClock::at(NumericDate(1_000_000)),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("keyring.json")
    }

    fn write(&self, content: &str, mode: u32) {
        fs::write(self.path(), content).unwrap();
        fs::set_permissions(self.path(), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn open(&self) -> Result<KeyRing, KeyRingError> {
        KeyRing::open_or_create(&self.path(), &OsRandom, &self.clock)
    }

    /// A rotation that takes effect at once.
    fn rotate(&self, ring: &KeyRing) -> String {
        ring.rotate(&OsRandom, &self.clock, Duration::ZERO).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

#[test]
fn a_first_start_makes_a_file_for_the_owner_alone() {
    let desk = Desk::new();
    let made = desk.open().unwrap();
    assert_eq!(made.keys()[0].created_at, NumericDate(1_000_000));
    assert_eq!(
        fs::metadata(desk.path()).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert_eq!(desk.files(), ["keyring.json"]);
    let sealed = made.seal(b"value", b"aad");
    assert_eq!(
        desk.open().unwrap().open(&sealed, b"aad").unwrap(),
        b"value"
    );
}

#[test]
fn a9_what_was_sealed_and_tagged_once_is_understood_forever() {
    let desk = Desk::new();
    desk.write(FILE, 0o600);
    let ring = desk.open().unwrap();
    assert_eq!(ring.open(SEALED, b"kind\0key").unwrap(), b"value");
    let sealed = URL_SAFE_NO_PAD.decode(SEALED_BYTES).unwrap();
    assert_eq!(ring.open(&sealed, b"kind\0key").unwrap(), b"value");
    let (kid, tag) = ring.mac_key("session").tag(b"message");
    assert_eq!(kid, "new");
    assert_eq!(URL_SAFE_NO_PAD.encode(tag), TAG);
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    for mode in [0o640, 0o604, 0o620, 0o666] {
        let desk = Desk::new();
        desk.write(FILE, mode);
        let path = desk.path().display().to_string();
        assert_eq!(
            desk.open().unwrap_err().to_string(),
            format!(
                "the key ring {path} has mode {mode:04o}, so others have access to it: chmod 600 {path}"
            )
        );
    }
}

#[test]
fn behind_a_link_the_mode_of_the_target_counts() {
    let desk = Desk::new();
    desk.write(FILE, 0o400);
    let link = desk.directory.path().join("link.json");
    symlink(desk.path(), &link).unwrap();
    let open = || KeyRing::open_or_create(&link, &OsRandom, &desk.clock);
    desk.rotate(&open().unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(desk.open().unwrap().keys().len(), 3);
    desk.write(FILE, 0o644);
    assert!(matches!(
        open(),
        Err(KeyRingError::TooOpen { mode: 0o644, .. })
    ));
}

#[test]
fn a_file_that_is_no_key_ring_is_refused_without_quoting_it() {
    let short = r#"{"keys": [{"kid": "a", "created_at": 1, "seals_from": 1, "key": "canary"}]}"#;
    let twice = FILE.replace("new", "old");
    let dotted = FILE.replace("new", "n.w");
    for content in [
        "",
        "canary",
        r#"{"keys": ["canary"]}"#,
        r#"{"keys": []}"#,
        short,
        &twice,
        &dotted,
    ] {
        let desk = Desk::new();
        desk.write(content, 0o600);
        let error = desk.open().unwrap_err();
        assert!(
            matches!(error, KeyRingError::Malformed { .. }),
            "{content}: {error:?}"
        );
        assert!(!format!("{error} {error:?}").contains("canary"));
        assert_eq!(fs::read_to_string(desk.path()).unwrap(), content);
    }
}

#[test]
fn a_missing_directory_is_named() {
    let desk = Desk::new();
    let path = desk.path().join("keyring.json");
    desk.write(FILE, 0o600);
    let error = KeyRing::open_or_create(&path, &OsRandom, &desk.clock).unwrap_err();
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    let path = desk.directory.path().join("missing/keyring.json");
    let error = KeyRing::open_or_create(&path, &OsRandom, &desk.clock).unwrap_err();
    assert!(matches!(&error, KeyRingError::NotWritable { path: named, .. } if *named == path));
}

#[test]
fn a9_after_a_rotation_the_old_key_still_opens() {
    let desk = Desk::new();
    let ring = desk.open().unwrap();
    let before = ring.seal(b"value", b"aad");
    desk.clock.advance(Duration::from_mins(1));
    let kid = desk.rotate(&ring);
    let after = ring.seal(b"value", b"aad");
    assert!(after.starts_with(format!("v3.{kid}.").as_bytes()));
    let since = NumericDate(1_000_060);
    let keys = ring.keys();
    assert_eq!(keys[0].usage, KeyUsage::OpensUntilRetired { since });
    let newest = KeyInfo {
        kid,
        created_at: since,
        usage: KeyUsage::Seals,
    };
    assert_eq!(keys[1], newest);
    assert_eq!(ring.open(&before, b"aad").unwrap(), b"value");
    assert_eq!(desk.open().unwrap().open(&after, b"aad").unwrap(), b"value");
    assert_eq!(
        fs::metadata(desk.path()).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert_eq!(desk.files(), ["keyring.json"]);
}

#[test]
fn a_process_that_meets_an_unknown_key_looks_into_the_file() {
    let desk = Desk::new();
    let (ring, other_process) = (desk.open().unwrap(), desk.open().unwrap());
    let handles = other_process.mac_key("session");
    desk.rotate(&ring);
    let sealed = ring.seal(b"value", b"aad");
    assert_eq!(other_process.open(&sealed, b"aad").unwrap(), b"value");
    desk.rotate(&ring);
    let (kid, tag) = ring.mac_key("session").tag(b"alice");
    assert!(handles.verify(&kid, b"alice", &tag));
    assert!(!handles.verify("invented", b"alice", &tag));
    // It knows the keys, but which of them seals is for `reload` to say.
    let before = other_process.seal(b"value", b"aad");
    other_process.reload(&desk.clock).unwrap();
    let after = other_process.seal(b"value", b"aad");
    assert!(after.starts_with(format!("v3.{kid}.").as_bytes()));
    assert_eq!(ring.open(&before, b"aad").unwrap(), b"value");
}

#[test]
fn a_delayed_key_is_known_before_it_seals() {
    let desk = Desk::new();
    let ring = desk.open().unwrap();
    let delay = Duration::from_mins(5);
    let kid = ring.rotate(&OsRandom, &desk.clock, delay).unwrap();
    let prefix = format!("v3.{kid}.");
    let seals = || ring.seal(b"value", b"aad").starts_with(prefix.as_bytes());
    let from = KeyUsage::SealsFrom(NumericDate(1_000_300));
    assert_eq!(ring.keys()[1].usage, from);
    desk.clock.advance(Duration::from_secs(299));
    ring.reload(&desk.clock).unwrap();
    assert!(!seals());
    desk.clock.advance(Duration::from_secs(1));
    assert!(!seals(), "nobody has looked at the clock yet");
    ring.reload(&desk.clock).unwrap();
    assert!(seals());
    let since = NumericDate(1_000_300);
    assert_eq!(ring.keys()[0].usage, KeyUsage::OpensUntilRetired { since });
}

#[test]
fn only_a_key_that_has_a_successor_can_be_retired() {
    let desk = Desk::new();
    let ring = desk.open().unwrap();
    let old = ring.keys()[0].kid.clone();
    let sealed = ring.seal(b"value", b"aad");
    let delay = Duration::from_mins(5);
    let new = ring.rotate(&OsRandom, &desk.clock, delay).unwrap();
    for kid in [&old, &new, "invented"] {
        let refused = ring.retire(kid, &desk.clock).unwrap_err();
        assert!(matches!(refused, KeyRingError::InUse { .. }), "{refused}");
    }
    desk.clock.advance(delay);
    ring.retire(&old, &desk.clock).unwrap();
    let kids = |ring: &KeyRing| -> Vec<_> { ring.keys().into_iter().map(|key| key.kid).collect() };
    assert_eq!(kids(&desk.open().unwrap()), kids(&ring));
    assert_eq!(kids(&ring), [new]);
    assert_eq!(
        ring.open(&sealed, b"aad"),
        Err(SealError::UnknownKey { kid: old })
    );
}

#[test]
fn a_clock_behind_all_keys_seals_with_the_first() {
    let desk = Desk::new();
    desk.write(FILE, 0o600);
    let clock = ManualClock::at(NumericDate(0));
    let ring = KeyRing::open_or_create(&desk.path(), &OsRandom, &clock).unwrap();
    assert!(ring.seal(b"value", b"aad").starts_with(b"v3.old."));
}

#[test]
fn two_processes_that_rotate_keep_each_others_keys() {
    let desk = Desk::new();
    let (one, two) = (desk.open().unwrap(), desk.open().unwrap());
    desk.rotate(&one);
    desk.rotate(&two);
    assert_eq!(desk.open().unwrap().keys().len(), 3);
}

#[test]
fn what_a_killed_writer_left_behind_stops_nobody() {
    let desk = Desk::new();
    let unfinished = desk.directory.path().join("keyring.json.new");
    fs::write(&unfinished, "half a fi").unwrap();
    let ring = desk.open().unwrap();
    assert_eq!(desk.files(), ["keyring.json"]);
    fs::write(&unfinished, "half a fi").unwrap();
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o666)).unwrap();
    desk.rotate(&ring);
    assert_eq!(desk.open().unwrap().keys().len(), 2);
    assert_eq!(desk.files(), ["keyring.json"]);
}

#[test]
fn a_failed_reload_keeps_the_keys_in_use() {
    let desk = Desk::new();
    let ring = desk.open().unwrap();
    let sealed = ring.seal(b"value", b"aad");
    fs::remove_file(desk.path()).unwrap();
    assert!(matches!(
        ring.reload(&desk.clock),
        Err(KeyRingError::Unreadable { .. })
    ));
    assert_eq!(ring.open(&sealed, b"aad").unwrap(), b"value");
}

#[test]
fn a11_debug_shows_key_ids_only() {
    let desk = Desk::new();
    desk.write(FILE, 0o600);
    assert_eq!(
        format!("{:?}", desk.open().unwrap()),
        "KeyRing { kids: [\"old\", \"new\"], .. }"
    );
}

#[test]
fn many_first_starts_at_once_agree_on_one_key() {
    let desk = Desk::new();
    let kids: HashSet<String> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..16).map(|_| scope.spawn(|| desk.open())).collect();
        let rings = starts.into_iter().map(|start| start.join().unwrap());
        rings
            .map(|ring| ring.unwrap().keys()[0].kid.clone())
            .collect()
    });
    assert_eq!(kids.len(), 1);
}

#[test]
fn many_rotations_at_once_lose_no_key() {
    let desk = Desk::new();
    let rings: Vec<_> = (0..16).map(|_| desk.open().unwrap()).collect();
    let made: HashSet<String> = std::thread::scope(|scope| {
        let desk = &desk;
        let rotate = |ring| scope.spawn(move || desk.rotate(ring));
        let rotations: Vec<_> = rings.iter().map(rotate).collect();
        rotations
            .into_iter()
            .map(|one| one.join().unwrap())
            .collect()
    });
    let known: HashSet<String> = desk
        .open()
        .unwrap()
        .keys()
        .into_iter()
        .map(|key| key.kid)
        .collect();
    assert_eq!(made.len(), 16);
    assert!(made.is_subset(&known));
}

#[test]
fn secrets_follow_the_ring_and_differ_by_purpose() {
    let desk = Desk::new();
    let ring = desk.open().unwrap();
    let first = ring.secrets("fernet");
    assert_ne!(*first[0].1, *ring.secrets("other")[0].1);
    let newest = desk.rotate(&ring);
    let both = ring.secrets("fernet");
    assert_eq!(both[0].0, newest, "what seals comes first");
    assert_eq!(both[1], first[0], "the old one stays");
    ring.retire(&first[0].0, &desk.clock).unwrap();
    assert_eq!(ring.secrets("fernet"), both[..1]);
    assert_eq!(
        desk.open().unwrap().secrets("fernet"),
        both[..1],
        "and so says the file"
    );
}
