//! What nobody may take for a path or a name, for settings that are written as for those that are imported.

/// What the authorization server has for itself, now or one day.
const RESERVED_PATHS: [&str; 23] = [
    "/.well-known",
    "/account",
    "/assets",
    "/authorize",
    "/callback",
    "/connections",
    "/consent",
    "/device",
    "/device_authorization",
    "/health",
    "/introspect",
    "/jwks",
    "/login",
    "/logout",
    "/metrics",
    "/manage",
    "/oauth2",
    "/par",
    "/register",
    "/revoke",
    "/token",
    "/unlink",
    "/userinfo",
];

/// Longer names of upstreams leave too little of the 64 letters that clients allow for such a name and that
/// of a tool together.
pub(crate) const LONGEST_UPSTREAM: usize = 32;

/// The path of the authorization server's own that `path` is, or is below of.
pub(crate) fn owner_of(path: &str) -> Option<&'static str> {
    let is_below = |reserved: &&str| {
        let rest = path.strip_prefix(*reserved);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    RESERVED_PATHS.into_iter().find(is_below)
}

/// Where clients find the upstream `name`, below the public address.
pub(crate) fn path_of_upstream(name: &str) -> String {
    format!("/{name}/mcp")
}
