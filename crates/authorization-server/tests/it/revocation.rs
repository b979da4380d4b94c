//! Revocation (RFC 7009, acceptance A6).

use authorization_server::Revocation;

use crate::browser::Browser;
use crate::house::{CLIENT, House};

async fn revoke(house: &House, token: &str, client_id: &str) {
    let form = [("token", token), ("client_id", client_id)];
    assert_eq!(house.post("/revoke", &form).await.status, 200);
}

#[tokio::test]
async fn a6_revoking_either_token_ends_the_grant() {
    let house = House::start().await;
    for which in ["access", "refresh"] {
        let tokens = Browser::new(&house).tokens("alice").await;
        let refresh_token = tokens.refresh_token.unwrap();
        let mut revocations = house.server.subscribe();
        let told = house.server.revocations_told();
        let token = if which == "access" {
            &tokens.access_token
        } else {
            &refresh_token
        };
        revoke(&house, token, CLIENT).await;
        assert!(
            matches!(revocations.try_recv(), Ok(Revocation::Grant(_))),
            "caches are told"
        );
        assert_eq!(house.server.revocations_told(), told + 1);
        assert!(!house.is_accepted(&tokens.access_token).await, "{which}");
        house
            .refresh(&refresh_token)
            .await
            .refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn a6_an_unknown_or_foreign_token_is_answered_alike_and_nothing_ends() {
    let house = House::start().await;
    let tokens = Browser::new(&house).tokens("alice").await;
    revoke(&house, "nonsense", CLIENT).await;
    revoke(&house, &tokens.access_token, "other").await;
    revoke(&house, &tokens.refresh_token.unwrap(), "other").await;
    assert!(house.is_accepted(&tokens.access_token).await);
}

#[tokio::test]
async fn a_token_of_client_credentials_can_be_revoked_by_itself() {
    let house = House::start().await;
    let service = ("service", "service-secret");
    let form = [("grant_type", "client_credentials")];
    let one = house
        .post_as(service, "/token", &form)
        .await
        .tokens()
        .access_token;
    let two = house
        .post_as(service, "/token", &form)
        .await
        .tokens()
        .access_token;
    let answer = house.post_as(service, "/revoke", &[("token", &one)]).await;
    assert_eq!(answer.status, 200);
    assert!(!house.is_accepted(&one).await);
    assert!(house.is_accepted(&two).await);
}

#[tokio::test]
async fn a_confidential_client_has_to_prove_itself() {
    let house = House::start().await;
    let answer = house
        .post("/revoke", &[("token", "x"), ("client_id", "service")])
        .await;
    answer.refused(401, "invalid_client");
}
