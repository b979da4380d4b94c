//! The page where a person types the code that a device shows (RFC 8628 §3.3, §5.1, §5.4).

use std::time::Duration;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use store::Kind;

use super::parameter;
use crate::address::ClientAddress;
use crate::error::PageError;
use crate::grant::{Stage, UserCode};
use crate::html::{Frame, respond, with_security_headers};
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::text::{Language, Text};

/// How many codes one address may try within [`WINDOW`]; an office may share one.
const PER_ADDRESS: u64 = 30;
/// How many it may still try once all together have tried [`PER_HOUSE`]: a person needs one, and many
/// addresses guess little better than a few (§5.1). Nobody can close the page for everybody else.
const PER_ADDRESS_AMONG_MANY: u64 = 3;
const PER_HOUSE: u64 = 1000;
const WINDOW: Duration = Duration::from_mins(10);
const ATTEMPTS: Kind = Kind::new("user_code_attempts");

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage {
    frame: Frame,
    /// The code of the link that led here, to be compared with the device.
    user_code: Option<UserCode>,
    message: Option<Message>,
}

#[derive(Clone, Copy)]
enum Message {
    UnknownCode,
    TooManyAttempts,
}

impl Message {
    fn words(self, text: &Text) -> &'static str {
        match self {
            Self::UnknownCode => text.unknown_code,
            Self::TooManyAttempts => text.too_many_attempts,
        }
    }
}

/// Asks for the code, or asks whether the device shows the one of the link.
///
/// Nothing is looked up here: whoever follows a link learns nothing and decides nothing by it.
pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    is_open(&server)?;
    let typed = parameter(query.as_deref().unwrap_or_default(), "user_code");
    let page = DevicePage {
        frame: Frame::new(Language::choose(None, &headers)),
        user_code: typed.as_deref().and_then(UserCode::parse),
        message: None,
    };
    Ok(respond(StatusCode::OK, page.frame.language, &page))
}

/// Leads from the code to the page that asks for consent, in this browser and in no other.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, PageError> {
    is_open(&server)?;
    let again = |status, message| {
        let page = DevicePage {
            frame: Frame::new(Language::choose(None, &headers)),
            user_code: None,
            message: Some(message),
        };
        respond(status, page.frame.language, &page)
    };
    let typed = url::form_urlencoded::parse(&body).find(|(name, _)| name == "user_code");
    let Some(user_code) = typed.and_then(|(_, typed)| UserCode::parse(&typed)) else {
        // What no device shows guesses nothing, and counts for nobody.
        log(Reason::UserCodeUnknown);
        return Ok(again(StatusCode::OK, Message::UnknownCode));
    };
    if !may_try(&server, address).await? {
        log(Reason::TooManyRequests);
        let mut page = again(StatusCode::TOO_MANY_REQUESTS, Message::TooManyAttempts);
        let seconds = HeaderValue::from(WINDOW.as_secs());
        page.headers_mut().insert(RETRY_AFTER, seconds);
        return Ok(page);
    }
    let grant = server.grants().find_by_user_code(&user_code).await?;
    // A code is good until somebody has decided; after that no device shows it any more.
    let Some(grant) = grant.filter(|grant| matches!(grant.stage, Stage::Pending { .. })) else {
        log(Reason::UserCodeUnknown);
        return Ok(again(StatusCode::OK, Message::UnknownCode));
    };
    let (browser, cookies) = if let Some(browser) = server.sessions().browser(&headers) {
        (browser, None)
    } else {
        let (browser, cookies) = server.sessions().new_browser();
        (browser, Some(cookies))
    };
    // The first browser with the code is the one that answers. That the form came from this page
    // and not from a link is what the person's confirmation consists of (§5.4).
    if !server.grants().bind(&grant, &browser.hash()).await? {
        return Err(PageError::new(Reason::OtherBrowser));
    }
    let page = server
        .settings()
        .issuer
        .join(&format!("/login?grant={}", grant.id));
    let mut response = with_security_headers(Redirect::to(&page).into_response());
    if let Some(cookies) = cookies {
        cookies.append_to(&mut response);
    }
    Ok(response)
}

fn is_open(server: &AuthorizationServer) -> Result<(), PageError> {
    match server.settings().device_authorization {
        Some(_) => Ok(()),
        None => Err(PageError::new(Reason::GrantTypeUnknown).with_status(StatusCode::NOT_FOUND)),
    }
}

/// Every code counts, not only wrong ones: an answer must not tell a guesser more than that.
async fn may_try(server: &AuthorizationServer, address: ClientAddress) -> Result<bool, PageError> {
    let store = server.store();
    let of_address = format!("address:{}", address.rate_key());
    let tries = store.count(ATTEMPTS, &of_address, WINDOW).await?;
    // An address that has had its share takes nothing of what the others may try.
    if tries > PER_ADDRESS {
        return Ok(false);
    }
    let is_calm = store.count(ATTEMPTS, "house", WINDOW).await? <= PER_HOUSE;
    Ok(is_calm || tries <= PER_ADDRESS_AMONG_MANY)
}

fn log(reason: Reason) {
    tracing::info!(
        reason = reason.as_str(),
        "device code refused: {}",
        reason.as_str()
    );
}
