//! The pages in a real browser, with people who go back, reload, click twice and forget cookies.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::driver::Driver;
use crate::house::House;
use crate::http_client::send;
use crate::people::ALICE;

/// The RFC's own verifier and challenge (RFC 7636 appendix B).
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A client that registered itself at `house`, by its identifier.
pub(crate) async fn register(house: &House, name: &str) -> String {
    let metadata = json!({
        "client_name": name,
        "redirect_uris": ["http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
    });
    let request = Request::post(format!("{}/register", house.url))
        .header("content-type", "application/json")
        .body(Body::from(metadata.to_string()));
    let answer = send(request.unwrap()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["client_id"].as_str().unwrap().to_owned()
}

/// The address to which a client sends its person; the driver puts the redirect URI in.
pub(crate) fn authorize(house: &House, client_id: &str) -> String {
    format!(
        "{}/authorize?response_type=code&client_id={client_id}&redirect_uri={{redirect_uri}}\
         &code_challenge={CHALLENGE}&code_challenge_method=S256&state=st4te\
         &resource={}/todo/mcp",
        house.url, house.url
    )
}

/// What a person saw who did all of this.
pub(crate) async fn visit(driver: Driver, steps: &[Value]) -> Value {
    let outcome = driver.attempt(&Value::from(steps).to_string()).await;
    assert!(outcome.is_success, "{:#}\n{}", outcome.answer, outcome.log);
    outcome.answer
}

fn english() -> Driver {
    Driver::new("pages.mjs")
}

/// The steps of somebody who types name and password of alice.
fn credentials() -> [Value; 2] {
    [
        json!(["fill", "username", ALICE.username]),
        json!(["fill", "password", ALICE.password]),
    ]
}

/// What stands on the page after the last step.
#[track_caller]
fn last_text(answer: &Value) -> &str {
    answer["pages"].as_array().unwrap().last().unwrap()["text"]
        .as_str()
        .unwrap()
}

/// The only answer that the client got, however often it came.
#[track_caller]
fn only_callback(answer: &Value) -> &str {
    let callbacks = answer["callbacks"].as_array().unwrap();
    assert!(!callbacks.is_empty(), "{answer:#}");
    assert!(
        callbacks.iter().all(|callback| callback == &callbacks[0]),
        "{callbacks:#?}"
    );
    let callback = callbacks[0].as_str().unwrap();
    for part in ["code=", "state=st4te", "iss=http"] {
        assert!(callback.contains(part), "{callback}");
    }
    callback
}

/// Acceptance C7, for every page and every redirect of the house. Returns how many there were.
#[track_caller]
fn assert_guarded(house: &House, answer: &Value) -> usize {
    let responses = answer["responses"].as_array().unwrap();
    let [login, account] = ["login", "account"].map(|page| format!("{}/{page}", house.url));
    let of_pages = |response: &&Value| {
        let is_page = response["headers"]["content-type"] == "text/html; charset=utf-8";
        let url = response["url"].as_str().unwrap();
        url.starts_with(&login)
            || url.starts_with(&account)
            || (is_page && url.starts_with(&house.url))
    };
    let pages: Vec<_> = responses.iter().filter(of_pages).collect();
    for response in &pages {
        let header = |name: &str| response["headers"][name].as_str().unwrap_or_default();
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{response:#}");
        assert!(policy.contains("frame-ancestors 'none'"), "{response:#}");
        assert!(
            !policy.contains("script-src") && !policy.contains("unsafe"),
            "{response:#}"
        );
        assert_eq!(header("referrer-policy"), "no-referrer", "{response:#}");
        assert!(header("cache-control").contains("no-store"), "{response:#}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{response:#}");
        if response["method"] == "POST" && !header("location").is_empty() {
            assert_eq!(response["status"], 303, "{response:#}");
        }
    }
    pages.len()
}

#[tokio::test]
async fn c4_reload_and_double_click_lead_to_one_answer() {
    let house = House::demo().await;
    let client = register(&house, "Reloader").await;
    let mut steps = vec![
        json!(["open", authorize(&house, &client)]),
        json!(["reload"]),
    ];
    steps.extend(credentials());
    steps.push(json!(["doubleClick", "approve"]));
    let answer = visit(english(), &steps).await;
    only_callback(&answer);
    assert_eq!(answer["console"], json!([]));
    assert!(assert_guarded(&house, &answer) >= 3, "{answer:#}");
}

#[tokio::test]
async fn c4_the_back_button_repeats_the_answer_and_then_says_that_it_is_done() {
    let house = House::demo().await;
    let client = register(&house, "Returner").await;
    let mut steps = vec![json!(["open", authorize(&house, &client)])];
    steps.extend(credentials());
    steps.extend([json!(["click", "approve"]), json!(["back"])]);
    let answer = visit(english(), &steps).await;
    only_callback(&answer);
    assert_eq!(
        answer["callbacks"].as_array().unwrap().len(),
        2,
        "{answer:#}"
    );

    steps.pop();
    let token = format!("{}/token", house.url);
    steps.extend([json!(["redeem", token, client, VERIFIER]), json!(["back"])]);
    let answer = visit(english(), &steps).await;
    only_callback(&answer);
    let text = last_text(&answer);
    assert!(text.contains("This sign-in is done"), "{text}");
    assert!(text.contains("start again from the application"), "{text}");
    assert_eq!(answer["console"], json!([]));
}

#[tokio::test]
async fn c4_a_browser_that_forgot_its_cookies_is_told_how_to_start_again() {
    let house = House::demo().await;
    let client = register(&house, "Forgetful").await;
    for (locale, what, how) in [
        (
            "en-US",
            "begun in another browser",
            "Start again from the application",
        ),
        (
            "ko-KR",
            "다른 브라우저에서 시작한 로그인입니다",
            "앱에서 처음부터 다시 시작해 주세요",
        ),
    ] {
        let mut steps = vec![
            json!(["open", authorize(&house, &client)]),
            json!(["forgetCookies"]),
        ];
        steps.extend(credentials());
        steps.push(json!(["click", "approve"]));
        let answer = visit(english().option("--locale", locale), &steps).await;
        assert_eq!(answer["callbacks"], json!([]), "{answer:#}");
        let text = last_text(&answer);
        assert!(text.contains(what) && text.contains(how), "{text}");
        assert_guarded(&house, &answer);
    }
}

#[tokio::test]
async fn c4_a_wrong_password_keeps_the_name_and_the_choice() {
    let house = House::demo().await;
    let client = register(&house, "Typist").await;
    let [name, password] = credentials();
    let answer = visit(
        english(),
        &[
            json!(["open", authorize(&house, &client)]),
            json!(["check", "delete:todos", false]),
            name,
            json!(["fill", "password", "wrong-password"]),
            json!(["click", "approve"]),
            password,
            json!(["click", "approve"]),
        ],
    )
    .await;
    let text = answer["pages"][4]["text"].as_str().unwrap();
    assert!(
        text.contains("The username or the password is not right."),
        "{text}"
    );
    only_callback(&answer);
    assert_eq!(answer["console"], json!([]));
}

#[tokio::test]
async fn c5_an_unknown_client_gets_a_page_and_nobody_is_redirected() {
    let house = House::demo().await;
    for (locale, language, expected) in [
        ("en-US", "en", "This application is not known here"),
        ("ko-KR", "ko", "등록되지 않은 앱입니다"),
    ] {
        let driver = english().option("--locale", locale);
        let answer = visit(driver, &[json!(["open", authorize(&house, "nobody")])]).await;
        let [response] = &answer["responses"].as_array().unwrap()[..] else {
            panic!("no redirect: {answer:#}")
        };
        assert_eq!(response["status"], 400);
        assert_eq!(answer["callbacks"], json!([]));
        assert_eq!(answer["pages"][0]["language"], language);
        let text = last_text(&answer);
        assert!(text.contains(expected), "{text}");
        let request_id = response["headers"]["x-request-id"].as_str().unwrap();
        assert!(
            text.contains(request_id),
            "the page names what the log is searched for: {text}"
        );
        assert!(text.contains("unknown_client"), "{text}");
        assert!(house.log().contains(request_id), "{}", house.log());
        assert_eq!(assert_guarded(&house, &answer), 1);
        // The browser itself reports every status of 400 and above, and has nothing else to say.
        let complaints = answer["console"].as_array().unwrap();
        assert!(
            complaints
                .iter()
                .all(|text| text.as_str().unwrap().contains("status of 400"))
        );
    }
}

#[tokio::test]
async fn c7_one_page_without_complaints_in_either_language() {
    let house = House::demo().await;
    for (locale, language, words) in [
        (
            "en-US",
            "en",
            ["Allow access?", "Add todos", "Sign in and allow"],
        ),
        (
            "ko-KR",
            "ko",
            ["접근을 허용하시겠습니까?", "할 일 추가", "로그인하고 허용"],
        ),
    ] {
        let client = register(&house, "Quiet client").await;
        let mut steps = vec![json!(["open", authorize(&house, &client)])];
        steps.extend(credentials());
        steps.push(json!(["click", "approve"]));
        let answer = visit(english().option("--locale", locale), &steps).await;
        let page = &answer["pages"][0];
        assert_eq!(page["language"], language);
        for part in words.into_iter().chain(["Quiet client", "127.0.0.1"]) {
            assert!(
                page["text"].as_str().unwrap().contains(part),
                "{part}: {page:#}"
            );
        }
        only_callback(&answer);
        assert_eq!(answer["console"], json!([]));
        // The page, and the redirect that leaves it.
        assert_eq!(assert_guarded(&house, &answer), 2, "{answer:#}");
    }
}

#[tokio::test]
async fn a6_access_is_taken_back_in_a_browser_that_clicks_twice_and_goes_back() {
    let house = House::demo().await;
    let client = register(&house, "Revoked client").await;
    let clients = format!("{}/account/clients", house.url);
    let mut steps = vec![json!(["open", authorize(&house, &client)])];
    steps.extend(credentials());
    steps.extend([
        json!(["click", "approve"]),
        json!(["redeem", format!("{}/token", house.url), client, VERIFIER]),
        json!(["open", clients]),
        json!(["doubleClick", "revoke"]),
        json!(["back"]),
        json!(["open", authorize(&house, &client)]),
    ]);
    let answer = visit(english(), &steps).await;
    let text = |step: usize| answer["pages"][step]["text"].as_str().unwrap();
    assert!(text(5).contains("Revoked client"), "{}", text(5));
    assert!(text(6).contains("The access has ended."), "{}", text(6));
    assert!(!text(7).contains("Revoked client"), "{}", text(7));
    assert!(
        text(8).contains("Allow access?"),
        "asked again: {}",
        text(8)
    );
    assert_eq!(answer["console"], json!([]));
    assert!(assert_guarded(&house, &answer) >= 5, "{answer:#}");
}
