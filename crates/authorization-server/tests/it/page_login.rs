//! The page that is sign-in and consent together: acceptance C4 to C7.

use authorization_server::settings::PreRegisteredClient;
use axum::body::Body;
use http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{Request, StatusCode};
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::redirect_uri::RedirectUri;
use oauth::scope::Scope;
use oauth::secret::Secret;

use crate::browser::{Browser, at_site, authorize, request};
use crate::house::{
    Answer, CLIENT, House, ISSUER, PASSWORD, REDIRECT, SITE, SITE_CLIENT, client, encode, scope,
};

const BOTH: [&str; 2] = ["create:todos", "read:todos"];

/// The scope that came out of a flow, as the token endpoint reports it.
async fn granted(house: &House, answer: &Answer) -> Scope {
    let code = answer
        .parameter("code")
        .unwrap_or_else(|| panic!("no code: {answer:?}"));
    let at_site = answer.location().as_str().starts_with(SITE);
    let redeemed = if at_site {
        house.redeem_at_site(&code).await
    } else {
        house.redeem(&code).await
    };
    redeemed.tokens().scope
}

fn is_ticked(page: &Answer, token: &str) -> bool {
    let checkbox = format!("<input type=\"checkbox\" name=\"scope\" value=\"{token}\"");
    let rest = page.body.split(&checkbox).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no checkbox for {token}: {page:?}"));
    rest.starts_with(" checked")
}

/// The account that a page shows as signed in, as its form would send it.
fn account(page: &Answer) -> String {
    let field = page.body.split("name=\"account\" value=\"").nth(1);
    let field = field.unwrap_or_else(|| panic!("nobody is signed in: {page:?}"));
    field.split('"').next().unwrap().to_owned()
}

fn asks_for_password(page: &Answer) -> bool {
    page.status == StatusCode::OK && page.body.contains("name=\"password\"")
}

#[tokio::test]
async fn c4_one_page_says_who_asks_where_the_answer_goes_and_for_what() {
    let house = House::start().await;
    let (_, page) = Browser::new(&house).open(&request()).await;
    assert!(asks_for_password(&page), "{page:?}");
    let shown = [
        CLIENT,
        "Todo manager",
        "<strong>127.0.0.1</strong>",
        "May create:todos",
    ];
    for words in shown.into_iter().chain([
        "May read:todos",
        "on your own computer",
        "while you are away",
    ]) {
        assert!(
            page.body.contains(words),
            "{words} is missing in {}",
            page.body
        );
    }
    assert!(BOTH.iter().all(|token| is_ticked(&page, token)));
    assert!(
        !page.body.contains("May delete:todos"),
        "nobody asked for it"
    );
}

#[tokio::test]
async fn c4_nothing_is_said_of_going_on_to_who_consents_to_a_client_without_refresh_tokens() {
    let house = House::with(|settings| {
        let client = settings.clients.iter_mut().find(|c| c.client_id == CLIENT);
        client.unwrap().metadata.grant_types = vec!["authorization_code".to_owned()];
    })
    .await;
    let (_, page) = Browser::new(&house).open(&request()).await;
    assert!(!page.body.contains("while you are away"), "{}", page.body);
}

#[tokio::test]
async fn c4_only_what_was_left_ticked_is_granted() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let (grant, _) = browser.open(&request()).await;
    let answer = browser
        .approve(&grant, "admin", &["read:todos", "delete:todos"])
        .await;
    assert_eq!(
        granted(&house, &answer).await,
        scope("read:todos"),
        "delete was not asked for"
    );
}

#[tokio::test]
async fn c4_nobody_can_allow_more_than_their_roles() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let (grant, _) = browser.open(&request()).await;
    let answer = browser.approve(&grant, "alice", &BOTH).await;
    assert_eq!(granted(&house, &answer).await, scope("create:todos"));

    let (grant, page) = {
        let mut asked = request();
        asked.insert("scope", "read:todos delete:todos".into());
        browser.open(&asked).await
    };
    assert!(
        page.body.contains("Not available to this account"),
        "{page:?}"
    );
    assert!(
        !page.body.contains("value=\"approve\""),
        "there is nothing to approve"
    );
    let form = [
        ("grant", &*grant),
        ("action", "approve"),
        ("account", &account(&page)),
    ];
    let answer = browser.post("/login", &form).await;
    assert_eq!(answer.parameter("error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn c4_signing_in_is_part_of_what_was_asked_and_no_choice() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let mut asked = request();
    asked.insert("scope", "openid create:todos".into());
    let (grant, page) = browser.open(&asked).await;
    assert!(
        page.body
            .contains("<input type=\"hidden\" name=\"scope\" value=\"openid\">")
    );
    let answer = browser.approve(&grant, "alice", &[]).await;
    assert_eq!(granted(&house, &answer).await, scope("openid"));
}

#[tokio::test]
async fn c4_the_browser_that_asked_is_the_one_that_may_answer() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let begun = browser.navigate(&authorize(&request()), "document").await;
    let page = format!("/login?{}", begun.location().query().unwrap());
    let elsewhere = Browser::new(&house).get(&page).await;
    assert!(elsewhere.body.contains("other_browser"), "{elsewhere:?}");
    let shown = browser.get(&page).await;
    assert!(asks_for_password(&shown), "{shown:?}");
    assert!(!shown.headers.contains_key(SET_COOKIE), "it has its cookie");

    // Another tab of the same browser does not take the cookie away from this one.
    let again = browser.navigate(&authorize(&request()), "document").await;
    assert!(!again.headers.contains_key(SET_COOKIE));
    let grant = begun.parameter("grant").unwrap();
    let answer = browser.approve(&grant, "alice", &BOTH).await;
    assert_eq!(granted(&house, &answer).await, scope("create:todos"));
}

#[tokio::test]
async fn c4_who_asks_without_being_a_browser_binds_nothing() {
    let house = House::start().await;
    let address = authorize(&request());
    let program = house.get(&address).await;
    // A page inside another one may get no cookies.
    let frame = Browser::new(&house).navigate(&address, "iframe").await;
    let form = address.split_once('?').unwrap().1.to_owned();
    let posted = Request::post("/authorize")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let posted = house.send(posted.body(form.into()).unwrap()).await;
    for begun in [program, frame, posted] {
        assert!(!begun.headers.contains_key(SET_COOKIE), "{begun:?}");
        let page = format!("/login?{}", begun.location().query().unwrap());
        let shown = Browser::new(&house).get(&page).await;
        assert!(asks_for_password(&shown), "{shown:?}");
        let second = Browser::new(&house).get(&page).await;
        assert!(second.body.contains("other_browser"), "{second:?}");
    }
}

#[tokio::test]
async fn c4_who_agreed_before_sees_no_page_and_more_is_asked_again() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let whole = at_site(request());
    let mut asked = whole.clone();
    asked.insert("scope", "create:todos".into());
    let (grant, _) = browser.open(&asked).await;
    browser.approve(&grant, "admin", &["create:todos"]).await;

    let (_, again) = browser.open(&asked).await;
    assert_eq!(granted(&house, &again).await, scope("create:todos"));

    let (grant, more) = browser.open(&whole).await;
    assert_eq!(more.status, StatusCode::OK);
    assert!(!asks_for_password(&more), "admin is signed in");
    let account = account(&more);
    let mut form = vec![
        ("grant", &*grant),
        ("action", "approve"),
        ("account", &account),
    ];
    form.extend(BOTH.map(|token| ("scope", token)));
    let answer = browser.post("/login", &form).await;
    assert_eq!(
        granted(&house, &answer).await,
        scope("create:todos read:todos")
    );

    assert_eq!(
        browser.open(&request()).await.1.status,
        StatusCode::OK,
        "another client asks itself"
    );
    let (_, elsewhere) = Browser::new(&house).open(&asked).await;
    assert!(
        asks_for_password(&elsewhere),
        "another browser knows nobody"
    );
}

/// Any program on the person's machine can take the identifier of such a client and listen for the answer
/// (RFC 8252 §8.6).
#[tokio::test]
async fn c4_a_client_that_another_program_can_pass_for_is_shown_each_time() {
    let loopback = client(
        CLIENT,
        None,
        TokenEndpointAuthMethod::None,
        &["authorization_code"],
    );
    let with_uri = |client_id: &str, redirect_uri: &str| {
        let mut client = PreRegisteredClient {
            client_id: client_id.to_owned(),
            ..loopback.clone()
        };
        client.metadata.redirect_uris = vec![RedirectUri::unchecked(redirect_uri)];
        client
    };
    let mut confidential = client(
        "confidential",
        Some("secret"),
        TokenEndpointAuthMethod::ClientSecretBasic,
        &["authorization_code"],
    );
    confidential.metadata.redirect_uris = vec![RedirectUri::unchecked(REDIRECT)];
    let house = House::with(|settings| {
        settings.clients.extend([
            with_uri("installed", "cursor://site.example/callback"),
            with_uri("local-tls", "https://localhost:7777/callback"),
            PreRegisteredClient {
                first_party: true,
                ..with_uri("local-own", REDIRECT)
            },
            confidential,
        ]);
    })
    .await;
    for (client_id, redirect_uri, is_shown) in [
        (CLIENT, REDIRECT, true),
        ("installed", "cursor://site.example/callback", true),
        ("local-tls", "https://localhost:7777/callback", true),
        ("local-own", REDIRECT, true),
        ("confidential", REDIRECT, false),
        (SITE_CLIENT, SITE, false),
    ] {
        let mut asked = request();
        asked.insert("client_id", client_id.into());
        asked.insert("redirect_uri", redirect_uri.into());
        let mut browser = Browser::new(&house);
        let (grant, _) = browser.open(&asked).await;
        let first = browser.approve(&grant, "admin", &BOTH).await;
        assert!(first.parameter("code").is_some(), "{client_id}: {first:?}");

        let (grant, again) = browser.open(&asked).await;
        if !is_shown {
            assert!(again.parameter("code").is_some(), "{client_id}: {again:?}");
            continue;
        }
        assert_eq!(again.status, StatusCode::OK, "{client_id}: {again:?}");
        assert!(
            !asks_for_password(&again) && again.body.contains("You are asked each time"),
            "{client_id}: {again:?}"
        );
        // One click is enough, with all that is ticked.
        let account = account(&again);
        let mut form = vec![
            ("grant", &*grant),
            ("action", "approve"),
            ("account", &account),
        ];
        if client_id != "local-own" {
            assert!(BOTH.iter().all(|token| is_ticked(&again, token)));
            form.extend(BOTH.map(|token| ("scope", token)));
        }
        let answer = browser.post("/login", &form).await;
        assert!(
            answer.parameter("code").is_some(),
            "{client_id}: {answer:?}"
        );

        asked.insert("prompt", "none".into());
        let (_, silent) = browser.open(&asked).await;
        let error = silent.parameter("error");
        assert_eq!(error.as_deref(), Some("consent_required"), "{client_id}");
    }
}

#[tokio::test]
async fn c4_only_the_browser_that_saw_the_page_first_may_answer() {
    let house = House::start().await;
    let (mut first, mut second) = (Browser::new(&house), Browser::new(&house));
    let (grant, page) = first.open(&request()).await;
    assert_eq!(page.status, StatusCode::OK);
    let path = format!("/login?grant={grant}");
    let refused = second.get(&path).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.body.contains("begun in another browser"),
        "{refused:?}"
    );

    second.open(&request()).await;
    for stranger in [&mut second, &mut Browser::new(&house)] {
        let answer = stranger.approve(&grant, "admin", &BOTH).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let answer = stranger.post(&path, &[("action", "deny")]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    let answer = first.approve(&grant, "alice", &BOTH).await;
    assert!(
        answer.parameter("code").is_some(),
        "the first browser is not disturbed"
    );
    assert_eq!(
        second.get(&path).await.status,
        StatusCode::BAD_REQUEST,
        "nor its code given away"
    );
}

#[tokio::test]
async fn c4_a_form_for_a_page_that_nobody_saw_is_refused() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    browser.open(&request()).await;
    let begun = browser.get(&authorize(&request())).await;
    let unseen = begun.parameter("grant").unwrap();
    let answer = browser.approve(&unseen, "alice", &BOTH).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn c4_back_button_reload_and_double_click_lead_to_the_same_answer() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let (grant, _) = browser.open(&request()).await;
    let path = format!("/login?grant={grant}");
    let first = browser.approve(&grant, "alice", &BOTH).await;
    let location = first.location();
    assert_eq!(
        browser.approve(&grant, "alice", &BOTH).await.location(),
        location
    );
    assert_eq!(browser.get(&path).await.location(), location);

    house
        .redeem(&first.parameter("code").unwrap())
        .await
        .tokens();
    for answer in [
        browser.get(&path).await,
        browser.approve(&grant, "alice", &BOTH).await,
    ] {
        assert_eq!(answer.status, StatusCode::OK);
        assert!(
            answer.body.contains("start again from the application"),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn c4_a_code_that_nobody_fetched_in_time_is_not_handed_out_again() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let (grant, _) = browser.open(&request()).await;
    browser.approve(&grant, "alice", &BOTH).await.location();
    house.advance(61);
    let answer = browser.get(&format!("/login?grant={grant}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(
        answer.body.contains("start again from the application"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn c4_after_a_suspended_laptop_the_page_says_how_to_start_again() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let (grant, _) = browser.open(&request()).await;
    house.advance(601);
    for answer in [
        browser.get(&format!("/login?grant={grant}")).await,
        browser.approve(&grant, "alice", &BOTH).await,
        browser.get("/login").await,
    ] {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body.contains("has expired"), "{answer:?}");
        assert!(answer.body.contains("start again from there"), "{answer:?}");
    }
}

#[tokio::test]
async fn c4_a_sign_in_that_ended_meanwhile_is_asked_again_and_the_choice_kept() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let mut asked = request();
    asked.insert("scope", "create:todos".into());
    browser.code("admin", &asked).await;
    let (grant, page) = browser.open(&request()).await;
    let admin = account(&page);

    house.advance(1);
    let password = Secret::from("another password");
    house
        .server
        .users()
        .set_password(&admin, password)
        .await
        .unwrap();
    let form = [
        ("grant", &*grant),
        ("action", "approve"),
        ("account", &admin),
        ("scope", "read:todos"),
    ];
    let page = browser.post("/login", &form).await;
    assert!(asks_for_password(&page), "{page:?}");
    assert!(page.body.contains("Your sign-in has ended"), "{page:?}");
    assert!(is_ticked(&page, "read:todos") && !is_ticked(&page, "create:todos"));
}

#[tokio::test]
async fn c4_nobody_approves_for_an_account_that_the_page_did_not_show() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let mut asked = request();
    asked.insert("scope", "create:todos".into());
    browser.code("admin", &asked).await;
    let (grant, page) = browser.open(&request()).await;
    let admin = account(&page);

    // In another tab, the same browser signs in as somebody else.
    let path = format!("/login?grant={grant}&account=other");
    assert!(asks_for_password(&browser.get(&path).await));
    asked.insert("prompt", "login".into());
    browser.code("alice", &asked).await;

    let form = [
        ("grant", &*grant),
        ("action", "approve"),
        ("account", &admin),
    ];
    let page = browser.post("/login", &form).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body.contains("Another account has signed in"),
        "{page:?}"
    );
    assert_ne!(account(&page), admin);
}

#[tokio::test]
async fn c5_denying_tells_the_client_and_ends_the_request() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let (grant, _) = browser.open(&request()).await;
    let answer = browser
        .post("/login", &[("grant", &grant), ("action", "deny")])
        .await;
    assert!(answer.location().as_str().starts_with(REDIRECT));
    let expected = [
        ("error", "access_denied"),
        ("state", "st4te"),
        ("iss", ISSUER),
    ];
    for (name, value) in expected {
        assert_eq!(answer.parameter(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(answer.parameter("code"), None);
    let late = browser.approve(&grant, "alice", &BOTH).await;
    assert_eq!(late.status, StatusCode::OK);
    assert!(late.body.contains("This sign-in is done"), "{late:?}");
}

#[tokio::test]
async fn c5_a_refusal_is_a_page_in_the_persons_language_with_its_request_id() {
    let house = House::start().await;
    let mut asked = request();
    asked.insert("client_id", "nobody".into());
    let visit = Request::get(authorize(&asked)).header(ACCEPT_LANGUAGE, "ko-KR,ko;q=0.9,en;q=0.8");
    let page = house.send(visit.body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.headers.get(LOCATION).is_none());
    assert!(page.body.contains("<html lang=\"ko\">") && page.body.contains("등록되지 않은 앱"));
    assert!(page.body.contains("unknown_client"));
    assert!(page.body.contains(page.header("x-request-id")));
}

#[tokio::test]
async fn c6_opening_the_page_twice_does_no_harm() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let (grant, first) = browser.open(&request()).await;
    let second = browser.get(&format!("/login?grant={grant}")).await;
    assert_eq!(first.body, second.body);
    assert!(
        second.headers.get(SET_COOKIE).is_none(),
        "the browser is known by now"
    );
    assert!(
        browser
            .approve(&grant, "alice", &BOTH)
            .await
            .parameter("code")
            .is_some()
    );
}

#[tokio::test]
async fn c7_every_page_and_every_way_out_of_it_is_protected() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let (grant, page) = browser.open(&request()).await;
    let refusal = browser.get("/login?grant=unknown").await;
    let answer = browser.approve(&grant, "alice", &BOTH).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    house
        .redeem(&answer.parameter("code").unwrap())
        .await
        .tokens();
    let finished = browser.get(&format!("/login?grant={grant}")).await;
    for answer in [&page, &refusal, &answer, &finished] {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            !policy.contains("script-src") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(!answer.body.contains("<script") && !answer.body.contains("style="));
    }
}

#[tokio::test]
async fn c7_a_form_from_another_site_is_refused() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let begun = browser.get(&authorize(&request())).await;
    let grant = begun.parameter("grant").unwrap();
    let page = browser.get(&format!("/login?grant={grant}")).await;
    let cookie = page
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let form = [
        ("grant", &*grant),
        ("username", "alice"),
        ("password", PASSWORD),
    ];
    let form = [
        &form[..],
        &[("action", "approve"), ("scope", "create:todos")],
    ]
    .concat();
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ] {
        let forged = Request::post("/login")
            .header(COOKIE, &cookie)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header, value);
        let answer = house.send(forged.body(encode(&form).into()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
    }
    assert!(
        browser
            .approve(&grant, "alice", &BOTH)
            .await
            .parameter("code")
            .is_some()
    );
}

#[tokio::test]
async fn c7_what_a_client_calls_itself_is_text() {
    let house = House::with(|settings| {
        let name = "<script>alert(1)</script>\" \u{202e}gnp";
        settings.clients[0].metadata.client_name = Some(name.to_owned());
    })
    .await;
    let (_, page) = Browser::new(&house).open(&request()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        !page.body.contains("<script") && !page.body.contains('\u{202e}'),
        "{page:?}"
    );
}

#[tokio::test]
async fn the_style_is_where_the_page_says_it_is() {
    let house = House::start().await;
    let (_, page) = Browser::new(&house).open(&request()).await;
    for (extension, media_type) in [(".css", "text/css"), (".svg", "image/svg+xml")] {
        let links = page
            .body
            .split("href=\"")
            .filter_map(|rest| rest.split('"').next());
        let link = links
            .into_iter()
            .find(|link| link.ends_with(extension))
            .unwrap();
        let asset = house.get(&format!("/{link}")).await;
        assert_eq!(asset.status, StatusCode::OK, "{link}");
        assert_eq!(asset.header("content-type"), media_type);
        assert!(asset.header("cache-control").contains("immutable"));
    }
}

#[tokio::test]
async fn a_wrong_password_keeps_everything_else_that_was_entered() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let (grant, _) = browser.open(&request()).await;
    let form = [
        ("grant", &*grant),
        ("username", "alice"),
        ("password", "wrong"),
        ("scope", "create:todos"),
        ("action", "approve"),
    ];
    let page = browser.post("/login", &form).await;
    assert!(asks_for_password(&page), "{page:?}");
    assert!(page.body.contains("is not right") && page.body.contains("value=\"alice\""));
    assert!(is_ticked(&page, "create:todos") && !is_ticked(&page, "read:todos"));
    assert!(
        page.headers.get(SET_COOKIE).is_none(),
        "nobody has signed in"
    );
    let form = [&form[..1], &[("username", "bob")], &form[2..]].concat();
    let nobody = browser.post("/login", &form).await;
    assert_eq!(
        nobody.body,
        page.body.replace("value=\"alice\"", "value=\"bob\"")
    );
    assert!(
        browser
            .approve(&grant, "alice", &BOTH)
            .await
            .parameter("code")
            .is_some()
    );
}

#[tokio::test]
async fn guessing_a_password_is_answered_with_429_and_when_to_come_back() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let (grant, _) = browser.open(&request()).await;
    let guess = [
        ("grant", &*grant),
        ("username", "alice"),
        ("password", "wrong"),
        ("action", "approve"),
    ];
    for _ in 0..10 {
        assert_eq!(browser.post("/login", &guess).await.status, StatusCode::OK);
    }
    let page = browser.approve(&grant, "alice", &BOTH).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(page.header("retry-after"), "600");
    assert!(page.body.contains("too many attempts"), "{page:?}");
}

#[tokio::test]
async fn a_first_party_client_asks_for_nothing_but_the_sign_in() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let mut asked = at_site(request());
    asked.insert("client_id", "our-own".into());
    let (grant, page) = browser.open(&asked).await;
    assert!(
        asks_for_password(&page) && !page.body.contains("type=\"checkbox\""),
        "{page:?}"
    );
    let answer = browser.approve(&grant, "alice", &[]).await;
    assert!(answer.parameter("code").is_some());
    let (_, again) = browser.open(&asked).await;
    assert!(
        again.parameter("code").is_some(),
        "alice is signed in, so there is no page"
    );
}

#[tokio::test]
async fn prompt_none_never_shows_a_page() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let mut silent = at_site(request());
    silent.insert("prompt", "none".into());
    let (_, answer) = browser.open(&silent).await;
    assert_eq!(answer.parameter("error").as_deref(), Some("login_required"));
    let mut small = at_site(request());
    small.insert("scope", "create:todos".into());
    browser.code("admin", &small).await;
    let (_, answer) = browser.open(&silent).await;
    assert_eq!(
        answer.parameter("error").as_deref(),
        Some("consent_required")
    );
    assert_eq!(answer.parameter("iss").as_deref(), Some(ISSUER));
    browser.code("admin", &small).await;
    small.insert("prompt", "none".into());
    assert!(browser.open(&small).await.1.parameter("code").is_some());
}

#[tokio::test]
async fn a_client_may_ask_for_a_fresh_sign_in_or_fresh_consent() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let mut asked = at_site(request());
    asked.insert("scope", "create:todos".into());
    browser.code("alice", &asked).await;
    house.advance(100);

    asked.insert("max_age", "100".into());
    assert!(browser.open(&asked).await.1.parameter("code").is_some());
    asked.insert("max_age", "99".into());
    let (grant, page) = browser.open(&asked).await;
    assert!(
        asks_for_password(&page) && page.body.contains("sign in again"),
        "{page:?}"
    );
    let alice = house
        .server
        .users()
        .find_by_username("alice")
        .await
        .unwrap()
        .unwrap();
    let form = [
        ("grant", &*grant),
        ("action", "approve"),
        ("account", &alice.subject),
    ];
    let refused = browser.post("/login", &form).await;
    assert!(
        asks_for_password(&refused),
        "a session that is too old approves nothing"
    );

    asked.remove("max_age");
    asked.insert("prompt", "login".into());
    assert!(asks_for_password(&browser.open(&asked).await.1));
    asked.insert("prompt", "consent".into());
    let (_, page) = browser.open(&asked).await;
    assert!(
        page.status == StatusCode::OK && !asks_for_password(&page),
        "{page:?}"
    );
    assert!(is_ticked(&page, "create:todos"));
}

#[tokio::test]
async fn the_page_speaks_the_language_that_the_client_or_the_browser_asks_for() {
    let house = House::start().await;
    let mut asked = request();
    asked.insert("ui_locales", "ko en".into());
    let (_, page) = Browser::new(&house).open(&asked).await;
    assert_eq!(page.header("content-language"), "ko");
    assert!(page.body.contains("<html lang=\"ko\">") && page.body.contains("read:todos 허용"));
    let (_, page) = Browser::new(&house).open(&request()).await;
    assert!(page.body.contains("<html lang=\"en\">"));
}

#[tokio::test]
async fn cookies_come_with_the_page_and_the_session_is_new_at_sign_in() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let begun = browser.get(&authorize(&request())).await;
    assert!(
        begun.headers.get(SET_COOKIE).is_none(),
        "nothing is set before the page"
    );
    let grant = begun.parameter("grant").unwrap();
    let page = browser.get(&format!("/login?grant={grant}")).await;
    let binding = page.header("set-cookie").to_owned();
    assert!(binding.starts_with("__Host-sumun-browser="), "{binding}");
    assert!(
        binding.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"),
        "{binding}"
    );

    let planted = "A".repeat(43);
    let pair = binding.split(';').next().unwrap();
    let form = [
        ("grant", &*grant),
        ("username", "alice"),
        ("password", PASSWORD),
    ];
    let form = [
        &form[..],
        &[("action", "approve"), ("scope", "create:todos")],
    ]
    .concat();
    let sign_in = Request::post("/login")
        .header(COOKIE, format!("{pair}; __Host-sumun-session={planted}"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    let answer = house
        .send(sign_in.body(encode(&form).into()).unwrap())
        .await;
    let session = answer.header("set-cookie");
    assert!(session.starts_with("__Host-sumun-session=") && !session.contains(&planted));
    assert!(
        session.contains("; Secure; HttpOnly; SameSite=Lax; Max-Age=43200"),
        "{session}"
    );
}
