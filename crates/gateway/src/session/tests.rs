//! Tests of sessions that live in their ids.

use std::time::Duration;

use oauth::random::OsRandom;
use oauth::time::NumericDate;
use proptest::prelude::*;
use resource_server::Caller;

use super::*;

const NOW: NumericDate = NumericDate(1_000_000);
const DAY: Duration = Duration::from_hours(24);

fn alice() -> Caller {
    Caller::new("alice").with_issuer("https://as.example")
}

fn client(capabilities: &str, info: Option<&str>) -> Client {
    let parse = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    Client {
        revision: Revision::V2025_06_18,
        capabilities: parse(capabilities),
        info: info.map(parse),
    }
}

fn keys() -> SessionKeys {
    SessionKeys::new(&[1; 32], &[])
}

fn session() -> Session {
    let client = client(r#"{"sampling":{"x":1.50}}"#, Some(r#"{"name":"n"}"#));
    Session::new(client, NOW, &OsRandom)
}

fn open(id: &str, keys: &SessionKeys, caller: &Caller) -> Result<Session, NoSuchSession> {
    Session::open(id, keys, "todo", caller, (NOW, DAY))
}

#[test]
fn g1_a_session_is_found_again_by_whoever_has_the_keys() {
    let session = Session {
        upstream: Some("inner".into()),
        ..session()
    };
    let id = session.seal(&keys(), "todo", &alice()).unwrap();
    assert!(id.bytes().all(|byte| byte.is_ascii_graphic()));
    // Another process, that knows nothing but the keys.
    let again = open(&id, &keys(), &alice()).unwrap();
    assert_eq!(again.key, session.key);
    assert_eq!(again.upstream.as_deref(), Some("inner"));
    assert_eq!(again.client.revision, Revision::V2025_06_18);
    assert_eq!(
        again.client.capabilities.get(),
        r#"{"sampling":{"x":1.50}}"#
    );
    assert_eq!(again.client.info.as_ref().unwrap().get(), r#"{"name":"n"}"#);
}

#[test]
fn g2_a_session_is_nobody_elses() {
    let id = session().seal(&keys(), "todo", &alice()).unwrap();
    let others = [
        Caller::new("bob").with_issuer("https://as.example"),
        Caller::new("alice").with_issuer("https://other.example"),
        Caller::new("alice"),
    ];
    for other in others {
        assert!(open(&id, &keys(), &other).is_err(), "{other:?}");
    }
    let elsewhere = Session::open(&id, &keys(), "notes", &alice(), (NOW, DAY));
    assert!(elsewhere.is_err());
}

#[test]
fn an_old_session_is_over() {
    let id = session().seal(&keys(), "todo", &alice()).unwrap();
    let at = |now| Session::open(&id, &keys(), "todo", &alice(), (now, DAY));
    assert!(at(NOW.plus(DAY)).is_ok());
    assert!(at(NOW.plus(DAY + Duration::from_secs(1))).is_err());
}

#[test]
fn sessions_survive_a_new_key() {
    let id = session().seal(&keys(), "todo", &alice()).unwrap();
    let rotated = SessionKeys::new(&[2; 32], &[[1; 32]]);
    assert!(open(&id, &rotated, &alice()).is_ok());
    let forgotten = SessionKeys::new(&[2; 32], &[]);
    assert!(open(&id, &forgotten, &alice()).is_err());
}

#[test]
fn a_client_with_large_icons_loses_them_and_one_with_endless_capabilities_is_refused() {
    let icons = format!(
        r#"{{"name":"n","version":"1","icons":["{}"]}}"#,
        "x".repeat(9000)
    );
    let decorated = Session::new(client("{}", Some(&icons)), NOW, &OsRandom);
    let id = decorated.seal(&keys(), "todo", &alice()).unwrap();
    let again = open(&id, &keys(), &alice()).unwrap();
    let info = again.client.info.clone().unwrap();
    assert_eq!(info.get(), r#"{"name":"n","version":"1"}"#);

    let endless = format!(r#"{{"experimental":"{}"}}"#, "x".repeat(9000));
    let endless = Session::new(client(&endless, None), NOW, &OsRandom);
    let refused = endless.seal(&keys(), "todo", &alice()).unwrap_err();
    assert!(refused.to_string().contains("capabilities"), "{refused}");
}

#[test]
fn the_parts_of_a_purpose_do_not_run_into_each_other() {
    let sealed = keys().seal(b"x", &["ab", "c"]);
    assert!(keys().open(&sealed, &["ab", "c"]).is_some());
    assert!(keys().open(&sealed, &["a", "bc"]).is_none());
    assert!(keys().open(&sealed, &["abc"]).is_none());
}

proptest! {
    #[test]
    fn a_changed_id_is_no_id(at in any::<prop::sample::Index>(), flip in 1u8..=255) {
        let id = session().seal(&keys(), "todo", &alice()).unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(&id).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(open(&URL_SAFE_NO_PAD.encode(&bytes), &keys(), &alice()).is_err());
        prop_assert!(open(&URL_SAFE_NO_PAD.encode(&bytes[..at]), &keys(), &alice()).is_err());
    }

    #[test]
    fn garbage_is_no_id(garbage in ".{0,100}") {
        prop_assert!(open(&garbage, &keys(), &alice()).is_err());
    }
}
