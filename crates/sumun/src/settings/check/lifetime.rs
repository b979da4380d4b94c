//! How long things live, and how long they must not.

use std::time::Duration;

use authorization_server::settings::{DeviceAuthorization, Lifetimes, Registration};

use super::Check;
use crate::settings::duration;
use crate::settings::file::SettingsFile;
use crate::settings::place::Place;

/// A longer one is not short-lived any more: a stolen token would be good for days.
const LONGEST_ACCESS_TOKEN: Duration = Duration::from_hours(24);

/// RFC 6749 §4.1.2 recommends ten minutes at most.
const LONGEST_CODE: Duration = Duration::from_mins(10);

/// The grace window forgives a lost answer; within a longer one a theft would not be noticed.
const LONGEST_GRACE: Duration = Duration::from_mins(5);

/// RFC 8628 §5.1: a short code must not be good for long.
const LONGEST_USER_CODE: Duration = Duration::from_mins(30);

impl Check<'_> {
    pub(super) fn lifetimes(&mut self, file: &SettingsFile) -> Option<Lifetimes> {
        let section = &file.tokens;
        let access_token = self.lifetime("access_token", &section.access_token);
        let authorization_code = self.lifetime("authorization_code", &section.authorization_code);
        let request = self.lifetime("authorization_request", &section.authorization_request);
        let refresh_token = self.lifetime("refresh_token", &section.refresh_token);
        let refresh_grace = self.duration(&place("refresh_grace"), &section.refresh_grace);
        let browser_session = self.lifetime("browser_session", &section.browser_session);
        let signing_key = self.lifetime("signing_key", &section.signing_key);

        self.at_most(
            "access_token",
            access_token,
            LONGEST_ACCESS_TOKEN,
            "24h: refresh tokens \
            renew it without anybody noticing",
        );
        self.at_most(
            "authorization_code",
            authorization_code,
            LONGEST_CODE,
            "10m (RFC 6749 \
            §4.1.2): clients redeem it at once",
        );
        self.at_most(
            "refresh_grace",
            refresh_grace,
            LONGEST_GRACE,
            "5m: within it a stolen \
            refresh token goes unnoticed",
        );
        if refresh_token < access_token && refresh_token.is_some() {
            let message = "`tokens.refresh_token` is shorter than `tokens.access_token`, so nothing \
                           could ever be refreshed: make it longer";
            self.refuse(&place("refresh_token"), message);
        }
        Some(Lifetimes {
            authorization_request: request?,
            authorization_code: authorization_code?,
            access_token: access_token?,
            refresh_token: refresh_token?,
            refresh_grace: refresh_grace?,
            browser_session: browser_session?,
            signing_key: signing_key?,
        })
    }

    pub(super) fn registration(&mut self, file: &SettingsFile) -> Option<Registration> {
        let section = &file.registration;
        let place = Place::of("registration");
        let unused =
            self.at_least_a_second(&place.key("unused_lifetime"), &section.unused_lifetime);
        if section.per_address_and_hour == 0 {
            let message = "`registration.per_address_and_hour` is 0, so nobody could register: \
                           write enabled = false instead";
            self.refuse(&place.key("per_address_and_hour"), message);
        }
        Some(Registration {
            per_address_and_hour: section.per_address_and_hour,
            unused_lifetime: unused?,
            management: section.management,
        })
    }

    pub(super) fn device_authorization(
        &mut self,
        file: &SettingsFile,
    ) -> Option<DeviceAuthorization> {
        let place = Place::of("device_authorization").key("lifetime");
        let lifetime = self.at_least_a_second(&place, &file.device_authorization.lifetime)?;
        if lifetime > LONGEST_USER_CODE {
            let message = format!(
                "`{place}` is too long: write at most 30m, so that few codes can be guessed"
            );
            self.refuse(&place, message);
        }
        Some(DeviceAuthorization { lifetime })
    }

    fn lifetime(&mut self, key: &str, text: &str) -> Option<Duration> {
        self.at_least_a_second(&place(key), text)
    }

    pub(super) fn at_least_a_second(&mut self, place: &Place, text: &str) -> Option<Duration> {
        let duration = self.duration(place, text)?;
        if duration.is_zero() {
            self.refuse(
                place,
                format!("`{place}` is 0, so nothing would live: make it longer"),
            );
            return None;
        }
        Some(duration)
    }

    pub(super) fn duration(&mut self, place: &Place, text: &str) -> Option<Duration> {
        let duration = duration::parse(text).ok_or_else(|| {
            format!("`{text}` is not a duration: write it as 45s, 30m, 12h, 30d or 1h30m")
        });
        self.accept(place, duration)
    }

    fn at_most(&mut self, key: &str, value: Option<Duration>, longest: Duration, why: &str) {
        if value.is_some_and(|value| value > longest) {
            let place = place(key);
            self.refuse(
                &place,
                format!("`{place}` is too long: write at most {why}"),
            );
        }
    }
}

fn place(key: &str) -> Place {
    Place::of("tokens").key(key)
}
