//! What the pages about one's own account send back.

use oauth::secret::Secret;

use crate::error::PageError;
use crate::form::Parameters;
use crate::reason::Reason;

/// A form of these pages, or the query of one.
#[derive(Debug)]
pub(super) struct AccountForm(Parameters);

impl AccountForm {
    pub(super) fn parse(text: &[u8]) -> Result<Self, PageError> {
        let parsed = Parameters::parse(text).map_err(|error| PageError::new(error.reason))?;
        Ok(Self(parsed))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    pub(super) fn require(&self, name: &str) -> Result<&str, PageError> {
        let value = self.0.get(name);
        value.ok_or_else(|| PageError::new(Reason::MalformedRequest))
    }

    /// A password; nothing typed is an empty one, which is nobody's.
    pub(super) fn secret(&self, name: &str) -> Secret {
        Secret::from(self.0.get(name).unwrap_or_default())
    }

    /// Which page of a list is asked for, from 1.
    pub(super) fn page(&self) -> usize {
        let page = self.0.get("page").and_then(|page| page.parse().ok());
        page.unwrap_or(1).max(1)
    }
}
