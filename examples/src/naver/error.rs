//! What Naver's error codes mean, in sentences that help whoever called (Naver Open API, error codes).

use delegation::ApiError;

/// What went wrong with a search.
pub(super) fn of_search(error: &ApiError) -> String {
    let known = match error.code() {
        Some("SE01") => "Naver does not accept the query: write it with other words",
        Some("SE02") => "`display` must be from 1 to 100",
        Some("SE03") => "`start` must be from 1 to 1000",
        Some("SE04") => "`sort` must be `sim` or `date`",
        Some("SE05") => NO_SUCH_API,
        Some("SE06") => "Naver cannot read the query: write it in UTF-8",
        Some("SE99") => "Naver's search has failed: try again later",
        Some("024") => {
            "Naver does not accept the credentials of this application: the operator has \
                        to look at `api_client_id` and `api_client_secret`"
        }
        _ => return of_gateway(error),
    };
    known.to_owned()
}

/// What went wrong with the calendar.
pub(super) fn of_calendar(error: &ApiError) -> String {
    let known = match error.code() {
        Some("1403") => {
            "you may not write into this calendar: choose another one at Naver, or ask \
                         its owner"
        }
        Some("1404") => "there is no such calendar: open Naver Calendar once, so that it is made",
        Some("1500") => "Naver's calendar has failed for now: try again later",
        Some("024") => {
            "Naver does not accept the connection of your account any more: disconnect it \
                        on your account page, and connect it again"
        }
        _ => return of_gateway(error),
    };
    known.to_owned()
}

const NO_SUCH_API: &str = "Naver has no such API: the operator has to look at `api`";

/// The codes that every API of Naver has.
fn of_gateway(error: &ApiError) -> String {
    let known = match (error, error.code()) {
        (_, Some("028")) => {
            "Naver has got no credentials: the operator has to look at the settings"
        }
        (ApiError::Forbidden { .. }, Some("403")) => {
            "Naver does not allow this application to use the API: the operator has to switch it on \
             in Naver's developer console, and to call it over https"
        }
        (ApiError::NotFound { .. }, Some("404")) => NO_SUCH_API,
        (ApiError::Server { .. }, Some("500")) => "Naver has failed: try again later",
        (ApiError::RateLimited { retry_after, .. }, _) => {
            let when = retry_after.map_or_else(
                || "try again in a while, or tomorrow if the day's quota is used up".to_owned(),
                |after| format!("try again in {} seconds", after.as_secs()),
            );
            return format!("Naver asks to call less often: {when}");
        }
        _ => return error.to_string(),
    };
    known.to_owned()
}
