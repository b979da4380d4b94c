//! The gateway: its upstreams as resources, beside each other and the servers.

use std::sync::Arc;

use gateway::policy::Policy;
use oauth::issuer::Issuer;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;

use super::Check;
use super::address::collect;
use super::server::{bound_tokens, check_path};
use super::trust::TrustKeys;
use crate::settings::file::SettingsFile;
use crate::settings::place::Place;
use crate::settings::{Gateway, Guarded, Server, Trust, Upstream};

impl Check<'_> {
    /// The gateway; `Some(None)` if there is nothing behind it.
    #[expect(
        clippy::option_option,
        reason = "the outer one means that something is wrong"
    )]
    pub(super) fn gateway(
        &mut self,
        file: &SettingsFile,
        issuer: &Issuer,
        servers: &[Server],
    ) -> Option<Option<Gateway>> {
        let settings = self.policy(file, issuer);
        if file.upstreams.is_empty() {
            if !file.policy.rules.is_empty() {
                let message = "there are rules, but nothing behind the gateway that they could be about: \
                               add [[upstreams]], or remove the rules";
                self.refuse(&Place::of("policy").key("rules"), message);
            }
            return Some(None);
        }
        let list = Place::of("upstreams");
        let upstreams = file.upstreams.iter().enumerate();
        let upstreams =
            upstreams.map(|(n, section)| self.upstream(issuer, &list.index(n), section));
        let upstreams = collect(upstreams);
        let common = self.common(file, issuer);
        let (settings, mut upstreams, mut common) = (settings?, upstreams?, common?);
        let policy = self.compiled(&settings)?;
        self.paths(servers, &upstreams, common.as_ref());

        for (n, upstream) in upstreams.iter_mut().enumerate() {
            let name = &upstream.settings.name;
            let of_pii = super::pii::scopes_of(&file.pii, name);
            upstream.endpoint.scopes = policy.scopes_of(name).union(&of_pii);
            if !policy.has_rules_for(name) && !settings.default_permit {
                let message = format!(
                    "no rule says who may use `{name}`: add [[policy.rules]] with upstream = \"{name}\" \
                     for everybody who can sign in, and with roles or scopes for fewer; or write \
                     default = \"permit\" in [policy]"
                );
                self.refuse(&list.index(n), message);
            }
            if matches!(upstream.endpoint.trusts, Trust::Own) {
                let scopes = &upstream.endpoint.scopes;
                self.scopes_have_words(
                    file,
                    &list.index(n),
                    "rules about this upstream need",
                    scopes,
                );
            }
            let common = common
                .as_mut()
                .filter(|common| upstream.is_federated && is_same(common, upstream));
            upstream.is_federated = common.is_some();
            if let Some(common) = common {
                common.scopes = common.scopes.union(&upstream.endpoint.scopes);
            }
        }
        self.rules_have_upstreams(file, &upstreams);
        // An endpoint without anything behind it would only be in the way.
        let common = common.filter(|_| upstreams.iter().any(|upstream| upstream.is_federated));
        Some(Some(Gateway {
            upstreams,
            common,
            policy_settings: settings,
            policy: Arc::new(policy),
        }))
    }

    #[expect(
        clippy::option_option,
        reason = "the outer one means that something is wrong"
    )]
    fn common(&mut self, file: &SettingsFile, issuer: &Issuer) -> Option<Option<Guarded>> {
        let section = &file.gateway;
        if !section.federated {
            return Some(None);
        }
        let place = Place::of("gateway");
        let path = self.accept(&place.key("path"), check_path(section.path.clone()))?;
        let guarded = self.guarded(
            issuer,
            &place,
            section,
            &section.dpop,
            path,
            section.title.clone(),
        );
        guarded.map(Some)
    }

    /// An endpoint whose scopes are found later.
    pub(super) fn guarded<'a>(
        &mut self,
        issuer: &Issuer,
        place: &Place,
        section: impl Into<TrustKeys<'a>>,
        dpop: &str,
        path: String,
        title: String,
    ) -> Option<Guarded> {
        let address = issuer.join(&path);
        let trusts = self.trust(place, section, &address);
        let dpop = self.accept(&place.key("dpop"), bound_tokens(dpop));
        let resource = self.accept(&place.key("path"), ResourceIndicator::parse(&address));
        Some(Guarded {
            path,
            resource: resource?,
            title,
            trusts: trusts?,
            dpop: dpop?,
            scopes: Scope::empty(),
        })
    }

    /// Nothing stands in the place of anything else.
    fn paths(&mut self, servers: &[Server], upstreams: &[Upstream], common: Option<&Guarded>) {
        let list = Place::of("upstreams");
        for (n, upstream) in upstreams.iter().enumerate() {
            let (name, path) = (&upstream.settings.name, &upstream.endpoint.path);
            let place = list.index(n).key("name");
            if upstreams[..n]
                .iter()
                .any(|other| other.settings.name == *name)
            {
                self.refuse(
                    &place,
                    format!("another upstream is called `{name}`: choose another name"),
                );
            } else if servers.iter().any(|server| server.path == *path) {
                let message = format!(
                    "a server of [[servers]] has the path `{path}` already: choose another name, or give \
                     that server another `path`"
                );
                self.refuse(&place, message);
            }
        }
        let Some(common) = common else { return };
        let of_upstreams = upstreams.iter().map(|upstream| &upstream.endpoint.path);
        let mut taken = of_upstreams.chain(servers.iter().map(|server| &server.path));
        if taken.any(|path| *path == common.path) {
            let message = format!(
                "something else has the path `{}`: choose another one",
                common.path
            );
            self.refuse(&Place::of("gateway").key("path"), message);
        }
    }
}

/// Whether tokens for the common endpoint say the same about people as those for the upstream.
fn is_same(common: &Guarded, upstream: &Upstream) -> bool {
    match (&common.trusts, &upstream.endpoint.trusts) {
        (Trust::Own, Trust::Own) => true,
        (Trust::Foreign(one), Trust::Foreign(other)) => one.issuer == other.issuer,
        _ => false,
    }
}

impl Check<'_> {
    fn compiled(&mut self, settings: &gateway::policy::PolicySettings) -> Option<Policy> {
        match Policy::new(settings) {
            Ok(policy) => Some(policy),
            Err(problems) => {
                let rules = Place::of("policy").key("rules");
                for problem in problems {
                    let place = rules.index(problem.rule).key(problem.key);
                    self.refuse(&place, format!("`{place}`: {}", problem.message));
                }
                None
            }
        }
    }
}
