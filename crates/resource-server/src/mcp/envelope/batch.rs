//! The elements of a batch, read one by one up to a limit (JSON-RPC 2.0 §6).

use std::fmt;

use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::EnvelopeError;

/// More messages than this in one body are nobody's normal use.
const MAX_MESSAGES: usize = 100;

/// The elements of the array `body`, as written.
///
/// Reading ends at the limit: what is kept of an element is many times as large as the shortest one, so
/// a whole body of those would cost far more memory than the body itself.
pub(super) fn elements(body: &str) -> Result<Vec<&RawValue>, EnvelopeError> {
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let elements = deserializer.deserialize_seq(Elements)?;
    deserializer.end()?;
    if elements.is_empty() {
        return Err(EnvelopeError::Invalid("the batch is empty".to_owned()));
    }
    Ok(elements)
}

struct Elements;

impl<'a> Visitor<'a> for Elements {
    type Value = Vec<&'a RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut sequence: S) -> Result<Self::Value, S::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            if elements.len() == MAX_MESSAGES {
                return Err(S::Error::custom(format_args!(
                    "a batch holds at most {MAX_MESSAGES} messages"
                )));
            }
            elements.push(element);
        }
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(messages: usize) -> String {
        format!("[{}]", vec!["{}"; messages].join(","))
    }

    #[test]
    fn a_batch_has_up_to_a_hundred_messages() {
        assert_eq!(elements(&batch(1)).unwrap().len(), 1);
        assert_eq!(elements(&batch(100)).unwrap().len(), 100);
        for text in ["[]", &batch(101)] {
            assert!(matches!(elements(text), Err(EnvelopeError::Invalid(_))));
        }
    }

    /// What comes after the limit is no JSON, which nobody who read it would forgive.
    #[test]
    fn nothing_is_read_beyond_the_limit() {
        let text = format!("{},nonsense", batch(101).trim_end_matches(']'));
        let refused = elements(&text).unwrap_err();
        assert!(matches!(refused, EnvelopeError::Invalid(_)), "{refused}");
        assert!(refused.to_string().contains("at most 100 messages"));
    }
}
