//! The protocol revisions of MCP, and the two eras they belong to (MCP versioning).

use std::fmt;
use std::str::FromStr;

/// A revision of the protocol; later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// The first one: HTTP with an event stream beside it.
    V2024_11_05,
    /// Streamable HTTP, and batches.
    V2025_03_26,
    /// No batches; the revision stands in a header.
    V2025_06_18,
    /// The last one with sessions.
    V2025_11_25,
    /// Every request stands for itself.
    V2026_07_28,
}

/// How client and server know each other from one request to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Era {
    /// They introduce themselves once (`initialize`), and the server may ask the client.
    Sessions,
    /// Every request carries all that there is to know, and what a server wants to ask is part of its
    /// answer.
    Stateless,
}

/// The text is no revision that is known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no revision of MCP that is known here")]
pub struct UnknownRevision(String);

impl Revision {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];

    /// The newest one with sessions: what is offered to a server that wants to be initialized.
    pub const LAST_WITH_SESSIONS: Self = Self::V2025_11_25;

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The era it belongs to.
    pub fn era(self) -> Era {
        if self < Self::V2026_07_28 {
            Era::Sessions
        } else {
            Era::Stateless
        }
    }
}

impl FromStr for Revision {
    type Err = UnknownRevision;

    fn from_str(text: &str) -> Result<Self, UnknownRevision> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == text);
        known.ok_or_else(|| UnknownRevision(text.to_owned()))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for revision in Revision::ALL {
            assert_eq!(revision.to_string().parse(), Ok(revision));
        }
        assert!("2025-01-01".parse::<Revision>().is_err());
    }

    #[test]
    fn only_the_newest_has_no_sessions() {
        let stateless = Revision::ALL.map(|revision| revision.era() == Era::Stateless);
        assert_eq!(stateless, [false, false, false, false, true]);
    }
}
