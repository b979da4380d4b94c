//! The settings file as it is written: every key, its meaning and its default.
//!
//! `docs/settings.md` is made from the comments below, and `sumun.example.toml` is held against them:
//! write them for the operator. Nothing is checked here; that is the task of [`super::check`].

use std::collections::BTreeMap;

use oauth::jws::Algorithm;
use oauth::redirect_uri::PrivateUseSchemes;
use oauth::secret::Secret;
use serde::Deserialize;

use super::audit::{AlertsSection, AuditSection};
use super::identity_provider::IdentityProviderSection;
use super::pii::PiiSection;
use super::upstream::{GatewaySection, PolicySection, UpstreamSection};

/// The top of the file. Single keys stand here, before the first section.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the file"
)]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SettingsFile {
    /// The address by which clients reach this server, such as `https://mcp.example.com`. Required.
    /// It is the issuer of all tokens and the start of every link, byte for byte; no address is
    /// ever taken from a request. Without a slash at the end. `http` is allowed for this machine
    /// alone (`localhost`, `127.0.0.1`, `[::1]`).
    pub(crate) public_url: Option<String>,
    /// The address and port to listen on. A server behind a reverse proxy listens on loopback, or
    /// on `0.0.0.0:8080` in a container.
    pub(crate) listen: String,
    /// The directory for what must outlive the process: `sumun.db` and the key ring `keyring.json`.
    /// Required. It is made if it is missing; a relative path starts at this file. What to back up: the
    /// store `sumun.db`, the key ring `keyring.json`, the audit log `audit/` and its key `audit.key`, both
    /// keys in another place than the rest.
    pub(crate) data: Option<String>,
    /// The path of the server that clients mean when they do not say which resource they want a
    /// token for. Unless set: the first of `[[servers]]`, else the common endpoint of all upstreams, else
    /// the first of them.
    pub(crate) default_resource: Option<String>,
    /// The role of a new person; one of `[roles]`.
    pub(crate) default_role: String,
    /// Whether people who have a password can sign in with it. Without, `[[identity_providers]]` are
    /// the only way in, and at least one is needed.
    pub(crate) password_sign_in: bool,
    /// How new signing keys sign: `EdDSA`, or `ES256` for peers that know nothing else.
    pub(crate) signing_algorithm: String,
    /// Whether clients must push their authorization requests before they send a browser (RFC 9126).
    /// Few MCP clients can; a single client can be told so by its own setting.
    pub(crate) require_pushed_authorization_requests: bool,
    /// Whether every proof of possession (`DPoP`) must answer a nonce of ours, so that it is new by our
    /// clock. Otherwise one that was made within the last minute is enough.
    pub(crate) dpop_nonce_required: bool,
    /// Whether an https URL may be a client identifier, whose metadata is then fetched from there
    /// (client id metadata documents).
    pub(crate) client_id_metadata_documents: bool,
    /// The private-use schemes (`cursor://…`) that clients may have answers sent to.
    pub(crate) private_use_schemes: Vec<String>,
    /// The origins of web pages that may call the MCP servers, such as `https://app.example.com`.
    /// Requests without an `Origin` header do not come from web pages, and are not touched by this.
    pub(crate) allowed_origins: Vec<String>,
    /// The networks of reverse proxies, such as `10.0.0.0/8`. Their `X-Forwarded-For` is believed
    /// for the address of the client in rate limits, and for nothing else.
    pub(crate) trusted_proxies: Vec<String>,
    /// How many connections one address may hold at once; a further one is closed. 512 unless set, and no
    /// more than half of all that there may be. Proxies in `trusted_proxies` and this machine may hold all.
    pub(crate) max_connections_per_address: Option<u64>,
    /// What is written to the log.
    pub(crate) log: LogSection,
    /// What is recorded: sign-ins, grants, tokens, decisions and calls, in a log that shows what is
    /// missing. `docs/audit.md` describes it.
    pub(crate) audit: AuditSection,
    /// Rules over what is recorded, and who is told when one of them speaks.
    pub(crate) alerts: AlertsSection,
    /// What is counted, for Prometheus.
    pub(crate) metrics: MetricsSection,
    /// Where traces are sent.
    pub(crate) traces: TracesSection,
    /// How long each thing lives. Durations are written as `45s`, `30m`, `12h`, `30d` or `1h30m`.
    pub(crate) tokens: TokensSection,
    /// Clients that register themselves (RFC 7591).
    pub(crate) registration: RegistrationSection,
    /// Sign-in on devices without a browser (RFC 8628).
    pub(crate) device_authorization: DeviceAuthorizationSection,
    /// The API with which people, clients, grants, roles, resources and keys are managed while the
    /// server runs, at `/manage/v1`. `docs/management.md` describes it.
    pub(crate) management: ManagementSection,
    /// What a person with a role may let a client do: `Admin = ["read:todos", "delete:todos"]`.
    pub(crate) roles: BTreeMap<String, Vec<String>>,
    /// Each scope in words, for the page that asks for consent: `[scopes."read:todos"]`.
    pub(crate) scopes: BTreeMap<String, ScopeSection>,
    /// A client that the operator registers. Others register themselves.
    pub(crate) clients: Vec<ClientSection>,
    /// Another place where people may sign in, besides the passwords kept here. People see them in
    /// this order. Their tokens are kept sealed and are never passed on.
    pub(crate) identity_providers: Vec<IdentityProviderSection>,
    /// Somebody whose signed word is taken: on programs, by the token of their platform, or on people.
    pub(crate) trusted_issuers: Vec<TrustedIssuerSection>,
    /// A server that this program brings with it, to run and protect. There must be one, or an upstream.
    pub(crate) servers: Vec<ServerSection>,
    /// An MCP server behind the gateway. `docs/gateway.md` tells more, and `sumun import` makes these of
    /// the settings of an MCP client.
    pub(crate) upstreams: Vec<UpstreamSection>,
    /// The endpoint that all upstreams have in common.
    pub(crate) gateway: GatewaySection,
    /// What happens to personal data in the calls of upstreams and in their results. Unless something is
    /// said here, nobody looks for them. `docs/personal-data.md` tells more.
    pub(crate) pii: PiiSection,
    /// Who may use what of the upstreams. `sumun policy explain` says how a decision comes about.
    pub(crate) policy: PolicySection,
}

/// `[log]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSection {
    /// `text` for people, `json` for machines.
    pub(crate) format: String,
    /// The least important level to write: `error`, `warn`, `info`, `debug` or `trace`. No level
    /// writes tokens, codes or passwords.
    pub(crate) level: String,
}

/// `[metrics]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MetricsSection {
    /// The address and port at which `/metrics` is read, such as `127.0.0.1:9464`. It is another one
    /// than `listen`, because the numbers are nobody's business outside; let nobody but your
    /// Prometheus reach it. Nothing is counted unless set.
    pub(crate) listen: Option<String>,
}

/// `[traces]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TracesSection {
    /// The address of an OpenTelemetry collector that takes traces by HTTP, such as
    /// `http://127.0.0.1:4318/v1/traces`. Needs a program that was built with the feature `otlp`.
    /// None are sent unless set.
    pub(crate) endpoint: Option<String>,
}

/// `[tokens]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TokensSection {
    /// Access tokens. At most `24h`: they are meant to be short-lived and renewed.
    pub(crate) access_token: String,
    /// Authorization codes, from consent to redemption. At most `10m` (RFC 6749 §4.1.2).
    pub(crate) authorization_code: String,
    /// The sign-in page: how long a person may take.
    pub(crate) authorization_request: String,
    /// Refresh tokens that nobody uses.
    pub(crate) refresh_token: String,
    /// How long a client may repeat its last refresh, after a lost answer, and get the same
    /// answer. At most `5m`; `0s` switches it off.
    pub(crate) refresh_grace: String,
    /// How long a browser stays signed in.
    pub(crate) browser_session: String,
    /// How long a signing key signs before the next one takes over. Tokens that it has signed stay
    /// valid until they expire.
    pub(crate) signing_key: String,
}

/// `[registration]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RegistrationSection {
    /// Whether clients may register themselves. Most MCP clients need it.
    pub(crate) enabled: bool,
    /// How many registrations one client address may make in an hour.
    pub(crate) per_address_and_hour: u64,
    /// How long a registered client stays that nobody uses any more. One that never got a token stays
    /// a day.
    pub(crate) unused_lifetime: String,
    /// Whether a client that registered with credentials of its own may read, change and remove
    /// its registration (RFC 7592).
    pub(crate) management: bool,
}

/// `[device_authorization]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DeviceAuthorizationSection {
    /// Whether devices may show a code that a person types at `/device`. Only clients that are
    /// registered for `urn:ietf:params:oauth:grant-type:device_code` can do so. Switch it off if you
    /// have none: people can be talked into typing the code of somebody else's device.
    pub(crate) enabled: bool,
    /// How long a person may take to type the code and decide. At most `30m`.
    pub(crate) lifetime: String,
}

/// `[management]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ManagementSection {
    /// Whether the API is served. Its scopes `manage:read`, `manage:users`, `manage:clients`,
    /// `manage:grants`, `manage:roles` and `manage:keys` may then stand in `[roles]` and in the
    /// `scope` of a client. The commands `sumun user`, `client`, `grant`, `role`, `scope` and
    /// `resource` do not need it.
    pub(crate) enabled: bool,
}

/// `[scopes."…"]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ScopeSection {
    /// What a client may do with it, in English: a phrase that follows "This lets it …".
    pub(crate) en: Option<String>,
    /// The same in Korean.
    pub(crate) ko: Option<String>,
}

/// `[[clients]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClientSection {
    /// The client identifier. Required.
    pub(crate) client_id: Option<String>,
    /// The name that people see.
    pub(crate) client_name: Option<String>,
    /// The client's secret, or `${NAME}` for the value of that environment variable. A file with
    /// a secret in it must not be readable by everybody.
    pub(crate) secret: Option<Secret>,
    /// A file with the client's secret in its first line. A relative path starts at this file.
    pub(crate) secret_file: Option<String>,
    /// Whether the client belongs to the operator, so that nobody is asked for consent. Not unless
    /// set.
    pub(crate) first_party: bool,
    /// How the client authenticates: `none`, `client_secret_basic`, `client_secret_post` or
    /// `private_key_jwt`. Unless set, it is `client_secret_basic` for a client with a secret,
    /// `private_key_jwt` for one with keys, and `none` for any other.
    pub(crate) auth_method: Option<String>,
    /// Which grants it uses: `authorization_code`, `refresh_token`, `client_credentials`,
    /// `urn:ietf:params:oauth:grant-type:device_code`,
    /// `urn:ietf:params:oauth:grant-type:token-exchange` or
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer`. The first two unless set.
    pub(crate) grant_types: Vec<String>,
    /// Where answers may go. Needed for `authorization_code`.
    pub(crate) redirect_uris: Vec<String>,
    /// Where a person may go on after signing out of it (OpenID Connect RP-Initiated Logout).
    pub(crate) post_logout_redirect_uris: Vec<String>,
    /// Whether it must push its authorization requests (RFC 9126). Not unless set.
    pub(crate) require_pushed_authorization_requests: bool,
    /// The scopes that it may ask for. Unless set: every scope on behalf of a person, and none for itself.
    /// A first-party client gets those of the management API only if they are named here.
    pub(crate) scope: Option<Vec<String>>,
    /// The address of its public keys, for `private_key_jwt`.
    pub(crate) jwks_uri: Option<String>,
    /// One of `[[trusted_issuers]]` that vouches for this client: the platform on which it runs. What
    /// the platform signs is its proof, so it has neither a secret nor keys. It gets its tokens with
    /// `client_credentials` and the assertion as `client_assertion` (RFC 7523 §2.2), or with
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer` and nothing else (MCP workload identity).
    pub(crate) assertion_issuer: Option<String>,
    /// Who it is there, exactly as the assertions say it in `sub`, such as
    /// `system:serviceaccount:tools:router` or `spiffe://example.org/ns/tools/sa/router`.
    pub(crate) assertion_subject: Option<String>,
    /// The paths of the servers whose tokens it may introspect (RFC 7662): it then is the resource
    /// server behind them. None unless set.
    pub(crate) introspects: Vec<String>,
    /// The paths of the servers for which it may exchange the tokens of its callers (RFC 8693), as
    /// the resource server of what it `introspects`. Needs
    /// `urn:ietf:params:oauth:grant-type:token-exchange` in `grant_types`. None unless set.
    pub(crate) exchanges_to: Vec<String>,
}

/// `[[trusted_issuers]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrustedIssuerSection {
    /// Its name, byte for byte as its assertions say it in `iss`. Required. Nothing that it signs is
    /// believed, except what a client's `assertion_subject` or `id_jag` says.
    pub(crate) issuer: Option<String>,
    /// Where its keys are. Needed if `issuer` is no URL; else they are found through its metadata.
    pub(crate) jwks_uri: Option<String>,
    /// How it may sign: every algorithm with a public key unless set.
    pub(crate) algorithms: Vec<String>,
    /// The longest life of an assertion, at most `24h`. `1h` unless set.
    pub(crate) max_lifetime: String,
    /// Whether a program may use an assertion once only, which then needs a `jti`. It is so unless
    /// set. Switch it off for a platform that renews its tokens less often than they are used, such
    /// as Kubernetes with mounted tokens. Assertions about people are used once in any case.
    pub(crate) single_use: bool,
    /// Whether it may let clients act for its people, without a page on which they are asked
    /// (enterprise-managed authorization; the assertions are ID-JAGs). The clients need
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer` in their grant types. Not unless set.
    pub(crate) id_jag: bool,
    /// The id under which its people are known here. Needed for `id_jag`. If people also sign in at
    /// this issuer, it is the id of that identity provider, so that they are the same people; no id
    /// of another provider is accepted.
    pub(crate) identity_provider: Option<String>,
    /// Whether people who have not been here before are made known. Not unless set.
    pub(crate) sign_up: bool,
    /// The clients that may bring its assertions about people. Every client that authenticates unless
    /// set; one without a secret or key only if it is named here.
    pub(crate) clients: Vec<String>,
    /// The paths of the servers that it may open to clients. All of ours unless set.
    pub(crate) servers: Vec<String>,
    /// The most that it may allow, beside what the roles of the person do. Unless set: what its
    /// assertions say, and nothing if they say nothing.
    pub(crate) scope: Option<Vec<String>>,
    /// The tenant that its assertions must name, if it has several under one name.
    pub(crate) tenant: Option<String>,
}

/// `[[servers]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServerSection {
    /// Which server: `whoami`, `todo`, `hello`, `hybrid` (the demo of tools that call an API as nobody,
    /// as the service and as the person), `naver` (the Naver assistant) or `security-lab` (tools to try
    /// out OAuth and data protection). Required.
    pub(crate) name: Option<String>,
    /// The path at which clients find it: `/hello`, `/lab/mcp` for `security-lab`, and `/whoami/mcp` and so
    /// on unless set.
    pub(crate) path: Option<String>,
    /// The issuer of another authorization server whose tokens it accepts. Ours unless set.
    pub(crate) authorization_server: Option<String>,
    /// How tokens of that other server are verified: `jwt` (signature), `introspection` (RFC 7662)
    /// or `userinfo`.
    pub(crate) verify: String,
    /// The audience that those tokens must name. The address of this server unless set.
    pub(crate) audience: Option<String>,
    /// The `typ` headers accepted with `jwt`. Some issuers write `JWT`, which ID tokens carry, too:
    /// add it only where the audience keeps the two apart.
    pub(crate) token_types: Vec<String>,
    /// Tokens that are bound to a key (`DPoP`): `accepted` beside bearer tokens, `required` instead of
    /// them, or `off`. With `userinfo` there are none.
    pub(crate) dpop: String,
    /// The scopes that every caller has with `userinfo`, which does not tell what a token may do.
    pub(crate) scope: Vec<String>,
    /// Our client identifier at that other server. Needed for `introspection`.
    pub(crate) client_id: Option<String>,
    /// Our secret there, or `${NAME}` for the value of that environment variable.
    pub(crate) client_secret: Option<Secret>,
    /// A file with that secret in its first line. A relative path starts at this file.
    pub(crate) client_secret_file: Option<String>,
    /// The address of the API that `hybrid` and `naver` call: required for `hybrid`, and
    /// `https://openapi.naver.com` for `naver` unless set.
    pub(crate) api: Option<String>,
    /// The name of the service at that API, for tools that call it as the service. For `naver` it is
    /// that of the application, the `client_id` of the identity provider unless set.
    pub(crate) api_client_id: Option<String>,
    /// The secret of the service there, or `${NAME}` for the value of that environment variable. For
    /// `naver`, the `client_secret` of the identity provider unless set.
    pub(crate) api_client_secret: Option<Secret>,
    /// A file with that secret in its first line. A relative path starts at this file.
    pub(crate) api_client_secret_file: Option<String>,
    /// Where the service gets its own tokens (RFC 6749 §4.4). Required for `hybrid`; `naver` sends
    /// its credentials with every call.
    pub(crate) api_token_endpoint: Option<String>,
    /// How long one request to the API may take.
    pub(crate) api_timeout: String,
    /// The `id` of the identity provider at which people connect the accounts that tools work with.
    /// Required for `hybrid`, and `naver` for `naver` unless set. Let it have the scopes that the
    /// tools need; with `sign_in = false` it is there for this alone.
    pub(crate) identity_provider: Option<String>,
    /// For development: calls of the API carry no credential at all, and nobody has to connect an
    /// account. It is refused unless `public_url` and `listen` are on this machine. Not unless set.
    pub(crate) skip_api_authentication: bool,
}

impl Default for SettingsFile {
    fn default() -> Self {
        Self {
            public_url: None,
            listen: "127.0.0.1:8080".into(),
            data: None,
            default_resource: None,
            default_role: "User".into(),
            password_sign_in: true,
            signing_algorithm: "EdDSA".into(),
            require_pushed_authorization_requests: false,
            dpop_nonce_required: false,
            client_id_metadata_documents: true,
            private_use_schemes: PrivateUseSchemes::KNOWN_CLIENTS.map(String::from).into(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            max_connections_per_address: None,
            log: LogSection::default(),
            audit: AuditSection::default(),
            alerts: AlertsSection::default(),
            metrics: MetricsSection::default(),
            traces: TracesSection::default(),
            tokens: TokensSection::default(),
            registration: RegistrationSection::default(),
            device_authorization: DeviceAuthorizationSection::default(),
            management: ManagementSection::default(),
            roles: BTreeMap::new(),
            scopes: BTreeMap::new(),
            clients: Vec::new(),
            identity_providers: Vec::new(),
            trusted_issuers: Vec::new(),
            servers: Vec::new(),
            upstreams: Vec::new(),
            gateway: GatewaySection::default(),
            pii: PiiSection::default(),
            policy: PolicySection::default(),
        }
    }
}

impl Default for LogSection {
    fn default() -> Self {
        Self {
            format: "text".into(),
            level: "info".into(),
        }
    }
}

impl Default for TokensSection {
    fn default() -> Self {
        Self {
            access_token: "30m".into(),
            authorization_code: "60s".into(),
            authorization_request: "10m".into(),
            refresh_token: "30d".into(),
            refresh_grace: "30s".into(),
            browser_session: "12h".into(),
            signing_key: "30d".into(),
        }
    }
}

impl Default for RegistrationSection {
    fn default() -> Self {
        Self {
            enabled: true,
            per_address_and_hour: 60,
            unused_lifetime: "90d".into(),
            management: true,
        }
    }
}

impl Default for DeviceAuthorizationSection {
    fn default() -> Self {
        Self {
            enabled: true,
            lifetime: "10m".into(),
        }
    }
}

impl Default for ClientSection {
    fn default() -> Self {
        Self {
            client_id: None,
            client_name: None,
            secret: None,
            secret_file: None,
            first_party: false,
            auth_method: None,
            grant_types: vec!["authorization_code".into(), "refresh_token".into()],
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            require_pushed_authorization_requests: false,
            scope: None,
            jwks_uri: None,
            assertion_issuer: None,
            assertion_subject: None,
            introspects: Vec::new(),
            exchanges_to: Vec::new(),
        }
    }
}

impl Default for TrustedIssuerSection {
    fn default() -> Self {
        Self {
            issuer: None,
            jwks_uri: None,
            algorithms: Algorithm::ALL.map(|known| format!("{known:?}")).into(),
            max_lifetime: "1h".into(),
            single_use: true,
            id_jag: false,
            identity_provider: None,
            sign_up: false,
            clients: Vec::new(),
            servers: Vec::new(),
            scope: None,
            tenant: None,
        }
    }
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            name: None,
            path: None,
            authorization_server: None,
            verify: "jwt".into(),
            audience: None,
            token_types: vec![oauth::jwt::ACCESS_TOKEN_TYPE.into()],
            dpop: "accepted".into(),
            scope: Vec::new(),
            client_id: None,
            client_secret: None,
            client_secret_file: None,
            api: None,
            api_client_id: None,
            api_client_secret: None,
            api_client_secret_file: None,
            api_token_endpoint: None,
            api_timeout: "30s".into(),
            identity_provider: None,
            skip_api_authentication: false,
        }
    }
}
