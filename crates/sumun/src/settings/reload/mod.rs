//! Settings that are read again: what has changed, and what of it takes effect at once.
//!
//! What stands behind the gateway can change while the house runs: upstreams come, change and go, and so
//! does the policy. Everything else takes effect at the next start, and is told. It waits wholly: what is
//! taken over now is read together with the rest as it is in force, and not with the rest of the file.

pub(crate) mod watch;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use gateway::policy::Policy;
use gateway::upstream::{Transport, UpstreamCredential};
use oauth::resource::ResourceIndicator;
use oauth::secret::Secret;
use toml::Table;

use super::{Gateway, Guarded, Settings, SettingsError, Trust, Upstream, Verify};

/// The sections of which a change takes effect at once.
const LIVE: [&str; 4] = ["upstreams", "gateway", "policy", "pii"];

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
    /// What is in force once the change is taken over.
    loaded: Loaded,
    /// What else is to be told, a sentence each: above all what takes effect at the next start only.
    pub(crate) notes: Vec<String>,
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
            loaded: _,
            notes,
        } = self;
        upstreams.is_empty()
            && policy.is_none()
            && common.is_none()
            && !personal_data
            && notes.is_empty()
    }

    /// The settings that are in force once it is taken over.
    pub(crate) fn settings(&self) -> &Settings {
        &self.loaded.settings
    }

    /// The endpoints that were not there before, or not so.
    pub(crate) fn new_endpoints(&self) -> impl Iterator<Item = &Guarded> {
        let upstreams = self.upstreams.iter().filter_map(|change| match change {
            UpstreamChange::Added(upstream) | UpstreamChange::Changed(upstream) => {
                Some(&upstream.endpoint)
            }
            UpstreamChange::Removed(_) => None,
        });
        self.common.iter().flatten().chain(upstreams)
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
                let gateway = self.settings().gateway.iter();
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
            .chain(self.notes.iter().cloned())
            .collect()
    }
}

/// Settings that are in force, with the text that they were made of.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    settings: Settings,
    written: Table,
    /// What the file says outside of the live sections, of which a part may wait.
    waiting: Table,
    /// What clients will mean at the next start that do not say which resource they mean.
    waiting_default: ResourceIndicator,
}

impl Loaded {
    /// `text` is that of the file; it is well-formed, since there are settings.
    pub(crate) fn new(settings: Settings, text: &str) -> Self {
        let written: Table = toml::from_str(text).unwrap_or_default();
        Self {
            waiting_default: settings.default_resource.clone(),
            settings,
            waiting: elsewhere(&written),
            written,
        }
    }

    /// What is different in `text`, of which `read` makes settings.
    pub(crate) fn change_to(
        &self,
        text: &str,
        read: impl Fn(&str) -> Result<Settings, SettingsError>,
    ) -> Result<Change, SettingsError> {
        let wanted = Self::new(read(text)?, text);
        let mut loaded = if elsewhere(&self.written) == wanted.waiting {
            wanted.clone()
        } else {
            self.with_live_part_of(&wanted, read)?
        };
        keep_default(&mut loaded.settings, &self.settings.default_resource);
        let notes = self.notes(&wanted, &loaded);
        Ok(self.differences(loaded, notes))
    }

    /// The live sections of `wanted` beside the others as they are in force.
    fn with_live_part_of(
        &self,
        wanted: &Self,
        read: impl Fn(&str) -> Result<Settings, SettingsError>,
    ) -> Result<Self, SettingsError> {
        let mut written = elsewhere(&self.written);
        for key in LIVE {
            if let Some(section) = wanted.written.get(key) {
                written.insert(key.to_owned(), section.clone());
            }
        }
        let settings = read(&written.to_string()).map_err(|error| match error {
            // Their places are those of a text that nobody has written.
            SettingsError::Problems(problems) => {
                let problems = problems.list.iter().map(|problem| &*problem.message);
                SettingsError::NeedsWhatWaits {
                    waiting: self.waiting_keys(wanted).join("\n"),
                    problems: problems.collect::<Vec<_>>().join("\n"),
                }
            }
            error => error,
        })?;
        Ok(Self {
            settings,
            written,
            waiting: wanted.waiting.clone(),
            waiting_default: wanted.waiting_default.clone(),
        })
    }

    fn differences(&self, loaded: Self, notes: Vec<String>) -> Change {
        let settings = loaded.settings.clone();
        let (old, now) = (self.settings.gateway.as_ref(), settings.gateway.as_ref());
        let (before, after) = (by_name(old), by_name(now));
        let mut change = Change {
            notes,
            personal_data: self.written.get("pii") != loaded.written.get("pii"),
            loaded,
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

    /// What has changed outside of the live sections since it was told last.
    fn notes(&self, wanted: &Self, loaded: &Self) -> Vec<String> {
        let mut notes = if self.waiting == wanted.waiting {
            Vec::new()
        } else {
            self.waiting_keys(wanted)
        };
        let is_told = notes
            .iter()
            .any(|line| line.starts_with("`default_resource`"));
        let before = &self.settings.default_resource;
        let (now, later) = (&loaded.settings.default_resource, &wanted.waiting_default);
        if now != before {
            notes.push(format!(
                "clients that do not say which resource they mean mean {now} from now on"
            ));
        } else if now != later && *later != self.waiting_default && !is_told {
            notes.push(format!(
                "clients that do not say which resource they mean still mean {now}, and {later} when sumun is \
                 started again"
            ));
        }
        notes
    }

    /// One line for each key that waits.
    fn waiting_keys(&self, wanted: &Self) -> Vec<String> {
        let keys = self.written.keys().chain(wanted.written.keys());
        let mut waiting: Vec<_> = keys
            .filter(|key| !LIVE.contains(&&***key))
            .filter(|key| self.written.get(*key) != wanted.written.get(*key))
            .map(|key| {
                format!("`{key}` has changed, which takes effect when sumun is started again")
            })
            .collect();
        waiting.sort_unstable();
        waiting.dedup();
        waiting
    }
}

/// What is written outside of the live sections.
fn elsewhere(written: &Table) -> Table {
    let is_elsewhere = |(key, _): &(&String, _)| !LIVE.contains(&&***key);
    let others = written.iter().filter(is_elsewhere);
    others
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// What clients mean that do not say which resource waits for the next start, as long as it is there.
fn keep_default(settings: &mut Settings, before: &ResourceIndicator) {
    let resources = &mut settings.authorization_server.resources;
    if resources
        .iter()
        .any(|resource| resource.indicator == *before)
    {
        resources.sort_by_key(|resource| resource.indicator != *before);
        settings.default_resource = before.clone();
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
