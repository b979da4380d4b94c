//! The `OpenAPI` document: complete, stored in `docs/`, and true.

use authorization_server::manage::description;
use oauth::issuer::Issuer;

use super::*;
use crate::house::PASSWORD;

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/management.openapi.json"
);

/// Run this test twice after a change of the API: the first run writes the file.
#[test]
fn the_file_is_the_document() {
    let issuer = Issuer::parse("https://mcp.example.com").unwrap();
    let document = description(&Settings::new(issuer, Vec::new()));
    let written = std::fs::read(FILE).unwrap_or_default();
    let written: Value = serde_json::from_slice(&written).unwrap_or_default();
    if written != document {
        let text = serde_json::to_string_pretty(&document).unwrap();
        std::fs::write(FILE, format!("{text}\n")).unwrap();
        panic!("docs/management.openapi.json was out of date and has been written: commit it");
    }
}

#[tokio::test]
async fn the_served_document_is_the_same_for_this_issuer() {
    let controls = Controls::start().await;
    let answer = controls.house.get("/manage/v1/openapi.json").await;
    assert_eq!(answer.json(), description(&controls.house.settings));
    assert_eq!(
        answer.json()["servers"][0]["url"],
        format!("{ISSUER}/manage/v1")
    );
}

#[test]
fn every_reference_leads_somewhere_and_every_name_is_used_once() {
    let issuer = Issuer::parse("https://mcp.example.com").unwrap();
    let document = description(&Settings::new(issuer, Vec::new()));
    let text = document.to_string();
    let references = text
        .split("\"$ref\":\"#")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    let references: BTreeSet<_> = references.collect();
    assert!(references.len() > 10, "{references:?}");
    for reference in references {
        assert!(
            document.pointer(reference).is_some(),
            "{reference} leads nowhere"
        );
    }
    let operations = document["paths"].as_object().unwrap().values();
    let operations = operations.flat_map(|item| item.as_object().unwrap().values());
    let names: Vec<_> = operations
        .filter_map(|operation| operation["operationId"].as_str())
        .collect();
    let unique: BTreeSet<_> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
}

/// One walk through every operation; [`Controls::call`] holds each answer against its description.
#[tokio::test]
async fn every_operation_answers_as_it_is_described() {
    let controls = Controls::start().await;
    let token = &controls.token(ALL).await;
    let view = |answer: Answer| {
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        }
    };
    let words = json!({"en": "Read your notes", "ko": "메모 읽기"});
    for list in [
        "/users",
        "/clients",
        "/grants",
        "/roles",
        "/scopes",
        "/resources",
        "/keys",
        "/identity_providers",
    ] {
        controls.get(token, list).await.done(200);
    }
    controls.post(token, "/keys", json!({})).await.done(201);
    let scope = json!({"name": "read:notes", "words": words});
    let role = json!({"name": "Reader", "scopes": []});
    let resource = json!({"indicator": "https://notes.example", "name": "Notes", "scopes": []});
    let user = json!({"username": "bob", "password": PASSWORD});
    let client = json!({"client_name": "Shop", "redirect_uris": ["https://shop.example/"]});
    for (list, new, key, change) in [
        ("/scopes", scope, "name", json!({"words": words})),
        ("/roles", role, "name", json!({"scopes": ["read:notes"]})),
        ("/resources", resource, "id", json!({"name": "Old notes"})),
        ("/users", user, "id", json!({"email": "bob@example.com"})),
        (
            "/clients",
            client,
            "client_id",
            json!({"client_name": "Shop two"}),
        ),
    ] {
        let made = view(controls.post(token, list, new).await);
        let path = format!("{list}/{}", made[key].as_str().unwrap());
        controls.get(token, &path).await.done(200);
        controls.patch(token, &path, change).await.done(200);
        if list == "/users" {
            let password = json!({"password": "another password"});
            controls
                .put(token, &format!("{path}/password"), password)
                .await
                .done(204);
        }
        if list == "/clients" {
            controls
                .post(token, &format!("{path}/secret"), json!({}))
                .await
                .done(200);
        }
        if list != "/scopes" {
            controls.delete(token, &path).await.done(204);
        }
    }
    controls.delete(token, "/scopes/read:notes").await.done(204);
    Browser::new(&controls.house).tokens("alice").await;
    let grants = controls.get(token, "/grants").await.done(200);
    let grant = format!("/grants/{}", grants["items"][0]["id"].as_str().unwrap());
    controls.get(token, &grant).await.done(200);
    controls.delete(token, &grant).await.done(204);

    let mut described = BTreeSet::new();
    for (path, item) in controls.document["paths"].as_object().unwrap() {
        let methods = item
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| *name != "parameters");
        described.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    assert_eq!(*controls.seen.borrow(), described);
}
