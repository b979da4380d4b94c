//! When an access token ends, whatever its provider says or leaves out (RFC 6749 §5.1, RFC 7519 §4.1.4).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::secret::Secret;
use oauth::time::NumericDate;
use serde::Deserialize;

use crate::credential::Credential;

/// How long before its end a token is renewed, and how long one lives whose end nobody tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) buffer: Duration,
    pub(super) assumed: Duration,
}

/// What was made of a credential that has just been issued.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) credential: Credential,
    pub(super) renew_at: NumericDate,
    /// Whether the end is a guess.
    pub(super) is_assumed: bool,
}

impl Lifetimes {
    /// When a stored credential is due; `None` when its end is not known.
    pub(super) fn due_at(
        &self,
        credential: &Credential,
        renew_at: Option<NumericDate>,
    ) -> Option<NumericDate> {
        let by_end = || {
            let end = credential
                .expires_at
                .or_else(|| end_of_jwt(&credential.access_token));
            end.map(|end| end.minus(self.buffer))
        };
        renew_at.or_else(by_end)
    }

    /// Gives a credential that was issued now an end and a time to renew it.
    pub(super) fn schedule(&self, credential: Credential, now: NumericDate) -> Schedule {
        // An end in the past of a token that was issued now is a clock that goes wrong, or a way to
        // say nothing; believing it would mean to renew at every call.
        let is_plausible = |end: &NumericDate| now < *end;
        let told = credential.expires_at.filter(is_plausible);
        let told = told.or_else(|| end_of_jwt(&credential.access_token).filter(is_plausible));
        let end = told.unwrap_or_else(|| now.plus(self.assumed));
        // A token that lives no longer than the buffer would always be due.
        let buffer = self.buffer.min(end.since(now) / 2);
        Schedule {
            credential: Credential {
                expires_at: Some(end),
                ..credential
            },
            renew_at: end.minus(buffer),
            is_assumed: told.is_none(),
        }
    }
}

/// The `exp` of an access token that is a JWT. It belongs to its provider, so nobody verifies it here,
/// and it decides nothing but when to ask for the next one.
fn end_of_jwt(token: &Secret) -> Option<NumericDate> {
    #[derive(Deserialize)]
    struct End {
        exp: NumericDate,
    }
    let mut parts = token.expose().split('.');
    let (Some(_), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&payload).ok().map(|End { exp }| exp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: NumericDate = NumericDate(1_000_000);
    const LIFETIMES: Lifetimes = Lifetimes {
        buffer: Duration::from_mins(5),
        assumed: Duration::from_hours(1),
    };

    fn credential(access_token: &str, expires_in: Option<i64>) -> Credential {
        Credential {
            access_token: Secret::from(access_token),
            refresh_token: Some(Secret::from("r")),
            expires_at: expires_in.map(|seconds| NumericDate(NOW.0 + seconds)),
            refresh_expires_at: None,
            scope: None,
        }
    }

    fn jwt(expires_in: i64) -> String {
        let payload = format!(r#"{{"exp":{}.5}}"#, NOW.0 + expires_in);
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    /// `expected`: seconds until it is renewed, until it ends, and whether that is a guess.
    #[track_caller]
    fn check(access_token: &str, expires_in: Option<i64>, expected: (i64, i64, bool)) {
        let schedule = LIFETIMES.schedule(credential(access_token, expires_in), NOW);
        let end = schedule.credential.expires_at.unwrap();
        let found = (schedule.renew_at.0 - NOW.0, end.0 - NOW.0);
        assert_eq!((found.0, found.1, schedule.is_assumed), expected);
    }

    #[test]
    fn b3_an_end_is_told_read_from_a_jwt_or_assumed() {
        check("opaque", Some(3600), (3300, 3600, false));
        check("opaque", None, (3300, 3600, true));
        check(&jwt(7200), None, (6900, 7200, false));
        check(&jwt(7200), Some(600), (300, 600, false));
        check("not.a.jwt", None, (3300, 3600, true));
        check("a.b", None, (3300, 3600, true));
    }

    #[test]
    fn b3_a_short_life_is_not_all_buffer() {
        check("opaque", Some(60), (30, 60, false));
        check("opaque", Some(1), (1, 1, false));
    }

    #[test]
    fn b3_a_new_token_that_has_ended_is_a_clock_gone_wrong() {
        check("opaque", Some(0), (3300, 3600, true));
        check("opaque", Some(-7200), (3300, 3600, true));
        check(&jwt(-7200), None, (3300, 3600, true));
        check(&jwt(600), Some(-7200), (300, 600, false));
    }

    #[test]
    fn b3_a_stored_token_is_due_a_buffer_before_its_end() {
        let due = |token: &str, expires_in, renew_at: Option<i64>| {
            let renew_at = renew_at.map(|seconds| NumericDate(NOW.0 + seconds));
            let due = LIFETIMES.due_at(&credential(token, expires_in), renew_at);
            due.map(|due| due.0 - NOW.0)
        };
        assert_eq!(due("opaque", Some(60), None), Some(-240));
        assert_eq!(due("opaque", Some(60), Some(30)), Some(30));
        assert_eq!(due(&jwt(600), None, None), Some(300));
        assert_eq!(due("opaque", None, None), None);
    }
}
