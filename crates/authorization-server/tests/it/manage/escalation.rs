//! Attacks: rights of management that the caller does not hold, through every door.

use super::*;
use crate::house::PASSWORD;

#[tokio::test]
async fn who_manages_people_cannot_make_an_administrator() {
    let controls = Controls::start().await;
    let token = controls.token("manage:users").await;
    let new = json!({"username": "mallory", "password": PASSWORD, "roles": ["Admin"]});
    controls
        .post(&token, "/users", new)
        .await
        .problem(403, "more_than_own_rights");
    let alice = format!("/users/{}", controls.id("alice").await);
    let change = json!({"roles": ["Admin"]});
    controls
        .patch(&token, &alice, change)
        .await
        .problem(403, "more_than_own_rights");
    let same = json!({"roles": ["Clerk"]});
    controls.patch(&token, &alice, same).await.done(200);
    let todos = json!({"roles": ["User"]});
    controls.patch(&token, &alice, todos).await.done(200);
}

#[tokio::test]
async fn who_manages_people_cannot_become_an_administrator() {
    let controls = Controls::start().await;
    let token = controls.token("manage:users").await;
    let admin = format!("/users/{}", controls.id("admin").await);
    let password = json!({"password": "chosen by mallory"});
    let refused = controls
        .put(&token, &format!("{admin}/password"), password)
        .await;
    refused.problem(403, "more_than_own_rights");
    for change in [
        json!({"email": "mallory@example.com", "email_verified": true}),
        json!({"disabled": true}),
        json!({"roles": []}),
    ] {
        controls
            .patch(&token, &admin, change)
            .await
            .problem(403, "more_than_own_rights");
    }
    controls
        .delete(&token, &admin)
        .await
        .problem(403, "more_than_own_rights");
    Browser::new(&controls.house).tokens("admin").await;
}

#[tokio::test]
async fn a_person_with_part_of_the_rights_gives_part_of_the_rights() {
    let controls = Controls::start().await;
    let all = controls.token(ALL).await;
    let alice = format!("/users/{}", controls.id("alice").await);
    controls
        .patch(&all, &alice, json!({"roles": ["Clerk", "User"]}))
        .await
        .done(200);
    let by_alice = controls
        .token_by("alice", "manage:users manage:roles")
        .await;
    let role = json!({"name": "Mine", "scopes": ["manage:users"]});
    controls
        .post(&by_alice, "/roles", role)
        .await
        .problem(403, "access_token_refused");
    let clerk = json!({"username": "clara", "password": PASSWORD, "roles": ["Clerk"]});
    controls.post(&by_alice, "/users", clerk).await.done(201);
}

#[tokio::test]
async fn who_manages_roles_cannot_put_more_into_one() {
    let controls = Controls::start().await;
    let token = controls.token("manage:roles").await;
    for scopes in [
        json!(["manage:users"]),
        json!(["read:todos", "manage:keys"]),
    ] {
        let role = json!({"name": "Mine", "scopes": scopes});
        controls
            .post(&token, "/roles", role)
            .await
            .problem(403, "more_than_own_rights");
    }
    let own = json!({"name": "Mine", "scopes": ["read:todos", "manage:roles"]});
    controls.post(&token, "/roles", own).await.done(201);
    let more = json!({"scopes": ["manage:roles", "manage:users"]});
    controls
        .patch(&token, "/roles/Mine", more)
        .await
        .problem(403, "more_than_own_rights");

    // Nor take the rights of others away.
    let all = controls.token(ALL).await;
    let theirs = json!({"name": "Theirs", "scopes": ["manage:keys"]});
    controls.post(&all, "/roles", theirs).await.done(201);
    let less = json!({"scopes": []});
    controls
        .patch(&token, "/roles/Theirs", less)
        .await
        .problem(403, "more_than_own_rights");
    controls
        .delete(&token, "/roles/Theirs")
        .await
        .problem(403, "more_than_own_rights");
}

#[tokio::test]
async fn rights_of_management_hide_in_no_other_scope_or_resource() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let words = json!({"en": "Harmless", "ko": "무해"});
    for name in ["manage:users", "manage:everything", "manage:"] {
        let scope = json!({"name": name, "words": words});
        controls
            .post(&token, "/scopes", scope)
            .await
            .problem(400, "malformed_request");
    }
    let evil =
        json!({"indicator": "https://evil.example", "name": "Games", "scopes": ["manage:users"]});
    controls
        .post(&token, "/resources", evil)
        .await
        .problem(400, "malformed_request");
    let impostor = json!({"indicator": "HTTPS://AS.example/manage", "name": "Games", "scopes": []});
    controls
        .post(&token, "/resources", impostor)
        .await
        .problem(409, "name_taken");
}

#[tokio::test]
async fn who_manages_clients_cannot_make_or_take_one_with_more_rights() {
    let controls = Controls::start().await;
    let token = controls.token("manage:clients").await;
    let robot = |scope: &str| json!({"client_name": "Robot", "grant_types": ["client_credentials"], "scope": scope});
    let more = controls
        .post(&token, "/clients", robot("manage:users"))
        .await;
    more.problem(403, "more_than_own_rights");
    let view = controls
        .post(&token, "/clients", robot("read:todos"))
        .await
        .done(201);
    let path = format!("/clients/{}", view["client_id"].as_str().unwrap());
    let more = json!({"scope": "manage:clients manage:roles"});
    controls
        .patch(&token, &path, more)
        .await
        .problem(403, "more_than_own_rights");

    let all = controls.token(ALL).await;
    let strong = controls
        .post(&all, "/clients", robot("manage:keys"))
        .await
        .done(201);
    let strong = format!("/clients/{}", strong["client_id"].as_str().unwrap());
    let secret = controls
        .post(&token, &format!("{strong}/secret"), json!({}))
        .await;
    secret.problem(403, "more_than_own_rights");
    let change = json!({"redirect_uris": ["https://mallory.example/"]});
    controls
        .patch(&token, &strong, change)
        .await
        .problem(403, "more_than_own_rights");
    controls
        .delete(&token, &strong)
        .await
        .problem(403, "more_than_own_rights");
}

#[tokio::test]
async fn a_client_of_the_api_loses_its_rights_with_its_registration() {
    let controls = Controls::start().await;
    let all = controls.token(ALL).await;
    let robot = json!({"client_name": "Robot", "grant_types": ["client_credentials"],
        "scope": "manage:read manage:clients"});
    let robot = controls.post(&all, "/clients", robot).await.done(201);
    let (id, secret) = (
        robot["client_id"].as_str().unwrap(),
        robot["client_secret"].as_str().unwrap(),
    );
    let token = controls
        .token_of((id, secret), "manage:read manage:clients")
        .await;
    controls.get(&token, "/users").await.done(200);
    controls
        .delete(&token, &format!("/clients/{id}"))
        .await
        .problem(409, "own_account");
    controls
        .patch(
            &all,
            &format!("/clients/{id}"),
            json!({"scope": "manage:clients"}),
        )
        .await
        .done(200);
    controls
        .get(&token, "/users")
        .await
        .problem(403, "access_token_refused");
    controls
        .delete(&all, &format!("/clients/{id}"))
        .await
        .done(204);
    controls
        .get(&token, "/clients")
        .await
        .problem(401, "access_token_refused");
}
