//! Where a setting stands: its path through sections and lists.

use std::fmt;

/// The path to a setting, such as `clients[1].redirect_uris[0]`; empty for the whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place(Vec<Step>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Into a section, or to a key.
    Key(String),
    /// To an element of a list.
    Index(usize),
}

impl Place {
    /// The setting `key` at the top of the file.
    pub(crate) fn of(key: impl Into<String>) -> Self {
        Self::default().key(key)
    }

    /// The setting `key` below this place.
    pub(crate) fn key(&self, key: impl Into<String>) -> Self {
        self.with(Step::Key(key.into()))
    }

    /// The element `index` of the list at this place.
    pub(crate) fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// The steps from the top of the file.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether this place is `other` or below it.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Whether what stands here must not be shown.
    pub(crate) fn is_secret(&self) -> bool {
        let is_secret = |step: &Step| {
            let secrets = ["secret", "client_secret", "env", "headers"];
            matches!(step, Step::Key(key) if secrets.contains(&&**key))
        };
        self.0.last().is_some_and(is_secret) || self.is_of_environment()
    }

    /// Whether this is a variable or header of an upstream, which may be a secret.
    fn is_of_environment(&self) -> bool {
        matches!(&self.0[..], [.., Step::Key(map), Step::Key(_)] if map == "env" || map == "headers")
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if n == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_like_the_file() {
        let client = Place::of("clients").index(1);
        assert_eq!(
            client.key("redirect_uris").index(0).to_string(),
            "clients[1].redirect_uris[0]"
        );
        assert!(client.key("secret").is_within(&client));
        assert!(!client.is_within(&client.key("secret")));
        assert!(client.key("secret").is_secret() && !client.is_secret());
        assert!(client.key("env").key("TOKEN").is_secret());
    }
}
