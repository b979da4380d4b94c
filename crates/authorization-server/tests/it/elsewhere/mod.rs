//! Signing in at identity providers, from the client's request to its answer: acceptance B1, B8,
//! C4 and C5.

mod approval;
mod attacks;
mod device;
mod interleavings;
mod outages;
mod people;

use authorization_server::identity_provider::{IdentityProviderSettings, PresetFields};
use authorization_server::settings::Settings;
use http::StatusCode;
use serde_json::{Value, json};

use crate::browser::{Browser, request};
use crate::house::{Answer, House, ISSUER, REDIRECT};

pub(super) const NAVER_TOKEN: &str = "https://nid.naver.com/oauth2.0/token";
pub(super) const NAVER_ME: &str = "https://openapi.naver.com/v1/nid/me";
pub(super) const CORP_TOKEN: &str = "https://id.corp.example/token";
pub(super) const CORP_ME: &str = "https://id.corp.example/me";
/// Everything in answers of providers that nobody else must see holds this word.
pub(super) const CANARY: &str = "canary";

/// Two providers: one as the bundled preset knows it, one that the operator described.
pub(super) fn providers(settings: &mut Settings) {
    let secret = || Some("our-secret".into());
    let mut corp = IdentityProviderSettings::new("corp", "oauth2", "us", secret());
    let at = |path: &str| Some(format!("https://id.corp.example/{path}"));
    corp.overrides = PresetFields {
        name: Some("Corp".to_owned()),
        name_ko: Some("회사 계정".to_owned()),
        authorization_endpoint: at("authorize"),
        token_endpoint: at("token"),
        userinfo_endpoint: at("me"),
        email_verified_at: Some(vec!["/email_verified".to_owned()]),
        ..PresetFields::default()
    };
    settings.identity_providers = vec![
        IdentityProviderSettings::new("naver", "naver-classic", "us", secret()),
        corp,
    ];
}

/// A house with two providers that answer.
pub(super) async fn house() -> House {
    house_with(|_| {}).await
}

pub(super) async fn house_with(change: impl FnOnce(&mut Settings)) -> House {
    let house = House::with(|settings| {
        providers(settings);
        change(settings);
    })
    .await;
    let tokens = json!({
        "access_token": "canary-upstream-access", "refresh_token": "canary-upstream-refresh",
        "token_type": "bearer", "expires_in": "3600",
    });
    house.network.answer_json(NAVER_TOKEN, &tokens);
    house.network.answer_json(CORP_TOKEN, &tokens);
    is_kim_at_naver(&house);
    is_at_corp(&house, &lee());
    house
}

/// Who signs in at the other provider, unless a test changes it.
pub(super) fn lee() -> Value {
    json!({"sub": "c-1", "preferred_username": "lee"})
}

/// Who signs in at Naver from now on.
pub(super) fn is_kim_at_naver(house: &House) {
    let kim =
        json!({"id": "n-1", "nickname": "kim", "name": "Kim Dan", "email": "kim@naver.example"});
    let profile = json!({"resultcode": "00", "message": "success", "response": kim});
    house.network.answer_json(NAVER_ME, &profile);
}

/// Who signs in at the other provider from now on.
pub(super) fn is_at_corp(house: &House, profile: &Value) {
    house.network.answer_json(CORP_ME, profile);
}

/// Somebody on their way through a provider: the page, the provider, the callback.
pub(super) struct Journey<'a> {
    pub(super) browser: Browser<'a>,
    pub(super) grant: String,
}

impl<'a> Journey<'a> {
    /// Opens the page of the usual request in a new browser.
    pub(super) async fn begin(house: &'a House) -> Self {
        let mut browser = Browser::new(house);
        let (grant, page) = browser.open(&request()).await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        Self { browser, grant }
    }

    /// Presses the button of a provider.
    pub(super) async fn press(&mut self, provider: &str, ticked: &[&str]) -> Answer {
        let action = format!("provider:{provider}");
        let mut form = vec![("grant", &*self.grant), ("action", &*action)];
        form.extend(ticked.iter().map(|scope| ("scope", *scope)));
        self.browser.post("/login", &form).await
    }

    /// Presses the button, and says what the provider will send back as `state`.
    pub(super) async fn leave(&mut self, provider: &str, ticked: &[&str]) -> String {
        let answer = self.press(provider, ticked).await;
        let host = answer.location().host_str().unwrap().to_owned();
        assert!(
            ["nid.naver.com", "id.corp.example"].contains(&&*host),
            "{answer:?}"
        );
        answer.parameter("state").expect("providers need a state")
    }

    /// Comes back with a code.
    pub(super) async fn come_back(&mut self, provider: &str, state: &str) -> Answer {
        self.come_back_with(
            provider,
            &format!("state={state}&code=canary-upstream-code"),
        )
        .await
    }

    pub(super) async fn come_back_with(&mut self, provider: &str, query: &str) -> Answer {
        self.browser
            .get(&format!("/callback/{provider}?{query}"))
            .await
    }

    /// The whole way through a provider.
    pub(super) async fn through(&mut self, provider: &str, ticked: &[&str]) -> Answer {
        let state = self.leave(provider, ticked).await;
        self.come_back(provider, &state).await
    }

    /// Looks at the sign-in page again.
    pub(super) async fn look(&mut self) -> Answer {
        self.browser
            .get(&format!("/login?grant={}", self.grant))
            .await
    }
}

/// Asserts that the client gets this error, as ours, and nothing of anybody else (B8).
#[track_caller]
pub(super) fn tells_client(answer: &Answer, error: &str) {
    assert!(
        answer.location().as_str().starts_with(REDIRECT),
        "{answer:?}"
    );
    for (name, value) in [("error", error), ("iss", ISSUER), ("state", "st4te")] {
        assert_eq!(answer.parameter(name).as_deref(), Some(value), "{answer:?}");
    }
    assert_eq!(answer.parameter("code"), None);
    keeps_quiet(answer);
}

/// Asserts that an answer holds nothing of a provider.
#[track_caller]
pub(super) fn keeps_quiet(answer: &Answer) {
    let seen = format!("{answer:?}");
    for forbidden in [
        CANARY,
        "nid.naver.com",
        "id.corp.example",
        "openapi.naver.com",
    ] {
        assert!(!seen.contains(forbidden), "{forbidden} in {answer:?}");
    }
}

/// How many requests went to this address.
pub(super) fn asked(house: &House, url: &str) -> usize {
    let requests = house.network.requests();
    requests
        .iter()
        .filter(|request| request.url.as_str() == url)
        .count()
}
