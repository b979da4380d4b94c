//! Policies as operators meet them.

mod properties;

use std::collections::BTreeMap;

use serde_json::json;
use serde_json::value::to_raw_value;

use super::*;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn policy(rules: Vec<RuleSettings>) -> Policy {
    let settings = PolicySettings {
        rules,
        scope_hierarchy: BTreeMap::from([(
            "admin:todos".to_owned(),
            texts(&["read:todos", "delete:todos"]),
        )]),
        ..PolicySettings::default()
    };
    Policy::new(&settings).unwrap()
}

fn alice(scopes: &str) -> Caller {
    Caller::new("alice").with_scopes(scopes.parse().unwrap())
}

#[track_caller]
fn denied(decision: Decision) -> Denial {
    match decision {
        Decision::Deny(denial) => denial,
        Decision::Permit(permit) => panic!("permitted by {}", permit.rule),
    }
}

fn call<'a>(tool: &'a str, arguments: Option<&'a RawValue>) -> Operation<'a> {
    Operation::about("todo", "tools/call", tool).with_arguments(arguments.map(RawValue::get))
}

fn listed(tool: &str) -> Operation<'_> {
    Operation::about("todo", "tools/list", tool)
}

fn todo_rules() -> Vec<RuleSettings> {
    vec![
        RuleSettings {
            upstream: Some("todo".into()),
            tools: texts(&["get-*"]),
            scopes: texts(&["read:todos"]),
            ..RuleSettings::default()
        },
        RuleSettings {
            name: Some("deleting".into()),
            upstream: Some("todo".into()),
            tools: texts(&["delete-*"]),
            scopes: texts(&["read:todos", "delete:todos"]),
            roles: texts(&["Admin"]),
            ..RuleSettings::default()
        },
    ]
}

#[test]
fn d3_a_denial_names_all_scopes_of_the_operation() {
    let policy = policy(todo_rules());
    let admin = alice("read:todos").with_claim("roles", json!(["Admin"]));
    let denial = denied(policy.decide(&admin, &call("delete-todo", None)));
    assert_eq!(denial.scopes.to_string(), "delete:todos read:todos");
    assert!(denial.visible);
    assert_eq!(
        (&*denial.rule, &*denial.reason),
        (
            "deleting",
            "this needs the scope `delete:todos` and `read:todos`"
        )
    );
    assert!(
        policy
            .decide(&alice("read:todos"), &call("get-todos", None))
            .is_permit()
    );
}

#[test]
fn rs_15_broader_scopes_include_narrower_ones() {
    let policy = policy(todo_rules());
    let admin = alice("admin:todos").with_claim("roles", json!(["Admin"]));
    assert!(
        policy
            .decide(&admin, &call("delete-todo", None))
            .is_permit()
    );
}

#[test]
fn what_no_scope_would_help_against_is_hidden() {
    let policy = policy(todo_rules());
    let denial = denied(policy.decide(&alice("read:todos"), &call("delete-todo", None)));
    assert_eq!(denial.scopes, Scope::empty());
    assert!(!denial.visible);
    assert_eq!(
        denial.reason,
        "only if the caller has the scope `read:todos` and `delete:todos`; only if the caller has the role `Admin`"
    );
    let unknown = denied(policy.decide(&alice("read:todos"), &call("other", None)));
    assert_eq!((&*unknown.rule, unknown.visible), ("the default", false));
}

#[test]
fn a_denying_rule_wins_and_a_required_condition_binds_everybody() {
    let mut rules = todo_rules();
    rules.push(RuleSettings {
        effect: Effect::Deny,
        tools: texts(&["*-all"]),
        ..RuleSettings::default()
    });
    rules.push(RuleSettings {
        effect: Effect::Require,
        scopes: texts(&["mcp.access"]),
        client_kinds: vec![ClientKind::ThirdParty],
        ..RuleSettings::default()
    });
    let policy = policy(rules);
    let all = denied(policy.decide(&alice("read:todos mcp.access"), &call("get-all", None)));
    assert_eq!(
        (&*all.rule, &*all.reason, all.visible),
        ("policy.rules[2]", "a rule denies it to everybody", false)
    );
    let some = denied(policy.decide(&alice(""), &call("get-some", None)));
    assert_eq!(some.scopes.to_string(), "mcp.access read:todos");
    let some = denied(policy.decide(&alice("read:todos"), &call("get-some", None)));
    assert_eq!(
        (&*some.rule, some.scopes.to_string()),
        ("policy.rules[3]", "mcp.access read:todos".to_owned())
    );
    let machine = Caller::new("m")
        .with_client_id("m")
        .with_scopes("read:todos mcp.access".parse().unwrap());
    let refused = denied(policy.decide(&machine, &call("get-some", None)));
    assert_eq!((refused.scopes.is_empty(), refused.visible), (true, false));
    // The protocol is under such rules only if they name its methods.
    assert!(
        policy
            .decide(&machine, &Operation::message("todo", "initialize"))
            .is_permit()
    );
}

fn own_todos() -> Policy {
    let own = ArgumentSettings {
        claim: Some("sub".into()),
        ..ArgumentSettings::default()
    };
    policy(vec![RuleSettings {
        arguments: BTreeMap::from([("filter.userId".to_owned(), own)]),
        ..RuleSettings::default()
    }])
}

#[test]
fn people_get_what_is_their_own() {
    let policy = own_todos();
    let with = |arguments: serde_json::Value| {
        let arguments = to_raw_value(&arguments).unwrap();
        policy.decide(&alice(""), &call("get", Some(&arguments)))
    };
    assert!(with(json!({"filter": {"userId": "alice"}})).is_permit());
    let denial = denied(with(json!({"filter": {"userId": "bob"}})));
    assert!(denial.visible && denial.scopes.is_empty());
    assert_eq!(
        denial.reason,
        "only if the argument `filter.userId` is the caller"
    );
    assert!(!with(json!({"filter": {"userId": ["alice"]}})).is_permit());
    assert!(policy.decide(&alice(""), &listed("get")).is_permit());
}

/// Only an entry of a list has arguments that nobody knows yet.
#[test]
fn a_call_without_arguments_is_no_way_around_a_condition() {
    let policy = own_todos();
    assert!(!policy.decide(&alice(""), &call("get", None)).is_permit());
    let twice: Box<RawValue> =
        serde_json::from_str(r#"{"filter":{"userId":"bob","userId":"alice"}}"#).unwrap();
    assert!(
        !policy
            .decide(&alice(""), &call("get", Some(&twice)))
            .is_permit()
    );
    let none: Box<RawValue> = serde_json::from_str(r#"{"name":"get"}"#).unwrap();
    let decision = policy.decide_message(&alice(""), "todo", "tools/call", Some(&none), |_| None);
    assert!(!decision.is_permit());
}

/// Go takes `UserID` for `userId`, and the last of both (GHSA-wvj2-96wp-fq3f).
#[test]
fn d5_a_name_that_differs_in_case_alone_neither_permits_nor_escapes() {
    let own = ArgumentSettings {
        claim: Some("sub".to_owned()),
        ..ArgumentSettings::default()
    };
    let admin = ArgumentSettings {
        equals: Some("admin".into()),
        ..ArgumentSettings::default()
    };
    let policies = [
        vec![RuleSettings {
            arguments: BTreeMap::from([("userId".to_owned(), own)]),
            ..RuleSettings::default()
        }],
        vec![RuleSettings {
            when: Some("arguments.userId == caller.sub".to_owned()),
            ..RuleSettings::default()
        }],
        vec![
            RuleSettings::default(),
            RuleSettings {
                effect: Effect::Deny,
                arguments: BTreeMap::from([("mode".to_owned(), admin)]),
                ..RuleSettings::default()
            },
        ],
        vec![
            RuleSettings::default(),
            RuleSettings {
                effect: Effect::Deny,
                when: Some("has(arguments.mode) && arguments[\"mode\"] == \"admin\"".to_owned()),
                ..RuleSettings::default()
            },
        ],
    ];
    for (number, rules) in policies.into_iter().enumerate() {
        let policy = policy(rules);
        for (arguments, is_permitted) in [
            (json!({"userId": "alice", "mode": "user"}), true),
            (
                json!({"userId": "alice", "mode": "user", "Name": 1, "name": 2}),
                true,
            ),
            (
                json!({"userId": "alice", "UserID": "bob", "Mode": "admin"}),
                false,
            ),
            (
                json!({"userId": "alice", "u\u{17f}erId": "bob", "MODE": "admin"}),
                false,
            ),
        ] {
            let arguments = to_raw_value(&arguments).unwrap();
            let decision = policy.decide(&alice(""), &call("get", Some(&arguments)));
            assert_eq!(decision.is_permit(), is_permitted, "{number}: {arguments}");
        }
    }
}

/// An upstream may find in a list, or in a text, what a rule looks for in an object.
#[test]
fn what_is_wrapped_up_escapes_no_denying_rule() {
    let is_root = ArgumentSettings {
        equals: Some("root".into()),
        ..ArgumentSettings::default()
    };
    let policy = policy(vec![
        RuleSettings::default(),
        RuleSettings {
            effect: Effect::Deny,
            arguments: BTreeMap::from([("filter.owner".to_owned(), is_root)]),
            ..RuleSettings::default()
        },
    ]);
    for (arguments, is_permitted) in [
        (json!({"filter": {"owner": "alice"}}), true),
        (json!({"filter": null}), true),
        (json!({"filter": {"owner": "root"}}), false),
        (json!({"filter": [{"owner": "root"}]}), false),
        (json!({"filter": r#"{"owner":"root"}"#}), false),
    ] {
        let arguments = to_raw_value(&arguments).unwrap();
        let decision = policy.decide(&alice(""), &call("find", Some(&arguments)));
        assert_eq!(decision.is_permit(), is_permitted, "{arguments}");
    }
}

#[test]
fn g8_unknown_methods_are_denied_and_the_protocol_is_not() {
    for policy in [policy(vec![]), Policy::open()] {
        for method in [
            "initialize",
            "ping",
            "server/discover",
            "tools/list",
            "notifications/cancelled",
            "logging/setLevel",
        ] {
            assert!(
                policy
                    .decide(&alice(""), &Operation::message("todo", method))
                    .is_permit(),
                "{method}"
            );
        }
        for method in [
            "tools/delete",
            "",
            "Tools/call",
            "sampling/createMessage",
            "tasks/list",
            "tasks/get",
            "tasks/result",
            "tools/call",
        ] {
            let denial = denied(policy.decide(&alice(""), &Operation::message("todo", method)));
            assert_eq!(denial.visible, method == "tools/call", "{method}");
        }
    }
    let vendor = policy(vec![RuleSettings {
        methods: texts(&["acme/*"]),
        ..RuleSettings::default()
    }]);
    assert!(
        vendor
            .decide(&alice(""), &Operation::message("x", "acme/do"))
            .is_permit()
    );
    assert!(
        !vendor
            .decide(&alice(""), &Operation::message("x", "other/do"))
            .is_permit()
    );
    assert!(!vendor.decide(&alice(""), &call("tool", None)).is_permit());
}

#[test]
fn a_method_of_the_protocol_can_be_denied() {
    let policy = policy(vec![RuleSettings {
        effect: Effect::Require,
        methods: texts(&["logging/*", "subscriptions/listen"]),
        roles: texts(&["Admin"]),
        ..RuleSettings::default()
    }]);
    let decide = |method| policy.decide_message(&alice(""), "todo", method, None, |_| None);
    assert!(!decide("logging/setLevel").is_permit() && decide("tools/list").is_permit());
    assert!(!decide("subscriptions/listen").is_permit());
}

#[test]
fn an_open_house_is_closed_where_a_rule_permits_somebody() {
    let settings = PolicySettings {
        default_permit: true,
        rules: todo_rules(),
        ..PolicySettings::default()
    };
    let policy = Policy::new(&settings).unwrap();
    assert!(policy.decide(&alice(""), &call("other", None)).is_permit());
    let denial = denied(policy.decide(&alice(""), &call("get-todos", None)));
    assert_eq!(denial.scopes.to_string(), "read:todos");
}

#[test]
fn gw_27_every_resource_is_judged_and_dots_lead_nowhere() {
    let policy = policy(vec![
        RuleSettings {
            resources: texts(&["file:///public/*"]),
            ..RuleSettings::default()
        },
        RuleSettings {
            name: Some("secret".into()),
            effect: Effect::Deny,
            resources: texts(&["file:///public/secret/*"]),
            ..RuleSettings::default()
        },
    ]);
    let read = |uri| {
        policy
            .decide(&alice(""), &Operation::about("fs", "resources/read", uri))
            .is_permit()
    };
    assert!(read("file:///public/a"));
    for closed in [
        "file:///etc/passwd",
        "file:///public/secret/x",
        "file:///public/../etc/passwd",
        "file:///public/%2e%2e/etc",
        "file:///public/./secret/x",
        "file:///public/%73ecret/x",
        "file:///public//secret/x",
        "FILE:///public/secret/x",
        "file:///public/sec\tret/x",
    ] {
        assert!(!read(closed), "{closed}");
    }
    let listen = |uris: &[&str]| {
        let params =
            to_raw_value(&json!({"notifications": {"resourceSubscriptions": uris}})).unwrap();
        policy
            .decide_message(
                &alice(""),
                "fs",
                "subscriptions/listen",
                Some(&params),
                |_| None,
            )
            .is_permit()
    };
    assert!(listen(&[]) && listen(&["file:///public/a", "file:///public/b"]));
    assert!(!listen(&["file:///public/a", "file:///etc/passwd"]));
    let template = |uri| {
        policy
            .decide(
                &alice(""),
                &Operation::about("fs", "resources/templates/list", uri),
            )
            .is_permit()
    };
    assert!(template("file:///{path}") && template("file:///public/{name}"));
    assert!(!template("https://{host}/x") && !template("file:///public/secret/{name}"));
}

#[test]
fn dots_lead_around_no_rule_of_an_open_house() {
    let settings = PolicySettings {
        default_permit: true,
        rules: vec![RuleSettings {
            upstream: Some("fs".into()),
            resources: texts(&["file:///secret/*"]),
            roles: texts(&["Admin"]),
            ..RuleSettings::default()
        }],
        ..PolicySettings::default()
    };
    let policy = Policy::new(&settings).unwrap();
    let read = |upstream, uri| {
        let operation = Operation::about(upstream, "resources/read", uri);
        policy.decide(&alice(""), &operation).is_permit()
    };
    assert!(read("fs", "file:///public/a") && !read("fs", "file:///secret/a"));
    assert!(!read("fs", "file:///public/../secret/a"));
    assert!(read("other", "file:///public/../secret/a"));
}

#[test]
fn read_only_tools_for_everybody_and_the_rest_by_expression() {
    let policy = policy(vec![
        RuleSettings {
            read_only: Some(true),
            ..RuleSettings::default()
        },
        RuleSettings {
            when: Some("caller.claims.department == arguments.department".into()),
            ..RuleSettings::default()
        },
    ]);
    let write = |caller: &Caller, department| {
        let arguments = to_raw_value(&json!({"department": department})).unwrap();
        policy.decide(caller, &call("write", Some(&arguments)))
    };
    let reads = call("read", None).with_read_only(Some(true));
    assert!(policy.decide(&alice(""), &reads).is_permit());
    let sales = alice("").with_claim("department", "sales");
    assert!(write(&sales, "sales").is_permit() && !write(&sales, "legal").is_permit());
    // The caller does not learn what the operator has written, nor what it looks at.
    let denial = denied(write(&alice(""), "sales"));
    assert_eq!(
        denial.reason,
        "a condition of the policy cannot be evaluated"
    );
    let denial = denied(write(&sales, "legal"));
    assert_eq!(denial.reason, "only if a condition of the policy holds");

    let arguments = to_raw_value(&json!({"department": "sales"})).unwrap();
    let explained = policy.explain(&alice(""), &call("write", Some(&arguments)));
    let last = explained.considered.last().unwrap();
    assert_eq!(last.holds, "cannot be told");
    assert_eq!(
        last.because,
        [
            "`caller.claims.department == arguments.department` cannot be evaluated: No such key: department"
        ]
    );
}

#[test]
fn a_denying_expression_that_cannot_be_evaluated_denies() {
    let policy = policy(vec![
        RuleSettings::default(),
        RuleSettings {
            effect: Effect::Deny,
            when: Some("arguments.amount > 100".into()),
            ..RuleSettings::default()
        },
    ]);
    let pay = |arguments: serde_json::Value| {
        let arguments = to_raw_value(&arguments).unwrap();
        policy
            .decide(&alice(""), &call("pay", Some(&arguments)))
            .is_permit()
    };
    assert!(pay(json!({"amount": 100})));
    assert!(!pay(json!({"amount": 101})) && !pay(json!({"amount": "101"})) && !pay(json!({})));
}

#[test]
fn rules_that_cannot_work_are_told_together() {
    let settings = PolicySettings {
        rules: vec![
            RuleSettings {
                scopes: texts(&["a b"]),
                ..RuleSettings::default()
            },
            RuleSettings {
                effect: Effect::Deny,
                scopes: texts(&["a"]),
                ..RuleSettings::default()
            },
            RuleSettings::default(),
            RuleSettings {
                effect: Effect::Require,
                ..RuleSettings::default()
            },
            RuleSettings {
                when: Some("caller.".into()),
                ..RuleSettings::default()
            },
        ],
        ..PolicySettings::default()
    };
    let problems = Policy::new(&settings).unwrap_err();
    let places: Vec<_> = problems
        .iter()
        .map(|problem| (problem.rule, problem.key))
        .collect();
    assert_eq!(
        places,
        [(0, "scopes"), (1, "scopes"), (3, "effect"), (4, "when")]
    );
}

/// Every caller reads the same memory, and more names than it has room for change nothing.
#[test]
fn what_is_remembered_is_bounded_and_right() {
    let policy = policy(todo_rules());
    for n in 0..20_000 {
        let name = format!("get-{n}");
        assert!(
            policy
                .decide(&alice("read:todos"), &call(&name, None))
                .is_permit()
        );
        assert!(
            !policy
                .decide(
                    &alice("read:todos"),
                    &Operation::about("other", "tools/call", &name)
                )
                .is_permit()
        );
        assert!(
            !policy
                .decide(
                    &alice("read:todos"),
                    &Operation::about("todo", "prompts/get", &name)
                )
                .is_permit()
        );
    }
}

/// A hundred rules cost half a microsecond at most; measured where the compiler optimises.
#[cfg(not(debug_assertions))]
#[test]
fn a_decision_among_a_hundred_rules_is_quick() {
    let mut rules: Vec<RuleSettings> = (0..99)
        .map(|n| RuleSettings {
            upstream: Some("t*".into()),
            tools: vec![format!("*-{n}-*")],
            roles: texts(&["Admin"]),
            ..RuleSettings::default()
        })
        .collect();
    rules.extend(todo_rules().into_iter().take(1));
    let policy = policy(rules);
    let (caller, operation) = (alice("create:todos read:todos"), call("get-todos", None));
    let best = (0..20)
        .map(|_| {
            let begin = std::time::Instant::now();
            for _ in 0..10_000 {
                assert!(
                    policy
                        .decide(std::hint::black_box(&caller), &operation)
                        .is_permit()
                );
            }
            begin.elapsed() / 10_000
        })
        .min()
        .unwrap();
    println!("a decision among a hundred rules takes {best:?}");
    assert!(best < std::time::Duration::from_nanos(500), "{best:?}");
}
