//! The management API through the router; every answer is held against the API's own description.

mod access;
mod catalog;
mod clients;
mod description;
mod escalation;
mod grants;
mod keys;
mod replicas;
mod unasked;
mod users;

use std::cell::RefCell;
use std::collections::BTreeSet;

use authorization_server::settings::Settings;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use http::{Method, Request};
use oauth::client_metadata::TokenEndpointAuthMethod;
use serde_json::{Value, json};

use crate::browser::{Browser, request};
use crate::house::{Answer, House, ISSUER, client, scope};

/// The resource indicator of the API.
const MANAGE: &str = "https://as.example/manage";
/// A client that acts for itself, and its secret.
const CONSOLE: (&str, &str) = ("console", "console-secret");
/// Every scope of the API.
const ALL: &str = "manage:read manage:users manage:clients manage:grants manage:roles manage:keys";

/// A house with the management API, and what has been seen of the API.
struct Controls {
    house: House,
    document: Value,
    /// The operations that have succeeded, by method and path.
    seen: RefCell<BTreeSet<String>>,
}

fn with_management(settings: &mut Settings) {
    settings.management = true;
    let of_admin = settings.roles.get_mut("Admin").unwrap();
    *of_admin = of_admin.union(&scope(ALL));
    settings.roles.insert("Clerk".into(), scope("manage:users"));
    let mut console = client(
        CONSOLE.0,
        Some(CONSOLE.1),
        TokenEndpointAuthMethod::ClientSecretBasic,
        &["client_credentials"],
    );
    console.metadata.scope = Some(scope(ALL));
    settings.clients.push(console);
}

impl Controls {
    async fn start() -> Self {
        Self::of(House::with(with_management).await).await
    }

    async fn of(house: House) -> Self {
        let document = house.get("/manage/v1/openapi.json").await.json();
        Self {
            house,
            document,
            seen: RefCell::default(),
        }
    }

    /// A token of the console with this scope.
    async fn token(&self, scope: &str) -> String {
        self.token_of(CONSOLE, scope).await
    }

    /// A token of a client that acts for itself.
    async fn token_of(&self, client: (&str, &str), scope: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", MANAGE),
            ("scope", scope),
        ];
        let tokens = self.house.post_as(client, "/token", &form).await.tokens();
        assert_eq!(
            tokens.scope.to_string(),
            crate::house::scope(scope).to_string()
        );
        tokens.access_token
    }

    /// A token that a person lets the desktop client have.
    async fn token_by(&self, who: &str, scope: &str) -> String {
        let mut request = request();
        request.insert("resource", MANAGE.to_owned());
        request.insert("scope", scope.to_owned());
        let code = Browser::new(&self.house).code(who, &request).await;
        self.house.redeem(&code).await.tokens().access_token
    }

    /// The id of a person.
    async fn id(&self, username: &str) -> String {
        let users = self.house.server.users();
        users
            .find_by_username(username)
            .await
            .unwrap()
            .unwrap()
            .subject
    }

    async fn get(&self, token: &str, path: &str) -> Answer {
        self.call(token, Method::GET, path, None, None).await
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call(token, Method::POST, path, Some(body), None).await
    }

    async fn patch(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call(token, Method::PATCH, path, Some(body), None)
            .await
    }

    async fn put(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call(token, Method::PUT, path, Some(body), None).await
    }

    async fn delete(&self, token: &str, path: &str) -> Answer {
        self.call(token, Method::DELETE, path, None, None).await
    }

    /// Calls an operation and checks that it answers as it is described.
    async fn call(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
        if_match: Option<&str>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("/manage/v1{path}"))
            .header(AUTHORIZATION, format!("Bearer {token}"));
        if let Some(tag) = if_match {
            request = request.header(IF_MATCH, tag);
        }
        let request = match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        let answer = self.house.send(request.unwrap()).await;
        self.check_description(&method, path, &answer);
        answer
    }

    /// The described operation of a request, as `GET /users/{id}`, and its description.
    fn operation(&self, method: &Method, path: &str) -> (String, &Value) {
        let path = path.split('?').next().unwrap();
        let fits = |template: &str| {
            let (template, path) = (template.split('/'), path.split('/'));
            template.clone().count() == path.clone().count()
                && template
                    .zip(path)
                    .all(|(t, p)| t == p || t.starts_with('{'))
        };
        let paths = self.document["paths"].as_object().unwrap();
        let (template, item) = paths
            .iter()
            .find(|(template, _)| fits(template))
            .unwrap_or_else(|| panic!("{path} is not described"));
        let name = method.as_str().to_ascii_lowercase();
        (format!("{method} {template}"), &item[name])
    }

    fn check_description(&self, method: &Method, path: &str, answer: &Answer) {
        let (name, operation) = self.operation(method, path);
        let mut described = &operation["responses"][answer.status.as_str()];
        assert!(!described.is_null(), "{name} does not describe {answer:?}");
        if let Some(reference) = described["$ref"].as_str() {
            described = self.document.pointer(&reference[1..]).unwrap();
        }
        let media = described["content"].as_object();
        let Some((media, content)) = media.and_then(|media| media.iter().next()) else {
            assert_eq!(answer.body, "", "{name} describes no body");
            self.seen.borrow_mut().insert(name);
            return;
        };
        assert_eq!(answer.header("content-type"), media, "{name}");
        let mut schema = content["schema"].clone();
        schema["components"] = self.document["components"].clone();
        // What is not described must not be there.
        close(&mut schema);
        let validator = jsonschema::validator_for(&schema).unwrap();
        if let Err(error) = validator.validate(&answer.json()) {
            panic!(
                "{name} does not answer as described: {error} at {}: {answer:?}",
                error.instance_path()
            );
        }
        if answer.status.is_success() {
            self.seen.borrow_mut().insert(name);
        }
    }
}

/// Makes every described object refuse members that it does not describe.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") {
                members.insert("additionalProperties".into(), json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

impl Answer {
    /// Asserts a problem with this status and reason.
    #[track_caller]
    fn problem(&self, status: u16, reason: &str) {
        assert_eq!(
            (self.status.as_u16(), &self.json()["reason"]),
            (status, &reason.into()),
            "{self:?}"
        );
    }

    /// Asserts success, and reads the answer.
    #[track_caller]
    fn done(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }
}
