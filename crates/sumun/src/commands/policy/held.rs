//! Scopes that mean something at an endpoint of ours, and that no person can get.

use std::collections::{BTreeMap, BTreeSet};

use oauth::scope::Scope;

use crate::settings::{Gateway, Settings, Trust};

/// The scopes of OpenID Connect, which every person may let a client have.
pub(super) const IDENTITY: &str = "openid profile email";

/// A sentence for each scope that stands in no role. What clients get for themselves is theirs alone.
pub(in crate::commands) fn without_role(settings: &Settings) -> BTreeSet<String> {
    let own = &settings.authorization_server;
    let roles = own.roles.values().flat_map(Scope::iter);
    let clients = own.clients.iter();
    let clients = clients.filter_map(|client| client.metadata.scope.as_ref());
    let held: Vec<&str> = roles
        .chain(clients.flat_map(Scope::iter))
        .chain(IDENTITY.split(' '))
        .collect();
    let none = BTreeMap::new();
    let gateway = settings.gateway.as_ref();
    let hierarchy = gateway.map_or(&none, |gateway| &gateway.policy_settings.scope_hierarchy);
    // A broad scope is as good as the narrow ones in it, and is not missed where these are.
    let is_held = |scope: &str| {
        let is_near = |held: &&str| {
            *held == scope || includes(hierarchy, held, scope) || includes(hierarchy, scope, held)
        };
        held.iter().any(is_near)
    };
    let servers = settings.servers.iter();
    let servers = servers.map(|server| (&server.trusts, server.kind.scope()));
    let guarded = gateway.into_iter().flat_map(Gateway::endpoints);
    let guarded = guarded.map(|endpoint| (&endpoint.trusts, endpoint.scopes.clone()));
    let scopes = servers
        .chain(guarded)
        .filter(|(trusts, _)| matches!(trusts, Trust::Own))
        .flat_map(|(_, scopes)| scopes.iter().map(str::to_owned).collect::<Vec<_>>());
    scopes
        .filter(|scope| !is_held(scope))
        .map(|scope| {
            format!(
                "no role has `{scope}`, so no person can get it: add it to one under [roles], unless \
                 `sumun role add` has done that"
            )
        })
        .collect()
}

/// Whether `broad` includes `narrow`, in however many steps.
fn includes(hierarchy: &BTreeMap<String, Vec<String>>, broad: &str, narrow: &str) -> bool {
    let (mut open, mut seen) = (vec![broad], BTreeSet::new());
    while let Some(scope) = open.pop() {
        let inside = hierarchy.get(scope).into_iter().flatten();
        for one in inside.map(String::as_str) {
            if one == narrow {
                return true;
            }
            if seen.insert(one) {
                open.push(one);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broad_scope_includes_the_narrow_ones_of_its_narrow_ones() {
        let hierarchy = [("a", "b"), ("b", "c"), ("c", "a")];
        let hierarchy =
            hierarchy.map(|(broad, narrow)| (broad.to_owned(), vec![narrow.to_owned()]));
        let hierarchy = BTreeMap::from(hierarchy);
        assert!(includes(&hierarchy, "a", "c"));
        assert!(!includes(&hierarchy, "a", "d"));
    }
}
