//! The Naver assistant: time, web search with the application's credentials, and the calendar of the
//! person who called (Naver Open API).
//!
//! | file | concept |
//! |---|---|
//! | `mod.rs` | the three tools |
//! | `search.rs` | what a search returns, cleaned |
//! | `markup.rs` | tags and entities, taken out of text |
//! | `calendar.rs` | an event, and what Naver says to it |
//! | `icalendar.rs` | events as RFC 5545 writes them |
//! | `date_time.rs` | the ways in which people write a time |
//! | `error.rs` | what Naver's error codes mean |

mod calendar;
mod date_time;
mod error;
mod icalendar;
mod markup;
mod search;

use std::sync::Arc;

use delegation::{ApiClient, ApiError, AuthType};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use oauth::random::Random;
use oauth::time::{Clock, NumericDate};
use resource_server::Caller;
use resource_server::mcp::AskByUrl;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolResponse, CallToolResult, ErrorData, Implementation, ServerCapabilities, ServerConfig,
};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::connecting::Connecting;
use crate::sessions::SessionService;
use crate::tools::{ObserveTools, observed, refused};
use calendar::Schedule;
use search::WebSearch;

/// The scope without which nobody writes into a person's calendar.
pub const CALENDAR: &str = "calendar:write";

/// The tools that need a scope to be called at all.
pub const TOOL_SCOPES: [(&str, &str); 1] = [("create_calendar_schedule", CALENDAR)];

/// What the server works with.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Naver's API, with the tokens of people and the credentials of the application.
    pub api: ApiClient,
    /// Where people connect their Naver accounts.
    pub connecting: Connecting,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where names of events come from.
    pub random: Arc<dyn Random>,
    /// Who counts.
    pub observer: Option<Arc<dyn ObserveTools>>,
    /// For development alone: calls carry no credential at all, and nobody has to connect anything.
    pub skip_authentication: bool,
}

/// The MCP server.
#[derive(Clone, Debug)]
pub struct NaverAssistant {
    parts: Arc<Parts>,
    tools: Arc<ToolRouter<Self>>,
}

/// The server at `url`, its public address. It has to stand behind a guard.
pub fn service(url: &str, parts: Parts) -> SessionService<NaverAssistant> {
    let tools = observed(NaverAssistant::tool_router(), parts.observer.clone());
    let parts = Arc::new(parts);
    crate::sessions::serve(NaverAssistant { parts, tools }, url)
}

/// What of the time is told.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Part {
    /// 2026-11-28 16:38:05
    #[default]
    DateTime,
    /// 2026-11-28
    Date,
    /// 16:38:05
    Time,
    /// 토요일
    Weekday,
    /// Seconds since 1970
    Timestamp,
}

/// Arguments of `get_current_time`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct CurrentTime {
    /// What of the time is told.
    format: Part,
}

impl NaverAssistant {
    fn auth_type(&self, auth_type: AuthType) -> AuthType {
        if self.parts.skip_authentication {
            AuthType::None
        } else {
            auth_type
        }
    }

    fn now(&self) -> Timestamp {
        let NumericDate(seconds) = self.parts.clock.now();
        Timestamp::from_second(seconds).unwrap_or_default()
    }
}

#[tool_router]
impl NaverAssistant {
    /// Asks nobody.
    #[tool(
        name = "get_current_time",
        description = "Returns the current time in Korea",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn current_time(
        &self,
        Parameters(CurrentTime { format }): Parameters<CurrentTime>,
    ) -> CallToolResult {
        CallToolResult::structured(json!({
            "result": part_of(self.now(), format),
            "timezone": "Asia/Seoul",
        }))
    }

    /// With the credentials of the application, the same for every caller.
    #[tool(
        name = "web_search",
        description = "Searches web documents with Naver",
        annotations(read_only_hint = true)
    )]
    async fn web_search(&self, Parameters(arguments): Parameters<WebSearch>) -> CallToolResult {
        let query = match arguments.query() {
            Ok(query) => query,
            Err(message) => return refused(message),
        };
        let query = query
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let auth_type = self.auth_type(AuthType::ServiceAccount);
        let found: Result<Value, ApiError> = match self.parts.api.calls(auth_type, None) {
            Ok(calls) => calls.get("/v1/search/webkr.json", &query).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(found) => CallToolResult::structured(search::cleaned(&found)),
            Err(error) => refused(error::of_search(&error)),
        }
    }

    /// With the token of the person who called.
    #[tool(
        name = "create_calendar_schedule",
        description = "Adds an event to the caller's Naver calendar; asks to connect the account \
                       first. Times are those of Korea unless they name another offset",
        annotations(destructive_hint = false)
    )]
    async fn create_schedule(
        &self,
        caller: Caller,
        ask: AskByUrl,
        Parameters(arguments): Parameters<Schedule>,
    ) -> Result<CallToolResponse, ErrorData> {
        let event = match arguments.event(self.now(), &*self.parts.random) {
            Ok(event) => event,
            Err(message) => return Ok(refused(message).into()),
        };
        let form = [
            ("calendarId", "defaultCalendarId"),
            ("scheduleIcalString", &icalendar::write(&event)),
        ];
        let auth_type = self.auth_type(AuthType::UserToken);
        // The subject is that of the verified caller; no argument can name another one.
        let calls = self.parts.api.calls(auth_type, Some(caller.subject()));
        let work = async {
            let path = "/calendar/createSchedule.json";
            let made: Value = calls?.post_form(path, &form).await?;
            calendar::outcome(&made, &event)
        };
        self.parts
            .connecting
            .answer(&caller, ask, work, error::of_calendar)
            .await
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for NaverAssistant {
    fn get_info(&self) -> ServerConfig {
        let instructions = "Search the web with Naver, and add events to the caller's Naver calendar. \
                            When a tool says that the account is not connected, give the link to the \
                            person and call again when they are done.";
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(
                "sumun-naver",
                env!("CARGO_PKG_VERSION"),
            ))
            .with_instructions(instructions)
    }
}

fn part_of(now: Timestamp, part: Part) -> Value {
    const WEEKDAYS: [&str; 7] = [
        "월요일",
        "화요일",
        "수요일",
        "목요일",
        "금요일",
        "토요일",
        "일요일",
    ];
    let korea = now.to_zoned(seoul());
    match part {
        Part::DateTime => korea.strftime("%Y-%m-%d %H:%M:%S").to_string().into(),
        Part::Date => korea.strftime("%Y-%m-%d").to_string().into(),
        Part::Time => korea.strftime("%H:%M:%S").to_string().into(),
        Part::Timestamp => now.as_second().into(),
        Part::Weekday => {
            let weekday = korea.weekday().to_monday_zero_offset();
            WEEKDAYS[usize::from(weekday.unsigned_abs())].into()
        }
    }
}

/// Korea has had one offset since 1988, and Naver writes no other.
fn seoul() -> TimeZone {
    TimeZone::fixed(jiff::tz::offset(9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_time_is_korean() {
        let now = Timestamp::from_second(1_795_851_485).unwrap();
        let told = |part| part_of(now, part);
        assert_eq!(told(Part::DateTime), "2026-11-28 16:38:05");
        assert_eq!(told(Part::Date), "2026-11-28");
        assert_eq!(told(Part::Time), "16:38:05");
        assert_eq!(told(Part::Weekday), "토요일");
        assert_eq!(told(Part::Timestamp), 1_795_851_485);
    }
}
