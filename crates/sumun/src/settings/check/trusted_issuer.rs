//! Issuers whose assertions are believed, and who vouches for a client.

use std::collections::HashSet;
use std::time::Duration;

use authorization_server::settings::{TrustedForPeople, TrustedIssuer, Workload};
use oauth::jws::Algorithm;

use super::Check;
use super::address::collect;
use super::server::Endpoint;
use crate::settings::file::{ClientSection, SettingsFile, TrustedIssuerSection};
use crate::settings::place::Place;

/// Whoever finds an assertion that lives longer has found a password.
const LONGEST_ASSERTION: Duration = Duration::from_hours(24);

impl Check<'_> {
    pub(super) fn trusted_issuers(
        &mut self,
        file: &SettingsFile,
        endpoints: Option<&[Endpoint]>,
    ) -> Option<Vec<TrustedIssuer>> {
        let list = Place::of("trusted_issuers");
        let mut known = HashSet::new();
        for (n, section) in file.trusted_issuers.iter().enumerate() {
            let issuer = section.issuer.as_deref();
            if issuer.is_some_and(|issuer| !known.insert(issuer)) {
                let place = list.index(n).key("issuer");
                self.refuse(&place, "this issuer is there twice: remove one");
            }
        }
        let sections = file.trusted_issuers.iter().enumerate();
        let checked = sections.map(|(n, section)| {
            let place = list.index(n);
            self.trusted_issuer(file, &place, section, endpoints)
        });
        collect(checked)
    }

    fn trusted_issuer(
        &mut self,
        file: &SettingsFile,
        place: &Place,
        section: &TrustedIssuerSection,
        endpoints: Option<&[Endpoint]>,
    ) -> Option<TrustedIssuer> {
        let issuer = section.issuer.clone().filter(|issuer| !issuer.is_empty());
        if issuer.is_none() {
            let message = "this issuer has no name: add `issuer`, as its tokens say it in `iss`";
            self.refuse(&place.key("issuer"), message);
        }
        let algorithms = self.algorithms(&place.key("algorithms"), &section.algorithms);
        let lifetime = place.key("max_lifetime");
        let max_lifetime = self.duration(&lifetime, &section.max_lifetime);
        if max_lifetime.is_some_and(|longest| longest > LONGEST_ASSERTION || longest.is_zero()) {
            let message = "`max_lifetime` must be more than 0s and at most 24h: whoever finds an \
                           assertion can use it for so long";
            self.refuse(&lifetime, message);
        }
        let people = if section.id_jag {
            Some(self.trusted_for_people(file, place, section, endpoints)?)
        } else {
            self.nothing_about_people(place, section);
            None
        };
        Some(TrustedIssuer {
            issuer: issuer?,
            jwks_uri: section.jwks_uri.clone(),
            algorithms: algorithms?,
            max_lifetime: max_lifetime?,
            single_use: section.single_use,
            people,
        })
    }

    fn trusted_for_people(
        &mut self,
        file: &SettingsFile,
        place: &Place,
        section: &TrustedIssuerSection,
        endpoints: Option<&[Endpoint]>,
    ) -> Option<TrustedForPeople> {
        let identity_provider = section.identity_provider.clone();
        if identity_provider.is_none() {
            let message = "`id_jag` needs `identity_provider`: write under which id the people of \
                           this issuer are known here";
            self.refuse(&place.key("id_jag"), message);
        }
        let scope = match &section.scope {
            Some(tokens) => self.scope_of(file, &place.key("scope"), tokens).map(Some),
            None => Some(None),
        };
        let resources = self.own_servers(&place.key("servers"), &section.servers, endpoints);
        Some(TrustedForPeople {
            identity_provider: identity_provider?,
            sign_up: section.sign_up,
            clients: section.clients.clone(),
            resources: resources?,
            scope: scope?,
            tenant: section.tenant.clone(),
        })
    }

    /// Who writes these keys believes that the issuer speaks for people, which would not be so.
    fn nothing_about_people(&mut self, place: &Place, section: &TrustedIssuerSection) {
        let keys = [
            ("clients", !section.clients.is_empty()),
            ("servers", !section.servers.is_empty()),
            ("scope", section.scope.is_some()),
            ("tenant", section.tenant.is_some()),
            ("identity_provider", section.identity_provider.is_some()),
            ("sign_up", section.sign_up),
        ];
        for (key, _) in keys.into_iter().filter(|(_, is_set)| *is_set) {
            let message = format!(
                "`{key}` is for issuers that speak for people: add `id_jag = true`, or remove `{key}`"
            );
            self.refuse(&place.key(key), message);
        }
    }

    fn algorithms(&mut self, list: &Place, names: &[String]) -> Option<Vec<Algorithm>> {
        let parse = |(n, name): (usize, &String)| {
            let known = Algorithm::ALL.into_iter();
            let found = known.clone().find(|known| format!("{known:?}") == *name);
            let reason = || {
                let known: Vec<_> = known.map(|known| format!("{known:?}")).collect();
                let known = known.join(", ");
                format!("`{name}` is no algorithm with a public key: write {known}")
            };
            self.accept(&list.index(n), found.ok_or_else(reason))
        };
        collect(names.iter().enumerate().map(parse))
    }

    /// Who a client is on its platform, if that vouches for it; an error when it was refused.
    pub(super) fn workload(
        &mut self,
        place: &Place,
        client: &ClientSection,
    ) -> Result<Option<Workload>, ()> {
        match (&client.assertion_issuer, &client.assertion_subject) {
            (None, None) => Ok(None),
            (Some(issuer), Some(subject)) => Ok(Some(Workload {
                issuer: issuer.clone(),
                subject: subject.clone(),
            })),
            _ => {
                let message = "`assertion_issuer` and `assertion_subject` say together who vouches \
                               for this client: add the other one";
                self.refuse(place, message);
                Err(())
            }
        }
    }
}
