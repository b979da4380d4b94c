//! Every rule by itself: what it speaks of, and what it lets pass.

use std::net::IpAddr;

use super::*;
use crate::event::{Direction, Outcome, Pseudonyms, timestamp};

/// An engine, and the time and number of the next event.
struct World {
    engine: Engine,
    millis: i64,
    sequence: u64,
    pseudonyms: Pseudonyms,
}

impl World {
    fn new() -> Self {
        Self {
            engine: Engine::new(&Thresholds::default()),
            millis: 1_795_824_000_000,
            sequence: 0,
            pseudonyms: Pseudonyms::new(b"key"),
        }
    }

    fn who(&self, name: &str) -> Who {
        Who::new()
            .user(self.pseudonyms.person("https://auth.example", name))
            .client("claude")
            .grant(format!("grant of {name}"))
            .origin(IpAddr::from([203, 0, 113, 9]))
    }

    fn call(&self, name: &str) -> AuditEvent {
        AuditEvent::tool_call(self.who(name), "crm", "get-customer", 1).outcome(Outcome::Success)
    }

    /// The event, `seconds` after the last one, and the rules that speak.
    fn after(&mut self, seconds: i64, event: &AuditEvent) -> Vec<Rule> {
        self.millis += seconds * 1000;
        self.sequence += 1;
        let mut line = format!(r#"{{"sequence":{},"timestamp":""#, self.sequence).into_bytes();
        timestamp(&mut line, self.millis);
        line.push(b'"');
        event.write(&mut line);
        line.extend_from_slice(br#","mac":""}"#);
        let findings = self.engine.observe(&Record::parse(&line).unwrap());
        findings
            .into_iter()
            .map(|finding| finding.alert.rule)
            .collect()
    }

    /// The same event again and again, and the rules that spoke.
    fn times(&mut self, count: usize, seconds: i64, event: &AuditEvent) -> Vec<Rule> {
        (0..count)
            .flat_map(|_| self.after(seconds, event))
            .collect()
    }
}

#[test]
fn much_personal_data_to_one_client_is_told() {
    let mut world = World::new();
    let read = world
        .call("alice")
        .found(Direction::Result, Action::Allowed, "EMAIL", 100);
    assert_eq!(world.times(5, 60, &read), []);
    assert_eq!(world.after(60, &read), [Rule::MassRead]);
    assert_eq!(world.times(3, 60, &read), [], "once per window is enough");
    for action in [
        Action::Masked,
        Action::Encrypted,
        Action::Tokenized,
        Action::Rejected,
    ] {
        let hidden = world
            .call("alice")
            .found(Direction::Result, action, "EMAIL", 100)
            .found(Direction::Arguments, Action::Allowed, "EMAIL", 100);
        assert_eq!(World::new().times(20, 1, &hidden), [], "nobody got it");
    }
    let slow = World::new().times(50, 200, &read);
    assert_eq!(slow, [], "that is slow enough");
}

#[test]
fn a_client_that_reads_little_is_measured_by_itself() {
    let mut world = World::new();
    let little = world
        .call("alice")
        .found(Direction::Result, Action::Allowed, "EMAIL", 3);
    assert_eq!(world.times(100, 700, &little), []);
    let more = world
        .call("alice")
        .found(Direction::Result, Action::Allowed, "EMAIL", 70);
    assert_eq!(world.times(5, 60, &more), [Rule::MassRead]);
}

#[test]
fn reading_about_many_people_is_told() {
    let mut world = World::new();
    let mut told = Vec::new();
    for n in 0..101 {
        let subject = world.pseudonyms.data_subject(&n.to_string());
        let read = world
            .call("alice")
            .found(Direction::Result, Action::Allowed, "EMAIL", 1)
            .subject(subject);
        told.extend(world.times(2, 10, &read));
    }
    assert_eq!(told, [Rule::ManySubjects]);
    // One call with more people than an event can list, whatever the policy leaves of each of them.
    let mut world = World::new();
    let mut read = world
        .call("alice")
        .found(Direction::Result, Action::Masked, "EMAIL", 1);
    for n in 0..5000 {
        read = read.subject(world.pseudonyms.data_subject(&n.to_string()));
    }
    assert_eq!(world.after(1, &read), [Rule::ManySubjects]);
}

#[test]
fn one_list_that_is_read_again_and_again_is_about_the_same_people() {
    let mut world = World::new();
    let mut read = world
        .call("alice")
        .found(Direction::Result, Action::Allowed, "EMAIL", 1);
    for n in 0..90 {
        read = read.subject(world.pseudonyms.data_subject(&n.to_string()));
    }
    assert_eq!(world.times(20, 60, &read), []);
}

#[test]
fn a_walk_through_ids_is_told() {
    let mut world = World::new();
    let mut told = Vec::new();
    for n in 1..30 {
        told.extend(world.after(2, &world.call("alice").id_run(n)));
    }
    assert_eq!(told, [Rule::Enumeration]);
}

#[test]
fn a_sign_in_after_many_that_failed_is_told() {
    let mut world = World::new();
    let sign_in = AuditEvent::new(EventType::SignIn, world.who("alice"));
    let failed = sign_in.clone().outcome(Outcome::Failure);
    let succeeded = sign_in.outcome(Outcome::Success);
    assert_eq!(world.times(9, 5, &failed), []);
    assert_eq!(world.after(5, &succeeded), [], "people mistype");
    assert_eq!(world.times(3, 5, &failed), []);
    assert_eq!(world.after(5, &succeeded), [Rule::GuessedSignIn]);

    // Many accounts from one address.
    let mut world = World::new();
    for n in 0..20 {
        let who = world.who(&format!("person {n}"));
        let failed = AuditEvent::new(EventType::SignIn, who).outcome(Outcome::Failure);
        assert_eq!(world.after(5, &failed), []);
    }
    let succeeded = AuditEvent::new(EventType::SignIn, world.who("kim")).outcome(Outcome::Success);
    assert_eq!(world.after(5, &succeeded), [Rule::GuessedSignIn]);
}

#[test]
fn a_client_whose_secret_was_wrong_many_times_before_it_got_a_token_is_told() {
    let mut world = World::new();
    let who = |name: &str| Who::new().client(name);
    let failed = AuditEvent::new(EventType::ClientAuthentication, who("robot"));
    let failed = failed.outcome(Outcome::Failure);
    let issued =
        |name| AuditEvent::new(EventType::TokenIssued, who(name)).outcome(Outcome::Success);
    assert_eq!(world.times(10, 5, &failed), []);
    assert_eq!(world.after(5, &issued("other")), [], "that one knew it");
    assert_eq!(world.after(5, &issued("robot")), [Rule::GuessedSignIn]);
}

#[test]
fn a_grant_that_is_used_from_two_places_at_once_is_told() {
    let mut world = World::new();
    let from = |world: &World, address: &str| {
        let mut call = world.call("alice");
        call.who.origin = Some(address.parse().unwrap());
        call
    };
    let (home, thief) = (from(&world, "203.0.113.9"), from(&world, "198.51.100.7"));
    let (gateway, v6) = (from(&world, "203.0.113.77"), from(&world, "2001:db8::1"));
    let mut told = world.times(3, 10, &home);
    told.extend(world.after(10, &gateway));
    told.extend(world.after(10, &v6));
    told.extend(world.after(10, &home));
    told.extend(world.after(10, &v6));
    told.extend(world.after(10, &thief));
    told.extend(world.after(10, &home));
    assert_eq!(
        told,
        [],
        "one network, both protocols, and a telephone that moved"
    );
    assert_eq!(world.after(10, &thief), [Rule::TokenReplay]);
}

#[test]
fn replayed_codes_and_refresh_tokens_are_told_at_once() {
    let mut world = World::new();
    let code = AuditEvent::new(EventType::CodeReplayed, world.who("alice"));
    assert_eq!(world.after(1, &code), [Rule::CodeReplayed]);
    let refresh = AuditEvent::new(EventType::RefreshReused, world.who("alice"));
    assert_eq!(world.times(2, 1, &refresh), [Rule::RefreshReused; 2]);
}

#[test]
fn trying_what_is_not_allowed_is_told() {
    let mut world = World::new();
    let denied = |world: &World, tool: &str| {
        AuditEvent::new(EventType::PolicyDecision, world.who("alice"))
            .server("crm")
            .tool(tool)
            .denied(crate::reason::POLICY_DENIED)
    };
    let same = denied(&world, "delete-customer");
    assert_eq!(world.times(5, 20, &same), [], "clients try again");
    assert_eq!(world.after(20, &denied(&world, "export-all")), []);
    assert_eq!(
        world.after(20, &denied(&world, "grant-role")),
        [Rule::ScopeEscalation]
    );
}

#[test]
fn trying_again_what_was_rejected_is_told() {
    let mut world = World::new();
    let rejected = world
        .call("alice")
        .found(Direction::Arguments, Action::Rejected, "KR_RRN", 1)
        .denied("pii_rejected");
    assert_eq!(world.times(2, 30, &rejected), []);
    assert_eq!(world.after(30, &rejected), [Rule::Rephrasing]);
    assert_eq!(
        World::new().times(9, 200, &rejected),
        [],
        "that slowly, people learn"
    );
}

#[test]
fn a_secret_in_a_result_is_told_once_an_hour() {
    let mut world = World::new();
    let secret = world
        .call("alice")
        .found(Direction::Result, Action::Allowed, "SECRET", 1);
    assert_eq!(world.after(1, &secret), [Rule::SecretInResult]);
    assert_eq!(world.times(20, 60, &secret), []);
    assert_eq!(world.after(3600, &secret), [Rule::SecretInResult]);
    let masked = World::new()
        .call("alice")
        .found(Direction::Result, Action::Masked, "SECRET", 1);
    assert_eq!(
        World::new().after(1, &masked),
        [Rule::SecretInResult],
        "nobody got it, but the tool would give it away"
    );
    let given = world
        .call("bob")
        .found(Direction::Arguments, Action::Allowed, "SECRET", 1);
    assert_eq!(
        World::new().after(1, &given),
        [],
        "whoever sends it knows it"
    );
}

#[test]
fn a_tool_that_changes_its_description_is_told() {
    let mut world = World::new();
    let changed = AuditEvent::new(EventType::ToolChanged, Who::new())
        .server("crm")
        .tool("get-customer");
    assert_eq!(
        world.after(1, &changed.reason("tool_changed")),
        [Rule::ToolChanged]
    );
}

#[test]
fn what_happened_to_the_log_is_told() {
    let mut world = World::new();
    let recovery = AuditEvent::new(EventType::Recovery, Who::new());
    assert_eq!(
        world.after(1, &recovery.clone().reason("unfinished_line")),
        []
    );
    assert_eq!(
        world.after(1, &recovery.reason("tail_lost")),
        [Rule::LogIntegrity]
    );
    let call = world.call("alice");
    assert_eq!(world.after(-2, &call), [], "clocks are set now and then");
    assert_eq!(world.after(-60, &call), [Rule::LogIntegrity]);
    assert_eq!(world.times(3, 1, &call), []);
    world.sequence += 5;
    assert_eq!(world.after(1, &call), [Rule::LogIntegrity]);
}

#[test]
fn a_log_that_falls_silent_is_told() {
    let mut world = World::new();
    let call = world.call("alice");
    // Three weeks with a call every 15 seconds.
    for _ in 0..3 * 7 * 24 * 240 {
        assert_eq!(world.after(15, &call), []);
    }
    let silent = world.millis;
    assert_eq!(world.engine.tick(silent + 50 * 60_000), None);
    let finding = world.engine.tick(silent + 2 * 3_600_000).unwrap();
    assert_eq!(finding.reason, Some("too_quiet"));
    assert_eq!(
        world.engine.tick(silent + 5 * 3_600_000),
        None,
        "once a day is enough"
    );

    // A house that is stopped is not silent.
    let stopped = AuditEvent::new(EventType::Stopped, Who::new());
    let started = AuditEvent::new(EventType::Started, Who::new());
    let mut world = World::new();
    for _ in 0..3 * 7 * 24 * 240 {
        world.after(15, &call);
    }
    assert_eq!(world.after(30, &stopped), []);
    assert_eq!(world.engine.tick(world.millis + 7 * 3_600_000), None);
    assert_eq!(world.after(9 * 3600, &started), []);
    assert_eq!(world.times(200, 30, &call), []);
}

#[test]
fn at_hours_at_which_a_person_never_works_half_as_much_is_told() {
    let mut world = World::new();
    let call = world
        .call("alice")
        .found(Direction::Result, Action::Allowed, "EMAIL", 1);
    // From midnight to four, for three weeks.
    for _ in 0..21 {
        assert_eq!(world.times(48, 300, &call), []);
        world.millis += 20 * 3_600_000;
    }
    world.millis += 12 * 3_600_000;
    let mut world_of_bob = World::new();
    world_of_bob.millis = world.millis;
    let read = world
        .call("alice")
        .found(Direction::Result, Action::Allowed, "EMAIL", 60);
    assert_eq!(world.times(4, 60, &read), [Rule::MassRead]);
    assert_eq!(world_of_bob.times(4, 60, &read), []);
}
