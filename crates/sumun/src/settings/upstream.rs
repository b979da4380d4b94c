//! `[[upstreams]]`, `[gateway]` and `[policy]` as they are written.
//!
//! As in [`super::file`], the comments are the reference of the operator.

use std::collections::BTreeMap;

use oauth::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

/// `[[upstreams]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UpstreamSection {
    /// Its name: clients find it at `/{name}/mcp`, and its tools begin with it at the common endpoint.
    /// Lower-case letters, digits and single hyphens. Required.
    pub(crate) name: Option<String>,
    /// The name that people see. `name` unless set.
    pub(crate) title: Option<String>,
    /// The address of its MCP endpoint. Either this or `command` is required.
    pub(crate) url: Option<String>,
    /// The program to start, which speaks MCP over its standard input and output: a name that is found
    /// by `PATH`, or an absolute path. No shell is involved.
    pub(crate) command: Option<String>,
    /// What the program is started with, one argument each.
    pub(crate) args: Vec<String>,
    /// The environment of the program. Besides, it sees `PATH`, `HOME`, `LANG` and `TMPDIR`, a mark by which
    /// what it starts is found again (`SUMUN_CHILD`), and nothing else of ours. `${NAME}` in a value stands
    /// for that environment variable.
    pub(crate) env: BTreeMap<String, Secret>,
    /// The directory in which the program runs. A relative path starts at this file.
    pub(crate) directory: Option<String>,
    /// How it is reached: `auto`, `http` (Streamable HTTP), `sse` (the older HTTP with an event stream) or
    /// `stdio`. With `auto`, a `command` means `stdio`, and at a `url` both others are tried.
    pub(crate) transport: String,
    /// The revision that it speaks, such as `2025-06-18`. Found out unless set.
    pub(crate) revision: Option<String>,
    /// Who shares a process of the program: `per-session` (nobody), `per-user` (all sessions of one
    /// caller), or `shared` (everybody, for programs that keep nothing about anybody).
    pub(crate) children: String,
    /// How long a process is kept that nobody uses.
    pub(crate) idle: String,
    /// How many processes there may be at once.
    pub(crate) max_children: u64,
    /// How many of them one person may have, unless processes are `shared`. 16 unless set, and never more
    /// than half of `max_children`, so that nobody can keep all the others out.
    pub(crate) max_children_per_user: Option<u64>,
    /// How much memory a process may address, such as `2GiB`. No limit unless set: Node.js and Java
    /// reserve far more than they use.
    pub(crate) max_memory: Option<String>,
    /// How many files a process may have open. Our own limit unless set.
    pub(crate) max_open_files: Option<u64>,
    /// How long it may be silent while it owes an answer. Progress and other messages begin that time anew.
    pub(crate) timeout: String,
    /// The largest message that it may send.
    pub(crate) max_message: String,
    /// Headers that it gets with every request, such as `{ Authorization = "Bearer ${TOKEN}" }`. `${NAME}`
    /// stands for that environment variable. The caller's token never goes there.
    pub(crate) headers: BTreeMap<String, Secret>,
    /// A token of the gateway's own for it, by client credentials.
    pub(crate) credential: Option<CredentialSection>,
    /// Whose credential goes with what it is asked: `none`, `service-account` (that of `headers` or
    /// `credential`) or `user-token` (that of the person who calls). It counts for everything but the tools
    /// in `auth_types`. Unless set, `user-token` with a `user_token` and no `auth_types`, and otherwise
    /// `service-account` where there is one.
    pub(crate) auth_type: Option<String>,
    /// The same for single tools: `{ "get-*" = "user-token", get-time = "none" }`. `*` stands for any text. A
    /// name counts before a pattern, and a longer pattern before a shorter one.
    pub(crate) auth_types: BTreeMap<String, String>,
    /// The tokens of people for it, who connect an account once.
    pub(crate) user_token: Option<UserTokenSection>,
    /// Tells it who calls, by a signed header. Only for an upstream that you trust with that.
    pub(crate) forward_identity: Option<ForwardIdentitySection>,
    /// Whether `http` is accepted for another machine although credentials would cross the network in
    /// the clear. Not unless set: only for a network that is yours alone, as between containers.
    pub(crate) insecure_http: bool,
    /// Whether a tool whose description has changed since it was first seen is refused until you have
    /// looked at it. Otherwise the change is recorded.
    pub(crate) refuse_changed_tools: bool,
    /// Whether it is part of the common endpoint, too. Only upstreams are that accept the same tokens.
    pub(crate) federated: bool,
    /// The issuer of another authorization server whose tokens are accepted for it. Ours unless set.
    pub(crate) authorization_server: Option<String>,
    /// How tokens of that other server are verified, as for `[[servers]]`.
    pub(crate) verify: String,
    /// The audience that those tokens must name. The address of this endpoint unless set.
    pub(crate) audience: Option<String>,
    /// The `typ` headers accepted with `jwt`.
    pub(crate) token_types: Vec<String>,
    /// Tokens that are bound to a key (`DPoP`): `accepted`, `required` or `off`.
    pub(crate) dpop: String,
    /// The scopes that every caller has with `userinfo`.
    pub(crate) scope: Vec<String>,
    /// Our client identifier at that other server. Needed for `introspection`.
    pub(crate) client_id: Option<String>,
    /// Our secret there, or `${NAME}` for the value of that environment variable.
    pub(crate) client_secret: Option<Secret>,
    /// A file with that secret in its first line. A relative path starts at this file.
    pub(crate) client_secret_file: Option<String>,
}

/// `[upstreams.credential]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CredentialSection {
    /// Where tokens are issued. https, or on this machine. Required.
    pub(crate) token_endpoint: Option<String>,
    /// Our client identifier there. Required.
    pub(crate) client_id: Option<String>,
    /// Our secret there, or `${NAME}` for the value of that environment variable.
    pub(crate) client_secret: Option<Secret>,
    /// A file with that secret in its first line. A relative path starts at this file.
    pub(crate) client_secret_file: Option<String>,
    /// The scopes to ask for.
    pub(crate) scope: Vec<String>,
    /// The resource to name (RFC 8707). None unless set.
    pub(crate) resource: Option<String>,
}

/// `[upstreams.user_token]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UserTokenSection {
    /// The `id` of the identity provider that issues the tokens: there people connect their accounts. Let it
    /// have the scopes that the tools need; with `sign_in = false` it is there for this alone. Required.
    pub(crate) identity_provider: Option<String>,
    /// The header in which an upstream with a `url` gets the token. `Authorization` unless set, as a bearer
    /// token; any other header holds the token alone.
    pub(crate) header: Option<String>,
    /// The environment variable in which a program gets the token. Required for a `command`. Each person has
    /// a process of their own then, and a new one when the token is renewed.
    pub(crate) env: Option<String>,
}

/// `[upstreams.forward_identity]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ForwardIdentitySection {
    /// The name of the header.
    pub(crate) header: String,
    /// The audience that the statement names. The `url` of the upstream unless set.
    pub(crate) audience: Option<String>,
}

/// `[gateway]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GatewaySection {
    /// Whether all upstreams are served together, too: one endpoint with the tools of all.
    pub(crate) federated: bool,
    /// The path of that common endpoint.
    pub(crate) path: String,
    /// The name of it that people see.
    pub(crate) title: String,
    /// The issuer of another authorization server whose tokens it accepts. Ours unless set.
    pub(crate) authorization_server: Option<String>,
    /// How tokens of that other server are verified, as for `[[servers]]`.
    pub(crate) verify: String,
    /// The audience that those tokens must name. The address of this endpoint unless set.
    pub(crate) audience: Option<String>,
    /// The `typ` headers accepted with `jwt`.
    pub(crate) token_types: Vec<String>,
    /// Tokens that are bound to a key (`DPoP`): `accepted`, `required` or `off`.
    pub(crate) dpop: String,
    /// The scopes that every caller has with `userinfo`.
    pub(crate) scope: Vec<String>,
    /// Our client identifier at that other server. Needed for `introspection`.
    pub(crate) client_id: Option<String>,
    /// Our secret there, or `${NAME}` for the value of that environment variable.
    pub(crate) client_secret: Option<Secret>,
    /// A file with that secret in its first line. A relative path starts at this file.
    pub(crate) client_secret_file: Option<String>,
}

/// `[policy]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PolicySection {
    /// What holds for tools, prompts and resources of upstreams that no permitting rule is about: `deny`
    /// or `permit`. With `permit`, everybody who gets a token for an upstream may use it, which is
    /// everybody who can sign in.
    pub(crate) default: String,
    /// Broad scopes, and the narrower ones that each includes:
    /// `{ "admin:todos" = ["read:todos", "delete:todos"] }`.
    pub(crate) scope_hierarchy: BTreeMap<String, Vec<String>>,
    /// Who may do what. Their order does not matter: what one rule denies is denied, what one rule
    /// requires is required, and otherwise one rule that permits is enough.
    pub(crate) rules: Vec<PolicyRuleSection>,
}

/// `[[policy.rules]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PolicyRuleSection {
    /// What explanations and records call it. Its place in the list unless set.
    pub(crate) name: Option<String>,
    /// What follows: `permit`; `deny`, whatever else permits it; or `require`, which denies where the
    /// conditions of the rule do not hold.
    pub(crate) effect: String,
    /// The names of the upstreams it is about. `*` stands for any text, here and below.
    pub(crate) upstream: String,
    /// The tools it is about. A rule that names no tools, prompts, resources or methods is about all
    /// tools, prompts and resources.
    pub(crate) tools: Vec<String>,
    /// The prompts it is about.
    pub(crate) prompts: Vec<String>,
    /// The addresses of the resources it is about, such as `file:///public/*`.
    pub(crate) resources: Vec<String>,
    /// The methods it is about, such as `resources/subscribe`. Unknown methods are denied unless a rule
    /// names them here; methods of the protocol itself need no rule, and can be denied by one.
    pub(crate) methods: Vec<String>,
    /// Scopes that the caller must have, all of them. Not for rules that deny.
    pub(crate) scopes: Vec<String>,
    /// Scopes of which the caller must have one. Not for rules that deny.
    pub(crate) any_scope: Vec<String>,
    /// Roles of which the caller must have one.
    pub(crate) roles: Vec<String>,
    /// The identifiers of clients that may ask.
    pub(crate) clients: Vec<String>,
    /// Kinds of clients that may ask: `first_party` (of `[[clients]]`, on behalf of a person),
    /// `third_party` (any other, on behalf of a person) or `machine` (for itself).
    pub(crate) client_kinds: Vec<String>,
    /// Claims of the caller's token: `{ department = "sales" }`. A list means one of its values; a claim
    /// that is a list must hold one of them. A name that begins with a slash is a JSON pointer.
    pub(crate) claims: BTreeMap<String, Value>,
    /// What the arguments of the call must be: `{ userId = { claim = "sub" } }`. A name has dots between
    /// levels, or begins with a slash as a JSON pointer.
    pub(crate) arguments: BTreeMap<String, ArgumentSection>,
    /// Whether the tool says of itself that it changes nothing (`readOnlyHint`).
    pub(crate) read_only: Option<bool>,
    /// An expression (CEL) that must be true: `caller.claims.department == arguments.department`.
    /// `docs/gateway.md` says what it can name.
    pub(crate) when: Option<String>,
}

/// `[policy.rules.arguments."…"]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ArgumentSection {
    /// Equal to this.
    pub(crate) equals: Option<Value>,
    /// Equal to one of these.
    pub(crate) one_of: Vec<Value>,
    /// Equal to this claim of the caller. `sub` makes it the caller's own.
    pub(crate) claim: Option<String>,
    /// A text that this regular expression describes as a whole.
    pub(crate) matches: Option<String>,
    /// A number, at least this.
    pub(crate) min: Option<Value>,
    /// A number, at most this.
    pub(crate) max: Option<Value>,
    /// A text of at most so many characters, or a list of so many values.
    pub(crate) max_length: Option<u64>,
    /// Whether it may be missing. Not unless set.
    pub(crate) optional: bool,
}

impl Default for UpstreamSection {
    fn default() -> Self {
        Self {
            name: None,
            title: None,
            url: None,
            command: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            directory: None,
            transport: "auto".into(),
            revision: None,
            children: "per-session".into(),
            idle: "10m".into(),
            max_children: 64,
            max_children_per_user: None,
            max_memory: None,
            max_open_files: None,
            timeout: "60s".into(),
            max_message: "16MiB".into(),
            headers: BTreeMap::new(),
            credential: None,
            auth_type: None,
            auth_types: BTreeMap::new(),
            user_token: None,
            forward_identity: None,
            insecure_http: false,
            refuse_changed_tools: false,
            federated: true,
            authorization_server: None,
            verify: "jwt".into(),
            audience: None,
            token_types: vec![oauth::jwt::ACCESS_TOKEN_TYPE.into()],
            dpop: "accepted".into(),
            scope: Vec::new(),
            client_id: None,
            client_secret: None,
            client_secret_file: None,
        }
    }
}

impl Default for ForwardIdentitySection {
    fn default() -> Self {
        Self {
            header: "Sumun-Identity".into(),
            audience: None,
        }
    }
}

impl Default for GatewaySection {
    fn default() -> Self {
        Self {
            federated: true,
            path: "/mcp".into(),
            title: "All tools".into(),
            authorization_server: None,
            verify: "jwt".into(),
            audience: None,
            token_types: vec![oauth::jwt::ACCESS_TOKEN_TYPE.into()],
            dpop: "accepted".into(),
            scope: Vec::new(),
            client_id: None,
            client_secret: None,
            client_secret_file: None,
        }
    }
}

impl Default for PolicySection {
    fn default() -> Self {
        Self {
            default: "deny".into(),
            scope_hierarchy: BTreeMap::new(),
            rules: Vec::new(),
        }
    }
}

impl Default for PolicyRuleSection {
    fn default() -> Self {
        Self {
            name: None,
            effect: "permit".into(),
            upstream: "*".into(),
            tools: Vec::new(),
            prompts: Vec::new(),
            resources: Vec::new(),
            methods: Vec::new(),
            scopes: Vec::new(),
            any_scope: Vec::new(),
            roles: Vec::new(),
            clients: Vec::new(),
            client_kinds: Vec::new(),
            claims: BTreeMap::new(),
            arguments: BTreeMap::new(),
            read_only: None,
            when: None,
        }
    }
}
