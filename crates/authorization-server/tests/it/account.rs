//! The pages about one's own account: what a person sees, ends and changes, and who may not.

use axum::body::Body;
use http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE, USER_AGENT};
use http::{Request, StatusCode};
use oauth::secret::Secret;

use crate::browser::{Browser, authorize, request};
use crate::house::{Answer, House, ISSUER, PASSWORD, encode};

const PAGES: [&str; 4] = [
    "/account",
    "/account/clients",
    "/account/sessions",
    "/account/password",
];

/// Signs in for the pages about the own account.
async fn sign_in(browser: &mut Browser<'_>, who: &str) -> Answer {
    let form = [("username", who), ("password", PASSWORD)];
    browser.post("/account/sign-in", &form).await
}

/// A browser in which `who` is signed in.
async fn browser_of<'a>(house: &'a House, who: &str) -> Browser<'a> {
    let mut browser = Browser::new(house);
    let answer = sign_in(&mut browser, who).await;
    assert_eq!(path(&answer), "/account");
    browser
}

/// Where in the house a redirect leads.
#[track_caller]
fn path(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    let location = answer.header(LOCATION.as_str());
    location.strip_prefix(ISSUER).unwrap().to_owned()
}

/// The values of every hidden field of this name.
fn fields(page: &Answer, name: &str) -> Vec<String> {
    let start = format!("name=\"{name}\" value=\"");
    let found = page.body.split(&start).skip(1);
    found
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

async fn subject(house: &House, who: &str) -> String {
    let user = house.server.users().find_by_username(who).await.unwrap();
    user.unwrap().subject
}

/// Sends the form of a page as the person it was shown to.
async fn send(
    house: &House,
    browser: &mut Browser<'_>,
    who: &str,
    page: &str,
    form: &[(&str, &str)],
) -> Answer {
    let subject = subject(house, who).await;
    let form = [&[("account", &*subject)], form].concat();
    browser.post(page, &form).await
}

#[track_caller]
fn shows(page: &Answer, words: &[&str]) {
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    for words in words {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
}

#[tokio::test]
async fn who_is_not_signed_in_signs_in_and_comes_back() {
    let house = House::start().await;
    for page in PAGES {
        let mut browser = Browser::new(&house);
        let asked = path(&browser.get(page).await);
        assert_eq!(asked, format!("/account/sign-in?to={page}"));
        let sign_in = browser.get(&asked).await;
        shows(&sign_in, &["name=\"password\""]);
        assert_eq!(fields(&sign_in, "to"), [page]);
        let form = [("username", "alice"), ("password", PASSWORD), ("to", page)];
        let answer = browser.post("/account/sign-in", &form).await;
        assert_eq!(path(&answer), page);
        assert_eq!(browser.get(page).await.status, StatusCode::OK);
        assert_eq!(path(&browser.get(&asked).await), page, "already signed in");
    }
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_after_signing_in() {
    let house = House::start().await;
    for to in ["https://evil.example/", "//evil.example", "/authorize?x"] {
        let mut browser = Browser::new(&house);
        let query = encode(&[("to", to)]);
        let page = browser.get(&format!("/account/sign-in?{query}")).await;
        assert_eq!(fields(&page, "to"), ["/account"]);
        let form = [("username", "alice"), ("password", PASSWORD), ("to", to)];
        let answer = browser.post("/account/sign-in", &form).await;
        assert_eq!(path(&answer), "/account");
    }
}

#[tokio::test]
async fn a_wrong_password_signs_nobody_in_and_guessing_ends() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let form = [("username", "alice"), ("password", "wrong")];
    let page = browser.post("/account/sign-in", &form).await;
    shows(
        &page,
        &[
            "The username or the password is not right.",
            "value=\"alice\"",
        ],
    );
    assert_eq!(
        path(&browser.get("/account").await),
        "/account/sign-in?to=/account"
    );
    for _ in 0..10 {
        browser.post("/account/sign-in", &form).await;
    }
    let page = sign_in(&mut browser, "alice").await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(page.header("retry-after"), "600");
}

#[tokio::test]
async fn a_person_sees_who_they_are() {
    let house = House::start().await;
    let mut browser = browser_of(&house, "alice").await;
    let page = browser.get("/account").await;
    shows(
        &page,
        &[
            "alice",
            "alice of the tests",
            "alice@example.com",
            "Change password",
        ],
    );
    assert!(!page.body.contains("admin"));
}

#[tokio::test]
async fn every_client_stands_there_with_what_it_may_do() {
    let house = House::start().await;
    Browser::new(&house).tokens("alice").await;
    house.advance(7200);
    let mut browser = browser_of(&house, "alice").await;
    let page = browser.get("/account/clients").await;
    shows(
        &page,
        &[
            "<bdi>desktop</bdi>",
            "Todo manager",
            "127.0.0.1",
            "May create:todos",
            "2 h ago",
            "May go on without you",
            "Take access back",
        ],
    );
    assert!(
        !page.body.contains("May read:todos"),
        "her role does not allow it, so it was not granted"
    );

    let korean = Request::get("/account/clients")
        .header(ACCEPT_LANGUAGE, "ko")
        .header(COOKIE, browser.cookie_header());
    let page = house.send(korean.body(Body::empty()).unwrap()).await;
    let words = [
        "<html lang=\"ko\">",
        "create:todos 허용",
        "2시간 전",
        "접근 권한 해지",
    ];
    shows(&page, &words);
}

#[tokio::test]
async fn who_lets_nobody_act_is_told_so() {
    let house = House::start().await;
    let mut browser = browser_of(&house, "alice").await;
    let page = browser.get("/account/clients").await;
    shows(&page, &["No application may do anything for you."]);
    assert!(fields(&page, "client").is_empty());
}

#[tokio::test]
async fn a6_taking_access_back_ends_it_at_the_next_request() {
    let house = House::start().await;
    let tokens = Browser::new(&house).tokens("alice").await;
    let again = Browser::new(&house).tokens("alice").await;
    let mut browser = browser_of(&house, "alice").await;
    let page = browser.get("/account/clients").await;
    assert_eq!(fields(&page, "client"), ["desktop"], "one entry per client");
    let mut told = house.server.subscribe();

    let form = [("client", "desktop")];
    let answer = send(&house, &mut browser, "alice", "/account/clients", &form).await;
    assert_eq!(path(&answer), "/account/clients?notice=client-revoked");
    let page = browser.get("/account/clients?notice=client-revoked").await;
    shows(&page, &["The access has ended."]);
    assert!(fields(&page, "client").is_empty());
    for tokens in [tokens, again] {
        assert!(!house.is_accepted(&tokens.access_token).await);
        let refresh_token = tokens.refresh_token.unwrap();
        let refused = house.refresh(&refresh_token).await;
        refused.refused(400, "invalid_grant");
        told.try_recv().expect("caches are told of each grant");
    }
}

#[tokio::test]
async fn a6_a_code_that_waits_dies_with_the_access() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let code = browser.code("alice", &request()).await;
    let form = [("client", "desktop")];
    send(&house, &mut browser, "alice", "/account/clients", &form).await;
    house.redeem(&code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_double_click_and_a_client_that_is_not_there_do_no_harm() {
    let house = House::start().await;
    let tokens = Browser::new(&house).tokens("alice").await;
    let mut browser = browser_of(&house, "alice").await;
    for (client, is_live) in [
        ("nobody", true),
        ("../desktop", true),
        ("desktop", false),
        ("desktop", false),
    ] {
        let form = [("client", client)];
        let answer = send(&house, &mut browser, "alice", "/account/clients", &form).await;
        assert_eq!(path(&answer), "/account/clients?notice=client-revoked");
        assert_eq!(house.is_accepted(&tokens.access_token).await, is_live);
    }
}

#[tokio::test]
async fn nobody_ends_what_another_person_allowed() {
    let house = House::start().await;
    let mut admins = Browser::new(&house);
    let tokens = admins.tokens("admin").await;
    let mut mallory = browser_of(&house, "alice").await;

    // The client is hers to end only for herself, whatever she sends.
    let form = [("client", "desktop")];
    send(&house, &mut mallory, "alice", "/account/clients", &form).await;
    send(&house, &mut mallory, "admin", "/account/clients", &form).await;
    assert!(house.is_accepted(&tokens.access_token).await);

    // The id of somebody's session is not enough to end it.
    let mut other = browser_of(&house, "admin").await;
    let page = other.get("/account/sessions").await;
    for id in fields(&page, "session") {
        let form = [("action", "end"), ("session", &*id)];
        send(&house, &mut mallory, "alice", "/account/sessions", &form).await;
        send(&house, &mut mallory, "admin", "/account/sessions", &form).await;
    }
    let form = [("action", "end-others")];
    send(&house, &mut mallory, "alice", "/account/sessions", &form).await;
    assert_eq!(admins.get("/account").await.status, StatusCode::OK);
    assert_eq!(other.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_page_that_was_shown_to_another_person_changes_nothing() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let tokens = browser.tokens("alice").await;
    let admins = Browser::new(&house).tokens("admin").await;
    // In another tab, somebody else signs in; the first tab still shows the page of alice.
    sign_in(&mut browser, "admin").await;
    for (page, form) in [
        ("/account/clients", &[("client", "desktop")][..]),
        ("/account/sessions", &[("action", "end-others")]),
        (
            "/account/password",
            &[
                ("old", PASSWORD),
                ("new", "new password"),
                ("again", "new password"),
            ],
        ),
    ] {
        let answer = send(&house, &mut browser, "alice", page, form).await;
        let back = path(&answer);
        assert!(back.ends_with("?notice=account-changed"), "{page}: {back}");
        shows(&browser.get(&back).await, &["Nothing has been changed."]);
    }
    assert!(house.is_accepted(&tokens.access_token).await);
    assert!(house.is_accepted(&admins.access_token).await);
    assert_eq!(
        path(&sign_in(&mut Browser::new(&house), "admin").await),
        "/account"
    );
}

#[tokio::test]
async fn c7_a_form_from_another_site_changes_nothing() {
    let house = House::start().await;
    let mut browser = browser_of(&house, "alice").await;
    let tokens = Browser::new(&house).tokens("alice").await;
    let subject = subject(&house, "alice").await;
    let form = [
        ("account", &*subject),
        ("client", "desktop"),
        ("action", "end-others"),
        ("username", "admin"),
        ("password", PASSWORD),
    ];
    for page in [
        "/account/clients",
        "/account/sessions",
        "/account/password",
        "/account/sign-in",
        "/logout/confirm",
    ] {
        let foreign = Request::post(page)
            .header(COOKIE, browser.cookie_header())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "cross-site")
            .header("origin", "https://evil.example");
        let answer = house
            .send(foreign.body(encode(&form).into()).unwrap())
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{page}");
        assert!(answer.headers.get(SET_COOKIE).is_none());
        // The style is found from a page that lies deeper.
        assert!(answer.body.contains("href=\"../assets/"), "{answer:?}");
    }
    assert!(house.is_accepted(&tokens.access_token).await);
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn c7_every_page_is_protected_and_every_form_redirects() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let mut answers = vec![
        browser.get("/account/sign-in").await,
        browser.get("/account").await,
    ];
    answers.push(sign_in(&mut browser, "alice").await);
    for page in PAGES {
        answers.push(browser.get(page).await);
    }
    let form = [("client", "desktop")];
    answers.push(send(&house, &mut browser, "alice", "/account/clients", &form).await);
    answers.push(send(&house, &mut browser, "alice", "/logout/confirm", &[]).await);
    for answer in answers {
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(!answer.body.contains("<script"));
    }
}

#[tokio::test]
async fn a_session_id_that_was_planted_is_worth_nothing() {
    let house = House::start().await;
    // Mallory signs in, and plants her cookies in the browser of alice.
    let mallory = browser_of(&house, "admin").await;
    let planted = mallory.cookie_header();
    let mut victim = Browser::new(&house);
    victim.plant(&planted);
    sign_in(&mut victim, "alice").await;
    assert_ne!(
        victim.cookie_header(),
        planted,
        "alice got an id of her own"
    );
    shows(&victim.get("/account").await, &["alice of the tests"]);
    let mut mallory = Browser::new(&house);
    mallory.plant(&planted);
    let answer = mallory.get("/account").await;
    assert_eq!(path(&answer), "/account/sign-in?to=/account");
}

#[tokio::test]
async fn a_person_sees_where_they_are_signed_in_and_ends_it() {
    let house = House::start().await;
    let mut here = browser_of(&house, "alice").await;
    house.advance(7200);
    let elsewhere = Request::post("/account/sign-in")
        .header(
            USER_AGENT,
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0.0.0 Safari/537.36",
        )
        .header("sec-fetch-site", "same-origin")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let form = encode(&[("username", "alice"), ("password", PASSWORD)]);
    let mut elsewhere = elsewhere.body(Body::from(form)).unwrap();
    let address = std::net::Ipv4Addr::new(192, 0, 2, 7).into();
    let address = authorization_server::ClientAddress(Some(address));
    elsewhere.extensions_mut().insert(address);
    let mut there = Browser::new(&house);
    there.keep_cookies(&house.send(elsewhere).await);
    assert_eq!(there.get("/account").await.status, StatusCode::OK);

    let page = here.get("/account/sessions").await;
    shows(
        &page,
        &[
            "Chrome · Windows",
            "192.0.2.7",
            "just now",
            "This browser",
            "2 h ago",
        ],
    );
    let others = fields(&page, "session");
    assert_eq!(others.len(), 1, "this one has no button");
    assert_eq!(page.body.matches("class=\"badge\"").count(), 1);

    let form = [("action", "end"), ("session", &*others[0])];
    for _ in 0..2 {
        let answer = send(&house, &mut here, "alice", "/account/sessions", &form).await;
        assert_eq!(path(&answer), "/account/sessions?notice=session-ended");
    }
    assert_eq!(there.get("/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(here.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_person_stays_signed_in_here_alone() {
    let house = House::start().await;
    let mut others = Vec::new();
    for _ in 0..25 {
        others.push(browser_of(&house, "alice").await);
    }
    let mut here = browser_of(&house, "alice").await;
    let page = here.get("/account/sessions").await;
    assert_eq!(
        fields(&page, "session").len(),
        19,
        "and this browser before them"
    );
    let next = here.get("/account/sessions?page=2").await;
    assert_eq!(fields(&next, "session").len(), 6);
    shows(&next, &["?page=1"]);

    let form = [("action", "end-others")];
    let answer = send(&house, &mut here, "alice", "/account/sessions", &form).await;
    assert_eq!(path(&answer), "/account/sessions?notice=others-ended");
    for other in &mut others {
        assert_eq!(other.get("/account").await.status, StatusCode::SEE_OTHER);
    }
    let page = here.get("/account/sessions").await;
    assert!(fields(&page, "session").is_empty());
    assert!(!page.body.contains("end-others"), "there is nobody else");
}

#[tokio::test]
async fn hundreds_of_clients_fit_on_pages() {
    let house = House::with(|settings| {
        let template = settings.clients[0].clone();
        for n in 0..130 {
            let mut client = template.clone();
            client.client_id = format!("client-{n:03}");
            settings.clients.push(client);
        }
    })
    .await;
    let mut browser = browser_of(&house, "alice").await;
    let subject = subject(&house, "alice").await;
    for n in 0..130 {
        let mut asked = request();
        asked.insert("client_id", format!("client-{n:03}"));
        let (grant, _) = browser.open(&asked).await;
        let form = [
            ("grant", &*grant),
            ("action", "approve"),
            ("account", &subject),
            ("scope", "create:todos"),
        ];
        let answer = browser.post("/login", &form).await;
        assert!(answer.parameter("code").is_some());
        house.advance(1);
    }
    let page = browser.get("/account/clients").await;
    let first = fields(&page, "client");
    assert_eq!(
        (first.len(), &*first[0]),
        (20, "client-129"),
        "the newest first"
    );
    let last = fields(&browser.get("/account/clients?page=7").await, "client");
    assert_eq!((last.len(), &*last[9]), (10, "client-000"));
}

#[tokio::test]
async fn signing_out_ends_this_session_and_no_grant() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let tokens = browser.tokens("alice").await;
    let mut other = browser_of(&house, "alice").await;
    let before = browser.cookie_header();
    let answer = send(&house, &mut browser, "alice", "/logout/confirm", &[]).await;
    let back = path(&answer);
    shows(&browser.get(&back).await, &["You are signed out"]);
    let mut thief = Browser::new(&house);
    thief.plant(&before);
    assert_eq!(thief.get("/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(other.get("/account").await.status, StatusCode::OK);
    assert!(house.is_accepted(&tokens.access_token).await);
    assert!(
        browser
            .get(&authorize(&request()))
            .await
            .location()
            .as_str()
            .starts_with(ISSUER)
    );
}

const NEW: &str = "battery staple";

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_every_other_session() {
    let house = House::start().await;
    let mut other = browser_of(&house, "alice").await;
    let mut browser = browser_of(&house, "alice").await;
    let before = browser.cookie_header();
    let form = [("old", PASSWORD), ("new", NEW), ("again", NEW)];
    let answer = send(&house, &mut browser, "alice", "/account/password", &form).await;
    assert_eq!(path(&answer), "/account?notice=password-changed");
    assert_ne!(browser.cookie_header(), before, "a session under a new id");
    let page = browser.get("/account?notice=password-changed").await;
    shows(&page, &["Your password has been changed"]);
    // In the same second, so that no clock decides it.
    assert_eq!(other.get("/account").await.status, StatusCode::SEE_OTHER);
    let mut thief = Browser::new(&house);
    thief.plant(&before);
    assert_eq!(thief.get("/account").await.status, StatusCode::SEE_OTHER);

    let mut browser = Browser::new(&house);
    assert_eq!(sign_in(&mut browser, "alice").await.status, StatusCode::OK);
    let form = [("username", "alice"), ("password", NEW)];
    let answer = browser.post("/account/sign-in", &form).await;
    assert_eq!(path(&answer), "/account");
}

#[tokio::test]
async fn passwords_that_do_not_do_change_nothing() {
    let house = House::start().await;
    let mut browser = browser_of(&house, "alice").await;
    for (old, new, again, words) in [
        ("wrong", NEW, NEW, "The current password is not right."),
        ("", NEW, NEW, "The current password is not right."),
        (
            PASSWORD,
            NEW,
            "other",
            "The two new passwords are not the same.",
        ),
        (
            PASSWORD,
            "short",
            "short",
            "A password has 8 to 1024 characters.",
        ),
        (PASSWORD, "", "", "A password has 8 to 1024 characters."),
    ] {
        let form = [("old", old), ("new", new), ("again", again)];
        let page = send(&house, &mut browser, "alice", "/account/password", &form).await;
        shows(&page, &[words]);
    }
    assert_eq!(
        path(&sign_in(&mut Browser::new(&house), "alice").await),
        "/account"
    );
    for _ in 0..11 {
        let form = [("old", "wrong"), ("new", NEW), ("again", NEW)];
        send(&house, &mut browser, "alice", "/account/password", &form).await;
    }
    let form = [("old", PASSWORD), ("new", NEW), ("again", NEW)];
    let page = send(&house, &mut browser, "alice", "/account/password", &form).await;
    assert_eq!(
        page.status,
        StatusCode::TOO_MANY_REQUESTS,
        "no way to guess"
    );
}

#[tokio::test]
async fn a_session_from_before_another_password_is_not_shown_and_opens_nothing() {
    let house = House::start().await;
    let mut browser = browser_of(&house, "alice").await;
    house.advance(1);
    let subject = subject(&house, "alice").await;
    let password = Secret::from(NEW);
    house
        .server
        .users()
        .set_password(&subject, password)
        .await
        .unwrap();
    assert_eq!(browser.get("/account").await.status, StatusCode::SEE_OTHER);
    let form = [("username", "alice"), ("password", NEW)];
    browser.post("/account/sign-in", &form).await;
    let page = browser.get("/account/sessions").await;
    assert!(fields(&page, "session").is_empty());
}
