//! Consent as a record: for whom, to what, and until when (acceptance C4).

use http::StatusCode;
use oauth::redirect_uri::RedirectUri;

use crate::browser::{Browser, request};
use crate::house::{House, PASSWORD, WHOAMI};

const OTHER_REDIRECT: &str = "https://desktop.example/callback";

/// A house whose client has two places for answers, and two resources to use.
async fn house() -> House {
    House::with(|settings| {
        let uris = &mut settings.clients[0].metadata.redirect_uris;
        uris.push(RedirectUri::unchecked(OTHER_REDIRECT));
    })
    .await
}

/// Whether a page asks for a yes, instead of the client getting its answer at once.
async fn is_asked(browser: &mut Browser<'_>, change: &[(&'static str, &str)]) -> bool {
    let mut asked = request();
    asked.insert("scope", "create:todos".into());
    for (name, value) in change {
        asked.insert(name, (*value).to_owned());
    }
    let (_, answer) = browser.open(&asked).await;
    answer.status == StatusCode::OK
}

#[tokio::test]
async fn c4_a_third_party_is_asked_until_it_is_on_record_for_all_of_it() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    assert!(is_asked(&mut browser, &[]).await);
    let mut asked = request();
    asked.insert("scope", "create:todos".into());
    browser.code("alice", &asked).await;
    assert!(!is_asked(&mut browser, &[]).await, "it is on record");

    let differences = [
        ("another client", ("client_id", "other")),
        ("another redirect URI", ("redirect_uri", OTHER_REDIRECT)),
        ("another resource", ("resource", WHOAMI)),
    ];
    for (difference, change) in differences {
        let mut change = vec![change];
        if change[0].0 == "resource" {
            change.push(("scope", "openid"));
        }
        assert!(is_asked(&mut browser, &change).await, "{difference}");
    }
    assert!(
        is_asked(&mut browser, &[("prompt", "consent")]).await,
        "the client wants the question"
    );
    let port = "http://127.0.0.1:9999/callback";
    assert!(
        !is_asked(&mut browser, &[("redirect_uri", port)]).await,
        "the port of a loopback address is no difference"
    );
}

#[tokio::test]
async fn c4_consent_is_one_persons_and_outlives_the_browser() {
    let house = house().await;
    Browser::new(&house).tokens("admin").await;
    let form = |who| [("username", who), ("password", PASSWORD)];
    let mut elsewhere = Browser::new(&house);
    elsewhere.post("/account/sign-in", &form("admin")).await;
    assert!(!is_asked(&mut elsewhere, &[]).await, "admin has agreed");
    let mut other = Browser::new(&house);
    other.post("/account/sign-in", &form("alice")).await;
    assert!(is_asked(&mut other, &[]).await, "alice has not");
}

#[tokio::test]
async fn c4_a_first_party_is_never_asked_about_and_leaves_no_record() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let sign_in = [("username", "alice"), ("password", PASSWORD)];
    browser.post("/account/sign-in", &sign_in).await;
    assert!(!is_asked(&mut browser, &[("client_id", "our-own")]).await);
    let subject = house
        .server
        .users()
        .find_by_username("alice")
        .await
        .unwrap();
    let subject = subject.unwrap().subject;
    let consents = house
        .store
        .list(
            store::Kind::new("consent"),
            store::ListBy::Owner(&subject),
            store::Page::default(),
        )
        .await
        .unwrap();
    assert!(consents.is_empty());
}

#[tokio::test]
async fn c4_access_that_was_taken_back_is_asked_for_again() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let mut asked = request();
    asked.insert("scope", "create:todos".into());
    browser.code("alice", &asked).await;
    asked.insert("client_id", "other".into());
    browser.code("alice", &asked).await;

    let page = browser.get("/account/clients").await;
    let account = page.body.split("name=\"account\" value=\"").nth(1).unwrap();
    let account = account.split('"').next().unwrap();
    let form = [("account", account), ("client", "desktop")];
    browser.post("/account/clients", &form).await.location();
    assert!(is_asked(&mut browser, &[]).await, "the record is gone");
    assert!(
        !is_asked(&mut browser, &[("client_id", "other")]).await,
        "the other client keeps its own"
    );
}

#[tokio::test]
async fn c4_agreeing_again_keeps_the_day_and_the_record() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let mut asked = request();
    asked.insert("scope", "create:todos".into());
    browser.code("admin", &asked).await;
    house.advance(3 * 86_400);
    browser.code("admin", &request()).await;
    let page = browser.get("/account/clients").await;
    assert_eq!(page.body.matches("<bdi>desktop</bdi>").count(), 1);
    for words in ["15 January 2027", "May create:todos", "May read:todos"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
}
