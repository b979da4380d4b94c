//! Personal data in text: found, reported and operated on. Knows nothing of OAuth, and does no I/O.
//!
//! | file | concept |
//! |---|---|
//! | `scanner.rs` | [`Scanner`]: text in, [`Finding`]s out |
//! | `recognizer.rs`, `catalog.rs` | what recognizes a type: shape, check digits, labels, score |
//! | `number.rs`, `word.rs`, `name.rs`, `secret.rs` | what the types are made of |
//! | `context.rs` | labels that say what a value is, or that it is harmless |
//! | `normalize.rs`, `decode.rs` | text as a reader sees it, with a map back to the original |
//! | `operator.rs`, `redaction.rs` | [`Operator`]s, applied to text and to JSON byte by byte |
//! | `document.rs`, `stream.rs` | the places of JSON; [`EventStream`] for server-sent events |
//! | `fernet.rs` | [`FernetKeys`]: encrypted values, bound to type, tool and subject |
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

#![deny(missing_docs)]

mod catalog;
mod checksum;
mod context;
mod decode;
mod document;
pub mod evaluation;
mod fernet;
mod kind;
mod name;
mod normalize;
mod number;
mod operator;
mod recognizer;
mod redaction;
mod scanner;
mod secret;
mod stream;
mod word;

pub use document::DocumentError;
pub use fernet::{Binding, FernetError, FernetKey, FernetKeys};
pub use kind::Kind;
pub use operator::{Encryption, Equipment, Operator, OperatorError, StandIns, mask};
pub use recognizer::{Finding, PatternError};
pub use redaction::RedactionError;
pub use scanner::Scanner;
pub use stream::{EventStream, StreamError};
