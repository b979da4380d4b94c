//! Rules about access: guessed passwords, stolen tokens, and trying what is not allowed.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::{FixedState, RandomState};

use super::data::{make_room, speak};
use super::engine::{AlertParts, Seen};
use super::window::Windows;
use super::{Finding, Rule, Thresholds};
use crate::event::{Action, Direction, EventType, Severity};
use crate::reason;

/// Many people come from one address; so much more must fail before an address is suspicious.
const PEOPLE_BEHIND_AN_ADDRESS: u64 = 2;

/// Clients try again what failed; so often in all before that is suspicious.
const TRIES: u64 = 4;

#[derive(Debug)]
pub(super) struct Access {
    thresholds: Thresholds,
    failures: Windows,
    refusals: Windows,
    rejections: Windows,
    grants: HashMap<Box<str>, Places, RandomState>,
    told: HashMap<Box<str>, i64, RandomState>,
    hasher: FixedState,
}

impl Access {
    pub(super) fn new(thresholds: &Thresholds) -> Self {
        Self {
            failures: Windows::new(thresholds.guessed_sign_in_window),
            refusals: Windows::new(thresholds.scope_escalation_window),
            rejections: Windows::new(thresholds.rephrasing_window),
            thresholds: thresholds.clone(),
            grants: HashMap::default(),
            told: HashMap::default(),
            hasher: FixedState::default(),
        }
    }

    pub(super) fn observe(&mut self, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
        match seen.kind {
            EventType::SignIn => findings.extend(self.guessed_sign_in(seen, "account")),
            // A client that proves itself gets a token; that it does has no event of its own.
            EventType::ClientAuthentication | EventType::TokenIssued => {
                findings.extend(self.guessed_sign_in(seen, "client"));
            }
            EventType::RefreshReused => findings.push(once(seen, Rule::RefreshReused)),
            EventType::CodeReplayed => findings.push(once(seen, Rule::CodeReplayed)),
            EventType::ToolChanged => findings.push(tool_changed(seen)),
            EventType::PolicyDecision | EventType::TokenRefused => {
                findings.extend(self.scope_escalation(seen));
            }
            EventType::CallOutcome => {
                findings.extend(self.scope_escalation(seen));
                findings.extend(self.rephrasing(seen));
            }
            _ => {}
        }
        let is_use = matches!(
            seen.kind,
            EventType::TokenVerification
                | EventType::CallIntent
                | EventType::CallOutcome
                | EventType::PolicyDecision
        );
        if is_use {
            findings.extend(self.token_replay(seen));
        }
    }

    /// Of people, by account and by address; of clients by their name alone, since many tokens are issued to one
    /// address, and one client behind it may be set up wrongly.
    fn guessed_sign_in(&mut self, seen: &Seen<'_>, whose: &str) -> Option<Finding> {
        let threshold = self.thresholds.guessed_sign_in;
        if threshold == 0 {
            return None;
        }
        let record = seen.record;
        let is_client = whose == "client";
        let account = if is_client {
            record.client_id.as_deref()
        } else {
            record.user_id.as_deref()
        };
        let account = account.map(|account| (format!("{whose}\0{account}"), threshold));
        let address = record.origin.as_deref().filter(|_| !is_client);
        let address = address.map(|address| {
            (
                format!("address\0{address}"),
                threshold.saturating_mul(PEOPLE_BEHIND_AN_ADDRESS),
            )
        });
        let succeeded = record.outcome.as_deref() == Some("success");
        for (key, limit) in account.into_iter().chain(address) {
            if !succeeded {
                self.failures.add(&key, seen.time, record.sequence, 1, 0);
                continue;
            }
            let count = self.failures.seen(&key, seen.time).sum;
            if count >= limit && self.failures.speak(&key, seen.time) {
                let mut evidence = self.failures.evidence(&key);
                evidence.push(record.sequence);
                let alert = AlertParts {
                    count,
                    threshold: limit,
                    window_seconds: self.failures.seconds(),
                    evidence,
                };
                return Some(seen.finding(Rule::GuessedSignIn, Severity::High, alert));
            }
        }
        None
    }

    fn scope_escalation(&mut self, seen: &Seen<'_>) -> Option<Finding> {
        let threshold = self.thresholds.scope_escalation;
        let record = seen.record;
        let is_refused = matches!(
            record.reason.as_deref(),
            Some(
                reason::POLICY_DENIED
                    | reason::SCOPE_REFUSED
                    | reason::RESOURCE_REFUSED
                    | reason::MORE_THAN_OWN
            )
        );
        if threshold == 0 || !is_refused {
            return None;
        }
        let key = seen.caller()?;
        // Which tool, or else which scope or resource.
        let what = (&record.tool_name, &record.target, &record.server);
        let kind = self.hasher.hash_one(what);
        let refused = self.refusals.add(key, seen.time, record.sequence, 1, kind);
        let is_enough =
            refused.kinds >= threshold || refused.sum >= threshold.saturating_mul(TRIES);
        if !is_enough || !self.refusals.speak(key, seen.time) {
            return None;
        }
        let alert = AlertParts {
            count: refused.sum,
            threshold,
            window_seconds: self.refusals.seconds(),
            evidence: self.refusals.evidence(key),
        };
        Some(seen.finding(Rule::ScopeEscalation, Severity::Medium, alert))
    }

    fn rephrasing(&mut self, seen: &Seen<'_>) -> Option<Finding> {
        let threshold = self.thresholds.rephrasing;
        let record = seen.record;
        let is_rejected = record.found().any(|found| {
            found.direction == Some(Direction::Arguments) && found.action == Some(Action::Rejected)
        });
        if threshold == 0 || !is_rejected {
            return None;
        }
        let server = record.server.as_deref().unwrap_or_default();
        let tool = record.tool_name.as_deref()?;
        let key = format!("{}\0{server}\0{tool}", seen.caller()?);
        let count = self
            .rejections
            .add(&key, seen.time, record.sequence, 1, 0)
            .sum;
        if count < threshold || !self.rejections.speak(&key, seen.time) {
            return None;
        }
        let alert = AlertParts {
            count,
            threshold,
            window_seconds: self.rejections.seconds(),
            evidence: self.rejections.evidence(&key),
        };
        Some(seen.finding(Rule::Rephrasing, Severity::High, alert))
    }

    fn token_replay(&mut self, seen: &Seen<'_>) -> Option<Finding> {
        let threshold = self.thresholds.token_replay;
        let record = seen.record;
        let grant = record.grant_id.as_deref()?;
        let network = network(record.origin.as_deref()?.parse().ok()?);
        if threshold == 0 {
            return None;
        }
        if !self.grants.contains_key(grant) {
            make_room(&mut self.grants, |places| places.latest);
            self.grants.insert(grant.into(), Places::default());
        }
        let window = self.thresholds.token_replay_window;
        let places = self.grants.get_mut(grant).expect("it is there now");
        let changes = places.observe(network, seen.time, record.sequence, window);
        if changes < threshold || !speak(&mut self.told, &format!("replay\0{grant}"), seen.time) {
            return None;
        }
        let alert = AlertParts {
            count: changes,
            threshold,
            window_seconds: window.as_secs(),
            evidence: places.evidence(),
        };
        Some(seen.finding(Rule::TokenReplay, Severity::Critical, alert))
    }
}

fn tool_changed(seen: &Seen<'_>) -> Finding {
    let mut finding = once(seen, Rule::ToolChanged);
    finding.alert.severity = Severity::Medium;
    finding
}

/// For what a single event is enough.
fn once(seen: &Seen<'_>, rule: Rule) -> Finding {
    let alert = AlertParts {
        count: 1,
        threshold: 1,
        window_seconds: 0,
        evidence: vec![seen.record.sequence],
    };
    seen.finding(rule, Severity::Critical, alert)
}

/// The networks that one grant is used from, and how often it went from one to another.
///
/// A telephone leaves one network for another, and a company has several addresses in one network;
/// neither goes back and forth. Addresses of IPv4 and IPv6 are told apart, because honest clients use
/// both at once.
#[derive(Debug, Default)]
struct Places {
    current: [Option<Network>; 2],
    changes: VecDeque<(i64, u64)>,
    latest: i64,
}

impl Places {
    fn observe(&mut self, network: Network, time: i64, sequence: u64, window: Duration) -> u64 {
        self.latest = time;
        let current = &mut self.current[usize::from(network.is_v6)];
        let is_change = current.is_some_and(|current| current != network);
        *current = Some(network);
        let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        while self
            .changes
            .front()
            .is_some_and(|(at, _)| *at < time.saturating_sub(window))
        {
            self.changes.pop_front();
        }
        if !is_change {
            return 0;
        }
        if self.changes.len() >= 20 {
            self.changes.pop_front();
        }
        self.changes.push_back((time, sequence));
        self.changes.len() as u64
    }

    fn evidence(&self) -> Vec<u64> {
        self.changes.iter().map(|(_, sequence)| *sequence).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    is_v6: bool,
    prefix: u64,
}

/// A /24 of IPv4, a /48 of IPv6.
fn network(address: IpAddr) -> Network {
    match address {
        IpAddr::V4(address) => Network {
            is_v6: false,
            prefix: u64::from(address.to_bits() >> 8),
        },
        IpAddr::V6(address) => Network {
            is_v6: true,
            prefix: u64::try_from(address.to_bits() >> 80).unwrap_or_default(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    #[test]
    fn so_many_grants_are_followed_and_no_more() {
        let mut access = Access::new(&Thresholds::default());
        let mut most = 0;
        for time in 0..50_000 {
            let line = format!(
                r#"{{"sequence":1,"timestamp":"","event_type":"call_outcome","contains_pii":false,"origin":"203.0.113.9","grant_id":"{time}","mac":""}}"#
            );
            let record = Record::parse(line.as_bytes()).unwrap();
            let kind = EventType::CallOutcome;
            let seen = Seen {
                record: &record,
                kind,
                time,
            };
            access.observe(&seen, &mut Vec::new());
            most = most.max(access.grants.len());
        }
        assert!((10_000..=20_000).contains(&most), "{most}");
    }
}
