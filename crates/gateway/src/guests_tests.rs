//! Tests of who is told that their rights are gone, and when.

use std::time::Duration;

use oauth::time::{ManualClock, SystemClock};

use super::*;

fn caller(token: &str, client: &str, end: i64) -> Caller {
    let claims = serde_json::json!({
        "iss": "https://as.example", "sub": "alice", "aud": "r", "exp": end,
        "client_id": client, "jti": token, "grant_id": format!("grant of {token}"),
    });
    Caller::from(serde_json::from_value::<oauth::jwt::AccessTokenClaims>(claims).unwrap())
}

const FAR: i64 = 99_999_999_999;

impl Guests {
    fn at_the_door(&self, token: &str, client: &str) -> Newcomer {
        Newcomer {
            arrival: self.arrival(),
            caller: caller(token, client, FAR),
        }
    }
}

#[test]
fn g2_who_is_revoked_is_told_and_nobody_else() {
    let guests = Guests::new(Arc::new(SystemClock));
    let one = guests.welcome(guests.at_the_door("one", "c"));
    let again = guests.welcome(guests.at_the_door("one", "c"));
    let two = guests.welcome(guests.at_the_door("two", "c"));
    guests.revoke(Revoked::Grant("grant of one"));
    assert!(one.revoked.is_cancelled() && again.revoked.is_cancelled());
    assert!(!two.revoked.is_cancelled());
    guests.revoke(Revoked::Client("c"));
    assert!(two.revoked.is_cancelled());
}

#[test]
fn a6_g2_what_is_revoked_while_somebody_is_at_the_door_is_not_missed() {
    let guests = Guests::new(Arc::new(SystemClock));
    let one = guests.at_the_door("one", "c");
    let two = guests.at_the_door("two", "c");
    assert!(!guests.has_lost_leave(&one));
    guests.revoke(Revoked::Token("one"));
    assert!(guests.has_lost_leave(&one) && !guests.has_lost_leave(&two));
    assert!(guests.welcome(one).revoked.is_cancelled());
    assert!(!guests.welcome(two).revoked.is_cancelled());
    // Whoever verifies a token after that finds out by themselves.
    let later = guests.at_the_door("one", "c");
    assert!(!guests.has_lost_leave(&later));
    guests.revoke(Revoked::Everything);
    assert!(guests.has_lost_leave(&later));
}

#[test]
fn a6_g2_of_more_revocations_than_are_remembered_one_may_be_anybodys() {
    let guests = Guests::new(Arc::new(SystemClock));
    let early = guests.at_the_door("one", "c");
    for _ in 0..REMEMBERED {
        guests.revoke(Revoked::Token("another"));
    }
    assert!(!guests.has_lost_leave(&early));
    guests.revoke(Revoked::Token("another"));
    assert!(guests.has_lost_leave(&early));
    assert!(!guests.has_lost_leave(&guests.at_the_door("one", "c")));
}

#[test]
fn a8_a_token_that_ends_at_the_door_lets_nobody_in() {
    let clock = ManualClock::at(NumericDate(1_000));
    let guests = Guests::new(Arc::new(clock.clone()));
    let newcomer = |end| Newcomer {
        arrival: guests.arrival(),
        caller: caller("one", "c", end),
    };
    // Within the leeway of whoever has verified it.
    let forgiven = newcomer(1_000);
    let good = newcomer(1_010);
    clock.advance(Duration::from_secs(9));
    assert!(!guests.has_lost_leave(&good) && !guests.has_lost_leave(&forgiven));
    clock.advance(Duration::from_secs(1));
    assert!(guests.has_lost_leave(&good));
    assert!(!guests.has_lost_leave(&forgiven));
}

#[test]
fn g2_a_token_is_not_taken_for_another_one_of_its_name() {
    let guests = Guests::new(Arc::new(SystemClock));
    // Of another issuer, which may give its tokens any name.
    let stranger = Newcomer {
        arrival: guests.arrival(),
        caller: Caller::new("mallory").with_token_id("one"),
    };
    let stranger = guests.welcome(stranger);
    let one = guests.welcome(guests.at_the_door("one", "c"));
    guests.revoke(Revoked::Grant("grant of one"));
    assert!(one.revoked.is_cancelled() && !stranger.revoked.is_cancelled());
}

#[test]
fn g2_who_has_no_name_is_told_too() {
    let guests = Guests::new(Arc::new(SystemClock));
    let newcomer = |caller| Newcomer {
        arrival: guests.arrival(),
        caller,
    };
    let client = guests.welcome(newcomer(Caller::new("alice").with_client_id("c")));
    let bare = guests.welcome(newcomer(Caller::new("bob")));
    guests.revoke(Revoked::Client("c"));
    assert!(client.revoked.is_cancelled() && !bare.revoked.is_cancelled());
    guests.revoke(Revoked::Everything);
    assert!(bare.revoked.is_cancelled());
}

#[test]
fn g3_who_has_left_is_not_remembered_even_if_their_token_never_ends() {
    let guests = Guests::new(Arc::new(SystemClock));
    let without_end = |number: usize| {
        let caller = Caller::new("alice").with_token_id(number.to_string());
        Newcomer {
            arrival: guests.arrival(),
            caller,
        }
    };
    let stays = guests.welcome(without_end(0));
    for number in 1..10 * MANY {
        drop(guests.welcome(without_end(number)));
    }
    assert!(guests.book().known.len() <= MANY);
    guests.revoke(Revoked::Token("0"));
    assert!(stays.revoked.is_cancelled());
}
