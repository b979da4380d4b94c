//! `sumun policy explain`: the decision of the gateway, in words.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};

use anyhow::{Context as _, bail};
use gateway::policy::{Decision, Explanation, Operation};
use resource_server::Caller;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::ExplainPolicy;
use super::caller::caller;
use crate::settings::{self, Environment, Upstream};

pub(in crate::commands) async fn explain(
    options: ExplainPolicy,
    environment: &Environment,
) -> anyhow::Result<()> {
    let settings = settings::load(&options.config, environment)?;
    let Some(gateway) = settings.gateway.clone() else {
        bail!("there is nothing behind the gateway: add [[upstreams]] to the settings");
    };
    let what = What::of(&options)?;
    let upstream = what.upstream(&gateway.upstreams)?;
    let arguments = options
        .arguments
        .as_deref()
        .map(read_arguments)
        .transpose()?;
    let caller = caller(&options, settings, &upstream.endpoint).await?;
    let operation = Operation {
        upstream: &upstream.settings.name,
        method: what.method,
        name: what.name,
        arguments: arguments.as_deref().map(RawValue::get),
        read_only: options.read_only.then_some(true),
    };
    let explanation = gateway.policy.explain(&caller, &operation);
    let mut out = stdout().lock();
    if options.json {
        let text = serde_json::to_string_pretty(&in_json(&explanation, &caller))?;
        return Ok(writeln!(out, "{text}")?);
    }
    let who = options.user.as_deref().unwrap_or(caller.subject());
    Ok(out.write_all(
        in_words(&explanation, &caller, who, &what, &upstream.settings.name).as_bytes(),
    )?)
}

/// What is asked about.
struct What<'a> {
    upstream: &'a str,
    method: &'a str,
    /// The tool, prompt or resource; none for a method.
    name: Option<&'a str>,
    /// How a sentence speaks of it.
    verb: &'static str,
}

impl<'a> What<'a> {
    fn of(options: &'a ExplainPolicy) -> anyhow::Result<Self> {
        let listed = options.listed;
        let pick = |call, list| if listed { list } else { call };
        let (written, method, verb) = if let Some(tool) = &options.tool {
            let verb = pick("call the tool", "see the tool");
            (tool, Some(pick("tools/call", "tools/list")), verb)
        } else if let Some(prompt) = &options.prompt {
            let verb = pick("get the prompt", "see the prompt");
            (prompt, Some(pick("prompts/get", "prompts/list")), verb)
        } else if let Some(resource) = &options.resource {
            let verb = pick("read the resource", "see the resource");
            (
                resource,
                Some(pick("resources/read", "resources/list")),
                verb,
            )
        } else if let Some(method) = &options.method {
            (method, None, "send")
        } else {
            bail!("say what it is about: --tool, --prompt, --resource or --method");
        };
        let (upstream, name) = written.split_once('.').with_context(|| {
            format!("`{written}` does not say of which upstream: write it as UPSTREAM.NAME")
        })?;
        Ok(Self {
            upstream,
            method: method.unwrap_or(name),
            name: method.map(|_| name),
            verb,
        })
    }

    fn upstream<'u>(&self, upstreams: &'u [Upstream]) -> anyhow::Result<&'u Upstream> {
        let found = upstreams
            .iter()
            .find(|upstream| upstream.settings.name == self.upstream);
        found.with_context(|| {
            let names: Vec<_> = upstreams
                .iter()
                .map(|upstream| &*upstream.settings.name)
                .collect();
            format!(
                "no upstream is called `{}`: there are {}",
                self.upstream,
                names.join(", ")
            )
        })
    }
}

fn read_arguments(text: &str) -> anyhow::Result<Box<RawValue>> {
    let arguments: Value = serde_json::from_str(text).context("--arguments is no JSON")?;
    if !arguments.is_object() {
        bail!("--arguments must be a JSON object, such as '{{\"id\": 1}}'");
    }
    Ok(serde_json::from_str(text)?)
}

fn in_json(explanation: &Explanation, caller: &Caller) -> Value {
    let considered = explanation.considered.iter().map(|considered| {
        json!({
            "rule": &*considered.rule,
            "effect": considered.effect,
            "holds": considered.holds,
            "because": considered.because,
        })
    });
    let rules: Vec<_> = considered.collect();
    let (permitted, reason, scopes, visible) = match &explanation.decision {
        Decision::Permit(_) => (true, None, None, true),
        Decision::Deny(denial) => (
            false,
            Some(&denial.reason),
            Some(denial.scopes.to_string()),
            denial.visible,
        ),
    };
    json!({
        "permitted": permitted,
        "rule": explanation.decision.rule(),
        "reason": reason,
        "scopes_needed": scopes.filter(|scopes| !scopes.is_empty()),
        "visible": visible,
        "caller": {
            "sub": caller.subject(),
            "client_id": caller.client_id(),
            "issuer": caller.issuer(),
            "scope": caller.scopes().to_string(),
            "roles": caller.roles().collect::<Vec<_>>(),
        },
        "rules": rules,
        "otherwise": explanation.default,
    })
}

fn in_words(
    explanation: &Explanation,
    caller: &Caller,
    who: &str,
    what: &What<'_>,
    upstream: &str,
) -> String {
    let mut text = String::new();
    let may = if explanation.decision.is_permit() {
        "may"
    } else {
        "may not"
    };
    let name = what.name.unwrap_or(what.method);
    let mut line = |line: std::fmt::Arguments<'_>| {
        text.write_fmt(line)
            .expect("writing to a string cannot fail");
        text.push('\n');
    };
    let preposition = if what.name.is_some() { "of" } else { "to" };
    line(format_args!(
        "{who} {may} {} `{name}` {preposition} {upstream}.\n",
        what.verb
    ));
    line(format_args!(
        "  decided by  {}",
        explanation.decision.rule()
    ));
    if let Decision::Deny(denial) = &explanation.decision {
        line(format_args!("  because     {}", denial.reason));
        line(format_args!("  the client  {}", answered(denial)));
    }
    line(format_args!("\nThe caller"));
    line(format_args!("  subject     {}", caller.subject()));
    line(format_args!(
        "  client      {}",
        caller.client_id().unwrap_or("-")
    ));
    let roles: Vec<_> = caller.roles().collect();
    line(format_args!("  roles       {}", or_dash(&roles.join(" "))));
    line(format_args!(
        "  scopes      {}",
        or_dash(&caller.scopes().to_string())
    ));
    line(format_args!("\nRules about it"));
    let width = explanation
        .considered
        .iter()
        .map(|one| one.rule.chars().count())
        .max()
        .unwrap_or_default();
    for considered in &explanation.considered {
        let (rule, effect, holds) = (&*considered.rule, considered.effect, considered.holds);
        line(format_args!("  {rule:width$}  {effect:7}  {holds}"));
        for because in &considered.because {
            line(format_args!("  {:width$}           {because}", ""));
        }
    }
    if explanation.considered.is_empty() {
        line(format_args!("  none"));
    }
    line(format_args!("\nOtherwise {}.", explanation.default));
    text
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// What a client sees of a refusal.
fn answered(denial: &gateway::policy::Denial) -> &'static str {
    match (denial.scopes.is_empty(), denial.visible) {
        (false, _) => "is asked to get these scopes (403, insufficient_scope)",
        (true, true) => "is told why",
        (true, false) => "is answered as if it did not exist",
    }
}

#[cfg(test)]
mod tests {
    use gateway::policy::{Effect, Policy, PolicySettings, RuleSettings};

    use super::*;

    fn explained(caller: &Caller) -> (Explanation, String) {
        let rules = vec![
            RuleSettings {
                upstream: Some("todo".into()),
                scopes: vec!["delete:todos".into()],
                ..RuleSettings::default()
            },
            RuleSettings {
                name: Some("deleting".into()),
                effect: Effect::Require,
                tools: vec!["delete-*".into()],
                roles: vec!["Admin".into()],
                ..RuleSettings::default()
            },
        ];
        let settings = PolicySettings {
            rules,
            ..PolicySettings::default()
        };
        let policy = Policy::new(&settings).unwrap();
        let operation = Operation::about("todo", "tools/call", "delete-todo");
        let explanation = policy.explain(caller, &operation);
        let what = What {
            upstream: "todo",
            method: "tools/call",
            name: Some("delete-todo"),
            verb: "call the tool",
        };
        let words = in_words(&explanation, caller, "alice", &what, "todo");
        (explanation, words)
    }

    #[test]
    fn a_refusal_is_explained_in_words_and_in_json() {
        let caller = Caller::new("8f").with_claim("roles", json!(["User"]));
        let (explanation, words) = explained(&caller);
        let expected = "alice may not call the tool `delete-todo` of todo.\n\
            \n  \
            decided by  deleting\n  \
            because     only if the caller has the role `Admin`\n  \
            the client  is answered as if it did not exist\n\
            \n\
            The caller\n  \
            subject     8f\n  \
            client      -\n  \
            roles       User\n  \
            scopes      -\n\
            \n\
            Rules about it\n  \
            policy.rules[0]  permit   no\n                            \
            only if the caller has the scope `delete:todos`\n  \
            deleting         require  no\n                            \
            only if the caller has the role `Admin`\n\
            \n\
            Otherwise what no rule permits is denied.\n";
        assert_eq!(words, expected);
        let json = in_json(&explanation, &caller);
        assert_eq!(
            (&json["permitted"], &json["rule"]),
            (&json!(false), &json!("deleting"))
        );
        assert_eq!(
            json["rules"][1]["because"],
            json!(["only if the caller has the role `Admin`"])
        );
    }

    #[test]
    fn scopes_that_would_help_are_named() {
        let caller = Caller::new("8f").with_claim("roles", json!(["Admin"]));
        let (explanation, words) = explained(&caller);
        assert!(
            words.contains("is asked to get these scopes (403, insufficient_scope)"),
            "{words}"
        );
        let json = in_json(&explanation, &caller);
        assert_eq!(json["scopes_needed"], json!("delete:todos"));
        let (_, words) = explained(&caller.with_scopes("delete:todos".parse().unwrap()));
        assert!(
            words.starts_with("alice may call the tool `delete-todo` of todo.\n"),
            "{words}"
        );
    }
}
