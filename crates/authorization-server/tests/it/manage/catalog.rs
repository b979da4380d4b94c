//! Roles, scopes and resources: added to those of the settings, and good at once.

use super::*;
use crate::house::TODO;

const NOTES: &str = "https://notes.example/mcp";

/// A resource with a scope of its own, and a role that permits it.
async fn add_notes(controls: &Controls, token: &str) -> Value {
    let words = json!({"en": "Read your notes", "ko": "메모 읽기"});
    controls
        .post(
            token,
            "/scopes",
            json!({"name": "read:notes", "words": words}),
        )
        .await
        .done(201);
    let role = json!({"name": "Reader", "scopes": ["read:notes"]});
    controls.post(token, "/roles", role).await.done(201);
    let resource = json!({"indicator": NOTES, "name": "Notes", "scopes": ["read:notes"]});
    controls.post(token, "/resources", resource).await.done(201)
}

#[tokio::test]
async fn what_is_added_can_be_asked_for_and_allowed() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    add_notes(&controls, &token).await;
    let metadata = controls
        .house
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    assert!(
        metadata["scopes_supported"]
            .to_string()
            .contains("read:notes")
    );

    let alice = format!("/users/{}", controls.id("alice").await);
    controls
        .patch(&token, &alice, json!({"roles": ["User", "Reader"]}))
        .await
        .done(200);
    let mut request = request();
    request.insert("resource", NOTES.to_owned());
    request.insert("scope", "read:notes".to_owned());
    let mut browser = Browser::new(&controls.house);
    let (grant, page) = browser.open(&request).await;
    assert!(page.body.contains("Read your notes"), "{page:?}");
    assert!(page.body.contains("Notes"));
    let code = browser
        .approve(&grant, "alice", &["read:notes"])
        .await
        .parameter("code")
        .unwrap();
    let tokens = controls.house.redeem(&code).await.tokens();
    assert_eq!(tokens.scope.to_string(), "read:notes");
}

#[tokio::test]
async fn a_removed_resource_gets_no_tokens_any_more() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let notes = add_notes(&controls, &token).await;
    let admin = format!("/users/{}", controls.id("admin").await);
    controls
        .patch(&token, &admin, json!({"roles": ["Reader"]}))
        .await
        .done(200);
    let mut request = request();
    request.insert("resource", NOTES.to_owned());
    request.insert("scope", "read:notes".to_owned());
    let code = Browser::new(&controls.house).code("admin", &request).await;
    let tokens = controls.house.redeem(&code).await.tokens();

    let path = format!("/resources/{}", notes["id"].as_str().unwrap());
    controls.delete(&token, &path).await.done(204);
    let refused = controls.house.refresh(&tokens.refresh_token.unwrap()).await;
    refused.refused(400, "invalid_grant");
    let begun = controls
        .house
        .get(&crate::browser::authorize(&request))
        .await;
    assert_eq!(begun.parameter("error").as_deref(), Some("invalid_target"));
}

#[tokio::test]
async fn a_changed_role_holds_at_the_next_refresh() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let role = json!({"name": "Helper", "scopes": ["create:todos", "read:todos"]});
    controls.post(&token, "/roles", role).await.done(201);
    let alice = format!("/users/{}", controls.id("alice").await);
    controls
        .patch(&token, &alice, json!({"roles": ["Helper"]}))
        .await
        .done(200);
    let tokens = Browser::new(&controls.house).tokens("alice").await;
    assert_eq!(tokens.scope.to_string(), "create:todos read:todos");

    let less = json!({"scopes": ["create:todos"]});
    controls
        .patch(&token, "/roles/Helper", less)
        .await
        .done(200);
    let refreshed = controls
        .house
        .refresh(&tokens.refresh_token.unwrap())
        .await
        .tokens();
    assert_eq!(refreshed.scope.to_string(), "create:todos");
    let in_use = controls.delete(&token, "/roles/Helper").await;
    in_use.problem(409, "still_in_use");
    assert!(in_use.body.contains("alice"), "{in_use:?}");
    controls
        .patch(&token, &alice, json!({"roles": []}))
        .await
        .done(200);
    controls.delete(&token, "/roles/Helper").await.done(204);
    controls
        .get(&token, "/roles/Helper")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn what_the_settings_declare_stays() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let resources = controls.get(&token, "/resources").await.done(200);
    let todo = resources["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["indicator"] == TODO)
        .unwrap();
    assert_eq!(todo["declared"], true);
    let todo = format!("/resources/{}", todo["id"].as_str().unwrap());
    let words = json!({"words": {"en": "Nothing at all", "ko": "아무것도"}});
    for (path, change) in [
        (todo.as_str(), json!({"name": "Other"})),
        ("/roles/Admin", json!({"scopes": []})),
        ("/scopes/read:todos", words),
    ] {
        controls
            .patch(&token, path, change)
            .await
            .problem(409, "declared_in_settings");
        controls
            .delete(&token, path)
            .await
            .problem(409, "declared_in_settings");
    }
    for (path, new) in [
        ("/roles", json!({"name": "Admin", "scopes": []})),
        (
            "/scopes",
            json!({"name": "read:todos", "words": {"en": "x", "ko": "x"}}),
        ),
        (
            "/resources",
            json!({"indicator": TODO, "name": "x", "scopes": []}),
        ),
    ] {
        controls
            .post(&token, path, new)
            .await
            .problem(409, "name_taken");
    }
}

#[tokio::test]
async fn nothing_is_removed_from_under_what_uses_it() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let notes = add_notes(&controls, &token).await;
    controls
        .delete(&token, "/scopes/read:notes")
        .await
        .problem(409, "still_in_use");
    controls
        .patch(&token, "/roles/Reader", json!({"scopes": []}))
        .await
        .done(200);
    controls
        .delete(&token, "/scopes/read:notes")
        .await
        .problem(409, "still_in_use");
    let path = format!("/resources/{}", notes["id"].as_str().unwrap());
    controls
        .patch(&token, &path, json!({"name": "Old notes", "scopes": []}))
        .await
        .done(200);
    controls
        .delete(&token, "/scopes/read:notes")
        .await
        .done(204);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let words = json!({"en": "x", "ko": "x"});
    for (path, bad) in [
        ("/roles", json!({"name": "a/b", "scopes": []})),
        ("/roles", json!({"name": "Flyer", "scopes": ["fly"]})),
        ("/scopes", json!({"name": "a b", "words": words})),
        ("/scopes", json!({"name": "openid", "words": words})),
        (
            "/scopes",
            json!({"name": "fly", "words": {"en": "Fly", "ko": " "}}),
        ),
        (
            "/resources",
            json!({"indicator": "todo", "name": "x", "scopes": []}),
        ),
        (
            "/resources",
            json!({"indicator": "urn:x:y", "name": "x", "scopes": []}),
        ),
        (
            "/resources",
            json!({"indicator": "https://a.example/#x", "name": "x", "scopes": []}),
        ),
        (
            "/resources",
            json!({"indicator": "https://a.example/", "name": "", "scopes": []}),
        ),
    ] {
        controls
            .post(&token, path, bad)
            .await
            .problem(400, "malformed_request");
    }
}
