//! A month of ordinary work: people with their habits and mistakes, a batch at night, releases.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::dice::Dice;
use crate::event::{Action, AuditEvent, Direction, EventType, Outcome, Pseudonyms, Who};
use crate::reason;

pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// Monday 2026-06-01, 00:00 in Seoul.
pub(super) const START: i64 = 1_780_239_600_000;

const PEOPLE: usize = 48;
const CUSTOMERS: u64 = 6_000;
const CLIENTS: [&str; 4] = ["claude", "cursor", "vscode", "chatgpt"];

/// The tools: server, name, whether it writes, how many values of personal data its results usually hold, and what the
/// policy does with them: who works with customers needs to read them, and a list of them is masked.
const TOOLS: [(&str, &str, bool, usize, Action); 7] = [
    ("crm", "get-customer", false, 3, Action::Allowed),
    ("crm", "search-customers", false, 6, Action::Masked),
    ("crm", "update-customer", true, 2, Action::Allowed),
    ("todo", "get-todos", false, 0, Action::Allowed),
    ("todo", "create-todo", true, 0, Action::Allowed),
    ("search", "web-search", false, 0, Action::Allowed),
    ("mail", "read-mail", false, 4, Action::Allowed),
];

/// Events with their time; not in order.
pub(super) type Events = Vec<(i64, AuditEvent)>;

/// A person, as the log sees them.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) client: &'static str,
    pub(super) home: IpAddr,
    v6: Option<IpAddr>,
    /// When they begin, in minutes of the day in Seoul.
    begins: i64,
}

impl Person {
    /// A token for their client; the token endpoint knows the client alone.
    fn token(&self, grant_type: &str) -> AuditEvent {
        let who = Who::new().client(self.client).origin(self.home);
        AuditEvent::new(EventType::TokenIssued, who)
            .target(grant_type)
            .action(Action::Issued)
            .outcome(Outcome::Success)
    }
}

/// Those who work here.
#[derive(Debug)]
pub(super) struct Company {
    pub(super) people: Vec<Person>,
    pub(super) pseudonyms: Pseudonyms,
}

impl Company {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let person = |n: usize| Person {
            name: format!("person {n}"),
            client: CLIENTS[dice.count(0, CLIENTS.len() - 1)],
            home: address(dice),
            v6: dice.chance(250).then(|| {
                let network = 0x2001_0db8_u128 << 96 | u128::from(dice.below(1 << 16)) << 80;
                IpAddr::V6(Ipv6Addr::from_bits(network | 1))
            }),
            begins: dice.between(8 * 60, 10 * 60),
        };
        Self {
            people: (0..PEOPLE).map(person).collect(),
            pseudonyms: Pseudonyms::new(b"the key of a simulation"),
        }
    }

    pub(super) fn who(&self, person: &Person, grant: &str) -> Who {
        Who::new()
            .user(self.pseudonyms.person("https://auth.example", &person.name))
            .client(person.client)
            .grant(grant)
            .origin(person.home)
    }

    /// Somebody at the sign-in page, where nobody knows yet for which grant it will be.
    pub(super) fn visitor(&self, person: &Person) -> Who {
        Who::new()
            .user(self.pseudonyms.person("https://auth.example", &person.name))
            .origin(person.home)
    }

    /// A call that the policy does not let pass: with a challenge, or else as a call that has ended.
    pub(super) fn refused(
        &self,
        person: &Person,
        grant: &str,
        tool: &str,
        is_challenged: bool,
    ) -> AuditEvent {
        let event = if is_challenged {
            AuditEvent::new(EventType::PolicyDecision, self.who(person, grant))
                .server("crm")
                .tool(tool)
        } else {
            self.call(person, grant, ("crm", tool)).took(Duration::ZERO)
        };
        event.denied(reason::POLICY_DENIED)
    }

    /// A call that is rejected for what is in its arguments.
    pub(super) fn rejected(&self, person: &Person, grant: &str, tool: (&str, &str)) -> AuditEvent {
        self.call(person, grant, tool)
            .found(Direction::Arguments, Action::Rejected, "KR_RRN", 1)
            .took(Duration::ZERO)
            .denied("pii_rejected")
    }

    /// A call, with everything about it but its outcome.
    pub(super) fn call(&self, person: &Person, grant: &str, tool: (&str, &str)) -> AuditEvent {
        AuditEvent::tool_call(self.who(person, grant), tool.0, tool.1, 1)
    }
}

/// An address somewhere.
pub(super) fn address(dice: &mut Dice) -> IpAddr {
    let bits = 0x0a00_0000 | u32::try_from(dice.below(1 << 24)).unwrap_or_default();
    IpAddr::V4(Ipv4Addr::from_bits(bits))
}

/// Ordinary work for so many days.
pub(super) fn work(company: &Company, days: i64, dice: &mut Dice) -> Events {
    let mut events = Events::new();
    let holiday = dice.between(8, days - 2);
    for day in 0..days {
        let morning = START + day * DAY;
        let is_off = day % 7 >= 5 || day == holiday;
        for person in &company.people {
            let mut dice = dice.fork(1);
            let works = if is_off {
                dice.chance(80)
            } else {
                dice.chance(930)
            };
            if works {
                day_of(company, person, morning, is_off, &mut dice, &mut events);
            }
        }
        batch(company, morning + 2 * HOUR, &mut dice.fork(2), &mut events);
        house(day, morning, &mut dice.fork(3), &mut events);
    }
    events
}

/// What the house does by itself: restarts, a crash, administration, a release.
fn house(day: i64, morning: i64, dice: &mut Dice, events: &mut Events) {
    if day % 7 == 3 {
        let night = morning + 4 * HOUR;
        if dice.chance(800) {
            events.push((night, AuditEvent::new(EventType::Stopped, Who::new())));
        }
        let started = AuditEvent::new(EventType::Started, Who::new());
        events.push((night + dice.between(5, 600) * 1000, started));
    }
    for _ in 0..dice.size(2, 12) {
        let event = AuditEvent::new(EventType::Administration, Who::new().client("operator"))
            .action(Action::Changed)
            .target("sales")
            .outcome(Outcome::Success)
            .reason("role changed");
        events.push((
            morning + 10 * HOUR + dice.between(0, 6 * 60) * MINUTE,
            event,
        ));
    }
    if day == 12 {
        // A release that the operator wanted: it is told all the same, and counts as a false alert.
        let event = AuditEvent::new(EventType::ToolChanged, Who::new().client("nightly"))
            .server("crm")
            .tool("update-customer")
            .action(Action::Changed)
            .reason("tool_changed");
        events.push((morning + 11 * HOUR, event));
    }
}

/// A service that reads a little of everything every night.
fn batch(company: &Company, start: i64, dice: &mut Dice, events: &mut Events) {
    let who = Who::new()
        .client("nightly")
        .origin(IpAddr::from([10, 0, 0, 7]));
    let mut time = start + dice.between(0, 300) * 1000;
    for _ in 0..dice.count(50, 70) {
        time += dice.between(2_000, 14_000);
        let customer = dice.below(CUSTOMERS).to_string();
        let event = AuditEvent::tool_call(who.clone(), "crm", "get-customer", 1)
            .outcome(Outcome::Success)
            .found(Direction::Result, Action::Masked, "EMAIL", 1)
            .found(
                Direction::Result,
                Action::Masked,
                "KR_MOBILE",
                dice.count(0, 2),
            )
            .subject(company.pseudonyms.data_subject(&customer));
        events.push((time, event));
    }
}

/// The sessions of one person on one day.
fn day_of(
    company: &Company,
    person: &Person,
    morning: i64,
    is_off: bool,
    dice: &mut Dice,
    events: &mut Events,
) {
    let mut time = morning + person.begins * MINUTE + dice.between(-20, 40) * MINUTE;
    let sessions = if is_off { 1 } else { dice.count(3, 7) };
    for session in 0..sessions {
        // Now and then somebody works at night.
        if session == sessions - 1 && dice.chance(15) {
            time += 5 * HOUR;
        }
        time = session_of(company, person, time, dice, events);
        time += dice.between(10, 90) * MINUTE;
    }
}

fn session_of(
    company: &Company,
    person: &Person,
    start: i64,
    dice: &mut Dice,
    events: &mut Events,
) -> i64 {
    let grant = format!("grant {}", dice.below(u64::MAX));
    let mut time = start;
    sign_in(company, person, &grant, &mut time, dice, events);
    let mut here = person.clone();
    let calls = dice.count(8, 40);
    let moves_at = dice.chance(50).then(|| dice.count(0, calls));
    for n in 0..calls {
        if moves_at == Some(n) {
            here.home = address(dice);
        }
        let mut from = here.clone();
        if let Some(v6) = person.v6
            && dice.chance(400)
        {
            from.home = v6;
        }
        call(company, &from, &grant, time, dice, events);
        time += dice.between(3_000, 75_000);
        if dice.chance(20) {
            events.push((time, from.token("refresh_token")));
        }
    }
    if dice.chance(20) {
        walk(company, &here, &grant, &mut time, dice, events);
    }
    if dice.chance(12) {
        refused(company, &here, &grant, &mut time, dice, events);
    }
    if dice.chance(8) {
        rejected(company, &here, &grant, &mut time, dice, events);
    }
    time
}

/// Passwords are mistyped, and now and then forgotten.
fn sign_in(
    company: &Company,
    person: &Person,
    grant: &str,
    time: &mut i64,
    dice: &mut Dice,
    events: &mut Events,
) {
    let sign_in = AuditEvent::new(EventType::SignIn, company.visitor(person));
    let wrong = match dice.below(1000) {
        0..850 => 0,
        850..990 => dice.count(1, 3),
        _ => dice.count(4, 8),
    };
    for _ in 0..wrong {
        events.push((
            *time,
            sign_in
                .clone()
                .outcome(Outcome::Failure)
                .reason("wrong_password"),
        ));
        *time += dice.between(4_000, 25_000);
    }
    events.push((*time, sign_in.outcome(Outcome::Success)));
    let mut who = company.who(person, grant);
    who.origin = None;
    let approved = AuditEvent::new(EventType::GrantApproved, who)
        .server("https://mcp.example/mcp")
        .action(Action::Approved)
        .outcome(Outcome::Success);
    for event in [approved, person.token("authorization_code")] {
        *time += dice.between(200, 3_000);
        events.push((*time, event));
    }
}

fn call(
    company: &Company,
    person: &Person,
    grant: &str,
    time: i64,
    dice: &mut Dice,
    events: &mut Events,
) {
    let (server, tool, writes, values, action) = TOOLS[dice.count(0, TOOLS.len() - 1)];
    let call = company.call(person, grant, (server, tool));
    if writes {
        events.push((time, call.intent()));
    }
    let length = dice.between(8, 900);
    let outcome = if dice.chance(15) {
        Outcome::Failure
    } else {
        Outcome::Success
    };
    let mut call = call
        .outcome(outcome)
        .took(Duration::from_millis(length.unsigned_abs()));
    // A monthly report is the largest thing that anybody asks for.
    let values = if dice.chance(2) {
        dice.count(40, 110)
    } else {
        dice.size(values, 60)
    };
    if values > 0 && outcome == Outcome::Success {
        call = call
            .found(Direction::Result, action, "EMAIL", values.div_ceil(2))
            .found(Direction::Result, action, "KR_MOBILE", values / 2);
        for _ in 0..values.div_ceil(3).min(30) {
            let customer = dice.below(CUSTOMERS).to_string();
            call = call.subject(company.pseudonyms.data_subject(&customer));
        }
    }
    if dice.chance(60) {
        call = call.id_run(u32::try_from(dice.count(2, 5)).unwrap_or_default());
    }
    events.push((time + length, call));
}

/// Pages of a list are ids in a row, too.
fn walk(
    company: &Company,
    person: &Person,
    grant: &str,
    time: &mut i64,
    dice: &mut Dice,
    events: &mut Events,
) {
    for n in 1..=dice.count(4, 14) {
        let call = company
            .call(person, grant, ("crm", "search-customers"))
            .outcome(Outcome::Success)
            .id_run(u32::try_from(n).unwrap_or_default());
        events.push((*time, call));
        *time += dice.between(1_000, 8_000);
    }
}

/// An agent asks for what its person may not do, and tries again before it gives up.
fn refused(
    company: &Company,
    person: &Person,
    grant: &str,
    time: &mut i64,
    dice: &mut Dice,
    events: &mut Events,
) {
    let tools = ["delete-customer", "export-customers"];
    let kinds = if dice.chance(150) { 2 } else { 1 };
    for tool in &tools[..kinds] {
        for _ in 0..dice.count(1, 4) {
            let event = company.refused(person, grant, tool, true);
            events.push((*time, event));
            *time += dice.between(2_000, 40_000);
        }
    }
}

/// Somebody pastes personal data, is told not to, and learns it; most of them at once.
fn rejected(
    company: &Company,
    person: &Person,
    grant: &str,
    time: &mut i64,
    dice: &mut Dice,
    events: &mut Events,
) {
    for _ in 0..if dice.chance(150) { 2 } else { 1 } {
        let event = company.rejected(person, grant, ("search", "web-search"));
        events.push((*time, event));
        *time += dice.between(10_000, 90_000);
    }
}
