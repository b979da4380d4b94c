//! What stands behind the gateway, checked: upstreams, their common endpoint, and the policy.

use std::sync::Arc;

use gateway::policy::{Policy, PolicySettings};
use gateway::upstream::UpstreamSettings;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;

use super::{BoundTokens, Trust};

/// Everything behind the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    /// The servers; never empty.
    pub(crate) upstreams: Vec<Upstream>,
    /// The endpoint that they have in common, if there is one.
    pub(crate) common: Option<Guarded>,
    /// Who may do what, as it is written.
    pub(crate) policy_settings: PolicySettings,
    /// The same, ready to be asked.
    pub(crate) policy: Arc<Policy>,
}

impl Gateway {
    /// Every endpoint for which tokens are needed, the common one first.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Guarded> {
        let single = self.upstreams.iter().map(|upstream| &upstream.endpoint);
        self.common.iter().chain(single)
    }

    /// The names of the upstreams that are part of the common endpoint.
    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        let members = self
            .upstreams
            .iter()
            .filter(|upstream| upstream.is_federated);
        members.map(|upstream| &*upstream.settings.name)
    }
}

/// One server behind the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    /// How it is reached.
    pub(crate) settings: UpstreamSettings,
    /// Where clients find it.
    pub(crate) endpoint: Guarded,
    /// Whether it is part of the common endpoint.
    pub(crate) is_federated: bool,
}

/// An endpoint of the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Guarded {
    /// Its path below the public address.
    pub(crate) path: String,
    /// Its public address, which is the name of the resource.
    pub(crate) resource: ResourceIndicator,
    /// The name that people see.
    pub(crate) title: String,
    /// Whose tokens it accepts.
    pub(crate) trusts: Trust,
    /// Whether these may or must be bound to a key (RFC 9449).
    pub(crate) dpop: BoundTokens,
    /// The scopes that mean something to it: those of the rules about it.
    pub(crate) scopes: Scope,
}
