//! What the operator says about one upstream.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use oauth::scope::Scope;
use oauth::secret::Secret;
use url::Url;

use super::auth_types::AuthTypes;
use crate::revision::Revision;

/// One MCP server behind the gateway.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Its name: the path `/{name}/mcp` and the prefix of its tools at `/mcp`. Lower-case letters, digits
    /// and single hyphens.
    pub name: String,
    /// The name that people see.
    pub title: Option<String>,
    /// How it is reached.
    pub transport: Transport,
    /// The revision that it speaks, where the operator knows; found out otherwise.
    pub revision: Option<Revision>,
    /// How long it may be silent while it owes an answer.
    pub timeout: Duration,
    /// The largest message that it may send.
    pub max_message_bytes: usize,
    /// What the gateway shows it to be let in.
    pub credential: UpstreamCredential,
    /// Whose credential goes with which request.
    pub auth_types: AuthTypes,
    /// The token of the person who calls, where it is called with that.
    pub user_token: Option<UserToken>,
    /// Whether it is told who calls, by a signed header.
    pub forward_identity: Option<ForwardIdentity>,
    /// Whether a tool whose description has changed is refused until the operator has seen it.
    pub refuse_changed_tools: bool,
}

/// How an upstream is reached.
#[derive(Clone, Debug)]
pub enum Transport {
    /// Streamable HTTP, or, where that is not there, the HTTP with an event stream of 2024-11-05.
    Http {
        /// The address of its MCP endpoint.
        url: Url,
        /// Whether it is known to be the older HTTP+SSE; found out unless set.
        sse: Option<bool>,
    },
    /// A program that speaks over its standard input and output.
    Stdio {
        command: String,
        args: Vec<String>,
        /// The whole environment of the program, besides `PATH`, `HOME`, `LANG` and `TMPDIR`.
        env: BTreeMap<String, Secret>,
        directory: Option<PathBuf>,
        children: Children,
        /// How long a child without a visitor is kept.
        idle: Duration,
        /// How many children there may be at once.
        max_children: usize,
        /// How many of them one person may have, unless they are shared.
        max_children_per_user: usize,
        /// How much memory a child may address.
        max_memory_bytes: Option<u64>,
        /// How many files a child may have open.
        max_open_files: Option<u64>,
    },
}

/// Who shares a child process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Children {
    /// Every session has its own.
    PerSession,
    /// Every caller has their own.
    PerUser,
    /// One for everybody.
    Shared,
}

/// The credential of the gateway at an upstream. The caller's own token never goes there.
#[derive(Clone, Debug)]
pub enum UpstreamCredential {
    /// None.
    None,
    /// Fixed headers.
    Headers(Vec<(String, Secret)>),
    /// A token of the gateway's own, by client credentials (RFC 6749 §4.4).
    ClientCredentials {
        /// Where tokens are issued.
        token_endpoint: Url,
        client_id: String,
        client_secret: Secret,
        scope: Scope,
        /// The resource that the token is for (RFC 8707).
        resource: Option<String>,
    },
}

/// The tokens of people for an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserToken {
    /// The identity provider that issues them, by its id: whoever calls connects their account there.
    pub provider: String,
    /// What people call that account.
    pub account: String,
    /// Where the upstream expects the token.
    pub place: TokenPlace,
}

/// Where an upstream expects a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// A header of every request: `Authorization`, as a bearer token, or one that holds it alone.
    Header(String),
    /// A variable of the environment, for programs. Nobody shares a process with somebody else then, and
    /// another token means another process.
    Variable(String),
}

/// A header in which a trusted upstream is told who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardIdentity {
    /// The name of the header.
    pub header: String,
    /// The audience that the signed statement names.
    pub audience: String,
}
