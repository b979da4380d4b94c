//! Token exchange: a gateway goes on in the name of its caller (RFC 8693).

use authorization_server::Revocation;
use authorization_server::settings::{PreRegisteredClient, Resource, Settings, SettingsError};
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::jws::Algorithm;
use oauth::resource::ResourceIndicator;
use oauth::signing_key::SigningKey;
use oauth::{grant_type, token_type};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::house::{Answer, House, ReadToken as _, START, TODO, WHOAMI, client, scope};

/// What the gateway in front of [`TODO`] goes on to, and what that goes on to.
pub(crate) const LEDGER: &str = "https://ledger.example/mcp";
const ARCHIVE: &str = "https://archive.example/mcp";
pub(crate) const GATEWAY: (&str, &str) = ("gateway", "gateway-secret");
const BOOKKEEPER: (&str, &str) = ("bookkeeper", "bookkeeper-secret");

fn indicator(text: &str) -> ResourceIndicator {
    ResourceIndicator::parse(text).unwrap()
}

/// The resource server of `own`, which may go on to `next`.
fn hop((id, secret): (&str, &str), own: &str, next: &str) -> PreRegisteredClient {
    let method = TokenEndpointAuthMethod::ClientSecretBasic;
    PreRegisteredClient {
        introspects: vec![indicator(own)],
        exchanges_to: vec![indicator(next)],
        ..client(id, Some(secret), method, &[grant_type::TOKEN_EXCHANGE])
    }
}

pub(crate) fn with_gateway(settings: &mut Settings) {
    for name in [LEDGER, ARCHIVE] {
        settings.resources.push(Resource {
            indicator: indicator(name),
            name: name.to_owned(),
            scopes: scope("create:todos read:todos"),
        });
    }
    settings.clients.push(hop(GATEWAY, TODO, LEDGER));
    settings.clients.push(hop(BOOKKEEPER, LEDGER, ARCHIVE));
}

async fn house() -> House {
    House::with(with_gateway).await
}

pub(crate) fn request<'a>(subject_token: &'a str, resource: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", grant_type::TOKEN_EXCHANGE),
        ("subject_token", subject_token),
        ("subject_token_type", token_type::ACCESS_TOKEN),
        ("resource", resource),
    ]
}

async fn ask(house: &House, who: (&str, &str), form: &[(&str, &str)]) -> Answer {
    house.post_as(who, "/token", form).await
}

/// The gateway's token for the ledger, in the name of the admin.
async fn exchanged(house: &House) -> (String, String) {
    let own = Browser::new(house).tokens("admin").await.access_token;
    let answer = ask(house, GATEWAY, &request(&own, LEDGER)).await;
    (own, answer.tokens().access_token)
}

async fn introspected(house: &House, who: (&str, &str), token: &str) -> Value {
    let form = [("token", token)];
    house.post_as(who, "/introspect", &form).await.json()
}

#[tokio::test]
async fn a_gateway_goes_on_in_the_name_of_its_caller() {
    let house = house().await;
    let own = Browser::new(&house).tokens("admin").await.access_token;
    let answer = ask(&house, GATEWAY, &request(&own, LEDGER)).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = answer.tokens();
    assert_eq!(
        tokens.issued_token_type.as_deref(),
        Some(token_type::ACCESS_TOKEN)
    );
    assert!(tokens.refresh_token.is_none() && tokens.id_token.is_none());
    assert_eq!(tokens.scope, scope("create:todos read:todos"));
    assert_eq!(tokens.expires_in, 1800);

    let (before, after) = (
        house.server.read(&own),
        house.server.read(&tokens.access_token),
    );
    for same in ["sub", "grant_id", "exp", "auth_time", "roles"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(after["aud"], LEDGER);
    assert_eq!(after["client_id"], "gateway", "RFC 8693 §4.3");
    assert_eq!(after["act"], json!({"sub": "gateway"}));
    assert_ne!(before["jti"], after["jti"]);
}

#[tokio::test]
async fn introspection_tells_who_acts() {
    let house = house().await;
    let (_, token) = exchanged(&house).await;
    let claims = introspected(&house, BOOKKEEPER, &token).await;
    assert_eq!(claims["active"], true);
    assert_eq!(claims["act"], json!({"sub": "gateway"}));
}

#[tokio::test]
async fn the_chain_of_actors_is_kept() {
    let house = house().await;
    let (_, token) = exchanged(&house).await;
    let next = ask(&house, BOOKKEEPER, &request(&token, ARCHIVE)).await;
    let claims = house.server.read(&next.tokens().access_token);
    let chain = json!({"sub": "bookkeeper", "act": {"sub": "gateway"}});
    assert_eq!(claims["act"], chain);
    assert_eq!(claims["client_id"], "bookkeeper");
}

#[tokio::test]
async fn a_chain_of_actors_ends_somewhere() {
    let house = House::with(|settings| {
        with_gateway(settings);
        // Two resource servers that send each other around in circles.
        settings
            .clients
            .push(hop(("back", "back-secret"), LEDGER, TODO));
    })
    .await;
    let mut token = Browser::new(&house).tokens("admin").await.access_token;
    for n in 0..8 {
        let (who, to) = match n % 2 {
            0 => (GATEWAY, LEDGER),
            _ => (("back", "back-secret"), TODO),
        };
        token = ask(&house, who, &request(&token, to))
            .await
            .tokens()
            .access_token;
    }
    let answer = ask(&house, GATEWAY, &request(&token, LEDGER)).await;
    answer.refused(400, "invalid_request");
    assert!(answer.body.contains("8 hands"), "{answer:?}");
}

#[tokio::test]
async fn an_actor_can_be_the_program_that_called() {
    let house = house().await;
    let own = Browser::new(&house).tokens("admin").await.access_token;
    let agent = [("grant_type", "client_credentials")];
    let agent = ask(&house, ("service", "service-secret"), &agent).await;
    let agent = agent.tokens().access_token;
    let mut form = request(&own, LEDGER);
    form.push(("actor_token", &agent));
    ask(&house, GATEWAY, &form)
        .await
        .refused(400, "invalid_request");
    form.push(("actor_token_type", token_type::JWT));
    let tokens = ask(&house, GATEWAY, &form).await.tokens();
    let claims = house.server.read(&tokens.access_token);
    assert_eq!(claims["act"], json!({"sub": "service"}));
    assert_eq!(claims["client_id"], "gateway");

    // A person is no actor, a dead token names none, and a name alone proves nothing.
    ask_revoke(&house, ("service", "service-secret"), &[("token", &agent)]).await;
    for actor in [own.as_str(), agent.as_str(), "service"] {
        let mut form = request(&own, LEDGER);
        form.extend([
            ("actor_token", actor),
            ("actor_token_type", token_type::ACCESS_TOKEN),
        ]);
        ask(&house, GATEWAY, &form)
            .await
            .refused(400, "invalid_request");
    }
}

async fn ask_revoke(house: &House, who: (&str, &str), form: &[(&str, &str)]) {
    assert_eq!(house.post_as(who, "/revoke", form).await.status, 200);
}

#[tokio::test]
async fn an_actor_of_somebody_else_is_refused() {
    let house = House::with(|settings| {
        with_gateway(settings);
        let service = settings.clients.iter_mut();
        let service = service.filter(|client| client.client_id == "service");
        // Its token is for a resource that the gateway does not answer for.
        service.for_each(|service| service.metadata.scope = Some(scope("openid")));
    })
    .await;
    let own = Browser::new(&house).tokens("admin").await.access_token;
    let agent = [("grant_type", "client_credentials"), ("resource", WHOAMI)];
    let agent = ask(&house, ("service", "service-secret"), &agent).await;
    let agent = agent.tokens().access_token;
    let mut form = request(&own, LEDGER);
    form.extend([
        ("actor_token", agent.as_str()),
        ("actor_token_type", token_type::ACCESS_TOKEN),
    ]);
    let answer = ask(&house, GATEWAY, &form).await;
    answer.refused(400, "invalid_request");
    assert!(answer.body.contains("actor_token"), "{answer:?}");
}

#[tokio::test]
async fn a6_revoking_the_grant_ends_what_was_exchanged() {
    let house = house().await;
    let tokens = Browser::new(&house).tokens("admin").await;
    let answer = ask(&house, GATEWAY, &request(&tokens.access_token, LEDGER)).await;
    let exchanged = answer.tokens().access_token;
    let form = [
        ("token", tokens.access_token.as_str()),
        ("client_id", crate::house::CLIENT),
    ];
    assert_eq!(house.post("/revoke", &form).await.status, 200);
    let claims = introspected(&house, BOOKKEEPER, &exchanged).await;
    assert_eq!(claims, json!({"active": false}));
    let again = ask(&house, GATEWAY, &request(&tokens.access_token, LEDGER)).await;
    again.refused(400, "invalid_request");
    let further = ask(&house, BOOKKEEPER, &request(&exchanged, ARCHIVE)).await;
    further.refused(400, "invalid_request");
}

#[tokio::test]
async fn what_was_exchanged_is_given_back_alone() {
    let house = house().await;
    let (own, exchanged) = exchanged(&house).await;
    let mut heard = house.server.subscribe();
    ask_revoke(&house, GATEWAY, &[("token", &exchanged)]).await;
    let jti = house.server.read(&exchanged)["jti"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(heard.try_recv().unwrap(), Revocation::Token(jti));
    let claims = introspected(&house, BOOKKEEPER, &exchanged).await;
    assert_eq!(claims, json!({"active": false}));
    assert!(
        house.is_accepted(&own).await,
        "the person is still signed in"
    );
}

#[tokio::test]
async fn a10_it_ends_with_the_token_it_came_from() {
    let house = house().await;
    let own = Browser::new(&house).tokens("admin").await.access_token;
    house.advance(1700);
    let tokens = ask(&house, GATEWAY, &request(&own, LEDGER)).await.tokens();
    assert_eq!(tokens.expires_in, 100);
    let claims = house.server.read(&tokens.access_token);
    assert_eq!(claims["exp"], START.0 + 1800);
    house.advance(101);
    let late = ask(&house, GATEWAY, &request(&own, LEDGER)).await;
    late.refused(400, "invalid_request");
}

#[tokio::test]
async fn the_scope_only_shrinks() {
    let house = house().await;
    let own = Browser::new(&house).tokens("admin").await.access_token;
    let mut narrow = request(&own, LEDGER);
    narrow.push(("scope", "read:todos"));
    let tokens = ask(&house, GATEWAY, &narrow).await.tokens();
    assert_eq!(tokens.scope, scope("read:todos"));
    for wider in ["read:todos delete:todos", "openid", "nothing", "a\"b"] {
        let mut form = request(&own, LEDGER);
        form.push(("scope", wider));
        ask(&house, GATEWAY, &form)
            .await
            .refused(400, "invalid_scope");
    }
    // The next hop gets no more than this one has.
    let further = ask(&house, BOOKKEEPER, &request(&tokens.access_token, ARCHIVE)).await;
    assert_eq!(further.tokens().scope, scope("read:todos"));
}

#[tokio::test]
async fn the_roles_of_the_person_count_now_and_not_then() {
    let house = house().await;
    let own = Browser::new(&house).tokens("admin").await.access_token;
    // The operator takes a scope from the role, and starts the program anew.
    let fewer = |settings: &mut Settings| {
        settings.roles.insert("Admin".into(), scope("create:todos"));
    };
    let house = house.restarted_with(fewer).await;
    let tokens = ask(&house, GATEWAY, &request(&own, LEDGER)).await.tokens();
    assert_eq!(tokens.scope, scope("create:todos"));
}

#[tokio::test]
async fn only_tokens_of_ones_own_callers_are_exchanged() {
    let house = house().await;
    let (own, exchanged) = exchanged(&house).await;
    // The bookkeeper found a token for the todo server in a log.
    let found = ask(&house, BOOKKEEPER, &request(&own, ARCHIVE)).await;
    found.refused(400, "invalid_request");
    // Nor does the gateway use its own token for the ledger to go elsewhere.
    let own_again = ask(&house, GATEWAY, &request(&exchanged, LEDGER)).await;
    own_again.refused(400, "invalid_request");
    let machine = [("grant_type", "client_credentials")];
    let machine = ask(&house, ("service", "service-secret"), &machine).await;
    let machine = machine.tokens().access_token;
    let refused = ask(&house, GATEWAY, &request(&machine, LEDGER)).await;
    refused.refused(400, "invalid_request");
    assert!(refused.body.contains("person"), "{refused:?}");
}

#[tokio::test]
async fn a5_only_where_the_operator_lets_it_go() {
    let house = house().await;
    let own = Browser::new(&house).tokens("admin").await.access_token;
    for target in [ARCHIVE, WHOAMI, TODO, "https://evil.example", "ledger"] {
        let answer = ask(&house, GATEWAY, &request(&own, target)).await;
        answer.refused(400, "invalid_target");
    }
    let nowhere = ask(&house, GATEWAY, &request(&own, "")).await;
    nowhere.refused(400, "invalid_request");

    let mut by_audience = request(&own, "");
    by_audience.push(("audience", LEDGER));
    assert_eq!(ask(&house, GATEWAY, &by_audience).await.status, 200);
    let mut both = request(&own, LEDGER);
    both.push(("audience", ARCHIVE));
    ask(&house, GATEWAY, &both)
        .await
        .refused(400, "invalid_target");
    let mut twice = request(&own, LEDGER);
    twice.push(("resource", ARCHIVE));
    let answer = ask(&house, GATEWAY, &twice).await;
    answer.refused(400, "invalid_target");
    assert!(answer.body.contains("resource is repeated"), "{answer:?}");
}

#[tokio::test]
async fn clients_that_may_not_exchange() {
    let house = house().await;
    let own = Browser::new(&house).tokens("admin").await.access_token;
    let service = ask(
        &house,
        ("service", "service-secret"),
        &request(&own, LEDGER),
    )
    .await;
    service.refused(400, "unauthorized_client");
    let mut public = request(&own, LEDGER);
    public.push(("client_id", crate::house::CLIENT));
    house
        .post("/token", &public)
        .await
        .refused(400, "unauthorized_client");
    let stranger = json!({
        "redirect_uris": [], "grant_types": [grant_type::TOKEN_EXCHANGE],
        "token_endpoint_auth_method": "client_secret_basic",
    });
    let registration = house.post_json("/register", stranger.to_string()).await;
    registration.refused(400, "invalid_client_metadata");
}

#[tokio::test]
async fn token_types_that_are_none_of_ours() {
    let house = house().await;
    let tokens = Browser::new(&house).tokens("admin").await;
    let own = tokens.access_token.as_str();
    let other = "urn:ietf:params:oauth:token-type:";
    for (name, kind) in [
        ("subject_token_type", "refresh_token"),
        ("subject_token_type", "id_token"),
        ("subject_token_type", "saml2"),
        ("requested_token_type", "refresh_token"),
        ("requested_token_type", "id-jag"),
    ] {
        let kind = format!("{other}{kind}");
        let mut form = request(own, LEDGER);
        form.retain(|(known, _)| *known != name);
        form.push((name, &kind));
        ask(&house, GATEWAY, &form)
            .await
            .refused(400, "invalid_request");
    }
    let refresh_token = tokens.refresh_token.unwrap();
    let disguised = ask(&house, GATEWAY, &request(&refresh_token, LEDGER)).await;
    disguised.refused(400, "invalid_request");
    let mut jwt = request(own, LEDGER);
    jwt.push(("requested_token_type", token_type::JWT));
    let answer = ask(&house, GATEWAY, &jwt).await.tokens();
    assert_eq!(answer.issued_token_type.as_deref(), Some(token_type::JWT));
}

#[tokio::test]
async fn a8_forged_subject_tokens() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let with_identity = {
        let mut request = crate::browser::request();
        request.insert("scope", "openid create:todos".to_owned());
        request
    };
    let code = browser.code("admin", &with_identity).await;
    let tokens = house.redeem(&code).await.tokens();
    let claims = house.server.read(&tokens.access_token);
    let stranger = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let stranger = SigningKey::from_pkcs8(Algorithm::EdDSA, &stranger).unwrap();
    let parts: Vec<_> = tokens.access_token.split('.').collect();
    // {"alg":"none","typ":"at+jwt"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.", parts[1]);
    // {"alg":"HS256","typ":"at+jwt"}
    let by_secret = format!(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.{}.{}",
        parts[1], parts[2]
    );
    for forged in [
        stranger.sign("at+jwt", &claims).unwrap(),
        tokens.id_token.unwrap(),
        unsigned,
        by_secret,
        "nonsense".to_owned(),
    ] {
        let answer = ask(&house, GATEWAY, &request(&forged, LEDGER)).await;
        answer.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn a7_the_metadata_names_it_where_somebody_may_use_it() {
    let metadata = "/.well-known/oauth-authorization-server";
    let on = house().await.get(metadata).await.json();
    let off = House::start().await.get(metadata).await.json();
    let names_it = |metadata: &Value| {
        let grant_types = metadata["grant_types_supported"].as_array().unwrap();
        grant_types.contains(&json!(grant_type::TOKEN_EXCHANGE))
    };
    assert!(names_it(&on) && !names_it(&off));
}

#[tokio::test]
async fn settings_that_contradict_themselves() {
    let good = house().await.settings;
    let changes: [fn(&mut PreRegisteredClient); 4] = [
        |gateway| gateway.exchanges_to.clear(),
        |gateway| gateway.introspects.clear(),
        |gateway| gateway.exchanges_to = vec![indicator("https://evil.example")],
        |gateway| gateway.metadata.grant_types = vec!["client_credentials".to_owned()],
    ];
    for change in changes {
        let mut settings = good.clone();
        let gateway = settings
            .clients
            .iter_mut()
            .find(|c| c.client_id == "gateway");
        change(gateway.unwrap());
        let error = settings.check().unwrap_err();
        assert!(matches!(error, SettingsError::Client { .. }), "{error}");
    }
    assert_eq!(good.check(), Ok(()));
}
