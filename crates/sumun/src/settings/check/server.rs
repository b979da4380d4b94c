//! The servers to run, and the names and scopes that people meet them by.

use authorization_server::settings::Resource;
use oauth::issuer::Issuer;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;

use super::Check;
use super::address::collect;
use crate::settings::file::{ServerSection, SettingsFile};
use crate::settings::place::Place;
use crate::settings::taken;
use crate::settings::{BoundTokens, Gateway, Server, ServerKind, Trust};

/// The servers that there are.
const NAMES: &str = "whoami, todo, hello, hybrid, naver or security-lab";

impl Check<'_> {
    pub(super) fn servers(&mut self, file: &SettingsFile, issuer: &Issuer) -> Option<Vec<Server>> {
        let list = Place::of("servers");
        if file.servers.is_empty() && file.upstreams.is_empty() {
            let message = "there is no server to protect: add [[servers]] with a name, such as \
                           name = \"whoami\", or [[upstreams]] with a name and a url or command";
            self.refuse(&list, message);
            return None;
        }
        let checked = file.servers.iter().enumerate();
        let servers =
            collect(checked.map(|(n, section)| self.server(issuer, &list.index(n), section)))?;
        for (n, server) in servers.iter().enumerate() {
            self.beside_others(&list.index(n), server, &servers[..n]);
            if matches!(server.trusts, Trust::Own) {
                self.scopes_have_words(
                    file,
                    &list.index(n),
                    "this server has",
                    &server.kind.scope(),
                );
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
            Some("hybrid") => Ok(ServerKind::Hybrid),
            Some("naver") => Ok(ServerKind::Naver),
            Some("security-lab") => Ok(ServerKind::SecurityLab),
            Some(other) => Err(format!("there is no server `{other}`: write {NAMES}")),
            None => Err(format!("write which server this is: {NAMES}")),
        };
        let kind = self.accept(&place.key("name"), kind)?;
        let path = section
            .path
            .clone()
            .unwrap_or_else(|| kind.usual_path().to_owned());
        let path = self.accept(&place.key("path"), check_path(path))?;
        let address = issuer.join(&path);
        let trusts = self.trust(place, section, &address);
        let dpop = self.accept(&place.key("dpop"), bound_tokens(&section.dpop));
        let resource = ResourceIndicator::parse(&address);
        let resource = self.accept(&place.key("path"), resource)?;
        Some(Server {
            kind,
            path,
            resource,
            trusts: trusts?,
            dpop: dpop?,
            api: None,
        })
    }

    fn beside_others(&mut self, place: &Place, server: &Server, others: &[Server]) {
        if others.iter().any(|other| other.path == server.path) {
            let message = format!(
                "another server has the path `{}` already: give this one another `path`",
                server.path
            );
            self.refuse(place, message);
        } else if server.kind == ServerKind::Todo
            && others.iter().any(|other| other.kind == ServerKind::Todo)
        {
            // Two issuers may mean two people by the same subject.
            let message = "there can be only one todo server, because todos are kept by subject: \
                           remove one";
            self.refuse(place, message);
        }
    }

    pub(super) fn default_resource(
        &mut self,
        file: &SettingsFile,
        endpoints: &[Endpoint],
    ) -> Option<ResourceIndicator> {
        let Some(path) = &file.default_resource else {
            return endpoints.first().map(|endpoint| endpoint.resource.clone());
        };
        let endpoint = endpoints.iter().find(|endpoint| endpoint.path == *path);
        let resource = endpoint.map(|endpoint| endpoint.resource.clone());
        let reason = format!("no server has the path `{path}`: write the path of one");
        self.accept(&Place::of("default_resource"), resource.ok_or(reason))
    }
}

/// Something at a path of ours for which tokens are needed.
pub(super) struct Endpoint {
    pub(super) path: String,
    pub(super) resource: ResourceIndicator,
    name: String,
    scopes: Scope,
    is_own: bool,
}

/// Everything for which tokens are needed. The first one is meant by clients that do not say.
pub(super) fn endpoints(servers: &[Server], gateway: Option<&Gateway>) -> Vec<Endpoint> {
    let servers = servers.iter().map(|server| Endpoint {
        path: server.path.clone(),
        resource: server.resource.clone(),
        name: server.kind.title().to_owned(),
        scopes: server.kind.scope(),
        is_own: matches!(server.trusts, Trust::Own),
    });
    let guarded = gateway.into_iter().flat_map(Gateway::endpoints);
    let guarded = guarded.map(|guarded| Endpoint {
        path: guarded.path.clone(),
        resource: guarded.resource.clone(),
        name: guarded.title.clone(),
        scopes: guarded.scopes.clone(),
        is_own: matches!(guarded.trusts, Trust::Own),
    });
    servers.chain(guarded).collect()
}

impl Check<'_> {
    /// The resources of our own authorization server.
    pub(super) fn resources(
        &mut self,
        endpoints: &[Endpoint],
        default: Option<&ResourceIndicator>,
    ) -> Vec<Resource> {
        let own = endpoints.iter().filter(|endpoint| endpoint.is_own);
        let mut resources: Vec<_> = own
            .map(|endpoint| Resource {
                indicator: endpoint.resource.clone(),
                name: endpoint.name.clone(),
                scopes: endpoint.scopes.clone(),
            })
            .collect();
        if resources.is_empty() && !endpoints.is_empty() {
            let message = "no server accepts tokens of this authorization server, so it would issue \
                           none: add one without `authorization_server`";
            self.refuse(&Place::of("servers"), message);
        }
        resources.sort_by_key(|resource| Some(&resource.indicator) != default);
        resources
    }
}

pub(super) fn bound_tokens(word: &str) -> Result<BoundTokens, String> {
    match word {
        "accepted" => Ok(BoundTokens::Accepted),
        "required" => Ok(BoundTokens::Required),
        "off" => Ok(BoundTokens::Off),
        other => Err(format!(
            "`{other}` is no answer: write accepted, required or off"
        )),
    }
}

/// Only what needs no escaping, so that path, address and route are the same text.
pub(super) fn check_path(path: String) -> Result<String, String> {
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
    match taken::owner_of(&path) {
        Some(reserved) => Err(format!(
            "{reserved} belongs to the authorization server: choose another path"
        )),
        None => Ok(path),
    }
}
