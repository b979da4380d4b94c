//! Real MCP clients whose people sign in elsewhere: at every simulator, and at npm `oidc-provider`.

use std::collections::BTreeSet;
use std::sync::Arc;

use authorization_server::simulators::Vendor;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::clients::{Client, assert_unattended, result};
use crate::driver::{Driver, Outcome};
use crate::foreign_issuer::{BORA, Issuer};
use crate::house::{House, SETTINGS, free_port};

/// A client that registered and asked its person once, who was asked for no password by us.
#[track_caller]
fn assert_came_from(vendor: &str, answer: &Value, pages: usize) {
    assert_eq!(answer["registered"], true, "{vendor}: {answer:#}");
    assert_eq!(answer["browserOpened"], 1, "{vendor}: {answer:#}");
    let sign_in = &answer["signIns"][0];
    let seen = sign_in["pages"].as_array().unwrap();
    assert_eq!(
        seen[0], "Allow access? · Sumun",
        "one page of ours: {sign_in:#}"
    );
    assert_eq!(seen.len(), pages, "{vendor}: {sign_in:#}");
}

/// Every address that the client spoke to is ours, and so is everything that it was told.
#[track_caller]
fn assert_knows_only(house: &House, vendor: &str, answer: &Value) {
    let landed = answer["signIns"][0]["finalUrl"].as_str().unwrap();
    let landed = url::Url::parse(landed).unwrap();
    let names: BTreeSet<_> = landed.query_pairs().map(|(name, _)| name).collect();
    let expected = BTreeSet::from(["code".into(), "iss".into(), "state".into()]);
    assert_eq!(names, expected, "{vendor}: {landed}");
    let iss = landed.query_pairs().find(|(name, _)| name == "iss");
    assert_eq!(iss.unwrap().1, house.url, "{vendor}");
    for request in answer["requests"].as_array().into_iter().flatten() {
        let url = request["url"].as_str().unwrap();
        assert!(url.starts_with(&house.url), "{vendor}: {url}");
    }
}

async fn everybody_signs_in(client: Client, protocol: &str) {
    let house = House::demo_with(&["--idp", "all"]).await;
    let url = format!("{}/whoami/mcp", house.url);
    for vendor in Vendor::ALL {
        let (name, person) = (vendor.name(), &vendor.people()[0]);
        let state = tempdir().unwrap();
        let run = |driver: Driver| driver.option("--call", "whoami").run();
        let driver = client.at(&url, state.path()).option("--protocol", protocol);
        let answer = run(driver.with_account_at(name, person.key)).await;
        assert_came_from(name, &answer, 2);
        assert_knows_only(&house, name, &answer);
        let console = &answer["signIns"][0]["console"];
        assert_eq!(*console, json!([]), "{name}: the browser complained");
        let identity = result(&answer, 0);
        assert_eq!(identity["iss"], *house.url, "{name}: {identity:#}");
        assert_eq!(identity["name"], person.name, "{name}: {identity:#}");
        let username = identity["username"].as_str().unwrap();
        assert!(username.ends_with(&format!("@{name}")), "{identity:#}");

        if vendor == Vendor::Naver {
            // What was signed in once goes on by our own tokens, whatever the vendor's do.
            let expired = client.at(&url, state.path()).option("--protocol", protocol);
            let again = run(expired.flag("--expire")).await;
            assert_unattended(&again);
            assert_eq!(again["refreshed"], true, "{name}: {again:#}");
            assert_eq!(result(&again, 0)["sub"], identity["sub"], "{name}");
        }
    }
}

#[tokio::test]
async fn fastmcp_signs_in_at_every_simulator_without_knowing_it() {
    everybody_signs_in(Client::FastMcp, "auto").await;
}

#[tokio::test]
async fn mcp_remote_signs_in_at_every_simulator_without_knowing_it() {
    everybody_signs_in(Client::McpRemote, "legacy").await;
}

/// npm `oidc-provider`, behind a house as the provider `corp`.
async fn house_behind(discovered: &str) -> (Issuer, House) {
    let port = free_port();
    let callback = format!("http://127.0.0.1:{port}/callback/corp");
    let issuer = Issuer::start(&[("--redirect-uri", &callback)]).await;
    let (client_id, secret) = issuer.credentials("web");
    let settings = format!(
        "{SETTINGS}\n[[identity_providers]]\nid = \"corp\"\npreset = \"oidc\"\n\
         name = \"House of Bora\"\nissuer = \"{}\"\nclient_id = \"{client_id}\"\n\
         client_secret = \"{secret}\"\ntoken_endpoint_auth_method = \"client_secret_post\"\n\
         {discovered}",
        issuer.get("issuer")
    );
    let directory = Arc::new(tempdir().unwrap());
    let house = House::serve(&settings, &directory, port, &[]).await;
    (issuer, house)
}

#[tokio::test]
async fn a_provider_that_knows_our_resources_is_told_which_one_it_is() {
    let (_issuer, house) = house_behind("resource = \"forward\"\n").await;
    let url = format!("{}/whoami/mcp", house.url);
    let state = tempdir().unwrap();
    let driver = Client::FastMcp.at(&url, state.path()).person(BORA);
    let driver = driver.option("--provider", "corp");
    let answer = driver.option("--call", "whoami").run().await;
    assert_came_from("corp", &answer, 3);
    let username = &result(&answer, 0)["username"];
    assert!(username.as_str().unwrap().ends_with("@corp"), "{answer:#}");
}

#[tokio::test]
async fn clients_sign_in_through_a_real_openid_provider() {
    let scopes = "scopes = [\"openid\", \"profile\", \"email\", \"offline_access\"]\n\
                  authorization_parameters = { prompt = \"consent\" }\n";
    let (_issuer, house) = house_behind(scopes).await;
    let url = format!("{}/whoami/mcp", house.url);
    for client in [Client::FastMcp, Client::McpRemote] {
        let state = tempdir().unwrap();
        let driver = client.at(&url, state.path()).person(BORA);
        let driver = driver.option("--provider", "corp");
        let answer = driver.option("--call", "whoami").run().await;
        assert_came_from("corp", &answer, 3);
        assert_knows_only(&house, "corp", &answer);
        let identity = result(&answer, 0);
        assert_eq!(identity["name"], "bora", "{client:?}: {identity:#}");
        assert_eq!(identity["email"], "bora@example.com", "{identity:#}");
        assert_eq!(
            identity["email_verified"], false,
            "the operator has not said so"
        );
        assert_ne!(identity["sub"], "bora", "our own name for the person");
    }
}

/// Acceptance B8: what the vendor said about it stays between it and us.
#[tokio::test]
async fn b8_a_denial_at_the_provider_is_told_in_our_words() {
    let house = House::demo_with(&["--idp", "kakao"]).await;
    let url = format!("{}/whoami/mcp", house.url);
    let state = tempdir().unwrap();
    let driver = Client::FastMcp.at(&url, state.path());
    let driver = driver.with_account_at("kakao", "garam").flag("--deny");
    let Outcome {
        is_success, answer, ..
    } = driver.attempt("").await;
    assert!(!is_success, "{answer:#}");
    let landed = answer["signIns"][0]["finalUrl"].as_str().unwrap();
    for part in ["error=access_denied", "state=", "iss=http"] {
        assert!(landed.contains(part), "{landed}");
    }
    assert!(!landed.contains("User+denied"), "Kakao's words: {landed}");
}
