//! What must hold of every policy.

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 4] = ["get-a", "get-b", "delete-a", "x"];
const SCOPES: [&str; 4] = ["read:todos", "delete:todos", "admin:todos", "other"];

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(of).prop_map(str::to_owned), 0..3)
}

fn any_rule() -> impl Strategy<Value = RuleSettings> {
    let effect = prop::sample::select(vec![
        Effect::Permit,
        Effect::Permit,
        Effect::Deny,
        Effect::Require,
    ]);
    let upstream = prop::sample::select(vec!["*", "todo", "other"]);
    let tools = some(&["*", "get-*", "*-a", "x"]);
    let argument = prop::option::of(prop::sample::select(vec!["a", "b"]));
    let when = prop::option::of(prop::sample::select(vec![
        "arguments.x == 'a'",
        "caller.sub == 'alice' && arguments.x != 'b'",
        "caller.claims.none == 1 || has(arguments.x)",
    ]));
    let parts = (
        effect,
        upstream,
        tools,
        some(&SCOPES),
        some(&SCOPES),
        some(&["Admin", "User"]),
        argument,
        when,
    );
    parts.prop_map(
        |(effect, upstream, tools, scopes, any_scope, mut roles, argument, when)| {
            let is_deny = effect == Effect::Deny;
            if effect == Effect::Require {
                roles.push("User".to_owned());
            }
            let equals = |value: &str| ArgumentSettings {
                equals: Some(value.into()),
                ..ArgumentSettings::default()
            };
            RuleSettings {
                effect,
                upstream: Some(upstream.to_owned()),
                tools,
                scopes: if is_deny { vec![] } else { scopes },
                any_scope: if is_deny { vec![] } else { any_scope },
                roles,
                arguments: argument
                    .map(|value| ("x".to_owned(), equals(value)))
                    .into_iter()
                    .collect(),
                when: when.map(str::to_owned),
                ..RuleSettings::default()
            }
        },
    )
}

fn any_policy() -> impl Strategy<Value = (PolicySettings, Policy)> {
    (prop::collection::vec(any_rule(), 0..6), any::<bool>()).prop_map(|(rules, default_permit)| {
        let settings = PolicySettings {
            default_permit,
            rules,
            scope_hierarchy: BTreeMap::from([(
                "admin:todos".to_owned(),
                texts(&["read:todos", "delete:todos"]),
            )]),
            ..PolicySettings::default()
        };
        let policy = Policy::new(&settings).unwrap();
        (settings, policy)
    })
}

fn any_caller() -> impl Strategy<Value = (Vec<String>, Caller)> {
    (some(&SCOPES), some(&["Admin", "User"])).prop_map(|(scopes, roles)| {
        let caller = Caller::new("alice").with_scopes(Scope::from_tokens(&scopes).unwrap());
        (scopes, caller.with_claim("roles", json!(roles)))
    })
}

proptest! {
    #[test]
    fn g8_a_list_shows_what_some_call_is_permitted((_, policy) in any_policy(), (_, caller) in any_caller(), name in prop::sample::select(&NAMES[..])) {
        let is_listed = policy.decide(&caller, &listed(name)).is_permit();
        let arguments = ["{}", r#"{"x":"a"}"#, r#"{"x":"b"}"#, r#"{"x":"c"}"#, r#"{"x":1}"#];
        let arguments = arguments.map(|text| serde_json::from_str::<Box<RawValue>>(text).unwrap());
        let is_permitted = |arguments: &RawValue| policy.decide(&caller, &call(name, Some(arguments))).is_permit();
        let permitted = arguments.iter().filter(|arguments| is_permitted(arguments)).count();
        // What some call is permitted is shown; what is shown is at least not refused whatever is sent
        // by rules that do not look at arguments.
        prop_assert!(permitted == 0 || is_listed);
    }

    #[test]
    fn g8_without_conditions_on_arguments_lists_and_calls_agree((mut settings, _) in any_policy(), (_, caller) in any_caller(), name in prop::sample::select(&NAMES[..])) {
        for rule in &mut settings.rules {
            rule.arguments.clear();
            rule.when = None;
        }
        let policy = Policy::new(&settings).unwrap();
        let called = policy.decide(&caller, &call(name, None)).is_permit();
        prop_assert_eq!(policy.decide(&caller, &listed(name)).is_permit(), called);
    }

    #[test]
    fn a_rule_that_denies_wins((mut settings, _) in any_policy(), (_, caller) in any_caller(), name in prop::sample::select(&NAMES[..]), place in 0..7_usize) {
        let place = place.min(settings.rules.len());
        settings.rules.insert(place, RuleSettings { effect: Effect::Deny, ..RuleSettings::default() });
        let policy = Policy::new(&settings).unwrap();
        let denial = denied(policy.decide(&caller, &call(name, None)));
        prop_assert!(denial.scopes.is_empty() && !denial.visible);
        prop_assert!(!policy.decide(&caller, &listed(name)).is_permit());
    }

    #[test]
    fn more_scopes_never_permit_less((_, policy) in any_policy(), (scopes, caller) in any_caller(), more in some(&SCOPES), name in prop::sample::select(&NAMES[..])) {
        let richer = Scope::from_tokens(scopes.iter().chain(&more)).unwrap();
        let richer = caller.clone().with_scopes(richer);
        for operation in [call(name, None), listed(name)] {
            if policy.decide(&caller, &operation).is_permit() {
                prop_assert!(policy.decide(&richer, &operation).is_permit());
            }
        }
    }

    /// RS-13: whoever gets what a challenge names is not sent away again.
    #[test]
    fn d3_the_scopes_of_a_denial_are_enough((_, policy) in any_policy(), (_, caller) in any_caller(), name in prop::sample::select(&NAMES[..]), x in prop::sample::select(vec!["a", "b"])) {
        let arguments = to_raw_value(&json!({"x": x})).unwrap();
        let operation = call(name, Some(&arguments));
        if let Decision::Deny(denial) = policy.decide(&caller, &operation) {
            let all = caller.scopes().union(&denial.scopes);
            let is_permitted = |scopes| policy.decide(&caller.clone().with_scopes(scopes), &operation).is_permit();
            prop_assert_eq!(is_permitted(all), !denial.scopes.is_empty());
            let every = Scope::from_tokens(SCOPES).unwrap();
            prop_assert_eq!(is_permitted(every), !denial.scopes.is_empty());
        }
    }

    #[test]
    fn an_explanation_explains_the_decision((settings, policy) in any_policy(), (_, caller) in any_caller(), name in prop::sample::select(&NAMES[..])) {
        let explained = policy.explain(&caller, &call(name, None));
        prop_assert_eq!(&explained.decision, &policy.decide(&caller, &call(name, None)));
        let deciding = explained.decision.rule();
        let is_considered = explained.considered.iter().any(|considered| &*considered.rule == deciding);
        prop_assert!(is_considered || deciding == "the default");
        prop_assert!(explained.considered.len() <= settings.rules.len());
    }
}
