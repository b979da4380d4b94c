//! People: made known, changed, disabled, removed.

use super::*;
use crate::house::PASSWORD;

fn bob() -> Value {
    json!({"username": "bob", "password": PASSWORD, "name": "Bob", "roles": ["Admin"]})
}

#[tokio::test]
async fn a_person_is_made_known_and_can_sign_in() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let answer = controls.post(&token, "/users", bob()).await;
    let view = answer.done(201);
    let id = view["id"].as_str().unwrap();
    assert_eq!(
        answer.header("location"),
        format!("{ISSUER}/manage/v1/users/{id}")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.body.contains(PASSWORD));
    assert_eq!(
        controls
            .get(&token, &format!("/users/{id}"))
            .await
            .done(200),
        view
    );
    let tokens = Browser::new(&controls.house).tokens("bob").await;
    assert_eq!(tokens.scope.to_string(), "create:todos read:todos");

    controls
        .post(&token, "/users", bob())
        .await
        .problem(409, "name_taken");
    for (member, value) in [
        ("username", json!("bob smith")),
        ("password", json!("short")),
        ("roles", json!(["Boss"])),
        ("name", json!("")),
        ("email", json!("a\u{7}b")),
    ] {
        let mut bad = bob();
        bad["username"] = json!("carol");
        bad[member] = value;
        controls
            .post(&token, "/users", bad)
            .await
            .problem(400, "malformed_request");
    }
}

#[tokio::test]
async fn lists_come_page_by_page_and_by_name() {
    let controls = Controls::start().await;
    let token = controls.token("manage:read").await;
    let first = controls.get(&token, "/users?limit=1").await.done(200);
    assert_eq!(first["items"][0]["username"], "admin");
    let next = format!("/users?limit=1&cursor={}", first["next"].as_str().unwrap());
    let second = controls.get(&token, &next).await.done(200);
    assert_eq!(second["items"][0]["username"], "alice");
    let found = controls
        .get(&token, "/users?username=ALICE")
        .await
        .done(200);
    assert_eq!(found["items"], second["items"]);
    let nobody = controls.get(&token, "/users?username=zoe").await.done(200);
    assert_eq!(nobody["items"], json!([]));
    controls
        .get(&token, "/users/nobody")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn rfc7396_a_change_touches_what_it_names() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let path = format!("/users/{}", controls.id("alice").await);
    let before = controls.get(&token, &path).await.done(200);
    assert_eq!(before["email_verified"], true);
    let change = json!({"name": null, "email": "alice@new.example"});
    let after = controls.patch(&token, &path, change).await.done(200);
    assert_eq!(after["name"], Value::Null);
    assert_eq!(after["email"], "alice@new.example");
    assert_eq!(
        after["email_verified"], false,
        "nobody has seen mail arrive there"
    );
    assert_eq!(after["roles"], before["roles"]);
}

#[tokio::test]
async fn rfc9110_a_change_of_what_moved_on_is_refused() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let path = format!("/users/{}", controls.id("alice").await);
    let read = controls.get(&token, &path).await;
    let tag = read.header("etag");
    // Signing in changes the record, and nothing that anybody sees here.
    Browser::new(&controls.house).tokens("alice").await;
    let rename = |name: &str| Some(json!({"name": name}));
    let method = Method::PATCH;
    let changed = controls
        .call(&token, method.clone(), &path, rename("Alice A."), Some(tag))
        .await;
    changed.done(200);
    let late = controls
        .call(&token, method.clone(), &path, rename("Alice B."), Some(tag))
        .await;
    late.problem(412, "changed_meanwhile");
    let new_tag = changed.header("etag");
    assert_eq!(controls.get(&token, &path).await.header("etag"), new_tag);
    controls
        .call(&token, method, &path, rename("Alice C."), Some(new_tag))
        .await
        .done(200);
    let gone = controls
        .call(&token, Method::DELETE, &path, None, Some(tag))
        .await;
    gone.problem(412, "changed_meanwhile");
}

#[tokio::test]
async fn a_disabled_person_is_out_at_once_and_comes_back_with_nothing() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let mut browser = Browser::new(&controls.house);
    let tokens = browser.tokens("alice").await;
    let path = format!("/users/{}", controls.id("alice").await);
    controls
        .patch(&token, &path, json!({"disabled": true}))
        .await
        .done(200);
    assert!(!controls.house.is_accepted(&tokens.access_token).await);
    let refresh_token = tokens.refresh_token.unwrap();
    controls
        .house
        .refresh(&refresh_token)
        .await
        .refused(400, "invalid_grant");
    let (grant, page) = browser.open(&request()).await;
    assert!(page.body.contains("password"), "signed out: {page:?}");
    let again = browser.approve(&grant, "alice", &["create:todos"]).await;
    assert_eq!(
        again.status, 200,
        "the right password does not help: {again:?}"
    );
    assert_eq!(
        controls.get(&token, &path).await.done(200)["disabled"],
        true
    );

    controls
        .patch(&token, &path, json!({"disabled": false}))
        .await
        .done(200);
    assert!(!controls.house.is_accepted(&tokens.access_token).await);
    controls
        .house
        .refresh(&refresh_token)
        .await
        .refused(400, "invalid_grant");
    Browser::new(&controls.house).tokens("alice").await;
}

#[tokio::test]
async fn a_removed_person_leaves_nothing_but_a_free_name() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let tokens = Browser::new(&controls.house).tokens("alice").await;
    let id = controls.id("alice").await;
    controls
        .delete(&token, &format!("/users/{id}"))
        .await
        .done(204);
    assert!(!controls.house.is_accepted(&tokens.access_token).await);
    controls
        .get(&token, &format!("/users/{id}"))
        .await
        .problem(404, "not_found");
    controls
        .delete(&token, &format!("/users/{id}"))
        .await
        .problem(404, "not_found");

    let new = json!({"username": "alice", "password": PASSWORD});
    let view = controls.post(&token, "/users", new).await.done(201);
    assert_ne!(view["id"], id, "another alice is somebody else");
    let (_, page) = Browser::new(&controls.house).open(&request()).await;
    assert_eq!(page.status, 200);
    let grants = controls
        .get(&token, &format!("/grants?user={id}"))
        .await
        .done(200);
    assert_eq!(grants["items"], json!([]));
}

#[tokio::test]
async fn another_password_signs_a_person_out() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let mut browser = Browser::new(&controls.house);
    browser.tokens("alice").await;
    // All of it within the same second.
    let path = format!("/users/{}/password", controls.id("alice").await);
    controls
        .put(&token, &path, json!({"password": "short"}))
        .await
        .problem(400, "malformed_request");
    controls
        .put(&token, &path, json!({"password": "a new password"}))
        .await
        .done(204);
    let (_, page) = browser.open(&request()).await;
    assert!(page.body.contains("name=\"password\""), "{page:?}");
}

#[tokio::test]
async fn nobody_locks_themselves_out() {
    let controls = Controls::start().await;
    let by_admin = controls.token_by("admin", ALL).await;
    let path = format!("/users/{}", controls.id("admin").await);
    for change in [json!({"roles": []}), json!({"disabled": true})] {
        controls
            .patch(&by_admin, &path, change)
            .await
            .problem(409, "own_account");
    }
    controls
        .delete(&by_admin, &path)
        .await
        .problem(409, "own_account");
    controls
        .patch(&by_admin, &path, json!({"name": "Boss"}))
        .await
        .done(200);
}
