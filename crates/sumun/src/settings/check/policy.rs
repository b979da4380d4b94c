//! Who may do what: the rules, as the gateway wants them.

use std::collections::BTreeMap;

use gateway::policy::{
    ArgumentSettings, ClientKind, Effect, FirstParty, PolicySettings, RuleSettings,
};
use oauth::issuer::Issuer;
use oauth::scope::Scope;
use serde_json::{Number, Value};

use super::Check;
use super::address::collect;
use crate::settings::Upstream;
use crate::settings::file::SettingsFile;
use crate::settings::place::Place;
use crate::settings::problem::nearest;
use crate::settings::upstream::{ArgumentSection, PolicyRuleSection};

impl Check<'_> {
    pub(super) fn policy(
        &mut self,
        file: &SettingsFile,
        issuer: &Issuer,
    ) -> Option<PolicySettings> {
        let section = &file.policy;
        let place = Place::of("policy");
        let default = match section.default.as_str() {
            "deny" => Ok(false),
            "permit" => Ok(true),
            other => Err(format!("`{other}` is no default: write deny or permit")),
        };
        let default = self.accept(&place.key("default"), default);
        let hierarchy = place.key("scope_hierarchy");
        for (broad, narrow) in &section.scope_hierarchy {
            let all = narrow.iter().chain([broad]);
            self.accept(&hierarchy.key(broad), Scope::from_tokens(all));
        }
        let list = place.key("rules");
        let rules = section.rules.iter().enumerate();
        let rules = collect(rules.map(|(n, rule)| self.rule(&list.index(n), rule)));
        let first_party = file.clients.iter().filter(|client| client.first_party);
        Some(PolicySettings {
            default_permit: default?,
            rules: rules?,
            scope_hierarchy: section.scope_hierarchy.clone(),
            first_party: FirstParty {
                issuer: Some(issuer.as_str().to_owned()),
                clients: first_party
                    .filter_map(|client| client.client_id.clone())
                    .collect(),
            },
        })
    }

    fn rule(&mut self, place: &Place, rule: &PolicyRuleSection) -> Option<RuleSettings> {
        let effect = match rule.effect.as_str() {
            "permit" => Ok(Effect::Permit),
            "deny" => Ok(Effect::Deny),
            "require" => Ok(Effect::Require),
            other => Err(format!(
                "`{other}` is no effect: write permit, deny or require"
            )),
        };
        let effect = self.accept(&place.key("effect"), effect);
        let kinds = rule.client_kinds.iter().enumerate();
        let list = place.key("client_kinds");
        let kinds = collect(kinds.map(|(n, word)| self.accept(&list.index(n), client_kind(word))));
        let mut arguments = BTreeMap::new();
        for (path, section) in &rule.arguments {
            let place = place.key("arguments").key(path);
            arguments.insert(path.clone(), self.argument(&place, section)?);
        }
        for (name, value) in &rule.claims {
            if value.is_object() {
                let place = place.key("claims").key(name);
                let message = format!(
                    "`{place}`: a claim inside of another is named by a JSON pointer, such as \
                     \"/{name}/…\" = \"…\""
                );
                self.refuse(&place, message);
            }
        }
        Some(RuleSettings {
            name: rule.name.clone(),
            effect: effect?,
            upstream: Some(rule.upstream.clone()),
            tools: rule.tools.clone(),
            prompts: rule.prompts.clone(),
            resources: rule.resources.clone(),
            methods: rule.methods.clone(),
            scopes: rule.scopes.clone(),
            any_scope: rule.any_scope.clone(),
            roles: rule.roles.clone(),
            clients: rule.clients.clone(),
            client_kinds: kinds?,
            claims: rule.claims.clone(),
            arguments,
            read_only: rule.read_only,
            when: rule.when.clone(),
        })
    }

    fn argument(&mut self, place: &Place, section: &ArgumentSection) -> Option<ArgumentSettings> {
        let mut number = |key: &str, value: &Option<Value>| -> Option<Option<Number>> {
            match value {
                None => Some(None),
                Some(Value::Number(number)) => Some(Some(number.clone())),
                Some(_) => {
                    let place = place.key(key);
                    self.refuse(&place, format!("`{place}` must be a number"));
                    None
                }
            }
        };
        let (min, max) = (number("min", &section.min), number("max", &section.max));
        Some(ArgumentSettings {
            equals: section.equals.clone(),
            one_of: section.one_of.clone(),
            claim: section.claim.clone(),
            matches: section.matches.clone(),
            min: min?,
            max: max?,
            max_length: section
                .max_length
                .map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
            optional: section.optional,
        })
    }

    /// A rule about nothing is a slip of the pen, and one that denies would let through what it means.
    pub(super) fn rules_have_upstreams(&mut self, file: &SettingsFile, upstreams: &[Upstream]) {
        let names = || upstreams.iter().map(|upstream| &*upstream.settings.name);
        for (n, rule) in file.policy.rules.iter().enumerate() {
            if names().any(|name| gateway::policy::matches(&rule.upstream, name)) {
                continue;
            }
            let known: Vec<_> = names().collect();
            let hint = match nearest(&rule.upstream, known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("there are {}", known.join(", ")),
            };
            let place = Place::of("policy").key("rules").index(n).key("upstream");
            self.refuse(
                &place,
                format!("no upstream is called `{}`: {hint}", rule.upstream),
            );
        }
    }
}

fn client_kind(word: &str) -> Result<ClientKind, String> {
    let kinds = [
        ClientKind::FirstParty,
        ClientKind::ThirdParty,
        ClientKind::Machine,
    ];
    let kind = kinds.into_iter().find(|kind| kind.as_str() == word);
    kind.ok_or_else(|| {
        format!("`{word}` is no kind of client: write first_party, third_party or machine")
    })
}
