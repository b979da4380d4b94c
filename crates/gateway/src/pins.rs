//! What tools have said about themselves, remembered over restarts (OWASP MCP03, tool poisoning).

use serde::{Deserialize, Serialize};
use store::{Collection, Kind, ListBy, Record, StoreError};

use crate::catalog::Pin;

/// The fingerprint of a tool as it was when it was seen first, or when the operator trusted it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToolPin {
    /// The upstream.
    pub upstream: String,
    /// The tool.
    pub tool: String,
    /// SHA-256 of what it says about itself to a model.
    pub pin: Pin,
}

impl Record for ToolPin {
    const KIND: Kind = Kind::new("tool_pin");

    fn owner(&self) -> Option<&str> {
        Some(&self.upstream)
    }
}

/// The pins of all upstreams.
#[derive(Debug)]
pub(crate) struct Pins(pub(crate) Collection<ToolPin>);

impl ToolPin {
    /// The key of the pin of one tool.
    pub fn key(upstream: &str, tool: &str) -> String {
        // Names of upstreams hold no slash.
        format!("{upstream}/{tool}")
    }
}

impl Pins {
    /// All pins of an upstream.
    pub(crate) async fn of(&self, upstream: &str) -> Result<Vec<(String, Pin)>, StoreError> {
        let pins = self.0.all(ListBy::Owner(upstream)).await?.into_iter();
        Ok(pins.map(|pin| (pin.record.tool, pin.record.pin)).collect())
    }

    /// The pin of one tool.
    pub(crate) async fn get(&self, upstream: &str, tool: &str) -> Result<Option<Pin>, StoreError> {
        let found = self.0.get(&ToolPin::key(upstream, tool)).await?;
        Ok(found.map(|found| found.pin))
    }

    /// Remembers a tool that was not known.
    pub(crate) async fn keep(
        &self,
        upstream: &str,
        tool: &str,
        pin: Pin,
    ) -> Result<(), StoreError> {
        let record = ToolPin {
            upstream: upstream.to_owned(),
            tool: tool.to_owned(),
            pin,
        };
        // Another replica may have been faster, and then its pin is the first one.
        self.0
            .insert(&ToolPin::key(upstream, tool), &record)
            .await?;
        Ok(())
    }
}
