//! One operation: how it is reached, and how it is described.

use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::access::{Area, READ};
use crate::server::AuthorizationServer;

/// Makes the schema of a type.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// An operation of the API.
pub(super) struct Endpoint {
    pub(super) path: &'static str,
    pub(super) method: Method,
    pub(super) handler: MethodRouter<AuthorizationServer>,
    /// Its name in generated clients.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// Any one of these scopes is enough.
    pub(super) scopes: Vec<&'static str>,
    /// Parameters of the query, with what they mean.
    pub(super) query: Vec<(&'static str, &'static str)>,
    pub(super) request: Option<SchemaOf>,
    pub(super) status: u16,
    pub(super) answer: Option<SchemaOf>,
    /// Whether it changes one thing, which `If-Match` may bind.
    pub(super) is_conditional: bool,
    /// Whether what is there may stand against it.
    pub(super) can_conflict: bool,
}

const LIMIT: (&str, &str) = (
    "limit",
    "At most this many items, 1 to 100; 100 unless given.",
);
const CURSOR: (&str, &str) = ("cursor", "The `next` of the page before.");

impl Endpoint {
    fn new(method: Method, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self {
            path,
            method,
            handler: MethodRouter::new(),
            id,
            summary,
            scopes: Vec::new(),
            query: Vec::new(),
            request: None,
            status: 200,
            answer: None,
            is_conditional: false,
            can_conflict: false,
        }
    }

    /// Something to look at.
    pub(super) fn get<A: Area>(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        let endpoint = Self::new(Method::GET, path, id, summary);
        let scopes = vec![READ, A::SCOPE];
        Self { scopes, ..endpoint }
    }

    /// Something to make.
    pub(super) fn post<A: Area>(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            scopes: vec![A::SCOPE],
            status: 201,
            can_conflict: true,
            ..Self::new(Method::POST, path, id, summary)
        }
    }

    /// Something to change.
    pub(super) fn change<A: Area>(
        method: Method,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            scopes: vec![A::SCOPE],
            is_conditional: true,
            can_conflict: true,
            ..Self::new(method, path, id, summary)
        }
    }

    /// Who answers.
    pub(super) fn by<H, T>(self, handler: H) -> Self
    where
        H: axum::handler::Handler<T, AuthorizationServer>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(self.method.clone())
            .expect("the methods of this table are those that the router knows");
        Self {
            handler: on(filter, handler),
            ..self
        }
    }

    /// The answer is a page of a list.
    pub(super) fn paged(mut self) -> Self {
        self.query.extend([LIMIT, CURSOR]);
        self
    }

    /// The list can be narrowed.
    pub(super) fn filtered(mut self, name: &'static str, meaning: &'static str) -> Self {
        self.query.push((name, meaning));
        self
    }

    /// The body that it takes.
    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        Self {
            request: Some(SchemaGenerator::subschema_for::<T>),
            ..self
        }
    }

    /// The body of its answer.
    pub(super) fn answers<T: JsonSchema>(self) -> Self {
        Self {
            answer: Some(SchemaGenerator::subschema_for::<T>),
            ..self
        }
    }

    /// Its answer has no body.
    pub(super) fn answers_nothing(self) -> Self {
        Self {
            status: 204,
            answer: None,
            ..self
        }
    }
}
