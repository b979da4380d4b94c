//! Settings that are read again: what has changed, and what of it takes effect at once.
//!
//! What stands behind the gateway can change while the house runs: upstreams come, change and go, and so
//! does the policy. Everything else takes effect at the next start, and is told.

pub(crate) mod watch;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use gateway::policy::Policy;
use gateway::upstream::{Transport, UpstreamCredential};
use oauth::secret::Secret;
use toml::Table;

use super::{Gateway, Guarded, Settings, Trust, Upstream, Verify};

/// What differs between the settings that are in force and those of the file.
#[derive(Debug)]
#[expect(
    clippy::option_option,
    reason = "the outer one means that something has changed"
)]
pub(crate) struct Change {
    /// What has become of upstreams.
    pub(crate) upstreams: Vec<UpstreamChange>,
    /// The policy, if it is another one.
    pub(crate) policy: Option<Arc<Policy>>,
    /// The common endpoint, if it has come, gone or changed, or others are part of it.
    pub(crate) common: Option<Option<Guarded>>,
    /// Whether something else happens to personal data.
    pub(crate) personal_data: bool,
    /// Everything as it is now.
    pub(crate) settings: Settings,
    /// What takes effect at the next start only, a sentence each.
    pub(crate) at_next_start: Vec<String>,
}

/// What has become of an upstream.
#[derive(Debug)]
pub(crate) enum UpstreamChange {
    /// There is a new one.
    Added(Box<Upstream>),
    /// It is reached in another way, or lets in others than before.
    Changed(Box<Upstream>),
    /// It is gone, by name.
    Removed(String),
}

impl Change {
    /// Whether nothing differs.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            upstreams,
            policy,
            common,
            personal_data,
            settings: _,
            at_next_start,
        } = self;
        upstreams.is_empty()
            && policy.is_none()
            && common.is_none()
            && !personal_data
            && at_next_start.is_empty()
    }

    /// Whether an upstream that is there now goes on as it was.
    pub(crate) fn keeps(&self, name: &str) -> bool {
        !self.upstreams.iter().any(|change| match change {
            UpstreamChange::Added(upstream) | UpstreamChange::Changed(upstream) => {
                upstream.settings.name == name
            }
            UpstreamChange::Removed(gone) => gone == name,
        })
    }

    /// One line for each thing that has changed, for the log.
    pub(crate) fn in_words(&self) -> Vec<String> {
        let upstreams = self.upstreams.iter().map(|change| match change {
            UpstreamChange::Added(upstream) => {
                format!("the upstream `{}` is new", upstream.settings.name)
            }
            UpstreamChange::Changed(upstream) => {
                format!("the upstream `{}` has changed", upstream.settings.name)
            }
            UpstreamChange::Removed(name) => format!("the upstream `{name}` is gone"),
        });
        let policy = self
            .policy
            .iter()
            .map(|_| "the policy has changed".to_owned());
        let personal_data = self
            .personal_data
            .then(|| "what happens to personal data has changed".to_owned());
        let common = self.common.iter().map(|common| match common {
            Some(common) => {
                let gateway = self.settings.gateway.iter();
                let members = gateway.flat_map(Gateway::members);
                let members: Vec<_> = members.collect();
                format!(
                    "served together at {} are: {}",
                    common.path,
                    members.join(", ")
                )
            }
            None => "upstreams are not served together any more".to_owned(),
        });
        upstreams
            .chain(policy)
            .chain(personal_data)
            .chain(common)
            .chain(self.at_next_start.iter().cloned())
            .collect()
    }
}

/// Settings, with the text that they were made of.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    written: Table,
}

impl Loaded {
    /// `text` is that of the file; it is well-formed, since there are settings.
    pub(crate) fn new(settings: Settings, text: &str) -> Self {
        Self {
            settings,
            written: toml::from_str(text).unwrap_or_default(),
        }
    }

    /// What is different in `new`.
    pub(crate) fn change_to(&self, new: &Self) -> Change {
        let (old, now) = (
            self.settings.gateway.as_ref(),
            new.settings.gateway.as_ref(),
        );
        let (before, after) = (by_name(old), by_name(now));
        let mut change = Change {
            at_next_start: self.elsewhere(new),
            personal_data: self.written.get("pii") != new.written.get("pii"),
            settings: new.settings.clone(),
            upstreams: Vec::new(),
            policy: None,
            common: None,
        };
        for (name, upstream) in &after {
            let is_same = |before: &&Upstream| fingerprint(before) == fingerprint(upstream);
            let upstream = Box::new((*upstream).clone());
            match before.get(name) {
                None => change.upstreams.push(UpstreamChange::Added(upstream)),
                Some(before) if !is_same(before) => {
                    change.upstreams.push(UpstreamChange::Changed(upstream));
                }
                Some(_) => {}
            }
        }
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        change
            .upstreams
            .extend(gone.map(|name| UpstreamChange::Removed((*name).to_owned())));
        let policy =
            |gateway: Option<&Gateway>| gateway.map(|gateway| gateway.policy_settings.clone());
        if policy(old) != policy(now) {
            change.policy =
                Some(now.map_or_else(|| Arc::new(Policy::closed()), |now| Arc::clone(&now.policy)));
        }
        let common = |gateway: Option<&Gateway>| {
            let gateway = gateway?;
            let members: Vec<_> = gateway.members().map(str::to_owned).collect();
            Some((of_endpoint(gateway.common.as_ref()?), members))
        };
        if common(old) != common(now) {
            change.common = Some(now.and_then(|now| now.common.clone()));
        }
        change
    }

    /// What has changed outside of the gateway.
    fn elsewhere(&self, new: &Self) -> Vec<String> {
        let keys = self.written.keys().chain(new.written.keys());
        let is_elsewhere =
            |key: &&String| !matches!(&***key, "upstreams" | "gateway" | "policy" | "pii");
        let mut changed: Vec<_> = keys
            .filter(is_elsewhere)
            .filter(|key| self.written.get(*key) != new.written.get(*key))
            .map(|key| {
                format!("`{key}` has changed, which takes effect when sumun is started again")
            })
            .collect();
        changed.sort_unstable();
        changed.dedup();
        let (before, after) = (
            &self.settings.default_resource,
            &new.settings.default_resource,
        );
        if before != after
            && !changed
                .iter()
                .any(|line| line.starts_with("`default_resource`"))
        {
            changed.push(format!(
                "clients that do not say which resource they mean still mean {before}, and {after} when sumun \
                 is started again"
            ));
        }
        changed
    }
}

fn by_name(gateway: Option<&Gateway>) -> BTreeMap<&str, &Upstream> {
    let upstreams = gateway.into_iter().flat_map(|gateway| &gateway.upstreams);
    upstreams
        .map(|upstream| (&*upstream.settings.name, upstream))
        .collect()
}

/// Everything about an upstream. Secrets are in it as hashes.
fn fingerprint(upstream: &Upstream) -> String {
    let settings = &upstream.settings;
    let mut text = format!("{settings:?} {}", of_endpoint(&upstream.endpoint));
    if let Transport::Stdio { env, .. } = &settings.transport {
        for value in env.values() {
            add(&mut text, value);
        }
    }
    match &settings.credential {
        UpstreamCredential::None => {}
        UpstreamCredential::Headers(headers) => {
            for (_, value) in headers {
                add(&mut text, value);
            }
        }
        UpstreamCredential::ClientCredentials { client_secret, .. } => {
            add(&mut text, client_secret);
        }
    }
    text
}

fn of_endpoint(endpoint: &Guarded) -> String {
    let mut text = format!("{endpoint:?}");
    if let Trust::Foreign(foreign) = &endpoint.trusts
        && let Verify::Introspection { client_secret, .. } = &foreign.verify
    {
        add(&mut text, client_secret);
    }
    text
}

fn add(text: &mut String, secret: &Secret) {
    write!(text, " {}", secret.hash().as_str()).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests;
