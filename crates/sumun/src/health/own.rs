//! What is ours: the store, the key ring that opens it, and the audit log.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use audit::{AuditLog, OnFailure};
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, Record, SharedStore, StoreError};

use super::Check;

/// A counter of its own, which is written to see whether the store takes it.
const PROBES: Kind = Kind::new("health_probe");

fn cause(error: StoreError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

/// Whether the store can be written and read.
#[derive(Debug)]
pub(crate) struct StoreAnswers(pub(crate) SharedStore);

#[async_trait]
impl Check for StoreAnswers {
    fn name(&self) -> String {
        "store".to_owned()
    }

    fn is_vital(&self) -> bool {
        true
    }

    async fn run(&self) -> Result<(), String> {
        let window = Duration::from_mins(1);
        let counted = self.0.count(PROBES, "store", window).await;
        counted.map(drop).map_err(cause)
    }
}

/// Something to seal.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sealed {
    text: String,
}

impl Record for Sealed {
    const KIND: Kind = Kind::new("health_seal");
    const SEALED: bool = true;
}

/// Whether the key ring seals what is stored, and opens it again.
pub(crate) struct KeyRingOpens(Collection<Sealed>);

impl KeyRingOpens {
    pub(crate) fn new(store: SharedStore, keys: Arc<KeyRing>) -> Self {
        Self(Collection::new(store, keys))
    }
}

#[async_trait]
impl Check for KeyRingOpens {
    fn name(&self) -> String {
        "key_ring".to_owned()
    }

    fn is_vital(&self) -> bool {
        true
    }

    async fn run(&self) -> Result<(), String> {
        let sealed = Sealed {
            text: "well".to_owned(),
        };
        self.0.put("seal", &sealed).await.map_err(cause)?;
        match self.0.get("seal").await.map_err(cause)? {
            Some(opened) if opened.record == sealed => Ok(()),
            _ => Err("what was sealed is not what was opened".to_owned()),
        }
    }
}

/// Whether anybody writes the audit log.
#[derive(Debug)]
pub(crate) struct AuditIsWritten(pub(crate) AuditLog);

#[async_trait]
impl Check for AuditIsWritten {
    fn name(&self) -> String {
        "audit_log".to_owned()
    }

    /// What is not recorded does not happen, unless the settings say otherwise.
    fn is_vital(&self) -> bool {
        self.0.settings().on_failure == OnFailure::Refuse
    }

    async fn run(&self) -> Result<(), String> {
        let why = "the writer of the audit log has ended: start the house anew";
        self.0.is_written().then_some(()).ok_or(why.to_owned())
    }
}
