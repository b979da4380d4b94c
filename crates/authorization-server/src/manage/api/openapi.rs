//! The description of the management API, for generators of clients and for people (`OpenAPI` 3.1).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::endpoint::Endpoint;
use super::problem::ProblemView;
use super::{BASE, endpoints};
use crate::server::AuthorizationServer;
use crate::settings::Settings;

const ABOUT: &str = "People, clients, grants, roles, scopes, resources and keys of an authorization \
    server. Access tokens are issued by the server itself for the resource `<issuer>/manage`; the \
    scope `manage:read` shows everything, and each other scope changes one part. Nobody gives away \
    or takes over rights of management that their own token does not carry. What the settings file \
    declares (`declared`, origin `settings`) is shown and cannot be changed. A change is a JSON merge \
    patch (RFC 7396), and takes the `ETag` of what was read as `If-Match`.";

pub(super) async fn get(State(server): State<AuthorizationServer>) -> Response {
    let headers = [
        (CACHE_CONTROL, "public, max-age=300"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, Json(document(server.settings()))).into_response()
}

/// The `OpenAPI` document of the management API of a server with these settings.
pub fn document(settings: &Settings) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for endpoint in endpoints() {
        let operation = operation(&endpoint, &mut schemas);
        let method = endpoint.method.as_str().to_ascii_lowercase();
        paths
            .entry(endpoint.path)
            .or_default()
            .insert(method, operation);
    }
    for (path, item) in &mut paths {
        let names = parameters_in(path).map(|name| {
            json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
        });
        let names: Vec<_> = names.collect();
        if !names.is_empty() {
            item.insert("parameters".to_owned(), names.into());
        }
    }
    let problem = schemas.of_answer(SchemaGenerator::subschema_for::<ProblemView>);
    let at = |path: &str| settings.issuer.join(path);
    let scopes: BTreeMap<_, _> = crate::manage::management_words()
        .map(|(scope, words)| (scope, words.en))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Sumun management", "version": "1", "description": ABOUT},
        "servers": [{"url": at(BASE)}],
        "paths": paths,
        "components": {
            "schemas": schemas.into_definitions(),
            "responses": {
                "Problem": {
                    "description": "Why it was refused, and what to do.",
                    "content": {"application/problem+json": {"schema": problem}},
                },
            },
            "securitySchemes": {
                "token": {
                    "type": "oauth2",
                    "flows": {
                        "authorizationCode": {
                            "authorizationUrl": at("/authorize"),
                            "tokenUrl": at("/token"),
                            "scopes": scopes,
                        },
                        "clientCredentials": {"tokenUrl": at("/token"), "scopes": scopes},
                    },
                },
            },
        },
    })
}

fn parameters_in(path: &str) -> impl Iterator<Item = &str> {
    let parts = path.split('/');
    parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn operation(endpoint: &Endpoint, schemas: &mut Schemas) -> Value {
    let mut success = json!({"description": "Done."});
    if let Some(answer) = endpoint.answer {
        success["content"]["application/json"]["schema"] = schemas.of_answer(answer);
    }
    let is_of_one = parameters_in(endpoint.path).next().is_some();
    let mut refusals = vec![400, 401, 403, 500];
    refusals.extend(is_of_one.then_some(404));
    refusals.extend(endpoint.can_conflict.then_some(409));
    refusals.extend(endpoint.is_conditional.then_some(412));
    refusals.extend(endpoint.request.map_or_else(Vec::new, |_| vec![413, 415]));
    let mut responses = Map::new();
    responses.insert(endpoint.status.to_string(), success);
    for status in refusals {
        let problem = json!({"$ref": "#/components/responses/Problem"});
        responses.insert(status.to_string(), problem);
    }
    // Each of these alternatives is enough by itself.
    let security = endpoint
        .scopes
        .iter()
        .map(|scope| json!({"token": [scope]}));
    let mut parameters: Vec<_> = endpoint
        .query
        .iter()
        .map(|(name, meaning)| query(name, meaning))
        .collect();
    if endpoint.is_conditional {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "schema": {"type": "string"},
            "description": "The `ETag` that the change is meant for; another one refuses it (412).",
        }));
    }
    let mut operation = json!({
        "operationId": endpoint.id,
        "summary": endpoint.summary,
        "tags": [endpoint.path.split('/').nth(1)],
        "security": security.collect::<Vec<_>>(),
        "responses": responses,
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(request) = endpoint.request {
        let schema = schemas.of_request(request);
        let content = if endpoint.method == http::Method::PATCH {
            json!({"application/merge-patch+json": {"schema": schema}, "application/json": {"schema": schema}})
        } else {
            json!({"application/json": {"schema": schema}})
        };
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation
}

fn query(name: &str, meaning: &str) -> Value {
    let schema = if name == "limit" {
        json!({"type": "integer", "minimum": 1, "maximum": 100})
    } else {
        json!({"type": "string"})
    };
    json!({"name": name, "in": "query", "description": meaning, "schema": schema})
}

/// The schemas of what is sent, and of what is answered: a field with a default may be left out in
/// the one and is always there in the other.
struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            requests: settings.clone().for_deserialize().into_generator(),
            answers: settings.for_serialize().into_generator(),
        }
    }

    fn of_request(&mut self, schema: super::endpoint::SchemaOf) -> Value {
        schema(&mut self.requests).into()
    }

    fn of_answer(&mut self, schema: super::endpoint::SchemaOf) -> Value {
        schema(&mut self.answers).into()
    }

    fn into_definitions(mut self) -> Map<String, Value> {
        let mut all = self.answers.take_definitions(true);
        all.extend(self.requests.take_definitions(true));
        all
    }
}
