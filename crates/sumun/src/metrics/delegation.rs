//! Calls of APIs on behalf of people and of the service, and renewals of tokens.

use delegation::{ApiCall, Observe, RefreshOutcome};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{Metrics, seconds};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    api: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Api {
    api: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refresh {
    provider: String,
    outcome: &'static str,
}

#[derive(Debug)]
pub(super) struct Families {
    calls: Family<Call, Counter>,
    durations: Family<Api, Histogram, fn() -> Histogram>,
    refreshes: Family<Refresh, Counter>,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            calls: Family::default(),
            durations: Family::new_with_constructor(seconds as fn() -> Histogram),
            refreshes: Family::default(),
        };
        registry.register(
            "api_calls",
            "Calls of further APIs by tools",
            families.calls.clone(),
        );
        registry.register_with_unit(
            "api_call_duration",
            "How long these calls take, with everything that is repeated for them",
            Unit::Seconds,
            families.durations.clone(),
        );
        registry.register(
            "token_refreshes",
            "Renewals of the tokens that providers issued for people",
            families.refreshes.clone(),
        );
        families
    }
}

impl Observe for Metrics {
    fn api_called(&self, call: &ApiCall<'_>) {
        let (api, outcome) = (call.api.to_owned(), call.outcome);
        let families = &self.delegation;
        let durations = families.durations.get_or_create(&Api { api: api.clone() });
        durations.observe(call.duration.as_secs_f64());
        families.calls.get_or_create(&Call { api, outcome }).inc();
    }

    fn token_refreshed(&self, provider: &str, outcome: RefreshOutcome) {
        let refresh = Refresh {
            provider: provider.to_owned(),
            outcome: outcome.as_str(),
        };
        self.delegation.refreshes.get_or_create(&refresh).inc();
    }
}
