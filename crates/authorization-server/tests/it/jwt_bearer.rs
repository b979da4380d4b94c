//! ID-JAG: a company's identity provider lets a client act for its people (MCP enterprise-managed
//! authorization).

use authorization_server::identity_provider::IdentityProviderSettings;
use authorization_server::settings::{Settings, SettingsError, TrustedForPeople, TrustedIssuer};
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::grant_type;
use oauth::jws::Algorithm;
use oauth::resource::ResourceIndicator;
use oauth::secret::Secret;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::foreign_issuer::{ForeignIssuer, KEYS, with, with_header};
use crate::house::{
    Answer, House, ISSUER, PASSWORD, ReadToken as _, START, TODO, WHOAMI, client, scope,
};

const IDP: &str = "https://acme.idp.example";
const AGENT: (&str, &str) = ("agent", "agent-secret");
const TYPE: &str = "oauth-id-jag+jwt";

fn acme(people: TrustedForPeople) -> TrustedIssuer {
    TrustedIssuer {
        jwks_uri: Some(KEYS.to_owned()),
        people: Some(people),
        ..TrustedIssuer::new(IDP)
    }
}

fn trusted() -> TrustedForPeople {
    TrustedForPeople {
        identity_provider: "acme".to_owned(),
        sign_up: true,
        clients: Vec::new(),
        resources: Vec::new(),
        scope: None,
        tenant: None,
    }
}

fn with_acme(settings: &mut Settings) {
    settings.trusted_issuers = vec![acme(trusted())];
    let method = TokenEndpointAuthMethod::ClientSecretBasic;
    for (id, secret) in [AGENT, ("rival", "rival-secret")] {
        let agent = client(id, Some(secret), method, &[grant_type::JWT_BEARER]);
        settings.clients.push(agent);
    }
    let public = ["authorization_code", grant_type::JWT_BEARER];
    let public = client("cli", None, TokenEndpointAuthMethod::None, &public);
    settings.clients.push(public);
}

async fn house_with(change: impl FnOnce(&mut TrustedForPeople)) -> (House, ForeignIssuer) {
    let house = House::with(|settings| {
        with_acme(settings);
        change(settings.trusted_issuers[0].people.as_mut().unwrap());
    })
    .await;
    let idp = ForeignIssuer::new();
    idp.publish(&house);
    (house, idp)
}

async fn house() -> (House, ForeignIssuer) {
    house_with(|_| {}).await
}

/// What the provider says about an employee.
fn claims() -> Value {
    json!({
        "iss": IDP, "sub": "U019488227", "aud": ISSUER, "client_id": "agent", "resource": TODO,
        "scope": "create:todos read:todos", "jti": "9e43f81b64a33f20116179",
        "iat": START.0, "exp": START.0 + 300, "auth_time": START.0 - 60,
        "preferred_username": "kim@acme.example",
    })
}

async fn bring(house: &House, assertion: &str) -> Answer {
    bring_as(house, AGENT, assertion, &[]).await
}

async fn bring_as(
    house: &House,
    who: (&str, &str),
    assertion: &str,
    more: &[(&str, &str)],
) -> Answer {
    let mut form = vec![
        ("grant_type", grant_type::JWT_BEARER),
        ("assertion", assertion),
    ];
    form.extend(more);
    house.post_as(who, "/token", &form).await
}

#[tokio::test]
async fn an_identity_provider_lets_a_client_act_for_a_person() {
    let (house, idp) = house().await;
    let answer = bring(&house, &idp.sign(TYPE, &claims())).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = answer.tokens();
    assert!(tokens.refresh_token.is_none() && tokens.id_token.is_none());
    assert_eq!(tokens.expires_in, 1800);
    assert_eq!(
        tokens.scope,
        scope("create:todos"),
        "the role allows no more"
    );
    let token = house.server.read(&tokens.access_token);
    assert_eq!(
        (&token["aud"], &token["client_id"]),
        (&json!(TODO), &json!("agent"))
    );
    assert_eq!(token["auth_time"], START.0 - 60);
    assert_ne!(token["sub"], "U019488227", "nothing upstream is passed on");
    assert!(house.is_accepted(&tokens.access_token).await);

    let users = house.server.users();
    let user = users.find(token["sub"].as_str().unwrap()).await.unwrap();
    assert_eq!(user.unwrap().username, "kim@acme");
}

#[tokio::test]
async fn the_same_person_is_the_same_person_again() {
    let (house, idp) = house().await;
    let mut subjects = Vec::new();
    for jti in ["one", "two"] {
        let claims = with(&claims(), "jti", json!(jti));
        let tokens = bring(&house, &idp.sign(TYPE, &claims)).await.tokens();
        subjects.push(house.server.read(&tokens.access_token)["sub"].clone());
    }
    assert_eq!(subjects[0], subjects[1]);
    let other = with(&with(&claims(), "jti", json!("three")), "sub", json!("U2"));
    let tokens = bring(&house, &idp.sign(TYPE, &other)).await.tokens();
    assert_ne!(house.server.read(&tokens.access_token)["sub"], subjects[0]);
}

#[tokio::test]
async fn who_is_not_known_is_made_known_only_if_the_operator_says_so() {
    let (house, idp) = house_with(|people| people.sign_up = false).await;
    let answer = bring(&house, &idp.sign(TYPE, &claims())).await;
    answer.refused(400, "invalid_grant");
    assert!(answer.body.contains("sign in here once"), "{answer:?}");

    let opened = |settings: &mut Settings| {
        settings.trusted_issuers[0].people.as_mut().unwrap().sign_up = true;
    };
    let closed = |settings: &mut Settings| {
        settings.trusted_issuers[0].people.as_mut().unwrap().sign_up = false;
    };
    let house = house.restarted_with(opened).await;
    idp.publish(&house);
    let first = with(&claims(), "jti", json!("first"));
    assert_eq!(bring(&house, &idp.sign(TYPE, &first)).await.status, 200);
    let house = house.restarted_with(closed).await;
    idp.publish(&house);
    let known = with(&claims(), "jti", json!("second"));
    assert_eq!(bring(&house, &idp.sign(TYPE, &known)).await.status, 200);
}

#[tokio::test]
async fn a_person_sees_the_grant_and_ends_it() {
    let (house, idp) = house().await;
    let token = bring(&house, &idp.sign(TYPE, &claims())).await.tokens();
    let token = token.access_token;
    let subject = house.server.read(&token)["sub"]
        .as_str()
        .unwrap()
        .to_owned();
    let password = Secret::from(PASSWORD);
    let users = house.server.users();
    users.set_password(&subject, password).await.unwrap();

    let mut browser = Browser::new(&house);
    let sign_in = [("username", "kim@acme"), ("password", PASSWORD)];
    browser.post("/account/sign-in", &sign_in).await;
    let page = browser.get("/account/clients").await;
    assert!(page.body.contains("agent"), "{page:?}");

    let revoke = [("token", token.as_str())];
    assert_eq!(house.post_as(AGENT, "/revoke", &revoke).await.status, 200);
    assert!(!house.is_accepted(&token).await);
}

#[tokio::test]
async fn an_assertion_is_used_once() {
    let (house, idp) = house().await;
    let assertion = idp.sign(TYPE, &claims());
    let many = (0..8).map(|_| bring(&house, &assertion));
    let answers = futures_util::future::join_all(many).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 1, "{answers:?}");
    bring(&house, &assertion)
        .await
        .refused(400, "invalid_grant");
    // Signed again, it is another text and the same statement.
    let again = idp.sign(TYPE, &with(&claims(), "exp", json!(START.0 + 299)));
    bring(&house, &again).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_mistake_in_the_request_does_not_use_it_up() {
    let (house, idp) = house().await;
    let assertion = idp.sign(TYPE, &claims());
    let elsewhere = bring_as(&house, AGENT, &assertion, &[("resource", WHOAMI)]).await;
    elsewhere.refused(400, "invalid_target");
    let wider = bring_as(&house, AGENT, &assertion, &[("scope", "delete:todos")]).await;
    wider.refused(400, "invalid_scope");
    assert_eq!(bring(&house, &assertion).await.status, 200);
}

#[tokio::test]
async fn claims_that_are_not_for_this() {
    let (house, idp) = house().await;
    let bad = [
        ("iss", json!("https://evil.example")),
        ("iss", Value::Null),
        ("sub", json!("")),
        ("sub", Value::Null),
        ("aud", json!("https://elsewhere.example")),
        ("aud", json!(format!("{ISSUER}/"))),
        ("aud", json!(format!("{ISSUER}/token"))),
        ("aud", json!([ISSUER, "https://elsewhere.example"])),
        ("aud", json!([])),
        ("exp", json!(START.0 - 31)),
        ("exp", json!(START.0 + 3600 + 31)),
        ("exp", Value::Null),
        ("iat", json!(START.0 + 31)),
        ("iat", json!(START.0 - 3600)),
        ("iat", Value::Null),
        ("nbf", json!(START.0 + 31)),
        ("jti", Value::Null),
        ("jti", json!("")),
        ("client_id", json!("rival")),
        ("client_id", Value::Null),
        ("resource", json!("https://elsewhere.example/mcp")),
        ("resource", json!([TODO, WHOAMI])),
        ("resource", Value::Null),
        ("tenant", json!("other")),
        ("cnf", json!({"jkt": "x"})),
    ];
    for (name, value) in bad {
        let assertion = idp.sign(TYPE, &with(&claims(), name, value.clone()));
        let answer = bring(&house, &assertion).await;
        answer.refused(400, "invalid_grant");
        assert!(!answer.body.contains("U019488227"), "{name} {value}");
    }
    assert_eq!(bring(&house, &idp.sign(TYPE, &claims())).await.status, 200);
}

#[tokio::test]
async fn one_audience_may_stand_in_a_list() {
    let (house, idp) = house().await;
    let listed = with(&claims(), "aud", json!([ISSUER]));
    let listed = with(&listed, "resource", json!([TODO]));
    assert_eq!(bring(&house, &idp.sign(TYPE, &listed)).await.status, 200);
}

#[tokio::test]
async fn a8_other_signatures_and_other_kinds_of_tokens() {
    let (house, idp) = house().await;
    let assertion = idp.sign(TYPE, &claims());
    let own = Browser::new(&house).tokens("alice").await.access_token;
    let bad = [
        ForeignIssuer::new().sign(TYPE, &claims()),
        with_header(&assertion, &json!({"alg": "none", "typ": TYPE})),
        with_header(&assertion, &json!({"alg": "HS256", "typ": TYPE})),
        with_header(
            &assertion,
            &json!({"alg": "ES256", "typ": TYPE, "crit": ["x"]}),
        ),
        // An ID token, an access token and a client assertion of the same issuer.
        idp.sign("JWT", &claims()),
        idp.sign("at+jwt", &claims()),
        idp.sign("dpop+jwt", &claims()),
        idp.sign("client-authentication+jwt", &claims()),
        own,
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
    ];
    for assertion in bad {
        let answer = bring(&house, &assertion).await;
        answer.refused(400, "invalid_grant");
    }
    let alg = json!({"alg": "RS256", "typ": TYPE});
    let confused = bring(&house, &with_header(&assertion, &alg)).await;
    confused.refused(400, "invalid_grant");
    let with_media_type = idp.sign("application/OAUTH-ID-JAG+JWT", &claims());
    assert_eq!(bring(&house, &with_media_type).await.status, 200);
}

#[tokio::test]
async fn only_the_algorithms_that_the_operator_names() {
    let house = House::with(|settings| {
        with_acme(settings);
        settings.trusted_issuers[0].algorithms = vec![Algorithm::RS256];
    })
    .await;
    let idp = ForeignIssuer::new();
    idp.publish(&house);
    let answer = bring(&house, &idp.sign(TYPE, &claims())).await;
    answer.refused(400, "invalid_grant");
}

#[tokio::test]
async fn who_may_bring_it() {
    let (house, idp) = house().await;
    let assertion = idp.sign(TYPE, &claims());
    // Stolen by another client, or brought by nobody in particular.
    let rival = bring_as(&house, ("rival", "rival-secret"), &assertion, &[]).await;
    rival.refused(400, "invalid_grant");
    let wrong = bring_as(&house, ("agent", "wrong"), &assertion, &[]).await;
    wrong.refused(401, "invalid_client");
    let form = [
        ("grant_type", grant_type::JWT_BEARER),
        ("assertion", assertion.as_str()),
    ];
    house
        .post("/token", &form)
        .await
        .refused(401, "invalid_client");
    let service = ("service", "service-secret");
    let unregistered = bring_as(&house, service, &assertion, &[]).await;
    unregistered.refused(400, "unauthorized_client");

    // A client that cannot prove itself has to be named.
    let for_cli = idp.sign(TYPE, &with(&claims(), "client_id", json!("cli")));
    let mut by_cli = form.to_vec();
    by_cli[1].1 = &for_cli;
    by_cli.push(("client_id", "cli"));
    house
        .post("/token", &by_cli)
        .await
        .refused(400, "invalid_grant");
    let named = |settings: &mut Settings| {
        settings.trusted_issuers[0].people.as_mut().unwrap().clients = vec!["cli".to_owned()];
    };
    let house = house.restarted_with(named).await;
    idp.publish(&house);
    assert_eq!(house.post("/token", &by_cli).await.status, 200);
    bring(&house, &assertion)
        .await
        .refused(400, "invalid_grant");
}

#[tokio::test]
async fn a5_what_its_issuer_may_open() {
    let todo = ResourceIndicator::parse(TODO).unwrap();
    let (house, idp) = house_with(|people| {
        people.resources = vec![todo];
        people.scope = Some(scope("read:todos openid"));
        people.tenant = Some("seoul".to_owned());
    })
    .await;
    let claims = with(&claims(), "tenant", json!("seoul"));
    let whoami = with(&claims, "resource", json!(WHOAMI));
    let refused = bring(&house, &idp.sign(TYPE, &whoami)).await;
    refused.refused(400, "invalid_grant");
    let too_wide = bring(&house, &idp.sign(TYPE, &claims)).await;
    too_wide.refused(400, "invalid_scope");

    // Without a resource, the only one that is allowed is meant.
    let unnamed = with(&claims, "resource", Value::Null);
    let unnamed = with(&unnamed, "scope", json!("openid create:todos"));
    let unnamed = with(&unnamed, "jti", json!("unnamed"));
    let tokens = bring(&house, &idp.sign(TYPE, &unnamed)).await.tokens();
    assert_eq!(tokens.scope, scope("openid"));
    assert_eq!(house.server.read(&tokens.access_token)["aud"], TODO);
}

#[tokio::test]
async fn an_assertion_without_scope_opens_what_the_operator_says_and_no_more() {
    let silent = with(&claims(), "scope", Value::Null);
    let (house, idp) = house().await;
    let refused = bring(&house, &idp.sign(TYPE, &silent)).await;
    refused.refused(400, "invalid_scope");
    let (house, idp) = house_with(|people| people.scope = Some(scope("create:todos"))).await;
    let tokens = bring(&house, &idp.sign(TYPE, &silent)).await.tokens();
    assert_eq!(tokens.scope, scope("create:todos"));
}

#[tokio::test]
async fn b2_an_issuer_that_does_not_answer_is_no_verdict() {
    let (house, idp) = house().await;
    house.network.unplug(KEYS);
    let assertion = idp.sign(TYPE, &claims());
    let answer = bring(&house, &assertion).await;
    answer.refused(503, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "30");
    assert!(!answer.body.contains("idp.example"), "{answer:?}");
    idp.publish(&house);
    house.advance(30);
    assert_eq!(bring(&house, &assertion).await.status, 200);
}

#[tokio::test]
async fn a9_a_key_that_the_issuer_has_just_begun_to_use() {
    let (house, idp) = house().await;
    assert_eq!(bring(&house, &idp.sign(TYPE, &claims())).await.status, 200);
    let next = ForeignIssuer::new();
    next.publish(&house);
    let claims = with(&claims(), "jti", json!("next"));
    assert_eq!(bring(&house, &next.sign(TYPE, &claims)).await.status, 200);
    assert_eq!(house.network.requests().len(), 2);
    let old = idp.sign(TYPE, &with(&claims, "jti", json!("old")));
    bring(&house, &old).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn keys_are_found_through_the_metadata_of_the_issuer() {
    let house = House::with(|settings| {
        with_acme(settings);
        settings.trusted_issuers[0].jwks_uri = None;
    })
    .await;
    let idp = ForeignIssuer::new();
    idp.publish(&house);
    let metadata = json!({"issuer": IDP, "jwks_uri": KEYS, "response_types_supported": []});
    let address = format!("{IDP}/.well-known/openid-configuration");
    house.network.answer_json(&address, &metadata);
    assert_eq!(bring(&house, &idp.sign(TYPE, &claims())).await.status, 200);
}

#[tokio::test]
async fn a7_the_metadata_says_it_where_it_is_on() {
    let path = "/.well-known/oauth-authorization-server";
    let (house, _) = house().await;
    let metadata = house.get(path).await.json();
    let grant_types = metadata["grant_types_supported"].as_array().unwrap();
    assert!(grant_types.contains(&json!(grant_type::JWT_BEARER)));
    assert_eq!(
        metadata["authorization_grant_profiles_supported"],
        json!([grant_type::ID_JAG_PROFILE])
    );

    let off = House::start().await;
    let metadata = off.get(path).await.json();
    let grant_types = metadata["grant_types_supported"].as_array().unwrap();
    assert!(!grant_types.contains(&json!(grant_type::JWT_BEARER)));
    assert!(
        metadata
            .get("authorization_grant_profiles_supported")
            .is_none()
    );
    let form = [("grant_type", grant_type::JWT_BEARER), ("assertion", "x")];
    let answer = off
        .post_as(("service", "service-secret"), "/token", &form)
        .await;
    answer.refused(400, "unsupported_grant_type");
}

#[tokio::test]
async fn settings_that_would_be_dangerous() {
    let (house, _) = house().await;
    let good = house.settings.trusted_issuers[0].clone();
    let changes: [fn(&mut TrustedIssuer); 7] = [
        |trusted| ISSUER.clone_into(&mut trusted.issuer),
        |trusted| trusted.jwks_uri = Some("http://idp.example/keys".to_owned()),
        |trusted| {
            "acme".clone_into(&mut trusted.issuer);
            trusted.jwks_uri = None;
        },
        |trusted| trusted.algorithms.clear(),
        |trusted| {
            let people = trusted.people.as_mut().unwrap();
            people.identity_provider.clear();
        },
        |trusted| {
            let people = trusted.people.as_mut().unwrap();
            people.resources = vec![ResourceIndicator::parse("https://x.example").unwrap()];
        },
        |trusted| trusted.jwks_uri = Some("nonsense".to_owned()),
    ];
    for change in changes {
        let mut trusted = good.clone();
        change(&mut trusted);
        let settings = Settings {
            trusted_issuers: vec![trusted],
            ..house.settings.clone()
        };
        settings.check().unwrap_err();
    }
    let twice = Settings {
        trusted_issuers: vec![good.clone(), good],
        ..house.settings.clone()
    };
    twice.check().unwrap_err();
}

#[tokio::test]
async fn an_issuer_does_not_speak_for_the_people_of_another() {
    let (house, _) = house().await;
    let mut settings = house.settings.clone();
    let secret = Some(Secret::from("provider-secret"));
    let mut acme = IdentityProviderSettings::new("acme", "oidc", "house", secret);
    acme.overrides.issuer = Some("https://other.idp.example".into());
    settings.identity_providers = vec![acme];
    let error = settings.check().unwrap_err();
    assert!(error.to_string().contains("is another issuer"), "{error}");
    settings.identity_providers[0].overrides.issuer = Some(IDP.into());
    assert_eq!(settings.check(), Ok(()));
}

#[tokio::test]
async fn no_issuer_speaks_for_the_people_of_another() {
    let rival = TrustedIssuer {
        issuer: "https://rival.idp.example".to_owned(),
        ..acme(trusted())
    };
    let mut settings = House::with(with_acme).await.settings;
    settings.trusted_issuers.push(rival);
    let refused = settings.check().unwrap_err();
    assert!(
        matches!(refused, SettingsError::TrustedIssuer { .. }),
        "{refused}"
    );
    let people = settings.trusted_issuers[1].people.as_mut();
    "rival".clone_into(&mut people.unwrap().identity_provider);
    settings.check().unwrap();
}
