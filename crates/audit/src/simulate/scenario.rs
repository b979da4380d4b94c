//! What the rules are there for: each of them happens once in a month, at a time that nobody knows.

use super::dice::Dice;
use super::traffic::{Company, DAY, Events, HOUR, MINUTE, Person, START, address};
use crate::event::{Action, AuditEvent, Details, Direction, EventType, Mended, Outcome, Who};
use crate::rule::Rule;

/// How often a password may be wrong before the account is locked to an address, and for how long that is.
const TRIES_BEFORE_THE_LOCK: usize = 10;
const LOCKED: i64 = 10 * MINUTE;

/// Something bad: which rule has to find it, when it begins and when it is over.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) rule: Rule,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) events: Events,
    /// Between these times everything else that happened is missing in the log.
    pub(super) silence: Option<(i64, i64)>,
}

/// One scenario for every rule; three for the log itself, which can be hurt in three ways.
pub(super) fn all(company: &Company, days: i64, dice: &mut Dice) -> Vec<Scenario> {
    // One on each of the later working days, so that none hides another; the first scenarios, which
    // are about what is usual, on the last days.
    let mut working_days: Vec<i64> = (10..days).filter(|day| day % 7 < 5).collect();
    let mut scenarios = Vec::new();
    for rule in Rule::ALL.iter().rev() {
        let variants = if *rule == Rule::LogIntegrity { 3 } else { 1 };
        for variant in (0..variants).rev() {
            let first = if variant > 0 { 2 } else { 0 };
            let at = dice.count(first, working_days.len() - 1);
            let morning = START + working_days.remove(at) * DAY;
            let start = morning + dice.between(10 * 60, 16 * 60) * MINUTE;
            scenarios.push(scenario(*rule, variant, start, company, &mut dice.fork(9)));
        }
    }
    scenarios
}

fn scenario(
    rule: Rule,
    variant: usize,
    start: i64,
    company: &Company,
    dice: &mut Dice,
) -> Scenario {
    let person = company.people[dice.count(0, company.people.len() - 1)].clone();
    let mut scene = Scene {
        company,
        person,
        grant: format!("grant of {rule}"),
        time: start,
        events: Events::new(),
    };
    let mut silence = None;
    match rule {
        Rule::MassRead => scene.mass_read(dice),
        Rule::ManySubjects => scene.many_subjects(dice),
        Rule::Enumeration => scene.enumeration(dice),
        Rule::GuessedSignIn => scene.guessed_sign_in(dice),
        Rule::TokenReplay => scene.token_replay(dice),
        Rule::RefreshReused => scene.one(EventType::RefreshReused),
        Rule::CodeReplayed => scene.one(EventType::CodeReplayed),
        Rule::ScopeEscalation => scene.scope_escalation(dice),
        Rule::Rephrasing => scene.rephrasing(dice),
        Rule::SecretInResult => scene.secret(),
        Rule::ToolChanged => scene.tool_changed(),
        Rule::LogIntegrity => match variant {
            0 => scene.log_was_cut(),
            1 => scene.clock_goes_back(dice),
            _ => {
                // Whole hours, from the middle of the day on.
                let from = start.div_euclid(HOUR) * HOUR;
                silence = Some((from, from + 2 * HOUR));
                scene.time = from + 2 * HOUR;
            }
        },
    }
    Scenario {
        rule,
        start,
        end: scene.time.max(start),
        events: scene.events,
        silence,
    }
}

/// A scenario as it is played.
struct Scene<'a> {
    company: &'a Company,
    person: Person,
    grant: String,
    time: i64,
    events: Events,
}

impl Scene<'_> {
    fn then(&mut self, wait: i64, event: AuditEvent) {
        self.time += wait;
        self.events.push((self.time, event));
    }

    fn one(&mut self, kind: EventType) {
        let who = Who::new().client(self.person.client).grant(&self.grant);
        let event = AuditEvent::new(kind, who).action(Action::Ended);
        self.then(0, event.outcome(Outcome::Denied).reason(kind.name()));
    }

    fn read(&self, values: usize) -> AuditEvent {
        self.company
            .call(&self.person, &self.grant, ("crm", "search-customers"))
            .outcome(Outcome::Success)
            .found(Direction::Result, Action::Allowed, "EMAIL", values)
    }

    fn mass_read(&mut self, dice: &mut Dice) {
        for _ in 0..dice.count(18, 40) {
            let read = self.read(dice.count(25, 60));
            self.then(dice.between(3_000, 15_000), read);
        }
    }

    fn many_subjects(&mut self, dice: &mut Dice) {
        for n in 0..dice.count(110, 160) {
            let subject = self.company.pseudonyms.data_subject(&format!("victim {n}"));
            let read = self.read(1).subject(subject);
            self.then(dice.between(5_000, 20_000), read);
        }
    }

    fn enumeration(&mut self, dice: &mut Dice) {
        for n in 1..=dice.count(25, 60) {
            let call = self
                .company
                .call(&self.person, &self.grant, ("crm", "get-order"))
                .outcome(Outcome::Success)
                .id_run(u32::try_from(n).unwrap_or_default());
            self.then(dice.between(500, 6_000), call);
        }
    }

    fn guessed_sign_in(&mut self, dice: &mut Dice) {
        self.person.home = address(dice);
        let sign_in = AuditEvent::new(EventType::SignIn, self.company.visitor(&self.person));
        let failed = sign_in.clone().outcome(Outcome::Failure);
        let wrong = failed.clone().reason("wrong_password");
        for _ in 0..TRIES_BEFORE_THE_LOCK {
            self.then(dice.between(500, 6_000), wrong.clone());
        }
        // Whoever guesses goes on, and has to wait until the account is open again.
        let locked = failed.reason("too_many_requests");
        let opens = self.time + LOCKED;
        for _ in 0..dice.count(0, 20) {
            self.then(dice.between(500, 20_000), locked.clone());
        }
        self.time = opens;
        for _ in 0..dice.count(0, 4) {
            self.then(dice.between(500, 6_000), wrong.clone());
        }
        self.then(3_000, sign_in.outcome(Outcome::Success));
    }

    fn token_replay(&mut self, dice: &mut Dice) {
        let mut thief = self.person.clone();
        thief.home = address(dice);
        for n in 0..dice.count(8, 20) {
            let from = if n % 2 == 0 { &self.person } else { &thief };
            let call = self.company.call(from, &self.grant, ("todo", "get-todos"));
            self.then(dice.between(5_000, 40_000), call.outcome(Outcome::Success));
        }
    }

    fn scope_escalation(&mut self, dice: &mut Dice) {
        let tools = [
            "delete-customer",
            "export-customers",
            "grant-role",
            "read-secrets",
            "run",
        ];
        // Whoever holds a token is challenged for more scope where that would help, and is just refused elsewhere.
        for (n, tool) in tools[..dice.count(3, 5)].iter().enumerate() {
            let event = self
                .company
                .refused(&self.person, &self.grant, tool, n % 2 == 0);
            self.then(dice.between(2_000, 90_000), event);
        }
    }

    fn rephrasing(&mut self, dice: &mut Dice) {
        for _ in 0..dice.count(4, 7) {
            let tool = ("mail", "send-mail");
            let event = self.company.rejected(&self.person, &self.grant, tool);
            self.then(dice.between(5_000, 60_000), event);
        }
    }

    fn secret(&mut self) {
        let event = self
            .company
            .call(&self.person, &self.grant, ("files", "read-file"))
            .outcome(Outcome::Success)
            .found(Direction::Result, Action::Allowed, "SECRET", 1);
        self.then(0, event);
    }

    fn tool_changed(&mut self) {
        let who = self.company.who(&self.person, &self.grant);
        let event = AuditEvent::new(EventType::ToolChanged, who)
            .server("search")
            .tool("web-search")
            .action(Action::Changed)
            .reason("tool_changed");
        self.then(0, event);
    }

    fn log_was_cut(&mut self) {
        let mended = Details::Recovery(Mended::default());
        let event = AuditEvent::about(EventType::Recovery, mended).action(Action::Recovered);
        self.then(0, event.reason("tail_lost"));
    }

    fn clock_goes_back(&mut self, dice: &mut Dice) {
        // The event is dated half an hour before those around it; the order is that of the log.
        let back = dice.between(10, 60) * MINUTE;
        let event = self
            .company
            .call(&self.person, &self.grant, ("todo", "get-todos"));
        self.events.push((
            self.time,
            event
                .outcome(Outcome::Success)
                .took(std::time::Duration::from_millis(back.unsigned_abs())),
        ));
    }
}
