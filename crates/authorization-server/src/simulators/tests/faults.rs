//! What can go wrong goes wrong, and ends again.

use super::*;

#[tokio::test]
async fn each_step_can_be_down_busy_or_garbled() {
    let visit = Visit::to(Vendor::Google);
    let addresses = visit.simulator.addresses();
    let tokens = visit.tokens().await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let request = async |step| match step {
        Step::Authorize => visit.authorize(&vec![]).await,
        Step::Token => visit.redeem("made-up", &vec![]).await,
        Step::Refresh => visit.refresh(refresh_token).await,
        Step::Keys => visit.get(addresses.jwks_uri.as_ref().unwrap(), None).await,
        Step::Profile => visit.profile(&tokens["access_token"]).await,
        Step::Discovery => {
            let url = format!("{ORIGIN}/.well-known/openid-configuration");
            visit.get(&url, None).await
        }
        Step::Choice => {
            visit
                .post(&format!("{ORIGIN}{}", page::CHOOSE), &vec![])
                .await
        }
        // Naver's alone.
        Step::Search | Step::Calendar => unreachable!("they are not in the list below"),
        Step::Revoke => {
            let endpoint = addresses.revocation_endpoint.as_ref().unwrap();
            visit.post(endpoint, &vec![]).await
        }
    };
    for step in [
        Step::Authorize,
        Step::Choice,
        Step::Token,
        Step::Refresh,
        Step::Discovery,
        Step::Keys,
        Step::Profile,
        Step::Revoke,
    ] {
        let healthy = request(step).await.status;
        visit.simulator.begin(Fault::Down(step));
        let down = request(step).await;
        assert_eq!(down.status, StatusCode::SERVICE_UNAVAILABLE, "{step:?}");
        assert!(down.body.contains("internal.vendor.example"), "{step:?}");
        visit.simulator.end(Fault::Down(step));
        visit.simulator.begin(Fault::Busy(step));
        let busy = request(step).await;
        assert_eq!(busy.status, StatusCode::TOO_MANY_REQUESTS, "{step:?}");
        assert_eq!(busy.headers["retry-after"], "7");
        visit.simulator.end(Fault::Busy(step));
        visit.simulator.begin(Fault::Garbled(step));
        let garbled = request(step).await;
        assert_eq!(garbled.status, StatusCode::OK, "{step:?}");
        assert!(garbled.body.starts_with("<!doctype html>"), "{step:?}");
        visit.simulator.end(Fault::Garbled(step));
        assert_eq!(
            request(step).await.status,
            healthy,
            "{step:?} is well again"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_can_be_slow_or_hang() {
    let visit = Visit::to(Vendor::Naver);
    visit.simulator.begin(Fault::Slow(Step::Token));
    let began = tokio::time::Instant::now();
    visit.redeem("made-up", &vec![]).await;
    assert!(began.elapsed() >= Duration::from_secs(2));
    visit.simulator.begin(Fault::Hangs(Step::Profile));
    let token = Value::from("x");
    let answer = visit.profile(&token);
    let hour = Duration::from_hours(1);
    assert!(tokio::time::timeout(hour, answer).await.is_err());
}

#[tokio::test]
async fn what_comes_back_may_carry_another_state_or_none() {
    let visit = Visit::to(Vendor::Kakao);
    for (fault, expected) in [
        (Fault::WrongState, Some("of-somebody-else".to_owned())),
        (Fault::NoState, None),
    ] {
        visit.simulator.begin(fault);
        let page = visit.authorize(&vec![]).await;
        let answer = visit.choose(&page, "approve", "garam").await;
        assert_eq!(answer.back("state"), expected);
        visit.simulator.end(fault);
    }
}

#[tokio::test]
async fn codes_can_be_late_and_people_can_withdraw() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let tokens = visit.tokens().await;
        visit.simulator.begin(Fault::ExpiredCode);
        let code = visit.code(&vendor.people()[0]).await;
        let refused = visit.redeem(&code, &vec![]).await.json();
        assert!(refused.get("error").is_some(), "{vendor:?}: {refused}");
        visit.simulator.begin(Fault::RevokedConsent);
        let profile = visit.profile(&tokens["access_token"]).await;
        assert_eq!(profile.status, 401, "{vendor:?}");
        if let Some(refresh_token) = tokens.get("refresh_token") {
            let refused = visit.refresh(refresh_token.as_str().unwrap()).await.json();
            assert!(refused.get("error").is_some(), "{vendor:?}: {refused}");
        }
    }
}

#[tokio::test]
async fn an_id_token_can_be_wrong_in_every_way() {
    use oauth::jws::{JwsError, verify};
    let visit = Visit::to(Vendor::Logto);
    let keys = visit.simulator.key_set();
    for (fault, claim, expected) in [
        (Fault::WrongNonce, "nonce", "of-another-request"),
        (Fault::WrongAudience, "aud", "another-client"),
        (Fault::WrongIssuer, "iss", "https://another-issuer.example"),
    ] {
        visit.simulator.begin(fault);
        let tokens = visit.tokens().await;
        assert_eq!(claims(&tokens["id_token"])[claim], expected);
        visit.simulator.end(fault);
    }
    visit.simulator.begin(Fault::ExpiredIdToken);
    let expired = claims(&visit.tokens().await["id_token"]);
    assert!(expired["exp"].as_i64() < expired["iat"].as_i64());
    visit.simulator.begin(Fault::WrongSignature);
    let forged = visit.tokens().await["id_token"].take();
    let refused = verify(forged.as_str().unwrap(), &keys, &[Algorithm::ES384]);
    assert_eq!(refused.unwrap_err(), JwsError::Signature);
    visit.simulator.begin(Fault::OtherSubject);
    let tokens = visit.tokens().await;
    let profile = visit.profile(&tokens["access_token"]).await.json();
    assert_ne!(profile["sub"], claims(&tokens["id_token"])["sub"]);
}

#[tokio::test]
async fn there_may_be_no_refresh_token() {
    for vendor in Vendor::ALL {
        let visit = Visit::to(vendor);
        let usual = visit.tokens().await.get("refresh_token").is_some();
        assert_eq!(usual, vendor != Vendor::GitHub, "{vendor:?}");
        visit.simulator.begin(Fault::NoRefreshToken);
        assert_eq!(
            visit.tokens().await.get("refresh_token"),
            None,
            "{vendor:?}"
        );
    }
}
