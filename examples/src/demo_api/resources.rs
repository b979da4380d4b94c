//! The resources of the stand-in API, and who may have them (RFC 6750).

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use jiff::civil::Date;
use jiff::{Span, Timestamp, ToSpan as _};
use oauth::secret::Secret;
use oauth::time::NumericDate;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::desk::Holder;
use super::refusal::{Refusal, refusal};
use super::{Account, DemoApi};

/// What goes wrong in a system, and how often.
const ERRORS: [(&str, &str, &str); 4] = [
    (
        "ERROR",
        "billing",
        "the payment provider answers with status 502",
    ),
    ("WARN", "search", "the index is 40 seconds behind"),
    ("ERROR", "mail", "the queue has more than 1,000 messages"),
    ("CRITICAL", "database", "the replica has lost its leader"),
];
const MINUTES_BETWEEN: i64 = 23;

const ACTIVITIES: [&str; 4] = [
    "signed in",
    "viewed a report",
    "changed a setting",
    "signed out",
];

const UNAUTHENTICATED: Refusal = refusal(
    StatusCode::UNAUTHORIZED,
    "invalid_token",
    "the token is missing, unknown or too old",
);

const OUT_OF_RANGE: Refusal = refusal(
    StatusCode::BAD_REQUEST,
    "out_of_range",
    "hours: 1 to 168; limit of errors: 1 to 1000, of activities: 1 to 100; startDate to endDate",
);

impl DemoApi {
    fn caller(&self, headers: &HeaderMap) -> Result<Holder, Refusal> {
        let value = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer "));
        let holder = token.and_then(|token| self.desk().holder(&Secret::from(token), self.now()));
        holder.ok_or(UNAUTHENTICATED)
    }

    fn person(&self, headers: &HeaderMap) -> Result<&'static Account, Refusal> {
        match self.caller(headers)? {
            Holder::Person(account, _) => Ok(account),
            Holder::Service => Err(refusal(
                StatusCode::FORBIDDEN,
                "not_a_person",
                "this is for people",
            )),
        }
    }
}

pub(super) async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

#[derive(Debug, Deserialize)]
pub(super) struct ErrorsQuery {
    hours: Option<i64>,
    limit: Option<usize>,
}

pub(super) async fn errors(
    State(api): State<DemoApi>,
    Query(query): Query<ErrorsQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if api.caller(&headers)? != Holder::Service {
        return Err(refusal(
            StatusCode::FORBIDDEN,
            "not_the_service",
            "this is for the service",
        ));
    }
    let (hours, limit) = (query.hours.unwrap_or(24), query.limit.unwrap_or(100));
    if !(1..=168).contains(&hours) || !(1..=1000).contains(&limit) {
        return Err(OUT_OF_RANGE);
    }
    let NumericDate(now) = api.now();
    // One at every 23rd minute of all time, so that the same question has the same answer.
    let last = now / 60 / MINUTES_BETWEEN;
    let total = hours * 60 / MINUTES_BETWEEN;
    let found = (0..total).take(limit).map(|n| {
        let slot = last - n;
        let kind = usize::try_from(slot.rem_euclid(4)).unwrap_or_default();
        let (level, service, message) = ERRORS[kind];
        let timestamp = Timestamp::from_second(slot * MINUTES_BETWEEN * 60).unwrap_or_default();
        json!({"timestamp": timestamp, "level": level, "service": service, "message": message})
    });
    let found: Vec<_> = found.collect();
    Ok(Json(json!({"errors": found, "total": total})).into_response())
}

pub(super) async fn profile(
    State(api): State<DemoApi>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let account = api.person(&headers)?;
    Ok(Json(json!({
        "id": account.id,
        "username": account.username,
        "name": account.name,
        "email": account.email,
        "language": account.language,
        "settings": api.settings_of(account),
    })))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewSettings {
    settings: Map<String, Value>,
}

pub(super) async fn put_settings(
    State(api): State<DemoApi>,
    headers: HeaderMap,
    Json(new): Json<NewSettings>,
) -> Result<Json<Value>, Refusal> {
    let account = api.person(&headers)?;
    let mut desk = api.desk();
    let settings = desk.settings.entry(account.id).or_default();
    if settings.len() + new.settings.len() > 100 {
        return Err(refusal(
            StatusCode::UNPROCESSABLE_ENTITY,
            "too_many",
            "at most 100 settings",
        ));
    }
    settings.extend(new.settings);
    Ok(Json(json!({"settings": settings})))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActivityQuery {
    start_date: Date,
    end_date: Date,
    limit: Option<usize>,
}

pub(super) async fn activity(
    State(api): State<DemoApi>,
    Query(query): Query<ActivityQuery>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let account = api.person(&headers)?;
    let limit = query.limit.unwrap_or(50);
    if query.start_date > query.end_date || !(1..=100).contains(&limit) {
        return Err(OUT_OF_RANGE);
    }
    let days = query.start_date.series(Span::new().days(1));
    let days = days.take_while(|day| *day <= query.end_date).take(366);
    let of_day = |day: Date| {
        ACTIVITIES.iter().enumerate().map(move |(n, action)| {
            let hour = i64::try_from(n).unwrap_or_default() * 2 + 9;
            let time = day.at(0, 0, 0, 0).checked_add(hour.hours());
            let time = time.unwrap_or_else(|_| day.at(0, 0, 0, 0));
            json!({"timestamp": format!("{time}+09:00"), "action": action, "user": account.username})
        })
    };
    let found: Vec<_> = days.flat_map(of_day).take(limit).collect();
    let total = found.len();
    Ok(Json(json!({"activities": found, "total": total})))
}
