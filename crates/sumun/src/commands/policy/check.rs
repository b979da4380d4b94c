//! `sumun policy check`: the rules of each upstream at a glance.

use std::collections::BTreeSet;
use std::io::{Write as _, stdout};

use anyhow::bail;
use gateway::policy::{PolicySettings, RuleSettings, matches};
use serde_json::json;

use super::CheckPolicy;
use super::held::without_role;
use crate::settings::{self, Environment, Settings};

pub(in crate::commands) fn check(
    options: &CheckPolicy,
    environment: &Environment,
) -> anyhow::Result<()> {
    let settings = settings::load(&options.config, environment)?;
    let Some(gateway) = &settings.gateway else {
        bail!("there is nothing behind the gateway: add [[upstreams]] to the settings");
    };
    let policy = &gateway.policy_settings;
    let doubts = doubts(policy, &settings);
    let default = if policy.default_permit {
        "permit"
    } else {
        "deny"
    };
    let mut out = stdout().lock();
    if options.json {
        let upstreams = gateway.upstreams.iter().map(|upstream| {
            let name = &*upstream.settings.name;
            let rules = rules_about(policy, name).map(|(label, rule)| {
                json!({"rule": label, "effect": rule.effect.as_str(), "about": about(rule), "if": conditions(rule)})
            });
            json!({"name": name, "rules": rules.collect::<Vec<_>>()})
        });
        let text = json!({
            "default": default,
            "upstreams": upstreams.collect::<Vec<_>>(),
            "doubts": doubts,
        });
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&text)?)?);
    }
    for upstream in &gateway.upstreams {
        let name = &upstream.settings.name;
        writeln!(out, "{name}")?;
        for (label, rule) in rules_about(policy, name) {
            let condition = match &*conditions(rule).join(", ") {
                "" => "everybody".to_owned(),
                conditions => conditions.to_owned(),
            };
            writeln!(
                out,
                "  {:8} {}: {condition}  ({label})",
                rule.effect.as_str(),
                about(rule)
            )?;
        }
        let rest = if policy.default_permit {
            "permit   what no permitting rule is about"
        } else {
            "deny     everything else"
        };
        writeln!(out, "  {rest}\n")?;
    }
    for doubt in &doubts {
        writeln!(out, "note: {doubt}")?;
    }
    Ok(())
}

/// The rules about an upstream, by their names.
fn rules_about<'p>(
    policy: &'p PolicySettings,
    upstream: &str,
) -> impl Iterator<Item = (String, &'p RuleSettings)> {
    let rules = policy.rules.iter().enumerate();
    rules.filter_map(move |(n, rule)| {
        let is_about = rule
            .upstream
            .as_deref()
            .is_none_or(|glob| matches(glob, upstream));
        let label = rule
            .name
            .clone()
            .unwrap_or_else(|| format!("policy.rules[{n}]"));
        is_about.then_some((label, rule))
    })
}

/// What a rule is about, in words.
fn about(rule: &RuleSettings) -> String {
    let lists = [
        ("tools", &rule.tools),
        ("prompts", &rule.prompts),
        ("resources", &rule.resources),
        ("methods", &rule.methods),
    ];
    let named = lists.iter().filter(|(_, globs)| !globs.is_empty());
    let named: Vec<_> = named
        .map(|(kind, globs)| format!("{kind} {}", globs.join(" ")))
        .collect();
    if named.is_empty() {
        "everything".to_owned()
    } else {
        named.join("; ")
    }
}

/// Whom and what a rule wants, in words.
fn conditions(rule: &RuleSettings) -> Vec<String> {
    let mut conditions = Vec::new();
    let mut list = |words: &str, values: &[String]| {
        if !values.is_empty() {
            conditions.push(format!("{words} {}", values.join(" ")));
        }
    };
    list("scopes", &rule.scopes);
    list("any scope of", &rule.any_scope);
    list("any role of", &rule.roles);
    list("clients", &rule.clients);
    let kinds: Vec<_> = rule
        .client_kinds
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect();
    list("clients of kind", &kinds);
    conditions.extend(
        rule.claims
            .iter()
            .map(|(name, value)| format!("claim {name} = {value}")),
    );
    conditions.extend(rule.arguments.keys().map(|path| format!("argument {path}")));
    conditions.extend(
        rule.read_only
            .map(|read_only| format!("read_only = {read_only}")),
    );
    conditions.extend(rule.when.iter().map(|when| format!("when {when}")));
    conditions
}

/// What may be meant, and may be a slip of the pen.
fn doubts(policy: &PolicySettings, settings: &Settings) -> BTreeSet<String> {
    let own = &settings.authorization_server;
    let mut doubts = without_role(settings);
    for rule in &policy.rules {
        for role in rule
            .roles
            .iter()
            .filter(|role| !own.roles.contains_key(*role))
        {
            doubts.insert(format!(
                "the role `{role}` is not in [roles]: it must come from `sumun role add`, or from another \
                 authorization server"
            ));
        }
        for client in rule
            .clients
            .iter()
            .filter(|client| !client.contains(['*', ':']))
        {
            if own.clients.iter().all(|known| known.client_id != *client) {
                doubts.insert(format!(
                    "the client `{client}` is not in [[clients]]: it must come from `sumun client add`, or \
                     have registered itself"
                ));
            }
        }
    }
    if policy.default_permit {
        doubts.insert(
            "with default = \"permit\", everybody who can sign in may use what no rule is about"
                .to_owned(),
        );
    }
    doubts
}
