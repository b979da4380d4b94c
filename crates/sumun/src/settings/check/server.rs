//! The servers to run, and whose tokens they accept.

use authorization_server::settings::Resource;
use oauth::issuer::Issuer;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;

use super::Check;
use super::address::collect;
use crate::settings::file::{ServerSection, SettingsFile};
use crate::settings::place::Place;
use crate::settings::{ForeignIssuer, Server, ServerKind, Trust, Verify};

/// What the authorization server has for itself, now or one day.
const RESERVED_PATHS: [&str; 16] = [
    "/.well-known",
    "/assets",
    "/authorize",
    "/callback",
    "/connections",
    "/consent",
    "/device_authorization",
    "/health",
    "/introspect",
    "/jwks",
    "/login",
    "/oauth2",
    "/register",
    "/revoke",
    "/token",
    "/userinfo",
];

impl Check<'_> {
    pub(super) fn servers(&mut self, file: &SettingsFile, issuer: &Issuer) -> Option<Vec<Server>> {
        let list = Place::of("servers");
        if file.servers.is_empty() {
            let message = "there is no server to protect: add [[servers]] with a name, such as \
                           name = \"whoami\"";
            self.refuse(&list, message);
            return None;
        }
        let checked = file.servers.iter().enumerate();
        let servers =
            collect(checked.map(|(n, section)| self.server(issuer, &list.index(n), section)))?;
        for (n, server) in servers.iter().enumerate() {
            if servers[..n].iter().any(|other| other.path == server.path) {
                let message = format!(
                    "another server has the path `{}` already: give this one another `path`",
                    server.path
                );
                self.refuse(&list.index(n), message);
            }
        }
        if !servers
            .iter()
            .any(|server| matches!(server.trusts, Trust::Own))
        {
            let message = "no server accepts tokens of this authorization server, so it would issue \
                           none: add one without `authorization_server`";
            self.refuse(&list, message);
        }
        for (n, server) in servers.iter().enumerate() {
            let undescribed = server
                .kind
                .scopes()
                .iter()
                .find(|s| !file.scopes.contains_key(**s));
            if let (Trust::Own, Some(scope)) = (&server.trusts, undescribed) {
                let message = format!(
                    "this server has the scope `{scope}`, which is not described: add \
                     [scopes.\"{scope}\"] with en and ko"
                );
                self.refuse(&list.index(n), message);
            }
        }
        Some(servers)
    }

    fn server(
        &mut self,
        issuer: &Issuer,
        place: &Place,
        section: &ServerSection,
    ) -> Option<Server> {
        let kind = match section.name.as_deref() {
            Some("whoami") => Ok(ServerKind::Whoami),
            Some("todo") => Ok(ServerKind::Todo),
            Some("hello") => Ok(ServerKind::Hello),
            Some(other) => Err(format!(
                "there is no server `{other}`: write whoami, todo or hello"
            )),
            None => Err("write which server this is: whoami, todo or hello".to_owned()),
        };
        let kind = self.accept(&place.key("name"), kind)?;
        let path = section
            .path
            .clone()
            .unwrap_or_else(|| kind.usual_path().to_owned());
        let path = self.accept(&place.key("path"), check_path(path))?;
        let address = issuer.join(&path);
        let trusts = self.trust(place, section, &address);
        let resource = ResourceIndicator::parse(&address);
        let resource = self.accept(&place.key("path"), resource)?;
        Some(Server {
            kind,
            path,
            resource,
            trusts: trusts?,
        })
    }

    fn trust(&mut self, place: &Place, section: &ServerSection, address: &str) -> Option<Trust> {
        let Some(issuer) = &section.authorization_server else {
            let foreign_only = [
                ("audience", section.audience.is_some()),
                ("client_id", section.client_id.is_some()),
                ("client_secret", section.client_secret.is_some()),
                ("client_secret_file", section.client_secret_file.is_some()),
            ];
            for (key, _) in foreign_only.into_iter().filter(|(_, is_set)| *is_set) {
                let message = format!(
                    "`{key}` is for servers with an `authorization_server` of their own: add that, \
                     or remove `{key}`"
                );
                self.refuse(&place.key(key), message);
            }
            return Some(Trust::Own);
        };
        let issuer = self.accept(&place.key("authorization_server"), Issuer::parse(issuer));
        let (secret, secret_file) = (place.key("client_secret"), place.key("client_secret_file"));
        let client_secret = self.secret(
            &secret,
            section.client_secret.as_ref(),
            section.client_secret_file.as_deref(),
            &secret_file,
        );
        let verify = match section.verify.as_str() {
            "jwt" if section.token_types.is_empty() => {
                let message = "without a `typ` no token is accepted: write [\"at+jwt\"]";
                self.refuse(&place.key("token_types"), message);
                None
            }
            "jwt" => Some(Verify::Jwt {
                types: section.token_types.clone(),
            }),
            "userinfo" => Some(Verify::Userinfo),
            "introspection" => self.introspection(place, section, client_secret),
            other => {
                let message =
                    format!("`{other}` is no way to verify: write jwt, introspection or userinfo");
                self.refuse(&place.key("verify"), message);
                None
            }
        };
        Some(Trust::Foreign(ForeignIssuer {
            issuer: issuer?,
            audience: section
                .audience
                .clone()
                .unwrap_or_else(|| address.to_owned()),
            verify: verify?,
        }))
    }

    fn introspection(
        &mut self,
        place: &Place,
        section: &ServerSection,
        client_secret: Option<oauth::secret::Secret>,
    ) -> Option<Verify> {
        let has_secret = section.client_secret.is_some() || section.client_secret_file.is_some();
        if section.client_id.is_none() || !has_secret {
            let message = "introspection needs our own credentials at that server (RFC 7662 §2.1): \
                           add `client_id` and `client_secret`";
            self.refuse(&place.key("verify"), message);
        }
        Some(Verify::Introspection {
            client_id: section.client_id.clone()?,
            client_secret: client_secret?,
        })
    }

    pub(super) fn default_resource(
        &mut self,
        file: &SettingsFile,
        servers: &[Server],
    ) -> Option<ResourceIndicator> {
        let Some(path) = &file.default_resource else {
            return servers.first().map(|server| server.resource.clone());
        };
        let server = servers.iter().find(|server| server.path == *path);
        let resource = server.map(|server| server.resource.clone());
        let reason = format!("no server has the path `{path}`: write the path of one");
        self.accept(&Place::of("default_resource"), resource.ok_or(reason))
    }
}

/// The resources of our own authorization server, in the order of the file.
pub(super) fn resources(servers: &[Server]) -> Vec<Resource> {
    let own = servers
        .iter()
        .filter(|server| matches!(server.trusts, Trust::Own));
    own.map(|server| Resource {
        indicator: server.resource.clone(),
        name: server.kind.title().to_owned(),
        scopes: Scope::from_tokens(server.kind.scopes())
            .expect("the scopes of our servers are well-formed"),
    })
    .collect()
}

/// Only what needs no escaping, so that path, address and route are the same text.
fn check_path(path: String) -> Result<String, String> {
    let is_plain = |segment: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
        !segment.is_empty() && !matches!(segment, "." | "..") && segment.bytes().all(plain)
    };
    let is_path = path
        .strip_prefix('/')
        .is_some_and(|rest| rest.split('/').all(is_plain));
    if !is_path {
        let hint = "write a path of letters, digits and - _ . ~ between slashes, such as /todo/mcp";
        return Err(format!("`{path}` is no path for a server: {hint}"));
    }
    let is_below = |reserved: &str| {
        path.strip_prefix(reserved)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match RESERVED_PATHS
        .into_iter()
        .find(|reserved| is_below(reserved))
    {
        Some(reserved) => Err(format!(
            "{reserved} belongs to the authorization server: choose another path"
        )),
        None => Ok(path),
    }
}
