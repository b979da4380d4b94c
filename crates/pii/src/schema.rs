//! The schema of a tool's results, which they have to fit after the policy was applied, too.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;
use thiserror::Error;

/// The `outputSchema` of a tool, ready to check results.
#[derive(Debug)]
pub struct OutputSchema(Validator);

/// A schema cannot be used.
#[derive(Debug, Error)]
#[error("the output schema cannot be used: {0}")]
pub struct SchemaError(String);

/// How a result no longer fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Where, as a JSON pointer (RFC 6901) into the structured result.
    pub(crate) place: String,
    /// Which keyword of the schema refuses it.
    pub(crate) keyword: String,
}

impl OutputSchema {
    /// Reads a schema. References to other documents are refused: nobody fetches them.
    ///
    /// # Errors
    ///
    /// When it is no schema, or refers to what is not in it.
    pub fn read(schema: &str) -> Result<Self, SchemaError> {
        let schema: Value =
            serde_json::from_str(schema).map_err(|error| SchemaError(error.to_string()))?;
        let options = jsonschema::options()
            // Schemas come from servers; their patterns must not take exponential time.
            .with_pattern_options(PatternOptions::regex());
        let validator = options.build(&schema);
        Ok(Self(
            validator.map_err(|error| SchemaError(error.to_string()))?,
        ))
    }

    /// What of a structured result does not fit.
    pub(crate) fn misfit(&self, structured: &Value) -> Option<Misfit> {
        let error = self.0.validate(structured).err()?;
        Some(Misfit {
            place: error.instance_path().to_string(),
            keyword: error.kind().keyword().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misfit_says_where_and_why() {
        let schema = OutputSchema::read(
            r#"{"type":"object","properties":{"phone":{"type":"string","maxLength":13}}}"#,
        )
        .unwrap();
        assert!(
            schema
                .misfit(&serde_json::json!({"phone": "010-****-****"}))
                .is_none()
        );
        let misfit = schema.misfit(&serde_json::json!({"phone": "enc:v1:a:gAAAAA"}));
        assert_eq!(
            misfit,
            Some(Misfit {
                place: "/phone".to_owned(),
                keyword: "maxLength".to_owned()
            })
        );
    }

    #[test]
    fn foreign_references_are_not_fetched() {
        assert!(OutputSchema::read(r#"{"$ref":"https://example.com/schema.json"}"#).is_err());
        assert!(OutputSchema::read("{").is_err());
    }
}
