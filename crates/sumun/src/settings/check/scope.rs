//! Roles, and scopes in words.

use std::collections::BTreeMap;

use authorization_server::manage::MANAGEMENT_SCOPES;
use authorization_server::text::Words;
use oauth::scope::Scope;

use super::Check;
use crate::settings::file::SettingsFile;
use crate::settings::place::Place;
use crate::settings::problem::nearest;

/// Scopes that need no words of the operator (`OpenID` Connect Core §5.4).
const IDENTITY_SCOPES: [&str; 3] = ["openid", "profile", "email"];

impl Check<'_> {
    pub(super) fn scopes(&mut self, file: &SettingsFile) -> BTreeMap<String, Words> {
        let mut scopes = BTreeMap::new();
        for (name, section) in &file.scopes {
            let place = Place::of("scopes").key(name);
            self.scope_token(&place, name);
            let [en, ko] = [("en", &section.en), ("ko", &section.ko)].map(|(key, words)| {
                if words.is_none() {
                    let message = format!(
                        "the scope `{name}` is not described in `{key}`: people are asked for \
                         consent in English and Korean, so add both"
                    );
                    self.refuse(&place, message);
                }
                words.clone()
            });
            if let (Some(en), Some(ko)) = (en, ko) {
                scopes.insert(name.clone(), Words { en, ko });
            }
        }
        scopes
    }

    pub(super) fn roles(&mut self, file: &SettingsFile) -> Option<BTreeMap<String, Scope>> {
        let mut roles = BTreeMap::new();
        for (role, tokens) in &file.roles {
            let place = Place::of("roles").key(role);
            roles.insert(role.clone(), self.scope_of(file, &place, tokens)?);
        }
        // A house without roles has people, too; their role permits nothing but being themselves.
        if roles.is_empty() {
            roles.insert(file.default_role.clone(), Scope::empty());
        }
        if !roles.contains_key(&file.default_role) {
            let known: Vec<_> = roles.keys().map(String::as_str).collect();
            let message = format!(
                "`default_role` = `{}` is not one of the roles: write one of {}",
                file.default_role,
                known.join(", ")
            );
            self.refuse(&Place::of("default_role"), message);
        }
        Some(roles)
    }

    /// A list of scopes, each of them described.
    pub(super) fn scope_of(
        &mut self,
        file: &SettingsFile,
        place: &Place,
        tokens: &[String],
    ) -> Option<Scope> {
        for (n, token) in tokens.iter().enumerate() {
            let is_of_management = MANAGEMENT_SCOPES.contains(&token.as_str());
            if is_of_management && !file.management.enabled {
                let message = format!(
                    "`{token}` is for the management API: switch that on with `enabled = true` in \
                     [management], or remove the scope"
                );
                self.refuse(&place.index(n), message);
            }
            let is_known = file.scopes.contains_key(token)
                || IDENTITY_SCOPES.contains(&token.as_str())
                || is_of_management;
            if !is_known && self.scope_token(&place.index(n), token) {
                let known = file
                    .scopes
                    .keys()
                    .map(String::as_str)
                    .chain(IDENTITY_SCOPES)
                    .chain(MANAGEMENT_SCOPES);
                let message = match nearest(token, known) {
                    Some(name) => format!("the scope `{token}` is unknown: did you mean `{name}`?"),
                    None => format!(
                        "the scope `{token}` has no words: add [scopes.\"{token}\"] with en and ko"
                    ),
                };
                self.refuse(&place.index(n), message);
            }
        }
        Scope::from_tokens(tokens).ok()
    }

    /// What our own tokens can be asked for must be explained to people.
    pub(super) fn scopes_have_words(
        &mut self,
        file: &SettingsFile,
        place: &Place,
        whose: &str,
        scopes: &Scope,
    ) {
        for token in scopes.iter() {
            if file.scopes.contains_key(token) || IDENTITY_SCOPES.contains(&token) {
                continue;
            }
            let message = format!(
                "{whose} the scope `{token}`, which is not described: add [scopes.\"{token}\"] with en and ko"
            );
            // Once described, it is for everything that has it.
            if self.contradictions.iter().all(|(_, told)| *told != message) {
                self.refuse(place, message);
            }
        }
    }

    fn scope_token(&mut self, place: &Place, token: &str) -> bool {
        self.accept(place, Scope::from_tokens([token])).is_some()
    }
}
