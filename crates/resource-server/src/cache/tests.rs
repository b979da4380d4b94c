//! What the table of verdicts keeps, and for how long.

use proptest::prelude::*;

use super::*;

const NOW: NumericDate = NumericDate(1_000_000);

fn answer(subject: &str) -> Answer {
    Answer {
        caller: Caller::new(subject),
        verified_at: NOW,
        kept_for: Duration::from_secs(65),
    }
}

fn put(table: &Table, token: &str) {
    assert!(table.insert(token, answer(token), table.generation()));
}

fn found(table: &Table, token: &str) -> Option<String> {
    table.find(token.as_bytes(), |answer| {
        Some(answer.caller.subject().to_owned())
    })
}

#[test]
fn it_never_holds_more_than_it_may() {
    for capacity in [0, 1, 2, 10, 63, 64, 200, 1_000, 10_000] {
        let table = Table::new(capacity);
        let capacity = usize::try_from(capacity).unwrap();
        for n in 0..3 * capacity + 3 {
            put(&table, &n.to_string());
            assert!(table.len() <= capacity, "{n} of {capacity}");
        }
        assert!(
            table.len() >= capacity * 9 / 10,
            "and is full: {} of {capacity}",
            table.len()
        );
    }
}

#[test]
fn what_is_used_stays_while_others_come_and_go() {
    let table = Table::new(100);
    put(&table, "used");
    for n in 0..10_000 {
        put(&table, &n.to_string());
        assert!(found(&table, "used").is_some(), "after {n} others");
    }
}

#[test]
fn a_verdict_is_found_by_the_whole_token_alone() {
    let table = Table::new(1_000);
    let token = "t".repeat(700);
    put(&table, &token);
    assert_eq!(found(&table, &token).as_ref(), Some(&token));
    for at in 0..token.len() {
        let mut other = token.clone().into_bytes();
        other[at] = b'u';
        assert!(found(&table, str::from_utf8(&other).unwrap()).is_none());
    }
    assert!(found(&table, &token[1..]).is_none());
    assert!(found(&table, "").is_none());
    table.remove(token.as_bytes());
    assert!(found(&table, &token).is_none());
}

#[test]
fn a_new_verdict_takes_the_place_of_the_old_one() {
    let table = Table::new(10);
    put(&table, "token");
    assert!(table.insert("token", answer("somebody else"), table.generation()));
    assert_eq!(found(&table, "token").as_deref(), Some("somebody else"));
    assert_eq!(table.len(), 1);
}

#[test]
fn what_is_of_no_more_use_is_dropped() {
    let table = Table::new(1_000);
    for n in 0..100 {
        put(&table, &n.to_string());
    }
    let short = Answer {
        caller: Caller::new("short").with_expiry(NOW.plus(Duration::from_secs(10))),
        ..answer("short")
    };
    assert!(table.insert("short", short, table.generation()));
    table.tidy(NOW.plus(Duration::from_secs(9)));
    assert_eq!(table.len(), 101);
    table.tidy(NOW.plus(Duration::from_secs(10)));
    assert_eq!(table.len(), 100, "the token has ended");
    table.tidy(NOW.plus(Duration::from_secs(64)));
    assert_eq!(table.len(), 100);
    table.tidy(NOW.plus(Duration::from_secs(65)));
    assert_eq!(table.len(), 0);
}

#[test]
fn an_answer_from_the_future_is_of_no_use() {
    let age = Duration::from_secs(5);
    assert!(answer("alice").is_usable(age, NOW));
    assert!(!answer("alice").is_usable(age, NOW.minus(Duration::from_secs(1))));
    assert!(!answer("alice").is_usable(age, NOW.plus(age)));
}

#[test]
fn a6_what_was_verified_before_a_revocation_is_not_remembered_after_it() {
    let table = Table::new(100);
    let before = table.generation();
    table.forget(|_| false);
    assert!(!table.insert("token", answer("alice"), before));
    assert!(found(&table, "token").is_none());
    put(&table, "token");
    put(&table, "another");
    table.forget(|answer| answer.caller.subject() == "token");
    assert!(found(&table, "token").is_none());
    assert!(found(&table, "another").is_some());
}

proptest! {
    /// Nothing is evicted here, so the table has to be a map.
    #[test]
    fn with_room_it_is_a_map(steps in proptest::collection::vec(("[a-d]{0,3}", 0..3_u8), 0..60)) {
        let table = Table::new(10_000);
        let mut map = std::collections::HashMap::new();
        for (n, (token, step)) in steps.into_iter().enumerate() {
            match step {
                0 => {
                    table.remove(token.as_bytes());
                    map.remove(&token);
                }
                1 => {
                    prop_assert!(table.insert(&token, answer(&n.to_string()), table.generation()));
                    map.insert(token, n.to_string());
                }
                _ => prop_assert_eq!(found(&table, &token), map.get(&token).cloned()),
            }
            prop_assert_eq!(table.len(), map.len());
        }
    }
}
