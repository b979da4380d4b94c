//! Personal data in text: found, reported and operated on. Knows nothing of OAuth, and does no I/O.
//!
//! | file | concept |
//! |---|---|
//! | `scanner.rs`, `trigger.rs`, `lexicon.rs` | [`Scanner`]: text in, [`Finding`]s out; the words at which it looks closer, and how they are found |
//! | `recognizer.rs`, `catalog.rs` | what recognizes a type: shape, check digits, labels, score |
//! | `number.rs`, `word.rs`, `name/`, `secret/`, `table.rs` | what the types are made of |
//! | `context.rs` | labels that say what a value is, or that it is harmless |
//! | `normalize.rs`, `decode.rs` | text as a reader sees it, with a map back to the original |
//! | `policy/` | [`Policy`]: what is done with a finding, by tool, direction, place, scopes, type |
//! | `redactor.rs`, `message.rs`, `places.rs`, `redacted_stream.rs`, `refusal.rs` | [`Redactor`]: a policy applied to messages and streams, byte by byte |
//! | `operator.rs`, `stand_in.rs`, `fernet.rs`, `sealing.rs` | [`Operator`]s: masks, stand-ins and [`FernetKeys`] |
//! | `document.rs`, `document_scan.rs`, `spread.rs`, `stream.rs`, `schema.rs` | the places of JSON, server-sent events, [`OutputSchema`] |
//! | `secure_tool.rs` | [`SecureTool`]: the same for a tool of one's own |
//! | `evaluation.rs` | scores against labelled lines |
//!
//! ```
//! use pii::{Kind, Scanner};
//!
//! let findings = Scanner::new().scan("담당자 홍길동님, 010-1234-5678");
//! assert_eq!(findings[0].kind, Kind::KrName);
//! assert_eq!(findings[1].value, "010-1234-5678");
//! assert_eq!((findings[1].start, findings[1].end), (10, 23));
//! ```
//!
//! A policy on the path of calls:
//!
//! ```
//! use pii::{Context, Direction, Part, Policy, Redactor, Scanner, WrittenPolicy};
//!
//! let written: WrittenPolicy = serde_json::from_str(
//!     r#"{"rules":[{"tools":["crm.*"],"direction":"result","types":["PHONE"],"action":"mask"}]}"#,
//! ).unwrap();
//! let scanner = Scanner::new();
//! let policy = Policy::read(&written, &scanner).unwrap();
//! let redactor = Redactor::new(scanner, policy);
//! let context = Context { tool: "crm.get", direction: Direction::Result, part: Part::Message, subject: "kim", scopes: &[] };
//! let message = r#"{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"phone":"010-1234-5678"}}}"#;
//! let outcome = redactor.apply(&context, message).unwrap();
//! assert!(outcome.replaced.unwrap().contains(r#""phone":"010-****-****""#));
//! ```

#![deny(missing_docs)]

mod catalog;
mod checksum;
mod context;
#[cfg(test)]
mod cost;
mod data_subject;
mod decode;
mod document;
mod document_scan;
pub mod evaluation;
mod fernet;
mod kind;
mod lexicon;
mod message;
mod name;
mod normalize;
mod number;
mod operator;
mod places;
mod policy;
mod recognizer;
mod redacted_stream;
mod redactor;
mod refusal;
mod scanner;
mod schema;
mod sealing;
mod secret;
mod secure_tool;
mod spread;
mod stand_in;
mod stream;
mod table;
mod trigger;
mod word;

pub use data_subject::DataSubject;
pub use document::DocumentError;
pub use fernet::{Binding, FernetError, FernetKey, FernetKeys};
pub use kind::Kind;
pub use message::Part;
pub use operator::{Operator, mask};
pub use policy::{Context, Direction, Policy, RuleProblem, WrittenPolicy, WrittenRule};
pub use recognizer::{Finding, PatternError};
pub use redacted_stream::RedactedStream;
pub use redactor::{Outcome, Redactor};
pub use refusal::{Acted, PolicyRefusal, RefusalReason};
pub use scanner::Scanner;
pub use schema::{OutputSchema, SchemaError};
pub use sealing::Sealing;
pub use secure_tool::{Access, SecureTool, SecureToolError};
