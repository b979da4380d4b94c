//! What recognizers find, and the operator's own recognizers.

use std::collections::BTreeMap;
use std::ops::Range;

use regex::RegexBuilder;
use serde::Serialize;
use thiserror::Error;

use crate::kind::Kind;

/// Personal data in a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Its type.
    #[serde(rename = "type", serialize_with = "as_name")]
    pub kind: Kind,
    /// As it stands in the original text.
    pub value: String,
    /// Where it begins, in characters of the original text.
    pub start: usize,
    /// Where it ends, in characters.
    pub end: usize,
    /// Where it begins, in bytes.
    pub byte_start: usize,
    /// Where it ends, in bytes.
    pub byte_end: usize,
    /// How sure we are, from 0 to 1.
    pub score: f32,
}

impl Finding {
    /// The place in bytes.
    pub fn bytes(&self) -> Range<usize> {
        self.byte_start..self.byte_end
    }
}

fn as_name<S: serde::Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

/// A finding before its place in the original is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hit {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
    pub(crate) score: f32,
}

impl Hit {
    pub(crate) fn new(kind: Kind, range: Range<usize>, score: f32) -> Self {
        Self { kind, range, score }
    }
}

/// An operator's own pattern.
#[derive(Debug, Clone)]
pub(crate) struct CustomRecognizer {
    kind: Kind,
    pattern: regex::Regex,
}

/// How sure we are of what an operator's pattern finds.
const CUSTOM_SCORE: f32 = 0.9;

/// The bytes that a compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;

/// Why a file of patterns cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It is not an object of names and patterns.
    #[error("the file of patterns is not a JSON object of names and regular expressions")]
    NotAnObject(#[source] serde_json::Error),
    /// A pattern cannot be read, or is too large.
    #[error("the pattern `{name}` cannot be used; look-around and back-references do not exist")]
    BadPattern {
        /// The name of the pattern.
        name: String,
        /// What is wrong with it.
        #[source]
        source: Box<regex::Error>,
    },
}

impl CustomRecognizer {
    /// The recognizers of a `pii_patterns.json`: an object of names and regular expressions.
    pub(crate) fn all_of(json: &str) -> Result<Vec<Self>, PatternError> {
        let patterns: BTreeMap<String, String> =
            serde_json::from_str(json).map_err(PatternError::NotAnObject)?;
        let compile = |(name, pattern): (String, String)| {
            let compiled = RegexBuilder::new(&pattern)
                .size_limit(PATTERN_SIZE)
                .dfa_size_limit(PATTERN_SIZE)
                .build();
            match compiled {
                Ok(pattern) => Ok(Self {
                    kind: Kind::named(&name.to_uppercase()),
                    pattern,
                }),
                Err(source) => Err(PatternError::BadPattern {
                    name,
                    source: Box::new(source),
                }),
            }
        };
        patterns.into_iter().map(compile).collect()
    }

    /// The type that it finds.
    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(crate) fn find(&self, text: &str, hits: &mut Vec<Hit>) {
        let found = self
            .pattern
            .find_iter(text)
            .filter(|found| !found.is_empty());
        hits.extend(found.map(|found| Hit::new(self.kind.clone(), found.range(), CUSTOM_SCORE)));
    }
}
