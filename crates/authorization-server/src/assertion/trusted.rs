//! The issuers whose assertions are believed, with their keys (RFC 7521 §5.1).

use std::collections::HashMap;
use std::sync::Arc;

use oauth::client::fetch::{Fetch, Reach};
use oauth::client::key_set::RemoteKeySet;
use oauth::issuer::Issuer;
use oauth::time::Clock;

use crate::settings::{Settings, TrustedIssuer};

/// An issuer and where its keys come from.
#[derive(Debug)]
pub(crate) struct Trusted {
    pub(crate) settings: TrustedIssuer,
    pub(crate) keys: RemoteKeySet,
}

/// All issuers that are trusted, by name.
#[derive(Debug)]
pub(crate) struct TrustedIssuers(HashMap<String, Trusted>);

impl TrustedIssuers {
    pub(crate) fn new(settings: &Settings, fetch: &Fetch, clock: &Arc<dyn Clock>) -> Self {
        let trusted = settings.trusted_issuers.iter().map(|issuer| {
            let (fetch, clock) = (fetch.clone(), Arc::clone(clock));
            // The operator wrote the address, so it may be a private one.
            let reach = Reach::Configured;
            let keys = if let Some(jwks_uri) = &issuer.jwks_uri {
                RemoteKeySet::at(fetch, reach, jwks_uri.as_str(), clock)
            } else {
                let name = Issuer::parse(issuer.issuer.as_str())
                    .expect("settings were checked: an issuer without jwks_uri is a URL");
                RemoteKeySet::of_issuer(fetch, reach, name, clock)
            };
            let settings = issuer.clone();
            (issuer.issuer.clone(), Trusted { settings, keys })
        });
        Self(trusted.collect())
    }

    /// The issuer of this name, byte for byte.
    pub(crate) fn find(&self, issuer: &str) -> Option<&Trusted> {
        self.0.get(issuer)
    }
}
