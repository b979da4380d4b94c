//! Changing only what is still as it was read (RFC 9110 §8.8.3, §13.1.1).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::ManageError;

/// Which states of a thing a change is meant for.
#[derive(Clone, Debug, Default)]
pub struct Precondition(Option<Vec<String>>);

impl Precondition {
    /// Whatever state it is in.
    pub const NONE: Self = Self(None);

    /// The states that an `If-Match` header names.
    pub(crate) fn if_match(header: &str) -> Self {
        let tags = header.split(',').map(|tag| tag.trim().to_owned());
        let tags: Vec<_> = tags.collect();
        // §13.1.1: the asterisk stands for any state, and what is not there is refused anyway.
        let is_any = tags.iter().any(|tag| tag == "*");
        Self((!is_any).then_some(tags))
    }

    /// Refuses a change of something that is shown as `view` now.
    pub(super) fn check(&self, view: &impl Serialize) -> Result<(), ManageError> {
        match &self.0 {
            Some(tags) if !tags.contains(&entity_tag(view)) => Err(ManageError::ChangedMeanwhile),
            _ => Ok(()),
        }
    }
}

/// The entity tag of something that is shown as `view`: it changes when the answer does, and not
/// with what nobody sees, such as the count of sign-ins.
pub(crate) fn entity_tag(view: &impl Serialize) -> String {
    let body = serde_json::to_vec(view).expect("views are plain data, which JSON can always write");
    let hash = digest(&SHA256, &body);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_if_match_names_the_states_that_may_be_changed() {
        let (now, before) = (entity_tag(&"now"), entity_tag(&"before"));
        let check = |header: &str| Precondition::if_match(header).check(&"now").is_ok();
        assert!(check(&now) && check("*") && check(&format!("{before}, {now}")));
        assert!(!check(&before) && !check("") && !check(&format!("W/{now}")));
        assert!(Precondition::NONE.check(&"now").is_ok());
    }
}
