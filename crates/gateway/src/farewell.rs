//! The last event of a stream that cannot go on: the answer to a call that has failed after it had begun.

use bytes::Bytes;
use pii::PolicyRefusal;
use serde_json::value::RawValue;

use crate::front::{failed, for_stateless};
use crate::json::Raw;
use crate::message::response;
use crate::redaction::refused;
use crate::server::Failure;

/// What is said at the end of one stream, if it has to be said.
pub(crate) struct Farewell {
    id: Raw,
    method: String,
    silent: Failure,
}

impl Farewell {
    /// In the answer to the request `id`; `silent` is why it ends when nothing comes for too long.
    pub(crate) fn new(id: &RawValue, method: &str, silent: Failure) -> Self {
        Self {
            id: id.to_owned(),
            method: method.to_owned(),
            silent,
        }
    }

    /// Nothing came for too long.
    pub(crate) fn silent(&self) -> Bytes {
        self.event(self.silent.clone())
    }

    /// An event may not pass.
    pub(crate) fn refused(&self, refusal: &PolicyRefusal) -> Bytes {
        self.event(refused(refusal))
    }

    fn event(&self, failure: Failure) -> Bytes {
        let message = match failed(&self.method, failure) {
            Ok(result) => response(&self.id, Ok(&for_stateless(&self.method, result, None))),
            Err(error) => response(&self.id, Err(&error)),
        };
        Bytes::from(format!("data: {}\n\n", message.get()))
    }
}
