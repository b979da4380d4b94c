//! What is found in a JSON document, in places of its bytes.

use std::ops::Range;

use crate::document::{Document, DocumentError, Leaf, LeafKind};
use crate::recognizer::{Finding, Hit};
use crate::scanner::{Scanner, in_characters, resolve};
use crate::spread;

impl Scanner {
    /// What is found in a JSON document, in places of its bytes as they are. Keys are labels of their
    /// values, and values may be spread over neighbouring fields.
    ///
    /// # Errors
    ///
    /// When it is no document that every reader reads alike.
    pub fn scan_document(&self, json: &str) -> Result<Vec<Finding>, DocumentError> {
        let mut document = Document::read(json)?;
        Ok(in_characters(json, self.document_hits(json, &mut document)))
    }

    /// The hits in the leaves of a document: nothing between them may change. If there may be any, the
    /// leaves are settled afterwards.
    pub(crate) fn document_hits(&self, json: &str, document: &mut Document<'_>) -> Vec<Hit> {
        let hits = self.hits(&document.read);
        if hits.is_empty() && !document.may_spread {
            return hits;
        }
        document.settle();
        let document = &*document;
        let mut parts = Vec::new();
        for hit in hits {
            let range = document.to_source(hit.range);
            for leaf in &document.leaves[document.leaves_over(&range)] {
                let range = range.start.max(leaf.range.start)..range.end.min(leaf.range.end);
                parts.push(Hit::new(hit.kind.clone(), in_leaf(leaf, range), hit.score));
            }
        }
        let spread = if document.may_spread {
            spread::hits(self, json, document)
        } else {
            Vec::new()
        };
        for hit in spread {
            for leaf in &document.leaves[document.leaves_over(&hit.range)] {
                let range = in_leaf(leaf, hit.range.clone());
                parts.push(Hit::new(hit.kind.clone(), range, hit.score));
            }
        }
        parts.retain(|hit| json.get(hit.range.clone()).is_some());
        resolve(parts)
    }
}

/// A number is replaced as a whole, or what is left would be another number.
fn in_leaf(leaf: &Leaf, range: Range<usize>) -> Range<usize> {
    match leaf.kind {
        LeafKind::Number => leaf.range.clone(),
        LeafKind::Text | LeafKind::Key => range,
    }
}
