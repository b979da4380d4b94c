//! Consent as a record: for whom, to what, and until when (acceptance C4).

use http::StatusCode;
use oauth::redirect_uri::RedirectUri;

use crate::browser::{Browser, at_site, request};
use crate::house::{House, PASSWORD, SITE, SITE_CLIENT, WHOAMI};

const OTHER_SITE: &str = "https://other.example/callback";

/// A house whose client has two places for answers, and two resources to use; there is another client at
/// the first of them.
async fn house() -> House {
    House::with(|settings| {
        let find = |client_id| {
            let mut clients = settings.clients.iter();
            clients.position(|client| client.client_id == client_id)
        };
        let (site, other) = (find(SITE_CLIENT).unwrap(), find("other").unwrap());
        let uris = &mut settings.clients[site].metadata.redirect_uris;
        uris.push(RedirectUri::unchecked(OTHER_SITE));
        let uris = &mut settings.clients[other].metadata.redirect_uris;
        *uris = vec![RedirectUri::unchecked(SITE)];
    })
    .await
}

/// Whether a page asks for a yes, instead of the client getting its answer at once.
async fn is_asked(browser: &mut Browser<'_>, change: &[(&'static str, &str)]) -> bool {
    let mut asked = at_site(request());
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
    let mut asked = at_site(request());
    asked.insert("scope", "create:todos".into());
    browser.code("alice", &asked).await;
    assert!(!is_asked(&mut browser, &[]).await, "it is on record");

    let differences = [
        ("another client", ("client_id", "other")),
        ("another redirect URI", ("redirect_uri", OTHER_SITE)),
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
}

#[tokio::test]
async fn c4_the_port_of_a_loopback_address_is_no_difference() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let mut asked = request();
    asked.insert("scope", "create:todos".into());
    browser.code("admin", &asked).await;
    let mut elsewhere = asked.clone();
    let port = "http://127.0.0.1:9999/callback";
    elsewhere.insert("redirect_uri", port.to_owned());
    for (asked, is_on_record) in [(elsewhere, true), (asked, true), (request(), false)] {
        let (_, page) = browser.open(&asked).await;
        let says_so = page.body.contains("You are asked each time");
        assert_eq!(says_so, is_on_record, "{asked:?}: {page:?}");
    }
}

#[tokio::test]
async fn c4_consent_is_one_persons_and_outlives_the_browser() {
    let house = house().await;
    Browser::new(&house)
        .code("admin", &at_site(request()))
        .await;
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
    let mut asked = at_site(request());
    asked.insert("scope", "create:todos".into());
    browser.code("alice", &asked).await;
    asked.insert("client_id", "other".into());
    browser.code("alice", &asked).await;

    let page = browser.get("/account/clients").await;
    let account = page.body.split("name=\"account\" value=\"").nth(1).unwrap();
    let account = account.split('"').next().unwrap();
    let form = [("account", account), ("client", SITE_CLIENT)];
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
