//! Events in the Open Cybersecurity Schema Framework (OCSF 1.9), as a SIEM reads them.
//!
//! | events | class |
//! |---|---|
//! | calls, decisions, personal data, changed tools | API Activity 6003 |
//! | sign-in, tokens, clients that prove themselves | Authentication 3002 |
//! | consent and grants | Authorize Session 3003 |
//! | administration, registered clients | Entity Management 3004 |
//! | alerts | Detection Finding 2004 |
//! | start, stop and the log's own | Application Lifecycle 6002 |
//!
//! What the schema has no place for is kept under `unmapped`.

use serde_json::{Map, Value, json};

use crate::event::{EventType, Severity};
use crate::record::Record;

/// The version of the schema.
const VERSION: &str = "1.9.0";

/// A class with an activity in it.
struct Class {
    uid: u64,
    name: &'static str,
    category: (u64, &'static str),
    activity: (u64, &'static str),
}

const APPLICATION: (u64, &str) = (6, "Application Activity");
const IDENTITY: (u64, &str) = (3, "Identity & Access Management");
const FINDINGS: (u64, &str) = (2, "Findings");

pub(super) fn event(record: &Record<'_>) -> Value {
    let class = class(record);
    let severity = severity(record);
    let mut event = Map::new();
    let mut put = |key: &str, value: Value| event.insert(key.to_owned(), value);
    put("class_uid", class.uid.into());
    put("class_name", class.name.into());
    put("category_uid", class.category.0.into());
    put("category_name", class.category.1.into());
    put("activity_id", class.activity.0.into());
    put("activity_name", class.activity.1.into());
    put("type_uid", (class.uid * 100 + class.activity.0).into());
    put("severity_id", severity.0.into());
    put("severity", severity.1.into());
    put("time", millis(&record.timestamp).into());
    let (status_id, status) = status(record);
    put("status_id", status_id.into());
    put("status", status.into());
    if let Some(reason) = &record.reason {
        put("status_detail", (**reason).into());
    }
    put("metadata", metadata(record));
    put("actor", actor(record));
    if let Some(origin) = &record.origin {
        put("src_endpoint", json!({ "ip": origin }));
    }
    if let Some(duration) = record.duration_us {
        put("duration", (duration / 1000).into());
    }
    for (key, value) in of_class(&class, record) {
        put(&key, value);
    }
    put("unmapped", unmapped(record));
    let mut event = Value::Object(event);
    leave_out_nothing(&mut event);
    event
}

/// The schema has a type for every attribute, and none of them is `null`: what is not known is not there.
fn leave_out_nothing(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(leave_out_nothing);
    }
}

fn class(record: &Record<'_>) -> Class {
    use EventType as E;
    let of = |uid, name, category, activity| Class {
        uid,
        name,
        category,
        activity,
    };
    let api = |activity| of(6003, "API Activity", APPLICATION, activity);
    let authentication = |activity| of(3002, "Authentication", IDENTITY, activity);
    let session = |activity| of(3003, "Authorize Session", IDENTITY, activity);
    let entity = |activity| of(3004, "Entity Management", IDENTITY, activity);
    let lifecycle = |activity| of(6002, "Application Lifecycle", APPLICATION, activity);
    let changed = match record.action_taken.as_deref() {
        Some("created") => (1, "Create"),
        Some("removed" | "ended") => (4, "Delete"),
        Some(_) => (3, "Update"),
        None => (99, "Other"),
    };
    match EventType::parse(&record.event_type) {
        Some(E::SignIn) => authentication((1, "Logon")),
        Some(E::SignOut) => authentication((2, "Logoff")),
        Some(E::TokenIssued | E::TokenRefused) => authentication((3, "Authentication Ticket")),
        Some(
            E::CodeReplayed | E::RefreshReused | E::ClientAuthentication | E::TokenVerification,
        ) => authentication((99, "Other")),
        Some(E::Consent | E::GrantApproved) => session((1, "Assign Privileges")),
        Some(E::GrantEnded) => session((99, "Other")),
        Some(E::Administration) => entity(changed),
        Some(E::ClientRegistered) => entity((1, "Create")),
        Some(E::Alert) => of(2004, "Detection Finding", FINDINGS, (1, "Create")),
        Some(E::Started) => lifecycle((3, "Start")),
        Some(E::Stopped) => lifecycle((4, "Stop")),
        Some(E::Retention | E::Recovery | E::SegmentOpened) => lifecycle((99, "Other")),
        Some(
            E::CallIntent | E::CallOutcome | E::PolicyDecision | E::PiiAction | E::ToolChanged,
        )
        | None => {
            // What a tool does to the world is not known to who calls it.
            api((99, "Other"))
        }
    }
}

fn severity(record: &Record<'_>) -> (u64, &'static str) {
    let Some(alert) = &record.alert else {
        return (1, "Informational");
    };
    match Severity::parse(&alert.severity) {
        Some(Severity::Low) => (2, "Low"),
        Some(Severity::Medium) => (3, "Medium"),
        Some(Severity::High) => (4, "High"),
        Some(Severity::Critical) => (5, "Critical"),
        None => (0, "Unknown"),
    }
}

fn status(record: &Record<'_>) -> (u64, &'static str) {
    match record.outcome.as_deref() {
        Some("success") => (1, "Success"),
        Some("failure" | "denied") => (2, "Failure"),
        _ => (0, "Unknown"),
    }
}

fn metadata(record: &Record<'_>) -> Value {
    json!({
        "version": VERSION,
        "product": {
            "name": "Sumun",
            "vendor_name": "Sumun",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "uid": record.sequence.to_string(),
        "sequence": record.sequence,
        "event_code": record.event_type,
        "correlation_uid": record.request_id,
        "log_name": "audit",
    })
}

/// Who acts. The schema wants to know something of them, so nobody is somebody unknown.
fn actor(record: &Record<'_>) -> Value {
    let mut actor = Map::new();
    if let Some(user) = &record.user_id {
        actor.insert("user".into(), json!({ "uid": user }));
    }
    if let Some(client) = &record.client_id {
        actor.insert("app_uid".into(), json!(client));
    }
    if let Some(grant) = &record.grant_id {
        actor.insert("session".into(), json!({ "uid": grant }));
    }
    if actor.is_empty() {
        actor.insert("app_name".into(), json!("Sumun"));
    }
    Value::Object(actor)
}

/// What one class demands beyond the others.
fn of_class(class: &Class, record: &Record<'_>) -> Vec<(String, Value)> {
    let user = || json!({ "uid": record.user_id.as_deref().unwrap_or("unknown") });
    let service = record.server.as_deref().unwrap_or("sumun");
    let fields = match class.uid {
        6003 => vec![(
            "api",
            json!({
                "operation": record.tool_name.as_deref().unwrap_or(&record.event_type),
                "service": { "name": service },
                "request": { "uid": record.request_id.as_deref().unwrap_or_default() },
            }),
        )],
        3002 => vec![
            ("user", user()),
            ("auth_protocol_id", json!(6)),
            ("auth_protocol", json!("OAUTH 2.0")),
            ("service", json!({ "name": service })),
        ],
        3003 => vec![
            ("user", user()),
            ("session", json!({ "uid": record.grant_id })),
        ],
        3004 => vec![(
            "entity",
            json!({
                // A client that has registered itself is who acts, and what there is now.
                "uid": record.target.as_ref().or(record.client_id.as_ref()),
                "type": record.server.as_deref().unwrap_or("Other"),
            }),
        )],
        2004 => {
            let alert = record.alert.as_ref();
            let rule = alert.map_or("unknown", |alert| &alert.rule);
            let evidence = alert
                .map(|alert| alert.evidence.clone())
                .unwrap_or_default();
            let uid = record.sequence.to_string();
            vec![
                (
                    "finding_info",
                    json!({
                        "uid": uid,
                        "title": rule,
                        "analytic": { "name": rule, "type_id": 1, "type": "Rule" },
                        "related_events": evidence
                            .iter()
                            .map(|sequence| json!({ "uid": sequence.to_string() }))
                            .collect::<Vec<_>>(),
                    }),
                ),
                ("is_alert", json!(true)),
                ("count", json!(alert.map(|alert| alert.count))),
            ]
        }
        _ => vec![(
            "app",
            json!({ "name": "Sumun", "vendor_name": "Sumun", "version": env!("CARGO_PKG_VERSION") }),
        )],
    };
    fields
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn unmapped(record: &Record<'_>) -> Value {
    let mut rest = Map::new();
    rest.insert("contains_pii".into(), json!(record.contains_pii));
    rest.insert("action_taken".into(), json!(record.action_taken));
    rest.insert("parameter_count".into(), json!(record.parameter_count));
    if !record.pii.is_empty() {
        rest.insert("pii".into(), json!(record.pii));
    }
    let mut put = |key: &str, value: Value| rest.insert(key.to_owned(), value);
    put("direction", json!(record.direction));
    put("subject_count", json!(record.subject_count));
    put("target", json!(record.target));
    put("id_run", json!(record.id_run));
    put("retention", json!(record.retention));
    put("recovery", json!(record.recovery));
    put("segment", json!(record.segment));
    put("mac", json!(record.mac));
    Value::Object(rest)
}

fn millis(timestamp: &str) -> i64 {
    let parsed = timestamp.parse::<jiff::Timestamp>();
    parsed.map_or(0, jiff::Timestamp::as_millisecond)
}
