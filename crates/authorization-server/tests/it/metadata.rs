//! Metadata and its aliases (RFC 8414, acceptance A7, D1, D2, D4).

use axum::body::Body;
use http::{Method, Request};
use oauth::issuer::Issuer;

use crate::house::{House, ISSUER};

const ALIASES: [&str; 2] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

#[tokio::test]
async fn d1_the_issuer_is_the_same_string_at_every_alias() {
    let house = House::start().await;
    for alias in ALIASES {
        let metadata = house.get(alias).await.json();
        assert_eq!(metadata["issuer"], ISSUER, "{alias}");
        assert_eq!(metadata["token_endpoint"], format!("{ISSUER}/token"));
    }
}

#[tokio::test]
async fn d1_an_issuer_with_a_path_is_found_in_all_three_places() {
    let issuer = "https://as.example/tenant";
    let house = House::with(|settings| settings.issuer = Issuer::parse(issuer).unwrap()).await;
    for alias in [
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/openid-configuration/tenant",
        "/tenant/.well-known/openid-configuration",
    ] {
        let metadata = house.get(alias).await.json();
        assert_eq!(metadata["issuer"], issuer, "{alias}");
        assert_eq!(metadata["jwks_uri"], format!("{issuer}/jwks"));
    }
    assert_eq!(house.get("/tenant/jwks").await.status, 200);
}

#[tokio::test]
async fn d2_no_address_comes_from_the_request() {
    let house = House::start().await;
    let request = Request::get(ALIASES[0])
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "http");
    let answer = house.send(request.body(Body::empty()).unwrap()).await;
    assert!(!answer.body.contains("evil"));
}

#[tokio::test]
async fn a7_nothing_in_the_metadata_is_untrue() {
    let house = House::start().await;
    let metadata = house.get(ALIASES[0]).await.json();
    let advertised = metadata.as_object().unwrap().iter();
    let endpoints = advertised.filter(|(name, _)| name.ends_with("_endpoint"));
    let mut count = 0;
    for (name, address) in endpoints {
        let path = address.as_str().unwrap().strip_prefix(ISSUER).unwrap();
        let answer = house.get(path).await;
        assert_ne!(answer.status, 404, "{name} is not served");
        count += 1;
    }
    assert_eq!(count, 9);
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        serde_json::json!(["S256"])
    );
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        true
    );
    let grants = serde_json::json!([
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
    ]);
    assert_eq!(metadata["grant_types_supported"], grants);
}

#[tokio::test]
async fn d4_programs_in_browsers_may_ask() {
    let house = House::start().await;
    for path in [
        ALIASES[0],
        "/token",
        "/register",
        "/jwks",
        "/revoke",
        "/userinfo",
    ] {
        let preflight = Request::builder()
            .method(Method::OPTIONS)
            .uri(path)
            .header("origin", "http://localhost:6274")
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,mcp-protocol-version",
            );
        let answer = house.send(preflight.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        let headers = answer.header("access-control-allow-headers");
        assert!(
            headers.contains("authorization"),
            "`*` does not cover it: {headers}"
        );
    }
    let request = Request::get("/userinfo").header("origin", "http://localhost:6274");
    let answer = house.send(request.body(Body::empty()).unwrap()).await;
    assert!(
        answer
            .header("access-control-expose-headers")
            .contains("www-authenticate")
    );
    assert_eq!(answer.status, 401);
}
