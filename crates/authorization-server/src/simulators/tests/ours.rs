//! Our own client at every vendor: the presets are right when the strictest vendor takes them.

use async_trait::async_trait;
use delegation::Credential;
use oauth::client::authorization::CallbackAnswer;
use oauth::client::fetch::{Fetch, FetchError, Fetched, Limits, Outgoing, Transport};
use oauth::issuer::Issuer;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;

use super::*;
use crate::identity_provider::{
    Arrival, Identity, IdentityProvider, IdentityProviderError, IdentityProviderSettings,
    IdentityProviders, Leg, Refusal,
};
use crate::settings::{Resource, Settings};

/// Carries requests to a simulator without a network.
#[derive(Debug)]
struct Wire(Router);

#[async_trait]
impl Transport for Wire {
    async fn send(&self, sent: Outgoing) -> Result<Fetched, FetchError> {
        let is_ours = sent.url.as_str().starts_with(ORIGIN);
        assert!(is_ours, "to the vendor itself: {sent:?}");
        let mut request = Request::new(Body::from(sent.body));
        *request.method_mut() = sent.method;
        *request.uri_mut() = sent.url.as_str().parse().unwrap();
        *request.headers_mut() = sent.headers;
        let answer = self.0.clone().oneshot(request);
        let response = tokio::time::timeout(sent.limits.deadline, answer).await;
        let (parts, body) = response
            .map_err(|_| FetchError::Deadline)?
            .unwrap()
            .into_parts();
        Ok(Fetched {
            status: parts.status,
            headers: parts.headers,
            body: axum::body::to_bytes(body, usize::MAX).await.unwrap(),
        })
    }
}

/// A house and a vendor.
struct Road<'a> {
    visit: &'a Visit,
    providers: IdentityProviders,
}

impl<'a> Road<'a> {
    /// A house that has not spoken to this vendor yet.
    fn to(visit: &'a Visit) -> Self {
        Self::with(visit, |_| {})
    }

    /// The same with an operator who changes something.
    fn with(visit: &'a Visit, change: impl FnOnce(&mut IdentityProviderSettings)) -> Self {
        let issuer = Issuer::parse("https://sumun.example").unwrap();
        let todo = Resource {
            indicator: ResourceIndicator::parse("https://sumun.example/mcp").unwrap(),
            name: "Todo".to_owned(),
            scopes: Scope::empty(),
        };
        let mut settings = Settings::new(issuer, vec![todo]);
        let mut provider = visit.simulator.provider("vendor");
        change(&mut provider);
        settings.identity_providers = vec![provider];
        settings.check().unwrap();
        let fetch = Fetch::through(Wire(visit.router.clone()));
        let clock: Arc<dyn Clock> = Arc::new(visit.clock.clone());
        let providers = IdentityProviders::new(&settings, &fetch, &clock).unwrap();
        Self { visit, providers }
    }

    fn provider(&self) -> &IdentityProvider {
        self.providers.get("vendor").unwrap()
    }

    /// A client asks for a resource of ours, the person is sent to the vendor and answers.
    async fn walk(&self, person: &str) -> Result<(Identity, Credential), IdentityProviderError> {
        let arrival = self.go(leg(), person).await?;
        Ok((arrival.identity, arrival.credential))
    }

    async fn go(&self, leg: Leg, person: &str) -> Result<Arrival, IdentityProviderError> {
        let url = self.provider().authorization_url(&leg, "a-state").await?;
        let page = self.visit.get(url.as_str(), None).await;
        let action = if person.is_empty() { "deny" } else { "approve" };
        let back = self.visit.choose(&page, action, person).await;
        let answer = CallbackAnswer {
            code: back.back("code"),
            state: back.back("state"),
            iss: back.back("iss"),
            error: back.back("error"),
            error_description: back.back("error_description"),
        };
        self.provider().finish(&leg, "a-state", &answer).await
    }
}

fn leg() -> Leg {
    let resource = Some("https://sumun.example/mcp".to_owned());
    Leg::begin(&OsRandom, resource)
}

#[tokio::test]
async fn who_has_to_sign_in_anew_does_so_and_some_vendors_prove_it() {
    let mut proving = Vec::new();
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let road = Road::to(&visit);
        let person = vendor.people()[0].key;
        let fresh = leg().with_fresh_sign_in(visit.clock.now());
        let anew = road.go(fresh, person).await.unwrap();
        let proof = anew.signed_in_at;
        let is_proved = proof == Some(visit.clock.now());
        assert_eq!(proof.is_some(), is_proved, "{vendor:?}");
        assert_eq!(road.provider().proves_fresh_sign_in(), is_proved);
        let silent = road.go(leg(), person).await.unwrap();
        assert_eq!(silent.signed_in_at, None, "{vendor:?}");
        if is_proved {
            proving.push(vendor);
        }
    }
    assert_eq!(proving, [Vendor::Line, Vendor::Logto]);
}

#[tokio::test]
async fn every_preset_brings_every_person() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let road = Road::to(&visit);
        for person in vendor.people() {
            let (identity, credential) = road.walk(person.key).await.unwrap_or_else(|error| {
                panic!("{vendor:?} {}: {error}", person.key);
            });
            assert_eq!(identity.subject, person.subject, "{vendor:?}");
            // Naver alone lets people keep their name to themselves.
            if person.email.is_some() {
                assert_eq!(identity.name.as_deref(), Some(person.name), "{vendor:?}");
            }
            // LINE shares addresses only with apps that were admitted to them.
            if vendor != Vendor::Line {
                assert_eq!(identity.email.as_deref(), person.email, "{vendor:?}");
            }
            let is_known_there = matches!(
                vendor,
                Vendor::Kakao | Vendor::Google | Vendor::Logto | Vendor::GitHub
            );
            let expected = person.email_verified && is_known_there;
            assert_eq!(
                identity.email_verified, expected,
                "{vendor:?} {}",
                person.key
            );
            assert_eq!(
                credential.expires_at.is_some(),
                vendor != Vendor::GitHub,
                "{vendor:?}"
            );
        }
    }
}

/// The request of the client is ours to answer; nothing of it goes on, and nothing comes back twice.
#[tokio::test]
async fn b5_b6_what_is_sent_is_what_the_vendor_wants() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let road = Road::to(&visit);
        road.walk(vendor.people()[0].key).await.unwrap();
        let seen = visit.simulator.seen();
        let of = |step| {
            &seen
                .iter()
                .find(|seen| seen.step == step)
                .unwrap()
                .parameters
        };
        let (asked, redeemed) = (of(Step::Authorize), of(Step::Token));
        for sent in [asked, redeemed] {
            assert_eq!(sent.get("resource"), None, "{vendor:?}");
            assert_eq!(sent.get("redirect_uri"), Some(REDIRECT), "{vendor:?}");
        }
        let has_pkce = vendor != Vendor::NaverClassic;
        assert_eq!(
            asked.get("code_challenge").is_some(),
            has_pkce,
            "{vendor:?}"
        );
        let is_naver = NAVER.contains(&vendor);
        assert_eq!(redeemed.get("state").is_some(), is_naver, "{vendor:?}");
        if is_naver {
            assert_eq!(redeemed.get("state"), asked.get("state"));
            assert_eq!(
                redeemed.get("client_secret"),
                Some(SECRET),
                "client_secret_post"
            );
        }
    }
}

const NAVER: [Vendor; 2] = [Vendor::Naver, Vendor::NaverClassic];

/// A token for an API resource opens that resource alone, so the ID token has to say who it is.
#[tokio::test]
async fn b6_a_resource_of_the_provider_may_stand_in_place_of_ours() {
    let visit = Visit::to(Vendor::Logto);
    let road = Road::with(&visit, |provider| {
        provider.overrides.resource = Some(logto::API_RESOURCE.to_owned());
    });
    let (identity, credential) = road.walk("liv").await.unwrap();
    assert_eq!(identity.name.as_deref(), Some("Liv Example"));
    let token = Value::from(credential.access_token.expose());
    assert_eq!(claims(&token)["aud"], logto::API_RESOURCE);
    assert_eq!(visit.profile(&token).await.status, 401);
}

#[tokio::test]
async fn who_says_no_is_no_failure() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let refused = Road::to(&visit).walk("").await.unwrap_err();
        let is_denial = matches!(refused, IdentityProviderError::Denied { .. });
        assert!(is_denial, "{vendor:?}: {refused:?}");
    }
}

#[tokio::test]
async fn b3_b4_credentials_are_renewed_as_each_vendor_does_it() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let road = Road::to(&visit);
        let (_, credential) = road.walk(vendor.people()[0].key).await.unwrap();
        let Some(old) = credential.refresh_token.clone() else {
            assert_eq!(vendor, Vendor::GitHub);
            continue;
        };
        let renewed = road.provider().refresh(&credential).await.unwrap();
        let new = renewed
            .refresh_token
            .clone()
            .expect("the old one, if there is no new one");
        let rotates = matches!(vendor, Vendor::Entra | Vendor::Logto);
        assert_eq!(new.expose() != old.expose(), rotates, "{vendor:?}");
        assert_ne!(
            renewed.access_token.expose(),
            credential.access_token.expose()
        );

        visit.simulator.begin(Fault::RevokedConsent);
        let ended = road.provider().refresh(&renewed).await.unwrap_err();
        let is_end = matches!(ended, IdentityProviderError::CredentialEnded { .. });
        assert!(is_end, "{vendor:?}: {ended:?}");
    }
}

#[tokio::test]
async fn a_credential_that_nobody_uses_is_ended_there_too() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let road = Road::to(&visit);
        let (_, credential) = road.walk(vendor.people()[0].key).await.unwrap();
        road.provider().revoke(&credential).await.unwrap();
        let token = Value::from(credential.access_token.expose());
        let status = visit.profile(&token).await.status.as_u16();
        // Entra has no such thing.
        let expected = if vendor == Vendor::Entra { 200 } else { 401 };
        assert_eq!(status, expected, "{vendor:?}");
    }
}

/// Which steps a sign-in takes there, besides the page.
fn steps(vendor: Vendor) -> Vec<Step> {
    match vendor {
        Vendor::NaverClassic | Vendor::Kakao | Vendor::GitHub | Vendor::Line => {
            vec![Step::Token, Step::Profile]
        }
        Vendor::Entra => vec![Step::Token, Step::Keys],
        Vendor::Naver => vec![Step::Token, Step::Keys, Step::Profile],
        Vendor::Google | Vendor::Logto => {
            vec![Step::Discovery, Step::Token, Step::Keys, Step::Profile]
        }
    }
}

#[tokio::test(start_paused = true)]
async fn b1_b2_an_outage_of_any_step_is_an_outage_and_nothing_else() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        for step in steps(vendor) {
            for fault in [Fault::Down(step), Fault::Busy(step), Fault::Hangs(step)] {
                let road = Road::to(&visit);
                visit.simulator.begin(fault);
                let failed = road.walk(vendor.people()[0].key).await.unwrap_err();
                let is_outage = matches!(failed, IdentityProviderError::Unavailable { .. });
                assert!(is_outage, "{vendor:?} {fault:?}: {failed:?}");
                assert!(
                    !failed.to_string().contains("internal"),
                    "{vendor:?} {fault:?}: {failed}"
                );
                visit.simulator.end(fault);
                visit.clock.advance(Duration::from_mins(1));
                let well = road.walk(vendor.people()[0].key).await;
                assert!(well.is_ok(), "{vendor:?} after {fault:?}: {well:?}");
            }
        }
    }
}

#[tokio::test]
async fn garbled_answers_and_late_codes_are_refused() {
    for vendor in Vendor::ALL {
        let mut faults: Vec<_> = steps(vendor).into_iter().map(Fault::Garbled).collect();
        faults.push(Fault::ExpiredCode);
        faults.push(Fault::WrongState);
        faults.push(Fault::NoState);
        let visit = Visit::to(vendor);
        for fault in faults {
            visit.simulator.begin(fault);
            let refused = Road::to(&visit).walk(vendor.people()[0].key).await;
            assert!(refused.is_err(), "{vendor:?} {fault:?}: {refused:?}");
            visit.simulator.end(fault);
        }
    }
}

#[tokio::test]
async fn id_tokens_of_somebody_else_let_nobody_in() {
    for vendor in [
        Vendor::Naver,
        Vendor::Line,
        Vendor::Google,
        Vendor::Entra,
        Vendor::Logto,
    ] {
        let visit = Visit::to(vendor);
        for fault in [
            Fault::WrongNonce,
            Fault::WrongAudience,
            Fault::WrongIssuer,
            Fault::ExpiredIdToken,
            Fault::WrongSignature,
            Fault::OtherSubject,
        ] {
            // Naver does not say that it knows a nonce, and Entra's profile is not asked for.
            let is_moot = (vendor, fault) == (Vendor::Naver, Fault::WrongNonce)
                || (vendor, fault) == (Vendor::Entra, Fault::OtherSubject);
            visit.simulator.begin(fault);
            let result = Road::to(&visit).walk(vendor.people()[0].key).await;
            visit.simulator.end(fault);
            assert_eq!(result.is_ok(), is_moot, "{vendor:?} {fault:?}: {result:?}");
            if let Err(error) = result {
                let IdentityProviderError::Refused { refusal, .. } = error else {
                    panic!("{vendor:?} {fault:?}: {error:?}")
                };
                let is_other = matches!(refusal, Refusal::OtherSubject);
                assert_eq!(
                    is_other,
                    fault == Fault::OtherSubject,
                    "{vendor:?}: {refusal:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn busy_vendors_say_when_to_come_again() {
    let visit = Visit::to(Vendor::Google);
    let road = Road::to(&visit);
    visit.simulator.begin(Fault::Busy(Step::Token));
    let failed = road.walk("alice").await.unwrap_err();
    let IdentityProviderError::Unavailable { retry_after, .. } = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(retry_after, Duration::from_secs(7));
}

/// The notice goes through the same door as every other request.
#[tokio::test]
async fn the_notice_of_naver_is_sent_as_a_form() {
    use oauth::client::fetch::Scripted;
    let visit = Visit::to(Vendor::Naver);
    let network = Scripted::default();
    network.answer("https://sumun.example/unlink/naver", 204, &[], "");
    let fetch = Fetch::through(network.clone());
    let person = &Vendor::Naver.people()[0];
    let sent = visit
        .simulator
        .unlink(person, &fetch, "https://sumun.example/unlink/naver")
        .await;
    assert_eq!(sent.unwrap(), StatusCode::NO_CONTENT);
    let requests = network.requests();
    let body = String::from_utf8(requests[0].body.to_vec()).unwrap();
    assert!(
        body.starts_with("clientId=our-client&encryptUniqueId="),
        "{body}"
    );
    let limits = requests[0].limits;
    assert_eq!(limits.deadline, Limits::DOCUMENT.deadline);
}

#[tokio::test]
async fn b7_who_withdraws_on_the_page_is_made_known_by_naver_alone() {
    use oauth::client::fetch::Scripted;
    const CALLBACK: &str = "https://sumun.example/unlink/vendor";
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let network = Scripted::default();
        network.answer(CALLBACK, 204, &[], "");
        let fetch = Fetch::through(network.clone());
        visit.simulator.tell(fetch, CALLBACK.to_owned());
        let person = &vendor.people()[0];
        let tokens = visit.tokens().await;
        let page = visit.get(ORIGIN, None).await;
        assert!(page.body.contains(person.name), "{vendor:?}: {page:?}");
        assert!(!page.body.contains(vendor.people()[1].name), "{vendor:?}");

        let withdraw = format!("{ORIGIN}/simulator/withdraw");
        let nobody = visit.post(&withdraw, &vec![("person", "nobody")]).await;
        assert_eq!(nobody.status, StatusCode::BAD_REQUEST, "{vendor:?}");
        let done = visit.post(&withdraw, &vec![("person", person.key)]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{vendor:?}: {done:?}");
        let profile = visit.profile(&tokens["access_token"]).await;
        assert_eq!(profile.status, StatusCode::UNAUTHORIZED, "{vendor:?}");
        let page = visit.get(ORIGIN, None).await;
        assert!(!page.body.contains(person.name), "{vendor:?}: {page:?}");
        let is_told = network.requests().len();
        assert_eq!(is_told, usize::from(NAVER.contains(&vendor)), "{vendor:?}");
    }
}
