//! Attacks: rights of management through clients that no administrator has chosen for that.

use authorization_server::settings::{TrustedForPeople, TrustedIssuer};
use oauth::grant_type;
use store::ListBy;

use super::*;
use crate::foreign_issuer::{ForeignIssuer, KEYS};
use crate::house::{CLIENT, REDIRECT, SITE, START};

fn asking(client_id: &str, asked: &str) -> std::collections::BTreeMap<&'static str, String> {
    let mut request = request();
    request.insert("client_id", client_id.to_owned());
    request.insert("resource", MANAGE.to_owned());
    request.insert("scope", asked.to_owned());
    request
}

#[tokio::test]
async fn a_client_that_registered_itself_talks_nobody_into_management() {
    let controls = Controls::start().await;
    let metadata = json!({"client_name": "Todo helper", "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none"});
    let registered = controls
        .house
        .post_json("/register", metadata.to_string())
        .await;
    let stranger = registered.json()["client_id"].as_str().unwrap().to_owned();
    let mut browser = Browser::new(&controls.house);
    let (_, answer) = browser.open(&asking(&stranger, "manage:users")).await;
    assert_eq!(answer.parameter("error").unwrap(), "invalid_scope");
    // What stands beside it can still be asked for.
    let request = asking(&stranger, "manage:users openid");
    let (_, page) = browser.open(&request).await;
    assert!(page.body.contains("openid") && !page.body.contains("manage:users"));
}

#[tokio::test]
async fn a_client_that_nobody_is_asked_about_gets_no_management_by_a_link() {
    let controls = Controls::start().await;
    let mut admin = Browser::new(&controls.house);
    admin.tokens("admin").await;
    let mut by_link = asking("our-own", "manage:users");
    by_link.insert("redirect_uri", SITE.to_owned());
    let (_, answer) = admin.open(&by_link).await;
    assert_eq!(answer.parameter("error").unwrap(), "invalid_scope");

    // Unless the operator says so.
    let named = |settings: &mut Settings| {
        let own = settings.clients.iter_mut();
        let own = own.into_iter().find(|one| one.client_id == "our-own");
        own.unwrap().metadata.scope = Some(scope("manage:users"));
    };
    let house = controls.house.restarted_with(named).await;
    let mut admin = Browser::new(&house);
    admin.tokens("admin").await;
    let (_, answer) = admin.open(&by_link).await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
}

#[tokio::test]
async fn who_may_register_clients_makes_none_that_manages() {
    let controls = Controls::start().await;
    let token = controls.token("manage:clients").await;
    let new = json!({"client_name": "Shop", "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none"});
    let made = controls.post(&token, "/clients", new).await.done(201);
    let client_id = made["client_id"].as_str().unwrap();
    let mut admin = Browser::new(&controls.house);
    let (_, answer) = admin.open(&asking(client_id, "manage:users")).await;
    assert_eq!(answer.parameter("error").unwrap(), "invalid_scope");
}

#[tokio::test]
async fn an_issuer_that_speaks_for_people_does_not_speak_for_administrators() {
    const IDP: &str = "https://acme.idp.example";
    const AGENT: (&str, &str) = ("agent", "agent-secret");
    let house = House::with(|settings| {
        with_management(settings);
        settings.default_role = "Admin".to_owned();
        let people = TrustedForPeople {
            identity_provider: "acme".to_owned(),
            sign_up: true,
            clients: Vec::new(),
            resources: Vec::new(),
            scope: None,
            tenant: None,
        };
        settings.trusted_issuers = vec![TrustedIssuer {
            jwks_uri: Some(KEYS.to_owned()),
            people: Some(people),
            ..TrustedIssuer::new(IDP)
        }];
        settings.clients.push(client(
            AGENT.0,
            Some(AGENT.1),
            TokenEndpointAuthMethod::ClientSecretBasic,
            &[grant_type::JWT_BEARER],
        ));
    })
    .await;
    let idp = ForeignIssuer::new();
    idp.publish(&house);
    let assertion = json!({
        "iss": IDP, "sub": "U1", "aud": ISSUER, "client_id": "agent", "resource": MANAGE,
        "scope": "manage:users", "jti": "1", "iat": START.0, "exp": START.0 + 300,
    });
    let assertion = idp.sign("oauth-id-jag+jwt", &assertion);
    let form = [
        ("grant_type", grant_type::JWT_BEARER),
        ("assertion", assertion.as_str()),
    ];
    let answer = house.post_as(AGENT, "/token", &form).await;
    answer.refused(400, "invalid_grant");
    let grants = house.store.list(
        store::Kind::new("grant"),
        ListBy::All,
        store::Page::default(),
    );
    assert!(grants.await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_operator_takes_from_a_client_ends_with_the_next_token() {
    let controls = Controls::start().await;
    let house = controls.house;
    let code = Browser::new(&house)
        .code("admin", &asking(CLIENT, "manage:read manage:users"))
        .await;
    let tokens = house.redeem(&code).await.tokens();
    let narrowed = |settings: &mut Settings| {
        let desktop = settings.clients.iter_mut();
        let desktop = desktop.into_iter().find(|one| one.client_id == CLIENT);
        desktop.unwrap().metadata.scope = Some(scope("manage:read"));
    };
    let controls = Controls::of(house.restarted_with(narrowed).await).await;
    let user = json!({"username": "mallory"});
    // The management API does not even wait for that.
    controls
        .post(&tokens.access_token, "/users", user)
        .await
        .problem(403, "access_token_refused");
    let refreshed = controls.house.refresh(&tokens.refresh_token.unwrap()).await;
    assert_eq!(refreshed.tokens().scope, scope("manage:read"));
}
