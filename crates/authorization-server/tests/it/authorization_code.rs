//! From the authorization request to tokens (acceptance A1, A2, A4, A5, A10, C5, C6).

use crate::browser::{Browser, VERIFIER, authorize, redemption, request};
use crate::house::{CLIENT, House, ISSUER, REDIRECT, ReadToken as _, TODO, scope};

/// The request with one parameter set to another value.
fn changed(name: &'static str, value: &str) -> std::collections::BTreeMap<&'static str, String> {
    let mut request = request();
    request.insert(name, value.to_owned());
    request
}

#[tokio::test]
async fn a_person_signs_in_and_the_client_gets_tokens() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    let (grant, page) = browser.open(&request()).await;
    assert_eq!(page.status, 200, "{page:?}");
    let answer = browser
        .approve(&grant, "admin", &["create:todos", "read:todos"])
        .await;
    assert!(answer.location().as_str().starts_with(REDIRECT));
    assert_eq!(answer.parameter("state").as_deref(), Some("st4te"));
    assert_eq!(answer.parameter("iss").as_deref(), Some(ISSUER), "RFC 9207");

    let answer = house.redeem(&answer.parameter("code").unwrap()).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = answer.tokens();
    assert_eq!(tokens.scope, scope("create:todos read:todos"));
    assert_eq!(tokens.token_type, "Bearer");
    assert!(tokens.refresh_token.is_some());
    let claims = house.server.read(&tokens.access_token);
    assert_eq!(claims["aud"], TODO);
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["client_id"], CLIENT);
    assert_eq!(claims["roles"], serde_json::json!(["Admin"]));
    assert!(house.is_accepted(&tokens.access_token).await);
}

#[tokio::test]
async fn a_role_limits_what_a_person_can_give_away() {
    let house = House::start().await;
    let tokens = Browser::new(&house).tokens("alice").await;
    assert_eq!(
        tokens.scope,
        scope("create:todos"),
        "alice has the role User"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_one_code_redeemed_by_many_at_once_succeeds_once() {
    let house = House::start().await;
    let code = Browser::new(&house).code("alice", &request()).await;
    let tries = (0..64).map(|_| house.redeem(&code));
    let answers = futures_util::future::join_all(tries).await;
    let successes = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(successes, 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn a2_a_valid_replay_revokes_the_tokens_of_the_grant() {
    let house = House::start().await;
    let code = Browser::new(&house).code("alice", &request()).await;
    let tokens = house.redeem(&code).await.tokens();
    assert!(house.is_accepted(&tokens.access_token).await);
    house.redeem(&code).await.refused(400, "invalid_grant");
    assert!(!house.is_accepted(&tokens.access_token).await);
    house
        .refresh(&tokens.refresh_token.unwrap())
        .await
        .refused(400, "invalid_grant");
}

#[tokio::test]
async fn a2_an_invalid_replay_revokes_nothing() {
    let house = House::start().await;
    let code = Browser::new(&house).code("alice", &request()).await;
    let tokens = house.redeem(&code).await.tokens();
    let mut wrong_client = redemption(&code);
    wrong_client[2].1 = "other";
    house
        .post("/token", &wrong_client)
        .await
        .refused(400, "invalid_grant");
    let mut wrong_verifier = redemption(&code);
    let verifier = "x".repeat(43);
    wrong_verifier[4].1 = &verifier;
    house
        .post("/token", &wrong_verifier)
        .await
        .refused(400, "invalid_grant");
    house.advance(61);
    house.redeem(&code).await.refused(400, "invalid_grant");
    assert!(
        house.is_accepted(&tokens.access_token).await,
        "the grant is still alive"
    );
}

#[tokio::test]
async fn a2_a_wrong_verifier_burns_the_code() {
    let house = House::start().await;
    let code = Browser::new(&house).code("alice", &request()).await;
    let mut guess = redemption(&code);
    let verifier = VERIFIER.replace('d', "e");
    guess[4].1 = &verifier;
    house
        .post("/token", &guess)
        .await
        .refused(400, "invalid_grant");
    house.redeem(&code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_code_ends_after_a_minute() {
    let house = House::start().await;
    let code = Browser::new(&house).code("alice", &request()).await;
    house.advance(60);
    house.redeem(&code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a4_pkce_cannot_be_left_out() {
    let house = House::start().await;
    let code = Browser::new(&house).code("alice", &request()).await;
    let without = &redemption(&code)[..4];
    house
        .post("/token", without)
        .await
        .refused(400, "invalid_request");
    assert_eq!(
        house.redeem(&code).await.status,
        200,
        "the mistake did not burn the code"
    );

    for (name, value) in [
        ("code_challenge", ""),
        (
            "code_challenge",
            "plain-text-verifier-that-is-no-hash-at-all-xx",
        ),
        ("code_challenge_method", "plain"),
        ("code_challenge_method", ""),
    ] {
        let answer = house.get(&authorize(&changed(name, value))).await;
        assert_eq!(
            answer.parameter("error").as_deref(),
            Some("invalid_request"),
            "{name}={value}"
        );
        assert_eq!(answer.parameter("iss").as_deref(), Some(ISSUER));
    }
}

#[tokio::test]
async fn a4_only_the_code_flow_exists() {
    let house = House::start().await;
    for (name, value) in [
        ("response_type", "token"),
        ("response_type", "code token"),
        ("response_mode", "fragment"),
    ] {
        let answer = house.get(&authorize(&changed(name, value))).await;
        let error = answer.parameter("error");
        assert_eq!(
            error.as_deref(),
            Some("unsupported_response_type"),
            "{name}={value}"
        );
    }
}

#[tokio::test]
async fn a5_a_resource_outside_the_grant_is_refused() {
    let house = House::start().await;
    let code = Browser::new(&house).code("alice", &request()).await;
    let mut form = redemption(&code).to_vec();
    form.push(("resource", "https://mcp.example/whoami/mcp"));
    house
        .post("/token", &form)
        .await
        .refused(400, "invalid_target");
    form.pop();
    form.push(("resource", "HTTPS://MCP.EXAMPLE/todo/mcp"));
    assert_eq!(
        house.post("/token", &form).await.status,
        200,
        "the same resource in capitals"
    );

    let answer = house
        .get(&authorize(&changed(
            "resource",
            "https://elsewhere.example/",
        )))
        .await;
    assert_eq!(answer.parameter("error").as_deref(), Some("invalid_target"));
}

#[tokio::test]
async fn a10_expires_in_is_sent_and_true() {
    let house = House::start().await;
    let tokens = Browser::new(&house).tokens("alice").await;
    assert_eq!(tokens.expires_in, 1800);
    house.advance(1800);
    assert!(house.is_accepted(&tokens.access_token).await);
    house.advance(1);
    assert!(!house.is_accepted(&tokens.access_token).await);
}

#[tokio::test]
async fn a10_a_client_without_refresh_tokens_is_not_cut_off_early() {
    let house = House::with(|settings| {
        settings.clients[0].metadata.grant_types = vec!["authorization_code".to_owned()];
    })
    .await;
    let tokens = Browser::new(&house).tokens("alice").await;
    assert!(tokens.refresh_token.is_none());
    house.advance(1800);
    assert!(house.is_accepted(&tokens.access_token).await);
}

#[tokio::test]
async fn a_request_is_remembered_only_while_it_is_small_and_one_of_few() {
    let house = House::start().await;
    let large = changed("state", &"A".repeat(16 * 1024));
    assert_eq!(house.get(&authorize(&large)).await.status, 400);
    let form: Vec<_> = large
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(house.post("/authorize", &form).await.status, 413);
    let usual = authorize(&request());
    for _ in 0..1000 {
        assert_eq!(house.get(&usual).await.status, 303);
    }
    assert_eq!(house.get(&usual).await.status, 429);
    house.advance(600);
    let answer = house.get(&usual).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
}

#[tokio::test]
async fn c2_a_loopback_client_may_use_another_port_and_no_other_name() {
    let house = House::start().await;
    let other_port = changed("redirect_uri", "http://127.0.0.1:50123/callback");
    let (grant, _) = Browser::new(&house).open(&other_port).await;
    assert!(!grant.is_empty());
    let other_name = changed("redirect_uri", "http://localhost:7777/callback");
    let answer = house.get(&authorize(&other_name)).await;
    assert_eq!(answer.status, 400, "a page, no redirect");
}

#[tokio::test]
async fn c5_an_unknown_client_or_redirect_uri_is_never_redirected_to() {
    let house = House::start().await;
    for (name, value) in [
        ("client_id", "nobody"),
        ("client_id", ""),
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:7777/callback/../x"),
        (
            "redirect_uri",
            "http://127.0.0.1:7777@evil.example/callback",
        ),
    ] {
        let answer = house.get(&authorize(&changed(name, value))).await;
        assert_eq!(answer.status, 400, "{name}={value}");
        assert!(answer.headers.get("location").is_none());
        assert!(answer.header("content-type").starts_with("text/html"));
    }
    for repeated in [
        "redirect_uri=https://evil.example",
        "redirect_uri=http://127.0.0.1:7777/callback",
        "client_id=desktop",
        "client_id=other&state=again",
    ] {
        let twice = format!("{}&{repeated}", authorize(&request()));
        let answer = house.get(&twice).await;
        assert_eq!(answer.status, 400, "{repeated}");
        assert!(answer.headers.get("location").is_none(), "{repeated}");
    }
}

#[tokio::test]
async fn rfc6749_section_3_1_a_client_learns_that_it_repeated_a_parameter() {
    let house = House::start().await;
    for (repeated, error, state) in [
        ("scope=read:todos", "invalid_request", Some("st4te")),
        ("unknown=1&unknown=1", "invalid_request", Some("st4te")),
        (
            "request_uri=urn:a&request_uri=urn:b",
            "invalid_request",
            Some("st4te"),
        ),
        ("state=other", "invalid_request", None),
        // RFC 8707 §2 has several resources in one request; a token of ours is for one.
        (
            "resource=https://mcp.example/whoami/mcp",
            "invalid_target",
            Some("st4te"),
        ),
    ] {
        let twice = format!("{}&{repeated}", authorize(&request()));
        let answer = house.get(&twice).await;
        assert!(
            answer.location().as_str().starts_with(REDIRECT),
            "{repeated}"
        );
        let said = |name: &str| answer.parameter(name);
        assert_eq!(said("error").as_deref(), Some(error), "{repeated}");
        assert_eq!(said("state").as_deref(), state, "{repeated}");
        assert_eq!(said("iss").as_deref(), Some(ISSUER), "{repeated}");
        assert_eq!(said("code"), None, "{repeated}");
    }
    // Where there is no browser, the answer is JSON.
    for path in ["/token", "/par"] {
        let form = [("client_id", CLIENT), ("a", "1"), ("a", "2")];
        house
            .post(path, &form)
            .await
            .refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn c6_looking_twice_at_the_authorization_endpoint_does_no_harm() {
    let house = House::start().await;
    let first = house.get(&authorize(&request())).await;
    assert_eq!(first.status, 303);
    assert!(
        first.headers.get("set-cookie").is_none(),
        "nothing is set before a person looks"
    );
    let code = Browser::new(&house).code("alice", &request()).await;
    assert_eq!(house.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn a_request_may_come_as_a_form() {
    let house = House::start().await;
    let request = request();
    let form: Vec<_> = request
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let answer = house.post("/authorize", &form).await;
    assert!(answer.location().path().ends_with("/login"));
}

#[tokio::test]
async fn an_id_token_says_who_signed_in() {
    let house = House::start().await;
    let mut request = changed("scope", "openid profile email");
    request.insert("resource", "https://mcp.example/whoami/mcp".to_owned());
    request.insert("nonce", "n0nce".to_owned());
    let code = Browser::new(&house).code("alice", &request).await;
    let tokens = house.redeem(&code).await.tokens();
    let claims = house.server.read(&tokens.id_token.unwrap());
    assert_eq!(claims["aud"], CLIENT);
    assert_eq!(claims["nonce"], "n0nce");
    assert_eq!(claims["email"], "alice@example.com");
    assert_eq!(claims["auth_time"], 1_800_000_000);
    assert_eq!(
        claims["sub"],
        house.server.read(&tokens.access_token)["sub"]
    );
}

#[tokio::test]
async fn a_client_without_resource_or_scope_is_served() {
    let house = House::start().await;
    let mut old = request();
    old.remove("resource");
    old.insert("scope", String::new());
    let mut browser = Browser::new(&house);
    let (grant, page) = browser.open(&old).await;
    assert_eq!(page.status, 200);
    let answer = browser
        .approve(&grant, "alice", &["openid", "profile", "email"])
        .await;
    let tokens = house
        .redeem(&answer.parameter("code").unwrap())
        .await
        .tokens();
    assert_eq!(
        tokens.scope,
        scope("openid profile email"),
        "the first resource's scopes"
    );
}
