//! Upstreams and policies: what is accepted, and every refusal in its words.

use gateway::policy::{Decision, Operation};
use gateway::upstream::{Children, Transport, UpstreamCredential};
use resource_server::Caller;

use super::*;

/// The least that works with an upstream, without any server of ours.
const UPSTREAM: &str = r#"
public_url = "https://mcp.example.com"
data = "data"

[[policy.rules]]
upstream = "docs"

[[upstreams]]
name = "docs"
"#;

const URL: &str = "url = \"https://docs.example/mcp\"\n";

#[track_caller]
fn accepted_upstream(lines: &str) -> (Settings, Upstream) {
    let settings = accepted(&format!("{UPSTREAM}{lines}"));
    let upstream = settings.gateway.clone().unwrap().upstreams.remove(0);
    (settings, upstream)
}

/// The upstream with `lines` is refused, with exactly these messages.
#[track_caller]
fn refused_upstream(lines: &str, expected: &[&str]) {
    check_refused(&format!("{UPSTREAM}{lines}"), expected);
}

#[test]
fn upstreams_are_resources_and_need_no_server_of_ours() {
    let (settings, upstream) = accepted_upstream(URL);
    assert_eq!(upstream.endpoint.path, "/docs/mcp");
    assert!(matches!(
        upstream.settings.transport,
        Transport::Http { sse: None, .. }
    ));
    assert!(matches!(
        upstream.settings.credential,
        UpstreamCredential::None
    ));
    assert_eq!(upstream.settings.max_message_bytes, 16 * 1024 * 1024);
    let resources = settings.authorization_server.resources;
    let resources: Vec<_> = resources
        .iter()
        .map(|resource| (resource.indicator.as_str(), &*resource.name))
        .collect();
    assert_eq!(
        resources,
        [
            ("https://mcp.example.com/mcp", "All tools"),
            ("https://mcp.example.com/docs/mcp", "docs")
        ]
    );
    assert_eq!(
        settings.default_resource.as_str(),
        "https://mcp.example.com/mcp"
    );

    let alone = accepted(&format!(
        "default_resource = \"/docs/mcp\"\n{UPSTREAM}{URL}[gateway]\nfederated = false"
    ));
    assert!(alone.gateway.unwrap().common.is_none());
    assert_eq!(
        alone.default_resource.as_str(),
        "https://mcp.example.com/docs/mcp"
    );
}

#[test]
fn a_program_with_arguments_and_variables() {
    let lines = "command = \"npx\"\nargs = [\"-y\", \"x\"]\nchildren = \"per-user\"\nidle = \"5m\"\n\
                 max_memory = \"2GiB\"\ndirectory = \"work\"\nenv = { MODE = \"fast\", A = \"Bearer ${TOKEN}!\" }";
    let text = format!("{UPSTREAM}{lines}");
    let variables = environment(&[("TOKEN", "canary")]);
    let settings = parse(source(&text), &variables, &[]).unwrap();
    assert!(!format!("{settings:?}").contains("canary"));
    let Transport::Stdio {
        command,
        env,
        directory,
        children,
        idle,
        max_memory_bytes,
        max_children,
        max_children_per_user,
        ..
    } = settings
        .gateway
        .unwrap()
        .upstreams
        .remove(0)
        .settings
        .transport
    else {
        panic!("a command is reached over stdio");
    };
    assert_eq!(
        (&*command, children, max_children, max_children_per_user),
        ("npx", Children::PerUser, 64, 16)
    );
    assert_eq!(
        (env["MODE"].expose(), env["A"].expose()),
        ("fast", "Bearer canary!")
    );
    assert_eq!(directory.unwrap(), Path::new("/etc/sumun/work"));
    assert_eq!(
        (idle, max_memory_bytes),
        (Duration::from_mins(5), Some(2 << 30))
    );
}

#[test]
fn one_person_has_no_more_than_half_of_the_processes_unless_it_is_said() {
    let share = |more: &str| {
        let (_, upstream) = accepted_upstream(&format!("command = \"npx\"\n{more}"));
        match upstream.settings.transport {
            Transport::Stdio {
                max_children_per_user,
                ..
            } => max_children_per_user,
            Transport::Http { .. } => panic!("a command is reached over stdio"),
        }
    };
    for (more, expected) in [
        ("max_children = 100", 16),
        ("max_children = 5", 3),
        ("max_children = 1", 1),
        ("max_children_per_user = 64", 64),
    ] {
        assert_eq!(share(more), expected, "{more}");
    }
    for (more, most) in [
        ("max_children_per_user = 0", 64),
        ("max_children = 4\nmax_children_per_user = 5", 4),
    ] {
        let message = format!(
            "one person has at least 1 process, and no more than there may be: write 1 to {most}"
        );
        refused_upstream(&format!("command = \"npx\"\n{more}"), &[&message]);
    }
}

#[test]
fn names_are_paths_and_prefixes() {
    for bad in ["Docs", "a_b", "a--b", "-a", "a-", "문서", ""] {
        let message = format!(
            "`upstreams[0].name`: `{bad}` is no name for an upstream: write lower-case letters, digits and \
             single hyphens, such as context7"
        );
        check_refused(
            &format!("{UPSTREAM}{URL}").replace("docs\"\nurl", &format!("{bad}\"\nurl")),
            &[&message],
        );
    }
    let reserved = format!("{UPSTREAM}{URL}").replace("\"docs\"", "\"token\"");
    check_refused(
        &reserved,
        &["`upstreams[0].name`: /token belongs to the authorization server: choose another path"],
    );
    let twice = format!("{URL}[[upstreams]]\nname = \"docs\"\n{URL}");
    refused_upstream(
        &twice,
        &["another upstream is called `docs`: choose another name"],
    );
    let todo = format!("{UPSTREAM}{URL}[[servers]]\nname = \"whoami\"\npath = \"/docs/mcp\"");
    check_refused(
        &todo,
        &[
            "a server of [[servers]] has the path `/docs/mcp` already: choose another name, or give that server \
         another `path`",
        ],
    );
    refused_upstream(
        &format!("{URL}[gateway]\npath = \"/docs/mcp\""),
        &["something else has the path `/docs/mcp`: choose another one"],
    );
}

#[test]
fn one_way_to_reach_it() {
    refused_upstream(
        "",
        &[
            "this upstream cannot be reached: add the `url` of its MCP endpoint, or the `command` that starts it",
        ],
    );
    refused_upstream(
        &format!("{URL}command = \"npx\""),
        &["an upstream has either a `url` or a `command`: remove one of them"],
    );
    refused_upstream(
        &format!("{URL}args = [\"x\"]"),
        &["`args` is for upstreams with a `command`: remove it, or write a command"],
    );
    refused_upstream(
        "command = \"npx\"\ntransport = \"sse\"",
        &[
            "an upstream with a `command` is reached over stdio: write auto or stdio, or give it a `url`",
        ],
    );
    refused_upstream(
        "command = \"npx\"\n[upstreams.headers]\nX = \"1\"",
        &[
            "`headers` is for upstreams with a `url`, since a program gets no headers: pass secrets in `env`",
        ],
    );
    for (url, words) in [
        (
            "ftp://x",
            "write an address that begins with https:// or http://",
        ),
        (
            "docs.example/mcp?key=canary",
            "this is no address (relative URL without a base): write one such as https://docs.example.com/mcp",
        ),
        (
            "https://a:b@x/mcp",
            "an address with a name and password in it ends up in logs: use `headers`",
        ),
        (
            "https://x/mcp#a",
            "an address of a server has no `#`: remove what follows it",
        ),
    ] {
        refused_upstream(
            &format!("url = \"{url}\""),
            &[&format!("`upstreams[0].url`: {words}")],
        );
    }
    for (command, words) in [
        (
            "npx -y x",
            "no shell is involved: write the program alone, and what follows it in `args`",
        ),
        (
            "./server",
            "a path to a program must be absolute, or it depends on where we were started",
        ),
    ] {
        refused_upstream(
            &format!("command = \"{command}\""),
            &[&format!("`upstreams[0].command`: {words}")],
        );
    }
    refused_upstream(
        &format!("{URL}revision = \"2020-01-01\"\ntimeout = \"60\"\nmax_message = \"16MB\""),
        &[
            "`upstreams[0].revision`: `2020-01-01` is no revision of MCP that is known here",
            "`upstreams[0].timeout`: `60` is not a duration: write it as 45s, 30m, 12h, 30d or 1h30m",
            "`upstreams[0].max_message`: `16MB` is no size: write it as 64KiB, 16MiB or 2GiB",
        ],
    );
}

#[test]
fn containers_keep_their_input_and_have_no_terminal() {
    let docker = |args: &str| format!("command = \"docker\"\nargs = [{args}]");
    refused_upstream(
        &docker("\"run\", \"--rm\", \"image\""),
        &[
            "`upstreams[0].args`: `run` without -i closes the program's input at once: add \"-i\" to `args`, \
             before the image",
        ],
    );
    for args in [
        "\"run\", \"-it\", \"image\"",
        "\"run\", \"-i\", \"-e\", \"A\", \"--tty\", \"image\"",
    ] {
        refused_upstream(
            &docker(args),
            &["`upstreams[0].args`: a terminal changes what is sent: remove \"-t\" from `args`"],
        );
    }
    accepted_upstream(&docker(
        "\"run\", \"-i\", \"--rm\", \"-e\", \"TOKEN\", \"image\", \"-t\", \"stdio\"",
    ));
    accepted_upstream(&docker("\"exec\", \"-i\", \"name\", \"server\""));
    // What follows the image is nothing to us, and what is in doubt is asked about.
    refused_upstream(
        &docker("\"run\", \"image\", \"-i\""),
        &[
            "`upstreams[0].args`: `run` without -i closes the program's input at once: add \"-i\" to `args`, \
           before the image",
        ],
    );
    refused_upstream(
        &docker("\"run\", \"-i\", \"--new\", \"value\", \"image\""),
        &[
            "`upstreams[0].args`: `--new` is not known here, so it is not clear which word is the image: join its \
           value to it, as in --new=value, or --new=true where it has none",
        ],
    );
    accepted_upstream(&docker("\"run\", \"-i\", \"--new=value\", \"image\""));
}

#[test]
fn containers_that_are_not_shared_do_not_share_a_name() {
    let docker = |args: &str| format!("command = \"docker\"\nargs = [\"run\", \"-i\", {args}]\n");
    let named = docker("\"--name\", \"mine\", \"image\"");
    for children in ["per-session", "per-user"] {
        refused_upstream(
            &format!("{named}children = \"{children}\""),
            &[
                "`upstreams[0].args`: several containers would be called `mine`, and only one can be: remove \
               \"--name\" from `args`, and each gets a name of its own, or write children = \"shared\"",
            ],
        );
    }
    accepted_upstream(&format!("{named}children = \"shared\""));
    accepted_upstream(&docker("\"image\", \"--name\", \"mine\""));
}

#[test]
fn a11_credentials_do_not_cross_networks_in_the_clear() {
    let header = "[upstreams.headers]\nAuthorization = \"Bearer canary\"\n";
    let inside = "url = \"http://docs:3000/mcp\"\n";
    let message = "credentials for docs would cross the network in the clear: write an https address, or \
                   insecure_http = true if that network is yours alone";
    refused_upstream(&format!("{inside}{header}"), &[message]);
    accepted_upstream(&format!("{inside}insecure_http = true\n{header}"));
    accepted_upstream(inside);
    // A key in the address is a credential like any other.
    let key = "url = \"http://docs:3000/mcp?key=canary\"\n";
    refused_upstream(key, &[message]);
    accepted_upstream(&format!("{key}insecure_http = true"));
    accepted_upstream("url = \"https://docs:3000/mcp?key=canary\"");
    let (_, local) = accepted_upstream(&format!("url = \"http://127.0.0.1:3000/mcp\"\n{header}"));
    let UpstreamCredential::Headers(headers) = local.settings.credential else {
        panic!("headers are a credential");
    };
    assert_eq!(
        (&*headers[0].0, headers[0].1.expose()),
        ("Authorization", "Bearer canary")
    );

    let text = format!("{UPSTREAM}{URL}{header}");
    let open = Source {
        readable_by_all: true,
        ..source(&text)
    };
    let problems = parse(open, &environment(&[]), &[]).unwrap_err();
    assert_eq!(
        problems.list[0].message,
        "`upstreams[0].headers.Authorization` stands in a file that everybody on \
        this machine can read: chmod o-r sumun.toml, or write \"${NAME}\" and set that environment variable"
    );
    assert!(!problems.to_string().contains("canary"), "{problems}");
    refused_upstream(
        &format!("{URL}[upstreams.headers]\nX = \"${{NONE}}\"\nHost = \"x\"\n\"a b\" = \"x\""),
        &[
            "`upstreams[0].headers.X`: the environment variable NONE is not set: set it",
            "the header `Host` is written by the gateway: remove it",
            "`a b` is no name of a header",
        ],
    );
}

#[test]
fn client_credentials_are_complete_and_alone() {
    let credential = "[upstreams.credential]\ntoken_endpoint = \"https://id.example/token\"\nclient_id = \"g\"\n\
                      client_secret = \"canary\"\nscope = [\"use\"]\n";
    let (_, upstream) = accepted_upstream(&format!("{URL}{credential}"));
    assert!(
        matches!(upstream.settings.credential, UpstreamCredential::ClientCredentials { scope, .. } if scope.contains("use"))
    );
    refused_upstream(
        &format!("{URL}[upstreams.credential]\ntoken_endpoint = \"http://id.example/token\""),
        &[
            "`upstreams[0].credential.client_id`: write our client identifier there",
            "client credentials need a secret: add `client_secret` or `client_secret_file`",
            "`upstreams[0].credential.token_endpoint`: our secret would cross the network in the clear: write an https \
         address",
        ],
    );
    let identity = "[upstreams.forward_identity]\n";
    let (_, upstream) = accepted_upstream(&format!("{URL}{identity}"));
    let forward = upstream.settings.forward_identity.unwrap();
    assert_eq!(
        (&*forward.header, &*forward.audience),
        ("Sumun-Identity", "https://docs.example/mcp")
    );
}

#[test]
fn somebody_says_who_may_use_an_upstream() {
    let other = format!("{URL}[[upstreams]]\nname = \"crm\"\n{URL}");
    refused_upstream(
        &other,
        &[
            "no rule says who may use `crm`: add [[policy.rules]] with upstream = \"crm\" for everybody who can \
         sign in, and with roles or scopes for fewer; or write default = \"permit\" in [policy]",
        ],
    );
    let settings = accepted(
        &format!("{UPSTREAM}{other}[policy]\ndefault = \"permit\"").replacen(
            "[[policy.rules]]\nupstream = \"docs\"\n",
            "",
            1,
        ),
    );
    let operation = Operation::about("crm", "tools/call", "x");
    let decision = settings
        .gateway
        .unwrap()
        .policy
        .decide(&Caller::new("alice"), &operation);
    assert!(matches!(decision, Decision::Permit(_)));
}

#[test]
fn scopes_of_rules_are_scopes_of_the_resource() {
    let rule =
        "[[policy.rules]]\nupstream = \"do*\"\ntools = [\"get-*\"]\nscopes = [\"read:docs\"]\n";
    refused_upstream(
        &format!("{URL}{rule}"),
        &[
            "rules about this upstream need the scope `read:docs`, which is not described: add \
         [scopes.\"read:docs\"] with en and ko",
        ],
    );
    let words = "[scopes.\"read:docs\"]\nen = \"read\"\nko = \"읽기\"\n";
    let (settings, upstream) = accepted_upstream(&format!("{URL}{rule}{words}"));
    assert_eq!(upstream.endpoint.scopes.to_string(), "read:docs");
    let resources = settings.authorization_server.resources;
    assert!(
        resources
            .iter()
            .all(|resource| resource.scopes.contains("read:docs"))
    );
}

#[test]
fn scopes_of_rules_about_personal_data_are_scopes_of_the_resource() {
    let rules = "[[pii.rules]]\nscopes = [\"pii:read\"]\naction = \"allow\"\n\
                 [[pii.rules]]\ntools = [\"docs.*\"]\nwithout_scopes = [\"pii:mail\"]\naction = \"mask\"\n\
                 [[pii.rules]]\ntools = [\"crm.*\"]\nscopes = [\"pii:crm\"]\naction = \"mask\"\n";
    refused_upstream(
        &format!("{URL}{rules}"),
        &[
            "rules about this upstream need the scope `pii:mail`, which is not described: add \
         [scopes.\"pii:mail\"] with en and ko",
            "rules about this upstream need the scope `pii:read`, which is not described: add \
         [scopes.\"pii:read\"] with en and ko",
        ],
    );
    let words = "[scopes]\n\"pii:read\" = { en = \"read\", ko = \"읽기\" }\n\
                 \"pii:mail\" = { en = \"mail\", ko = \"메일\" }\n";
    let (settings, upstream) = accepted_upstream(&format!("{URL}{rules}{words}"));
    assert_eq!(upstream.endpoint.scopes.to_string(), "pii:mail pii:read");
    let common = settings.gateway.unwrap().common.unwrap();
    assert!(common.scopes.contains("pii:read"), "{}", common.scopes);
}

/// What newcomers paste first has to work.
#[test]
fn the_first_snippets_of_the_pages_work() {
    let read = |page: &str| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
        std::fs::read_to_string(format!("{root}{page}")).unwrap()
    };
    let snippet = |page: &str, sign: &str| {
        let blocks = page.split("```toml\n").skip(1);
        let mut blocks = blocks.map(|rest| rest.split("```").next().unwrap().to_owned());
        blocks.find(|block| block.contains(sign)).unwrap()
    };
    let local = snippet(&read("README.md"), "public_url");
    let head = local.split("[[servers]]").next().unwrap();
    assert_eq!(accepted(&local).servers.len(), 1);
    for page in ["README.md", "docs/gateway.md"] {
        let settings = accepted(&format!("{head}{}", snippet(&read(page), "[[upstreams]]")));
        assert_eq!(settings.gateway.unwrap().upstreams.len(), 1, "{page}");
    }
}

#[test]
fn rules_that_cannot_be_meant() {
    let rule = |lines: &str| format!("{URL}[[policy.rules]]\n{lines}");
    refused_upstream(
        &rule("upstream = \"doc\""),
        &["no upstream is called `doc`: did you mean `docs`?"],
    );
    refused_upstream(
        &rule("effect = \"forbid\"\nclient_kinds = [\"human\"]"),
        &[
            "`policy.rules[1].effect`: `forbid` is no effect: write permit, deny or require",
            "`policy.rules[1].client_kinds[0]`: `human` is no kind of client: write first_party, third_party or machine",
        ],
    );
    refused_upstream(
        &rule("when = \"caller.nme ==\""),
        &[
            "`policy.rules[1].when`: this is no expression (line 1, column 14: Syntax error: mismatched input '<EOF>')",
        ],
    );
    refused_upstream(
        &rule("arguments = { userId = {}, amount = { max = \"9\" } }"),
        &["`policy.rules[1].arguments.amount.max` must be a number"],
    );
    refused_upstream(
        &rule("arguments = { userId = {} }"),
        &[
            "`policy.rules[1].arguments`: says nothing about the argument `userId`: write what it must be, such as { claim = \"sub\" }",
        ],
    );
    refused_upstream(
        &rule("toools = [\"x\"]"),
        &["unknown key `toools`: did you mean `tools`?"],
    );
    refused_at_end(
        "[[policy.rules]]\nupstream = \"x\"",
        &[
            "there are rules, but nothing behind the gateway that they could be about: add [[upstreams]], or remove \
         the rules",
        ],
    );
}

/// A token of another issuer says other things about other people.
#[test]
fn only_upstreams_with_the_same_tokens_are_served_together() {
    let foreign = "[[policy.rules]]\n[[upstreams]]\nname = \"crm\"\nauthorization_server = \"https://id.example\"\n";
    let (settings, _) = accepted_upstream(&format!("{URL}{foreign}{URL}"));
    let gateway = settings.gateway.unwrap();
    let federated: Vec<_> = gateway
        .upstreams
        .iter()
        .map(|upstream| upstream.is_federated)
        .collect();
    assert_eq!(federated, [true, false]);
    let indicators: Vec<_> = settings
        .authorization_server
        .resources
        .iter()
        .map(|one| one.indicator.as_str())
        .collect();
    assert_eq!(
        indicators,
        [
            "https://mcp.example.com/mcp",
            "https://mcp.example.com/docs/mcp"
        ]
    );

    let alone = format!("{UPSTREAM}authorization_server = \"https://id.example\"\n{URL}");
    check_refused(
        &alone,
        &[
            "no server accepts tokens of this authorization server, so it would issue none: add one without \
         `authorization_server`",
        ],
    );
}
