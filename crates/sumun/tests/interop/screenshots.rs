//! Pictures of the pages, as test artefacts: both languages, light and dark, narrow and wide.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::driver::Driver;
use crate::house::{House, SETTINGS};
use crate::pages::{VERIFIER, authorize, register, visit};
use crate::people::{ALICE, house_with_people};

/// The operator's own application, which asks nobody for consent.
const FIRST_PARTY: &str = r#"
[[clients]]
client_id = "own"
client_name = "Todos of the house"
secret = "canary-client-secret"
first_party = true
redirect_uris = ["http://127.0.0.1/callback"]
"#;

/// Two ways to sign in besides the password; nobody takes them here.
const PROVIDERS: &str = r#"
[[identity_providers]]
id = "github"
preset = "github"
client_id = "sumun"
client_secret = "canary-client-secret"

[[identity_providers]]
id = "naver"
preset = "naver"
client_id = "sumun"
client_secret = "canary-client-secret"
"#;

/// `<target>/test-artefacts/screenshots`.
fn directory() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary
        .parent()
        .unwrap()
        .join("test-artefacts/screenshots")
}

/// The same page in every look, each with a picture.
fn looks(name: &str, locale: &str) -> Vec<Value> {
    let mut steps = Vec::new();
    for scheme in ["light", "dark"] {
        for width in [320, 1024] {
            steps.push(json!(["look", scheme, width]));
            steps.push(json!([
                "screenshot",
                format!("{name}-{locale}-{scheme}-{width}")
            ]));
        }
    }
    steps
}

fn steps_of(house: &House, client: &str, locale: &str) -> Vec<Value> {
    let mut steps = vec![json!(["open", authorize(house, client)])];
    steps.extend(looks("login", locale));
    steps.push(json!(["fill", "username", ALICE.username]));
    steps.push(json!(["fill", "password", "wrong-password"]));
    steps.push(json!(["click", "approve"]));
    steps.extend(looks("wrong-password", locale));
    steps.push(json!(["open", authorize(house, "own")]));
    steps.extend(looks("first-party", locale));
    steps.push(json!(["open", authorize(house, "nobody")]));
    steps.extend(looks("error", locale));
    // Somebody who is signed in meets the page without fields.
    steps.push(json!(["open", authorize(house, "own")]));
    steps.push(json!(["fill", "username", ALICE.username]));
    steps.push(json!(["fill", "password", ALICE.password]));
    steps.push(json!(["click", "approve"]));
    steps.push(json!(["open", authorize(house, client)]));
    steps.extend(looks("signed-in", locale));
    steps
}

/// The pages about one's own account, with two clients that may act and two sessions.
fn steps_of_account(house: &House, client: &str, locale: &str) -> Vec<Value> {
    let account = format!("{}/account", house.url);
    let mut steps = vec![json!(["open", account])];
    steps.extend(looks("account-sign-in", locale));
    for client in [client, "own"] {
        steps.extend([
            json!(["forgetCookies"]),
            json!(["open", authorize(house, client)]),
            json!(["fill", "username", ALICE.username]),
            json!(["fill", "password", ALICE.password]),
            json!(["click", "approve"]),
        ]);
    }
    steps.push(json!(["open", authorize(house, client)]));
    steps.extend(looks("asked-each-time", locale));
    steps.push(json!(["click", "approve"]));
    steps.push(json!([
        "redeem",
        format!("{}/token", house.url),
        client,
        VERIFIER
    ]));
    for page in ["", "/clients", "/sessions", "/password"] {
        steps.push(json!(["open", format!("{account}{page}")]));
        steps.extend(looks(&format!("account{}", page.replace('/', "-")), locale));
    }
    steps.push(json!(["fill", "old", "wrong-password"]));
    steps.push(json!(["fill", "new", "battery staple"]));
    steps.push(json!(["fill", "again", "battery staple"]));
    steps.push(json!(["click", "change"]));
    steps.extend(looks("account-wrong-password", locale));
    steps.push(json!(["open", format!("{account}/clients")]));
    steps.push(json!(["click", "revoke"]));
    steps.extend(looks("account-clients-none", locale));
    steps
}

/// The pages around a code that a device shows, and those of signing out.
fn steps_of_device(house: &House, _client: &str, locale: &str) -> Vec<Value> {
    let device = format!("{}/device", house.url);
    let mut steps = vec![json!(["open", device])];
    steps.extend(looks("device", locale));
    steps.push(json!(["fill", "user_code", "wdjb mjht"]));
    steps.push(json!(["click", "continue"]));
    steps.extend(looks("device-unknown-code", locale));
    steps.push(json!(["open", format!("{device}?user_code=WDJB-MJHT")]));
    steps.extend(looks("device-link", locale));
    steps.extend([
        json!(["open", authorize(house, "own")]),
        json!(["fill", "username", ALICE.username]),
        json!(["fill", "password", ALICE.password]),
        json!(["click", "approve"]),
        json!(["open", format!("{}/logout?client_id=own", house.url)]),
    ]);
    steps.extend(looks("logout", locale));
    steps.push(json!(["click", "sign-out"]));
    steps.extend(looks("logout-done", locale));
    steps
}

async fn pictures(
    locale: &str,
    settings: &str,
    steps_of: fn(&House, &str, &str) -> Vec<Value>,
    expected: usize,
) {
    let house = house_with_people(&format!("{SETTINGS}{FIRST_PARTY}{settings}")).await;
    take(&house, locale, steps_of, expected).await;
}

async fn take(
    house: &House,
    locale: &str,
    steps_of: fn(&House, &str, &str) -> Vec<Value>,
    expected: usize,
) {
    let client = register(
        house,
        "A client with quite a long name that says what it is for",
    )
    .await;
    let driver = Driver::new("pages.mjs").option("--locale", locale);
    let driver = driver.option("--screenshots", directory());
    let steps = steps_of(house, &client, locale);
    let answer = visit(driver, &steps).await;

    let mut taken = 0;
    let mut backgrounds = [None, None];
    for (step, page) in steps.iter().zip(answer["pages"].as_array().unwrap()) {
        match step[0].as_str().unwrap() {
            "look" => {
                assert_eq!(page["fits"], true, "{step}: scrolls sideways: {page:#}");
                let scheme = usize::from(step[1] == "dark");
                let found = backgrounds[scheme].get_or_insert(&page["background"]);
                assert_eq!(
                    *found, &page["background"],
                    "{step}: another colour: {page:#}"
                );
            }
            "screenshot" => {
                let file = directory().join(format!("{}.png", step[1].as_str().unwrap()));
                let length = std::fs::metadata(&file).unwrap().len();
                assert!(
                    length > 4_000,
                    "{}: {length} bytes show nothing",
                    file.display()
                );
                taken += 1;
            }
            _ => {}
        }
    }
    assert_eq!(taken, expected);
    assert_ne!(backgrounds[0], backgrounds[1], "dark is not light");
}

#[tokio::test]
async fn pictures_of_the_pages_in_english() {
    pictures("en-US", "", steps_of, 20).await;
}

#[tokio::test]
async fn pictures_of_the_pages_in_korean() {
    pictures("ko-KR", "", steps_of, 20).await;
}

#[tokio::test]
async fn pictures_of_the_account_in_english() {
    pictures("en-US", PROVIDERS, steps_of_account, 32).await;
}

#[tokio::test]
async fn pictures_of_the_account_in_korean() {
    pictures("ko-KR", PROVIDERS, steps_of_account, 32).await;
}

#[tokio::test]
async fn pictures_of_devices_and_signing_out_in_english() {
    pictures("en-US", "", steps_of_device, 20).await;
}

#[tokio::test]
async fn pictures_of_devices_and_signing_out_in_korean() {
    pictures("ko-KR", "", steps_of_device, 20).await;
}

/// Our page with several identity providers on it, and the page of one of them.
fn steps_to_elsewhere(house: &House, client: &str, locale: &str) -> Vec<Value> {
    let mut steps = vec![json!(["open", authorize(house, client)])];
    steps.extend(looks("providers", locale));
    steps.extend([
        json!(["look", "light", 1024]),
        json!(["click", "provider:naver"]),
        json!(["screenshot", format!("simulator-{locale}")]),
    ]);
    steps
}

#[tokio::test]
async fn pictures_of_signing_in_elsewhere() {
    let house = House::demo_with(&["--idp", "naver", "--idp", "kakao", "--idp", "google"]).await;
    for locale in ["en-US", "ko-KR"] {
        take(&house, locale, steps_to_elsewhere, 5).await;
    }
}
