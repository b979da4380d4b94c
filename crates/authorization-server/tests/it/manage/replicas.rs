//! Two servers on one store: each sees what the other changed.

use super::*;
use crate::house::PASSWORD;

#[tokio::test]
async fn what_one_replica_changes_the_other_knows() {
    let one = Controls::start().await;
    let other = one.house.replica().await;
    let token = one.token(ALL).await;
    let words = json!({"en": "Read your notes", "ko": "메모 읽기"});
    one.post(
        &token,
        "/scopes",
        json!({"name": "read:notes", "words": words}),
    )
    .await
    .done(201);
    let supported = async || {
        let metadata = other.get("/.well-known/oauth-authorization-server").await;
        metadata.body.contains("read:notes")
    };
    assert!(!supported().await, "the snapshot is a few seconds old");
    other.server.refresh().await.unwrap();
    assert!(supported().await);

    // People and clients are read from the store, so they are known at once.
    let bob = json!({"username": "bob", "password": PASSWORD});
    one.post(&token, "/users", bob).await.done(201);
    Browser::new(&other).tokens("bob").await;
    let robot = json!({"client_name": "Robot", "grant_types": ["client_credentials"], "scope": "read:todos"});
    let robot = one.post(&token, "/clients", robot).await.done(201);
    let credentials = (
        robot["client_id"].as_str().unwrap(),
        robot["client_secret"].as_str().unwrap(),
    );
    let form = [("grant_type", "client_credentials")];
    other.post_as(credentials, "/token", &form).await.tokens();
}

#[tokio::test]
async fn a_resource_of_a_moment_ago_works_on_the_other_replica() {
    let one = Controls::start().await;
    let other = one.house.replica().await;
    let token = one.token(ALL).await;
    let notes = json!({"indicator": "https://notes.example/mcp", "name": "Notes", "scopes": ["read:todos"]});
    one.post(&token, "/resources", notes).await.done(201);
    let mut request = request();
    request.insert("resource", "https://notes.example/mcp".to_owned());
    let code = Browser::new(&one.house).code("admin", &request).await;
    // The other one has not looked yet, and must not take the grant for one of a resource that is gone.
    other.redeem(&code).await.tokens();
}

#[tokio::test]
async fn what_was_added_survives_a_restart_and_never_overrules_the_settings() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let role = json!({"name": "Helper", "scopes": ["read:todos"]});
    controls.post(&token, "/roles", role).await.done(201);
    let declare = |settings: &mut Settings| {
        settings
            .roles
            .insert("Helper".into(), scope("delete:todos"));
    };
    let controls = Controls::of(controls.house.restarted().await).await;
    let helper = controls.get(&token, "/roles/Helper").await.done(200);
    assert_eq!(helper["scopes"], json!(["read:todos"]));
    let controls = Controls::of(controls.house.restarted_with(declare).await).await;
    let helper = controls.get(&token, "/roles/Helper").await.done(200);
    assert_eq!(
        helper,
        json!({"name": "Helper", "scopes": ["delete:todos"], "declared": true})
    );
}

#[tokio::test]
async fn two_changes_at_once_are_made_one_after_the_other() {
    let one = Controls::start().await;
    let other = Controls::of(one.house.replica().await).await;
    let token = one.token(ALL).await;
    let role = |n: u32| json!({"name": format!("Role{n}"), "scopes": []});
    let both = (0..10).map(|n| {
        let controls = if n % 2 == 0 { &one } else { &other };
        controls.post(&token, "/roles", role(n))
    });
    for answer in futures_util::future::join_all(both).await {
        answer.done(201);
    }
    let names = one.get(&token, "/roles").await.done(200).to_string();
    assert!(
        (0..10).all(|n| names.contains(&format!("Role{n}"))),
        "{names}"
    );
}
