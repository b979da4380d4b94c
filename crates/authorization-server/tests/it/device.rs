//! Signing in on a device without a browser (RFC 8628).

use authorization_server::settings::PreRegisteredClient;
use axum::body::Body;
use futures_util::future::join_all;
use http::Request;
use http::header::CONTENT_TYPE;
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::grant_type::DEVICE_CODE;
use oauth::messages::DeviceAuthorizationResponse;

use crate::browser::Browser;
use crate::house::{Answer, House, ISSUER, PASSWORD, ReadToken as _, TODO, client, encode};

pub(crate) const TV: &str = "tv";

/// A house with devices: one client, another, and one of the operator's own.
pub(crate) async fn house() -> House {
    House::with(|settings| {
        let tv = |name: &str| {
            let grant_types = [DEVICE_CODE, "refresh_token"];
            client(name, None, TokenEndpointAuthMethod::None, &grant_types)
        };
        settings.clients.extend([
            tv(TV),
            tv("other-tv"),
            PreRegisteredClient {
                first_party: true,
                ..tv("our-tv")
            },
        ]);
    })
    .await
}

async fn ask_as(house: &House, client_id: &str) -> DeviceAuthorizationResponse {
    let form = [
        ("client_id", client_id),
        ("scope", "create:todos read:todos"),
        ("resource", TODO),
    ];
    let answer = house.post("/device_authorization", &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    serde_json::from_str(&answer.body).unwrap()
}

pub(crate) async fn ask(house: &House) -> DeviceAuthorizationResponse {
    ask_as(house, TV).await
}

pub(crate) async fn poll_as(house: &House, client_id: &str, device_code: &str) -> Answer {
    let form = [
        ("grant_type", DEVICE_CODE),
        ("device_code", device_code),
        ("client_id", client_id),
    ];
    house.post("/token", &form).await
}

/// Asks as a device does that keeps to the interval.
async fn poll(house: &House, device: &DeviceAuthorizationResponse) -> Answer {
    house.advance(device.interval);
    poll_as(house, TV, &device.device_code).await
}

/// Types a code into the page; the id of the grant that it leads to.
pub(crate) async fn enter(browser: &mut Browser<'_>, user_code: &str) -> String {
    let answer = browser.post("/device", &[("user_code", user_code)]).await;
    let location = answer.location();
    assert_eq!(location.path(), "/login");
    answer.parameter("grant").unwrap()
}

/// Types the code, signs in as the admin and allows one scope.
pub(crate) async fn approve(
    browser: &mut Browser<'_>,
    device: &DeviceAuthorizationResponse,
) -> Answer {
    let grant = enter(browser, &device.user_code).await;
    let answer = browser.approve(&grant, "admin", &["create:todos"]).await;
    let page = answer.location();
    assert!(
        page.as_str().starts_with(ISSUER),
        "nobody is sent elsewhere"
    );
    browser.get(&format!("/login?grant={grant}")).await
}

#[tokio::test]
async fn a_person_signs_in_on_a_device() {
    let house = house().await;
    let device = ask(&house).await;
    assert_eq!(device.verification_uri, format!("{ISSUER}/device"));
    assert_eq!(
        device.verification_uri_complete.as_deref(),
        Some(&*format!("{ISSUER}/device?user_code={}", device.user_code))
    );
    assert_eq!((device.expires_in, device.interval), (600, 5));
    poll(&house, &device)
        .await
        .refused(400, "authorization_pending");

    let mut browser = Browser::new(&house);
    assert!(
        browser
            .get("/device")
            .await
            .body
            .contains("name=\"user_code\"")
    );
    let grant = enter(
        &mut browser,
        &device.user_code.to_lowercase().replace('-', " "),
    )
    .await;
    let page = browser.get(&format!("/login?grant={grant}")).await;
    assert!(
        page.body.contains(&device.user_code),
        "the code again: {page:?}"
    );
    assert!(page.body.contains("create:todos") && page.body.contains(TV));
    poll(&house, &device)
        .await
        .refused(400, "authorization_pending");

    let done = browser.approve(&grant, "admin", &["create:todos"]).await;
    let done = browser
        .get(&done.location()[url::Position::BeforePath..])
        .await;
    assert!(
        done.body.contains("You can go back to your device"),
        "{done:?}"
    );

    let tokens = poll(&house, &device).await.tokens();
    assert_eq!(tokens.scope, "create:todos".parse().unwrap());
    let claims = house.server.read(&tokens.access_token);
    assert_eq!(
        (&claims["aud"], &claims["client_id"]),
        (&TODO.into(), &TV.into())
    );
    assert!(house.is_accepted(&tokens.access_token).await);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh_token.as_deref().unwrap()),
        ("client_id", TV),
    ];
    house.post("/token", &form).await.tokens();
}

#[tokio::test]
async fn c5_a_person_says_no_and_the_device_is_told() {
    let house = house().await;
    let device = ask(&house).await;
    let mut browser = Browser::new(&house);
    let grant = enter(&mut browser, &device.user_code).await;
    let answer = browser
        .post("/login", &[("grant", &grant), ("action", "deny")])
        .await;
    let page = browser
        .get(&answer.location()[url::Position::BeforePath..])
        .await;
    assert!(page.body.contains("The device has no access"), "{page:?}");
    poll(&house, &device).await.refused(400, "access_denied");
}

#[tokio::test]
async fn rfc8628_a_hasty_device_slows_down_and_stays_slow() {
    let house = house().await;
    let device = ask(&house).await;
    let poll_after = async |seconds, error: &str| {
        house.advance(seconds);
        poll_as(&house, TV, &device.device_code)
            .await
            .refused(400, error);
    };
    poll_after(0, "authorization_pending").await;
    poll_after(4, "authorization_pending").await; // A second is lost between two clocks.
    poll_after(3, "slow_down").await;
    poll_after(5, "slow_down").await; // Ten seconds by now,
    poll_after(13, "slow_down").await; // fifteen,
    poll_after(20, "authorization_pending").await; // and twenty.
    poll_after(18, "slow_down").await;
}

#[tokio::test]
async fn rfc8628_codes_end_with_the_time_that_was_said() {
    let house = house().await;
    let device = ask(&house).await;
    house.advance(device.expires_in);
    poll(&house, &device).await.refused(400, "expired_token");
    let mut browser = Browser::new(&house);
    let page = browser
        .post("/device", &[("user_code", &device.user_code)])
        .await;
    assert!(page.body.contains("No device shows this code"), "{page:?}");

    let device = ask(&house).await;
    approve(&mut browser, &device).await;
    house.advance(device.expires_in);
    poll(&house, &device).await.refused(400, "expired_token");
}

#[tokio::test]
async fn a2_of_racing_polls_one_gets_tokens_and_a_replay_revokes_them() {
    let house = house().await;
    let device = ask(&house).await;
    approve(&mut Browser::new(&house), &device).await;
    let racing = join_all((0..20).map(|_| poll_as(&house, TV, &device.device_code))).await;
    let (won, lost): (Vec<_>, Vec<_>) = racing.into_iter().partition(|a| a.status == 200);
    assert_eq!(won.len(), 1);
    for answer in lost {
        answer.refused(400, "slow_down");
    }
    let token = won[0].tokens().access_token;
    assert!(house.is_accepted(&token).await, "losing a race is no theft");

    house.advance(200);
    poll(&house, &device).await.refused(400, "invalid_grant");
    assert!(!house.is_accepted(&token).await);
    house.advance(200);
    poll(&house, &device).await.refused(400, "access_denied");
}

#[tokio::test]
async fn a_device_code_is_bound_to_its_client_and_cannot_be_made_up() {
    let house = house().await;
    let device = ask(&house).await;
    approve(&mut Browser::new(&house), &device).await;
    let stolen = poll_as(&house, "other-tv", &device.device_code).await;
    stolen.refused(400, "invalid_grant");
    let grant = device.device_code.split('.').next().unwrap();
    for made_up in [grant, "", "a.0.b.c", &device.device_code[1..]] {
        let answer = poll_as(&house, TV, made_up).await;
        assert_eq!(answer.status, 400, "{made_up}: {answer:?}");
    }
    let as_code = [
        ("grant_type", "authorization_code"),
        ("code", &*device.device_code),
        ("client_id", TV),
        ("code_verifier", crate::browser::VERIFIER),
    ];
    house
        .post("/token", &as_code)
        .await
        .refused(400, "unauthorized_client");
    // Nothing of that has cost the device its tokens.
    poll(&house, &device).await.tokens();
}

#[tokio::test]
async fn a5_a_device_may_name_the_resource_again_but_no_other() {
    let house = house().await;
    let device = ask(&house).await;
    approve(&mut Browser::new(&house), &device).await;
    let mut form = vec![
        ("grant_type", DEVICE_CODE),
        ("device_code", &device.device_code),
        ("client_id", TV),
        ("resource", crate::house::WHOAMI),
    ];
    house
        .post("/token", &form)
        .await
        .refused(400, "invalid_target");
    form[3].1 = TODO;
    house.post("/token", &form).await.tokens();
}

#[tokio::test]
async fn only_registered_clients_ask_and_only_for_what_there_is() {
    let house = house().await;
    let ask = async |form: &[(&str, &str)]| house.post("/device_authorization", form).await;
    ask(&[("client_id", crate::house::CLIENT)])
        .await
        .refused(400, "unauthorized_client");
    ask(&[("client_id", "nobody")])
        .await
        .refused(401, "invalid_client");
    ask(&[("client_id", TV), ("scope", "fly:away")])
        .await
        .refused(400, "invalid_scope");
    ask(&[
        ("client_id", TV),
        ("resource", "https://elsewhere.example/"),
    ])
    .await
    .refused(400, "invalid_target");
    let answer = poll_as(&house, crate::house::CLIENT, "x").await;
    answer.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn c1_a_device_registers_itself_and_its_name_is_called_a_claim() {
    let house = house().await;
    let metadata = serde_json::json!({
        "client_name": "Kitchen radio", "grant_types": [DEVICE_CODE],
        "token_endpoint_auth_method": "none",
    });
    let registered = house
        .post_json("/register", metadata.to_string())
        .await
        .json();
    let client_id = registered["client_id"].as_str().unwrap();
    let device = ask_as(&house, client_id).await;
    let mut browser = Browser::new(&house);
    let grant = enter(&mut browser, &device.user_code).await;
    let page = browser.get(&format!("/login?grant={grant}")).await;
    assert!(page.body.contains("Kitchen radio") && page.body.contains("Nobody has verified it"));
    browser.approve(&grant, "admin", &["create:todos"]).await;
    let tokens = poll_as(&house, client_id, &device.device_code)
        .await
        .tokens();
    assert!(tokens.refresh_token.is_none(), "it did not ask for that");
}

#[tokio::test]
async fn rfc8628_section_5_4_a_link_is_not_enough() {
    let house = house().await;
    let mut thief = Browser::new(&house);
    let device = ask(&house).await;

    // The link with the code shows the code and asks; looking at it decides nothing.
    let mut victim = Browser::new(&house);
    let link = format!("/device?user_code={}", device.user_code);
    let page = victim.get(&link).await;
    assert!(
        page.body.contains("Does your device show this code?"),
        "{page:?}"
    );
    assert!(page.body.contains(&device.user_code));
    assert!(page.headers.get("set-cookie").is_none());

    // The device code names the grant, but the link to its page leads back to the code.
    let grant = device.device_code.split('.').next().unwrap();
    let answer = victim.get(&format!("/login?grant={grant}")).await;
    assert_eq!(answer.location().path(), "/device");
    let form = [
        ("grant", grant),
        ("username", "admin"),
        ("password", PASSWORD),
        ("action", "approve"),
    ];
    assert_eq!(victim.post("/login", &form).await.status, 400);

    // Once somebody typed the code, it is theirs alone.
    enter(&mut thief, &device.user_code).await;
    let late = victim
        .post("/device", &[("user_code", &device.user_code)])
        .await;
    assert_eq!(late.status, 400);
    assert!(late.body.contains("other_browser"));
}

#[tokio::test]
async fn rfc8628_section_5_4_who_agreed_before_is_asked_again() {
    let house = house().await;
    for client_id in [TV, "our-tv"] {
        let mut browser = Browser::new(&house);
        for _ in 0..2 {
            let device = ask_as(&house, client_id).await;
            let grant = enter(&mut browser, &device.user_code).await;
            let page = browser.get(&format!("/login?grant={grant}")).await;
            assert_eq!(page.status, 200, "{page:?}");
            assert!(page.body.contains(&device.user_code));
            let scopes = ["create:todos", "read:todos"];
            browser.approve(&grant, "admin", &scopes).await;
            poll_as(&house, client_id, &device.device_code)
                .await
                .tokens();
        }
    }
}

#[tokio::test]
async fn c7_a_form_from_another_site_types_no_code() {
    let house = house().await;
    let device = ask(&house).await;
    let request = Request::post("/device")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .header("origin", "https://evil.example");
    let body = encode(&[("user_code", &device.user_code)]);
    let answer = house.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn rfc8628_section_5_1_guessing_codes_ends_soon() {
    let house = house().await;
    let device = ask(&house).await;
    let mut guesser = Browser::new(&house);
    for guess in 0..30_u8 {
        let last = char::from(b"BCDFGHJKLM"[usize::from(guess % 10)]);
        let page = guesser
            .post("/device", &[("user_code", &format!("BBBBBBB{last}"))])
            .await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("No device shows this code"), "{page:?}");
    }
    // The right code, too: an answer would tell a guesser that it is right.
    let page = guesser
        .post("/device", &[("user_code", &device.user_code)])
        .await;
    assert_eq!(page.status, 429);
    assert_eq!(page.header("retry-after"), "600");
    house.advance(601);
    let device = ask(&house).await;
    enter(&mut guesser, &device.user_code).await;
}

#[tokio::test]
async fn rfc8628_section_5_1_many_addresses_guess_no_better() {
    let house = house().await;
    let guess = async |n: u32| {
        let address = std::net::Ipv4Addr::from(0xC633_6400 + n / 25);
        let request = Request::post("/device")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .extension(authorization_server::ClientAddress(Some(address.into())));
        house
            .send(request.body(Body::from("user_code=BBBB-BBBB")).unwrap())
            .await
            .status
    };
    for n in 0..1000 {
        assert_eq!(guess(n).await, 200);
    }
    assert_eq!(guess(999).await, 429, "who has guessed often has to wait");
    // Who comes now gets in, and guesses three times at most.
    let device = ask(&house).await;
    enter(&mut Browser::new(&house), &device.user_code).await;
    for _ in 0..3 {
        assert_eq!(guess(1000).await, 200);
    }
    assert_eq!(guess(1000).await, 429);
}

#[tokio::test]
async fn what_is_no_code_closes_the_page_for_nobody() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    for garbage in 0..1001 {
        let typed = format!("{garbage}");
        let page = browser.post("/device", &[("user_code", &typed)]).await;
        assert_eq!(page.status, 200);
    }
    let device = ask(&house).await;
    enter(&mut browser, &device.user_code).await;
}

#[tokio::test]
async fn a_house_without_devices_does_not_speak_of_them() {
    let house = House::with(|settings| {
        settings.device_authorization = None;
        let grant_types = [DEVICE_CODE];
        let tv = client(TV, None, TokenEndpointAuthMethod::None, &grant_types);
        settings.clients.push(tv);
    })
    .await;
    let metadata = house
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    assert!(metadata.get("device_authorization_endpoint").is_none());
    assert!(
        !metadata["grant_types_supported"]
            .to_string()
            .contains("device_code")
    );
    let answer = house
        .post("/device_authorization", &[("client_id", TV)])
        .await;
    answer.refused(400, "unsupported_grant_type");
    poll_as(&house, TV, "x")
        .await
        .refused(400, "unsupported_grant_type");
    assert_eq!(house.get("/device").await.status, 404);
    let metadata = serde_json::json!({"grant_types": [DEVICE_CODE]});
    let answer = house.post_json("/register", metadata.to_string()).await;
    answer.refused(400, "invalid_client_metadata");
}

#[tokio::test]
async fn the_page_speaks_korean() {
    let house = house().await;
    let request = Request::get("/device").header("accept-language", "ko");
    let page = house.send(request.body(Body::empty()).unwrap()).await;
    assert!(page.body.contains("기기에 표시된 코드"), "{page:?}");
}
