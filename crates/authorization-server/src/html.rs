//! Pages as answers: rendering and the headers that protect them (CSP Level 3, acceptance C7).

use std::sync::LazyLock;

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, REFERRER_POLICY, REFRESH,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};

use crate::reason::Reason;
use crate::text::{Explanation, Language, Text};

/// A file that pages refer to, under a name that changes with its content.
pub(crate) struct Asset {
    pub(crate) name: String,
    pub(crate) media_type: &'static str,
    pub(crate) content: &'static str,
}

/// How every page looks.
pub(crate) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css", include_str!("../templates/style.css")));

/// The mark of the house: a sluice gate.
pub(crate) static MARK: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "svg",
        "image/svg+xml",
        include_str!("../templates/mark.svg"),
    )
});

impl Asset {
    fn new(extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let hash = digest(&SHA256, content.as_bytes());
        let hash = URL_SAFE_NO_PAD.encode(&hash.as_ref()[..9]);
        Self {
            name: format!("sumun-{hash}.{extension}"),
            media_type,
            content,
        }
    }
}

/// What `base.html` needs of every page.
///
/// Assets are named relative to the page. Most pages lie directly under the path of the issuer;
/// one that lies deeper says so by [`Frame::at`].
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// The way from the page up to the path of the issuer.
    pub(crate) root: &'static str,
    pub(crate) language: Language,
    pub(crate) text: &'static Text,
    pub(crate) style: &'static str,
    pub(crate) icon: &'static str,
    /// The mark as an element of the page, which takes the page's colours.
    pub(crate) mark: &'static str,
}

impl Frame {
    pub(crate) fn new(language: Language) -> Self {
        let (style, icon) = (&STYLE.name, &MARK.name);
        Self {
            root: "",
            language,
            text: language.text(),
            style,
            icon,
            mark: MARK.content,
        }
    }

    /// The frame of a page at `path`, under `base`, the path of the issuer.
    pub(crate) fn at(language: Language, path: &str, base: &str) -> Self {
        let below = path.strip_prefix(base).unwrap_or(path);
        let root = match below.matches('/').count() {
            0 | 1 => "",
            2 => "../",
            _ => "../../",
        };
        Self {
            root,
            ..Self::new(language)
        }
    }
}

/// A page on which a person cannot go on: what happened, why, and what to do now.
#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    frame: Frame,
    explanation: &'a Explanation,
    /// The reason code and the request id, when something was refused.
    refusal: Option<(&'a str, &'a str)>,
}

/// The page of a refusal; the request id on it finds the cause in the log (acceptance C8).
pub(crate) fn error_page(
    status: StatusCode,
    frame: Frame,
    reason: Reason,
    request_id: &str,
) -> Response {
    let page = MessagePage {
        frame,
        explanation: frame.text.explanations.of(reason),
        refusal: Some((reason.as_str(), request_id)),
    };
    respond(status, frame.language, &page)
}

/// The page for somebody whose sign-in is being finished by a request before this one. It asks
/// again by itself, at the callback of an identity provider.
pub(crate) fn waiting_page(language: Language) -> Response {
    let page = MessagePage {
        frame: Frame {
            root: "../",
            ..Frame::new(language)
        },
        explanation: &language.text().explanations.sign_in_waiting,
        refusal: None,
    };
    let mut response = respond(StatusCode::OK, language, &page);
    response
        .headers_mut()
        .insert(REFRESH, HeaderValue::from_static("1"));
    response
}

/// A page on which something ends and nothing went wrong.
pub(crate) fn explanation_page(language: Language, explanation: &Explanation) -> Response {
    explanation_at(Frame::new(language), explanation)
}

/// The same in the frame of a page that is not at the root.
pub(crate) fn explanation_at(frame: Frame, explanation: &Explanation) -> Response {
    let page = MessagePage {
        frame,
        explanation,
        refusal: None,
    };
    respond(StatusCode::OK, frame.language, &page)
}

/// A page with all its headers.
pub(crate) fn respond(status: StatusCode, language: Language, page: &impl Template) -> Response {
    let body = page
        .render()
        .expect("writing to a string does not fail, and no filter does");
    let mut response = (status, Html(body)).into_response();
    response
        .headers_mut()
        .insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    with_security_headers(response)
}

/// Everything comes from this host, and there is no script at all.
///
/// `form-action` is missing on purpose. Browsers apply it to every redirect that follows a form,
/// so it would have to name each place that a client's callback leads on to, and nobody knows
/// those; where it was left incomplete, people were stopped after they had approved. What it
/// protects from, injected forms, cannot be injected: templates escape everything.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// The headers of acceptance C7, for pages and for the redirects that leave them.
pub(crate) fn with_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        // For browsers that do not know `frame-ancestors`.
        (X_FRAME_OPTIONS, "DENY"),
        // The address of a page names a grant, and that of a redirect holds a code.
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_write_is_text() {
        let page = MessagePage {
            frame: Frame::new(Language::English),
            explanation: &Language::English.text().explanations.server_error,
            refusal: Some(("server_error", "<script>alert(1)</script>")),
        };
        let page = page.render().unwrap();
        assert!(!page.contains("<script"), "{page}");
    }

    #[test]
    fn every_page_finds_its_style() {
        let root = |path| Frame::at(Language::English, path, "/tenant").root;
        assert_eq!(root("/tenant/login"), "");
        assert_eq!(root("/tenant/callback/naver"), "../");
        assert_eq!(root("/tenant/callback/naver/x"), "../../");
    }

    #[test]
    fn every_refusal_has_a_page_in_both_languages() {
        for reason in Reason::ALL {
            let english = Language::English.text().explanations.of(*reason);
            let korean = Language::Korean.text().explanations.of(*reason);
            assert_ne!(english, korean, "{}", reason.as_str());
        }
    }

    #[test]
    fn c7_pages_hold_nothing_that_the_policy_forbids() {
        for template in [
            include_str!("../templates/base.html"),
            include_str!("../templates/device.html"),
            include_str!("../templates/login.html"),
            include_str!("../templates/logout.html"),
            include_str!("../templates/message.html"),
            include_str!("../templates/account/clients.html"),
            include_str!("../templates/account/overview.html"),
            include_str!("../templates/account/pager.html"),
            include_str!("../templates/account/password.html"),
            include_str!("../templates/account/sessions.html"),
            include_str!("../templates/account/shell.html"),
            include_str!("../templates/account/sign_in.html"),
        ] {
            for forbidden in [
                "<script",
                " style=",
                " onclick",
                "javascript:",
                "http://",
                "https://",
            ] {
                assert!(!template.contains(forbidden), "{forbidden}");
            }
        }
        assert!(!STYLE.content.contains("url(") && !STYLE.content.contains("@import"));
    }
}
