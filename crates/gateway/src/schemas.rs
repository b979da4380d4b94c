//! What the structured results of tools have to look like, of those that say it (MCP tools, output schema).
//!
//! A server may name tools without end, and may change what it says of one at any time. So each is read again
//! when its text is another one, and those that were heard of longest ago make room for others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use foldhash::HashMap;
use pii::OutputSchema;
use serde_json::value::RawValue;

use crate::json::Object;

/// How much text of schemas is remembered of one server. What is made of it takes several times as much.
const ROOM: usize = 4 * 1024 * 1024;

/// The longest schema that is read.
const LONGEST: usize = 256 * 1024;

/// The schemas of one server.
#[derive(Debug, Default)]
pub(crate) struct Schemas(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_tool: HashMap<String, Entry>,
    bytes: usize,
    /// How many were heard of.
    count: u64,
}

#[derive(Debug)]
struct Entry {
    text: [u8; 32],
    /// None of one that cannot be used: a client could make nothing of it either.
    schema: Option<Arc<OutputSchema>>,
    bytes: usize,
    heard: u64,
}

impl Schemas {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the structured results of the tool `name` have to look like, if it says so.
    pub(crate) fn of(&self, name: &str) -> Option<Arc<OutputSchema>> {
        self.known().by_tool.get(name)?.schema.clone()
    }

    /// Learns what the tool `name` says now.
    pub(crate) fn learn(&self, name: &str, tool: &RawValue) {
        let tool = Object::of(tool).unwrap_or_default();
        let said = tool.get("outputSchema").map(RawValue::get);
        let Some(said) = said.filter(|said| said.len() <= LONGEST) else {
            self.known().forget(name);
            return;
        };
        let mut text = [0; 32];
        text.copy_from_slice(digest(&SHA256, said.as_bytes()).as_ref());
        {
            let mut known = self.known();
            known.count += 1;
            let heard = known.count;
            let same = known.by_tool.get_mut(name);
            if let Some(same) = same.filter(|entry| entry.text == text) {
                same.heard = heard;
                return;
            }
        }
        let schema = OutputSchema::read(said);
        if let Err(error) = &schema {
            tracing::warn!(tool.name = name, %error, "the output schema of a tool is none");
        }
        self.known().insert(name, text, schema.ok(), said.len());
    }
}

impl Known {
    fn insert(&mut self, name: &str, text: [u8; 32], schema: Option<OutputSchema>, length: usize) {
        self.forget(name);
        let bytes = name.len() + length;
        while self.bytes + bytes > ROOM {
            let oldest = self.by_tool.iter().min_by_key(|(_, entry)| entry.heard);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
                break;
            };
            self.forget(&oldest);
        }
        let entry = Entry {
            text,
            schema: schema.map(Arc::new),
            bytes,
            heard: self.count,
        };
        self.by_tool.insert(name.to_owned(), entry);
        self.bytes += bytes;
    }

    fn forget(&mut self, name: &str) {
        if let Some(entry) = self.by_tool.remove(name) {
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::json::raw;

    fn learn(schemas: &Schemas, name: &str, schema: &Value) {
        schemas.learn(name, &raw(&json!({"name": name, "outputSchema": schema})));
    }

    #[test]
    fn a_schema_is_the_one_that_was_heard_last() {
        let schemas = Schemas::default();
        learn(&schemas, "a", &json!({"type": "object"}));
        let first = schemas.of("a").unwrap();
        learn(&schemas, "a", &json!({"type": "object"}));
        assert!(Arc::ptr_eq(&first, &schemas.of("a").unwrap()));
        learn(&schemas, "a", &json!({"type": "object", "required": ["x"]}));
        assert!(!Arc::ptr_eq(&first, &schemas.of("a").unwrap()));
        learn(&schemas, "a", &json!({"type": 7}));
        assert!(schemas.of("a").is_none());
        learn(&schemas, "a", &json!({"type": "object"}));
        schemas.learn("a", &raw(&json!({"name": "a"})));
        assert!(schemas.of("a").is_none());
        assert_eq!(schemas.known().bytes, 0);
    }

    #[test]
    fn g3_a_server_that_makes_up_tools_fills_no_memory() {
        let schemas = Schemas::default();
        let long = "x".repeat(LONGEST / 2);
        for number in 0..100 {
            let schema = json!({"type": "object", "description": long});
            learn(&schemas, &number.to_string(), &schema);
        }
        let known = schemas.known();
        assert!(known.bytes <= ROOM && known.by_tool.len() <= ROOM / (LONGEST / 2));
        drop(known);
        assert!(schemas.of("99").is_some() && schemas.of("0").is_none());
        learn(&schemas, "99", &json!({"description": long.repeat(2)}));
        assert!(schemas.of("99").is_none());
    }
}
