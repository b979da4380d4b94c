//! The simulators themselves: whoever plays a vendor has to be as strict and as odd as the vendor.

mod faults;
mod korea;
mod ours;
mod world;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, Request, StatusCode};
use oauth::jws::Algorithm;
use oauth::random::OsRandom;
use oauth::time::{ManualClock, NumericDate};
use serde_json::Value;
use tower::ServiceExt as _;
use url::{Url, form_urlencoded};

use super::*;

const ORIGIN: &str = "http://127.0.0.1:9001";
const REDIRECT: &str = "https://sumun.example/callback/vendor";
const CLIENT: &str = "our-client";
const SECRET: &str = "our-secret-at-the-vendor";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

type Pairs<'a> = Vec<(&'a str, &'a str)>;

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// A parameter of the redirect to our client.
    #[track_caller]
    fn back(&self, name: &str) -> Option<String> {
        assert_eq!(self.status, StatusCode::FOUND, "{self:?}");
        let url = Url::parse(self.headers[LOCATION].to_str().unwrap()).unwrap();
        assert!(url.as_str().starts_with(REDIRECT), "{url}");
        let mut pairs = url.query_pairs();
        let found = pairs.find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned())
    }
}

/// Keys take long to make, so each is made once.
fn key(algorithm: Algorithm) -> SigningKey {
    static RS256: LazyLock<Vec<u8>> = LazyLock::new(|| made(Algorithm::RS256));
    static ES384: LazyLock<Vec<u8>> = LazyLock::new(|| made(Algorithm::ES384));
    let made = if algorithm == Algorithm::RS256 {
        &RS256
    } else {
        &ES384
    };
    SigningKey::from_pkcs8(algorithm, made).unwrap()
}

fn made(algorithm: Algorithm) -> Vec<u8> {
    SigningKey::generate(algorithm).unwrap().to_vec()
}

/// A simulator and somebody who uses it.
struct Visit {
    simulator: Simulator,
    router: Router,
    clock: ManualClock,
}

impl Visit {
    fn to(vendor: Vendor) -> Self {
        let clock = ManualClock::at(NumericDate(1_790_000_000));
        let app = App {
            client_id: CLIENT.to_owned(),
            client_secret: SECRET.into(),
            redirect_uri: REDIRECT.to_owned(),
        };
        let doors: (Arc<dyn Clock>, Arc<dyn Random>) =
            (Arc::new(clock.clone()), Arc::new(OsRandom));
        let key = vendor.face().algorithm.map(key);
        let simulator = Simulator::with_key(vendor, ORIGIN, app, doors, key);
        Self {
            router: simulator.router(),
            simulator,
            clock,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, url: &str, token: Option<&str>) -> Answer {
        let mut request = Request::get(url).header(USER_AGENT, "sumun");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, url: &str, form: &Pairs<'_>) -> Answer {
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json");
        self.send(request.body(encode(form).into()).unwrap()).await
    }

    /// An authorization request as our client sends it, with these parameters changed; empty ones
    /// are left out.
    async fn authorize(&self, changes: &Pairs<'_>) -> Answer {
        let scope = match self.simulator.vendor() {
            Vendor::NaverClassic => "",
            Vendor::Naver => "openid",
            Vendor::Kakao => "openid,account_email,profile_nickname",
            Vendor::Line => "openid profile email",
            Vendor::GitHub => "read:user user:email",
            Vendor::Google | Vendor::Entra | Vendor::Logto => "openid profile email offline_access",
        };
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT),
            ("state", "our-state"),
            ("scope", scope),
            ("nonce", "our-nonce"),
        ];
        match self.simulator.vendor() {
            Vendor::NaverClassic => {}
            Vendor::Google => pairs.push(("access_type", "offline")),
            _ => pairs.push(("prompt", "consent")),
        }
        if self.simulator.vendor() != Vendor::NaverClassic {
            pairs.push(("code_challenge", CHALLENGE));
            pairs.push(("code_challenge_method", "S256"));
        }
        let pairs = changed(pairs, changes);
        let endpoint = self.simulator.addresses().authorization_endpoint;
        self.get(&format!("{endpoint}?{}", encode(&pairs)), None)
            .await
    }

    /// The person answers the page.
    async fn choose(&self, page: &Answer, action: &str, person: &str) -> Answer {
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        let (_, rest) = page.body.split_once("name=\"request\" value=\"").unwrap();
        let (request, _) = rest.split_once('"').unwrap();
        let form = vec![("request", request), ("action", action), ("person", person)];
        self.post(&format!("{ORIGIN}{}", page::CHOOSE), &form).await
    }

    async fn code(&self, person: &Person) -> String {
        let page = self.authorize(&vec![]).await;
        let answer = self.choose(&page, "approve", person.key).await;
        answer.back("code").unwrap()
    }

    /// A token request as our client sends it, with these parameters changed.
    async fn redeem(&self, code: &str, changes: &Pairs<'_>) -> Answer {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("redirect_uri", REDIRECT),
            ("code", code),
            ("state", "our-state"),
            ("scope", "openid profile email offline_access"),
        ];
        if self.simulator.vendor() != Vendor::NaverClassic {
            form.push(("code_verifier", VERIFIER));
        }
        let form = changed(form, changes);
        self.post(&self.simulator.addresses().token_endpoint, &form)
            .await
    }

    async fn refresh(&self, refresh_token: &str) -> Answer {
        let form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("refresh_token", refresh_token),
            ("scope", "openid profile email offline_access"),
        ];
        self.post(&self.simulator.addresses().token_endpoint, &form)
            .await
    }

    /// Tokens of the first person, who shares everything.
    async fn tokens(&self) -> Value {
        let code = self.code(&self.simulator.vendor().people()[0]).await;
        let answer = self.redeem(&code, &vec![]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()
    }

    async fn profile(&self, token: &Value) -> Answer {
        let endpoint = self.simulator.addresses().userinfo_endpoint;
        let endpoint = endpoint.unwrap_or_else(|| format!("{ORIGIN}/oidc/userinfo"));
        self.get(&endpoint, token.as_str()).await
    }
}

fn changed<'a>(mut pairs: Pairs<'a>, changes: &Pairs<'a>) -> Pairs<'a> {
    for change in changes {
        pairs.retain(|(name, _)| *name != change.0);
        pairs.push(*change);
    }
    pairs.retain(|(_, value)| !value.is_empty());
    pairs
}

fn encode(pairs: &Pairs<'_>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs).finish()
}

/// The claims of a token, unverified.
#[track_caller]
fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn somebody_signs_in_at_every_vendor() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        assert_eq!(Vendor::parse(vendor.name()), Some(vendor));
        let person = &vendor.people()[0];
        let page = visit.authorize(&vec![]).await;
        for shown in [CLIENT, person.name, person.email.unwrap()] {
            assert!(page.body.contains(shown), "{vendor:?}: {}", page.body);
        }
        assert!(!page.body.contains("<script"), "{vendor:?}");
        assert!(
            page.body.contains("Nothing leaves this machine."),
            "{vendor:?}"
        );
        let answer = visit.choose(&page, "approve", person.key).await;
        assert_eq!(answer.back("state").unwrap(), "our-state", "{vendor:?}");
        let answer = visit.redeem(&answer.back("code").unwrap(), &vec![]).await;
        let profile = visit.profile(&answer.json()["access_token"]).await;
        assert_eq!(profile.status, StatusCode::OK, "{vendor:?}: {profile:?}");
        assert!(
            profile.body.contains(person.subject),
            "{vendor:?}: {profile:?}"
        );
        assert!(
            profile.body.contains(person.name),
            "{vendor:?}: {profile:?}"
        );
    }
}

#[tokio::test]
async fn whoever_shares_no_address_has_none_in_the_profile() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let code = visit.code(&vendor.people()[1]).await;
        let tokens = visit.redeem(&code, &vec![]).await.json();
        let profile = visit.profile(&tokens["access_token"]).await;
        assert!(!profile.body.contains('@'), "{vendor:?}: {profile:?}");
        if tokens.get("id_token").is_some() {
            assert_eq!(claims(&tokens["id_token"]).get("email"), None, "{vendor:?}");
        }
    }
}

#[tokio::test]
async fn who_denies_brings_an_error_and_the_state_back() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let page = visit.authorize(&vec![]).await;
        let answer = visit.choose(&page, "deny", "").await;
        assert_eq!(answer.back("error").unwrap(), "access_denied", "{vendor:?}");
        assert_eq!(answer.back("state").unwrap(), "our-state", "{vendor:?}");
        assert_eq!(answer.back("code"), None, "{vendor:?}");
        let form = vec![("request", "made-up"), ("action", "approve")];
        let again = visit
            .post(&format!("{ORIGIN}{}", page::CHOOSE), &form)
            .await;
        assert_eq!(again.status, StatusCode::BAD_REQUEST, "{vendor:?}");
    }
}

/// Nobody is ever sent to an address that is not registered.
#[tokio::test]
async fn wrong_clients_and_redirect_uris_stay_at_every_vendor() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        for change in [
            ("client_id", "somebody-else"),
            ("redirect_uri", "https://sumun.example/callback/vendor2"),
            ("redirect_uri", ""),
        ] {
            let answer = visit.authorize(&vec![change]).await;
            if vendor == Vendor::GitHub && change.0 == "redirect_uri" {
                let error = answer.back("error").unwrap();
                assert_eq!(error, "redirect_uri_mismatch", "at the registered address");
                continue;
            }
            assert!(
                answer.status.is_client_error(),
                "{vendor:?} {change:?}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_code_is_good_once_for_one_verifier_and_one_redirect_uri() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let person = &vendor.people()[0];
        let mut wrong = vec![
            ("client_secret", "guessed"),
            ("client_id", "somebody-else"),
            ("redirect_uri", "https://sumun.example/other"),
            ("code", "made-up"),
        ];
        if vendor == Vendor::NaverClassic {
            wrong.push(("code_verifier", VERIFIER));
        } else {
            wrong.push(("code_verifier", ""));
            wrong.push((
                "code_verifier",
                "another-verifier-of-43-characters-or-more-xyz",
            ));
        }
        for change in wrong {
            let code = visit.code(person).await;
            let refused = visit.redeem(&code, &vec![change]).await;
            assert!(
                refused.json().get("error").is_some(),
                "{vendor:?} {change:?}: {refused:?}"
            );
        }
        let code = visit.code(person).await;
        let tokens = visit.redeem(&code, &vec![]).await.json();
        let again = visit.redeem(&code, &vec![]).await.json();
        assert!(again.get("error").is_some(), "{vendor:?}: {again}");
        let profile = visit.profile(&tokens["access_token"]).await;
        assert_eq!(
            profile.status, 401,
            "{vendor:?}: a replay ends what was issued"
        );
        visit.clock.advance(Duration::from_mins(1));
        let late = visit.code(person).await;
        visit.clock.advance(Duration::from_mins(10));
        let refused = visit.redeem(&late, &vec![]).await.json();
        assert!(refused.get("error").is_some(), "{vendor:?}: {refused}");
    }
}

#[tokio::test]
async fn where_pkce_is_documented_it_is_demanded() {
    for vendor in [
        Vendor::Naver,
        Vendor::Line,
        Vendor::Google,
        Vendor::Entra,
        Vendor::Logto,
    ] {
        let visit = Visit::to(vendor);
        for change in [("code_challenge", ""), ("code_challenge_method", "plain")] {
            let answer = visit.authorize(&vec![change]).await;
            assert_ne!(answer.status, StatusCode::OK, "{vendor:?} {change:?}");
        }
    }
}

#[tokio::test]
async fn id_tokens_verify_with_the_keys_that_are_served() {
    use oauth::jws::verify;
    for vendor in [
        Vendor::Naver,
        Vendor::Kakao,
        Vendor::Google,
        Vendor::Entra,
        Vendor::Logto,
    ] {
        let visit = Visit::to(vendor);
        let tokens = visit.tokens().await;
        let addresses = visit.simulator.addresses();
        let keys = visit.get(&addresses.jwks_uri.unwrap(), None).await;
        let keys = serde_json::from_str(&keys.body).unwrap();
        let id_token = tokens["id_token"].as_str().unwrap();
        let algorithm = if vendor == Vendor::Logto {
            Algorithm::ES384
        } else {
            Algorithm::RS256
        };
        let verified = verify(id_token, &keys, &[algorithm]).unwrap();
        let claims: Value = serde_json::from_slice(&verified.payload).unwrap();
        assert_eq!(claims["iss"], addresses.issuer.unwrap(), "{vendor:?}");
        assert_eq!(claims["aud"], CLIENT, "{vendor:?}");
        assert_eq!(claims["sub"], vendor.people()[0].subject, "{vendor:?}");
        assert_eq!(claims["nonce"], "our-nonce", "{vendor:?}");
    }
}

#[tokio::test]
async fn what_was_sent_is_told_to_tests() {
    let visit = Visit::to(Vendor::Google);
    let tokens = visit.tokens().await;
    visit
        .refresh(tokens["refresh_token"].as_str().unwrap())
        .await;
    let seen = visit.simulator.seen();
    let steps: Vec<_> = seen.iter().map(|seen| seen.step).collect();
    assert_eq!(
        steps,
        [Step::Authorize, Step::Choice, Step::Token, Step::Refresh]
    );
    assert_eq!(seen[0].parameters.get("state"), Some("our-state"));
    assert!(
        seen[2]
            .parameters
            .names()
            .any(|name| name == "code_verifier")
    );
}

#[tokio::test]
async fn a_parameter_that_comes_twice_is_refused() {
    let visit = Visit::to(Vendor::Google);
    let endpoint = visit.simulator.addresses().authorization_endpoint;
    let answer = visit
        .get(&format!("{endpoint}?scope=openid&scope=email"), None)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
