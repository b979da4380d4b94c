//! What is recorded: where, how safely, for how long, and who is told.

use std::path::Path;
use std::time::Duration;

use audit::rule::Thresholds;
use audit::{Durability, OnFailure};
use url::Url;

use super::Check;
use crate::settings::audit::{Audit, Webhook};
use crate::settings::duration;
use crate::settings::file::SettingsFile;
use crate::settings::place::Place;

/// A day has a segment of its own at least, so less cannot be kept.
const SHORTEST: Duration = Duration::from_hours(24);

/// Every segment is a file, and a smaller one is not worth it.
const SMALLEST: u64 = 64 * 1024;

#[expect(
    clippy::option_option,
    reason = "the outer one says whether it is right, the inner one whether it is wanted"
)]
impl Check<'_> {
    /// `None` if something is wrong, `Some(None)` if nothing is recorded.
    pub(super) fn audit(
        &mut self,
        file: &SettingsFile,
        data: Option<&Path>,
    ) -> Option<Option<Audit>> {
        let section = &file.audit;
        let place = Place::of("audit");
        let durability = match section.mode.as_str() {
            "write" => Ok(Durability::Write),
            "group" => Ok(Durability::Group),
            "fdatasync" => Ok(Durability::Fdatasync),
            other => Err(format!(
                "`{other}` is no mode: write group, fdatasync or write"
            )),
        };
        let durability = self.accept(&place.key("mode"), durability);
        let on_failure = match section.on_failure.as_str() {
            "refuse" => Ok(OnFailure::Refuse),
            "alarm" => Ok(OnFailure::Alarm),
            other => Err(format!(
                "`{other}` is no answer to a failure: write refuse or alarm"
            )),
        };
        let on_failure = self.accept(&place.key("on_failure"), on_failure);
        let segment = self.size(&place.key("segment"), &section.segment);
        if segment.is_some_and(|bytes| bytes < SMALLEST) {
            self.refuse(
                &place.key("segment"),
                "`audit.segment` is too small: write at least 64KiB",
            );
        }
        let retention = self.retention(&place.key("retention"), &section.retention);
        let thresholds = self.thresholds(file);
        let webhook = self.webhook(file);

        let mut log = audit::Settings::in_directory(data?);
        let at = |path: &Option<String>| path.as_ref().map(|path| self.source.directory.join(path));
        log.directory = at(&section.directory).unwrap_or(log.directory);
        log.key = at(&section.key).unwrap_or(log.key);
        log.heads = at(&section.heads);
        log.durability = durability?;
        log.on_failure = on_failure?;
        log.segment_bytes = segment?;
        log.retention = retention?;
        let audit = Audit {
            log,
            thresholds: thresholds?,
            webhook: webhook?,
        };
        Some(section.enabled.then_some(audit))
    }

    fn retention(&mut self, place: &Place, text: &str) -> Option<Option<Duration>> {
        if text == "forever" {
            return Some(None);
        }
        let kept = duration::parse(text).ok_or_else(|| {
            format!("`{text}` is not a duration: write it as 366d or 732d, or forever")
        });
        let kept = self.accept(place, kept)?;
        if kept < SHORTEST {
            self.refuse(place, format!("`{place}` is too short: write at least 1d"));
            return None;
        }
        Some(Some(kept))
    }

    fn thresholds(&mut self, file: &SettingsFile) -> Option<Thresholds> {
        let section = &file.alerts;
        let place = Place::of("alerts");
        let mut window = |key: &str, text: &str| {
            let place = place.key(key);
            let window = self.duration(&place, text)?;
            if window.is_zero() {
                self.refuse(
                    &place,
                    format!("`{place}` is 0, so nothing would ever be in it: make it longer"),
                );
                return None;
            }
            Some(window)
        };
        let mass_read = window("mass_read_window", &section.mass_read_window);
        let many_subjects = window("many_subjects_window", &section.many_subjects_window);
        let guessed_sign_in = window("guessed_sign_in_window", &section.guessed_sign_in_window);
        let token_replay = window("token_replay_window", &section.token_replay_window);
        let scope_escalation = window("scope_escalation_window", &section.scope_escalation_window);
        let rephrasing = window("rephrasing_window", &section.rephrasing_window);
        if section.quiet_percent > 100 {
            let message = "`alerts.quiet_percent` is more than 100: write the share below which an hour is too quiet";
            self.refuse(&place.key("quiet_percent"), message);
        }
        Some(Thresholds {
            mass_read: section.mass_read,
            mass_read_window: mass_read?,
            many_subjects: section.many_subjects,
            many_subjects_window: many_subjects?,
            enumeration: section.enumeration,
            guessed_sign_in: section.guessed_sign_in,
            guessed_sign_in_window: guessed_sign_in?,
            token_replay: section.token_replay,
            token_replay_window: token_replay?,
            scope_escalation: section.scope_escalation,
            scope_escalation_window: scope_escalation?,
            rephrasing: section.rephrasing,
            rephrasing_window: rephrasing?,
            quiet_percent: section.quiet_percent,
        })
    }

    fn webhook(&mut self, file: &SettingsFile) -> Option<Option<Webhook>> {
        let section = &file.alerts;
        let place = Place::of("alerts");
        let (secret_place, file_place) = (place.key("secret"), place.key("secret_file"));
        let secret_file = section.secret_file.as_deref();
        let secret = self.secret(
            &secret_place,
            section.secret.as_ref(),
            secret_file,
            &file_place,
        );
        let Some(url) = &section.webhook else {
            return Some(None);
        };
        let is_address = Url::parse(url).is_ok_and(|url| {
            matches!(url.scheme(), "https" | "http")
                && url.username().is_empty()
                && url.password().is_none()
        });
        if !is_address {
            let message =
                format!("`{url}` is no address of a webhook: write https://… without credentials");
            self.refuse(&place.key("webhook"), message);
            return None;
        }
        if section.secret.is_none() && section.secret_file.is_none() {
            let message = "`alerts.secret` is missing: messages to the webhook are signed, so that nobody else can send them";
            self.refuse(&place.key("webhook"), message);
        }
        Some(Some(Webhook {
            url: url.clone(),
            secret: secret?,
        }))
    }
}
