//! Refresh tokens: rotation, grace and the death of a family (acceptance A3).

use crate::browser::Browser;
use crate::house::{CLIENT, House, scope};

async fn first_refresh_token(house: &House) -> String {
    Browser::new(house)
        .tokens("admin")
        .await
        .refresh_token
        .unwrap()
}

#[tokio::test]
async fn a_refresh_rotates_and_keeps_the_scope() {
    let house = House::start().await;
    let first = first_refresh_token(&house).await;
    let tokens = house.refresh(&first).await.tokens();
    assert_eq!(tokens.scope, scope("create:todos read:todos"));
    let second = tokens.refresh_token.unwrap();
    assert_ne!(first, second);
    assert_eq!(house.refresh(&second).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_many_uses_at_once_are_one_rotation() {
    let house = House::start().await;
    let first = first_refresh_token(&house).await;
    let tries = (0..64).map(|_| house.refresh(&first));
    let answers = futures_util::future::join_all(tries).await;
    let mut successors: Vec<_> = answers
        .iter()
        .map(|answer| answer.tokens().refresh_token.unwrap())
        .collect();
    successors.dedup();
    assert_eq!(successors.len(), 1, "everybody gets the same successor");
    assert_eq!(house.refresh(&successors[0]).await.status, 200);
}

#[tokio::test]
async fn a3_inside_the_grace_window_the_same_client_gets_the_same_successor() {
    let house = House::start().await;
    let first = first_refresh_token(&house).await;
    let successor = house.refresh(&first).await.tokens().refresh_token;
    house.advance(30);
    assert_eq!(
        house.refresh(&first).await.tokens().refresh_token,
        successor
    );
}

#[tokio::test]
async fn a3_outside_the_grace_window_the_family_dies() {
    let house = House::start().await;
    let first = first_refresh_token(&house).await;
    let tokens = house.refresh(&first).await.tokens();
    house.advance(31);
    house.refresh(&first).await.refused(400, "invalid_grant");
    house
        .refresh(&tokens.refresh_token.unwrap())
        .await
        .refused(400, "invalid_grant");
    assert!(!house.is_accepted(&tokens.access_token).await);
}

#[tokio::test]
async fn a3_an_older_generation_is_theft_even_inside_the_grace_window() {
    let house = House::start().await;
    let first = first_refresh_token(&house).await;
    let second = house.refresh(&first).await.tokens().refresh_token.unwrap();
    let third = house.refresh(&second).await.tokens().refresh_token.unwrap();
    house.refresh(&first).await.refused(400, "invalid_grant");
    house.refresh(&third).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn another_client_with_the_token_gets_and_breaks_nothing() {
    let house = House::start().await;
    let first = first_refresh_token(&house).await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", first.as_str()),
        ("client_id", "other"),
    ];
    house
        .post("/token", &form)
        .await
        .refused(400, "invalid_grant");
    house
        .refresh(&format!("{first}x"))
        .await
        .refused(400, "invalid_grant");
    assert_eq!(house.refresh(&first).await.status, 200);
}

#[tokio::test]
async fn a_refresh_may_narrow_the_access_token_and_never_widen_it() {
    let house = House::start().await;
    let first = first_refresh_token(&house).await;
    let with_scope = |token: String, scope: &'static str| {
        let house = &house;
        async move {
            let form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", token.as_str()),
                ("client_id", CLIENT),
                ("scope", scope),
            ];
            house.post("/token", &form).await
        }
    };
    with_scope(first.clone(), "create:todos delete:todos")
        .await
        .refused(400, "invalid_scope");
    let narrow = with_scope(first, "read:todos").await.tokens();
    assert_eq!(narrow.scope, scope("read:todos"));
    let again = house.refresh(&narrow.refresh_token.unwrap()).await.tokens();
    assert_eq!(
        again.scope,
        scope("create:todos read:todos"),
        "the grant kept it all"
    );
}

#[tokio::test]
async fn a_refresh_token_ends_when_nobody_uses_it() {
    let house = House::start().await;
    let first = first_refresh_token(&house).await;
    house.advance(29 * 24 * 3600);
    let second = house.refresh(&first).await.tokens().refresh_token.unwrap();
    house.advance(30 * 24 * 3600);
    house.refresh(&second).await.refused(400, "invalid_grant");
}
