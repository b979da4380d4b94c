//! Codes, device codes and refresh tokens: unforgeable names of a grant's stage.
//!
//! A handle is the grant's id, a generation and a tag that only the key ring can make. So nothing
//! secret about it is stored, an old handle is recognized as ours and not mistaken for a forgery
//! (reuse detection needs no table), and the successor of a refresh token can be said again within
//! the grace window without having been kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use store::{KeyRing, MacKeys};

/// Makes and reads handles of every purpose.
#[derive(Debug)]
pub(crate) struct Handles {
    code: MacKeys,
    device_code: MacKeys,
    refresh_token: MacKeys,
}

/// A handle that was made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handle {
    pub(crate) grant_id: String,
    /// 0 for a code of any kind; the count of rotations for a refresh token.
    pub(crate) generation: u64,
}

impl Handles {
    pub(crate) fn new(keys: &KeyRing) -> Self {
        Self {
            code: keys.mac_key("authorization-code"),
            device_code: keys.mac_key("device-code"),
            refresh_token: keys.mac_key("refresh-token"),
        }
    }

    pub(crate) fn code(&self, grant_id: &str) -> String {
        write(&self.code, grant_id, 0)
    }

    pub(crate) fn device_code(&self, grant_id: &str) -> String {
        write(&self.device_code, grant_id, 0)
    }

    pub(crate) fn refresh_token(&self, grant_id: &str, generation: u64) -> String {
        write(&self.refresh_token, grant_id, generation)
    }

    pub(crate) fn read_code(&self, text: &str) -> Option<Handle> {
        read(&self.code, text)
    }

    pub(crate) fn read_device_code(&self, text: &str) -> Option<Handle> {
        read(&self.device_code, text)
    }

    pub(crate) fn read_refresh_token(&self, text: &str) -> Option<Handle> {
        read(&self.refresh_token, text)
    }
}

fn message(grant_id: &str, generation: u64) -> String {
    format!("{grant_id}.{generation}")
}

fn write(keys: &MacKeys, grant_id: &str, generation: u64) -> String {
    let message = message(grant_id, generation);
    let (kid, tag) = keys.tag(message.as_bytes());
    format!("{message}.{kid}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn read(keys: &MacKeys, text: &str) -> Option<Handle> {
    let mut parts = text.split('.');
    let (grant_id, generation) = (parts.next()?, parts.next()?.parse().ok()?);
    let (kid, tag) = (parts.next()?, URL_SAFE_NO_PAD.decode(parts.next()?).ok()?);
    let is_ours =
        parts.next().is_none() && keys.verify(kid, message(grant_id, generation).as_bytes(), &tag);
    is_ours.then(|| Handle {
        grant_id: grant_id.to_owned(),
        generation,
    })
}

#[cfg(test)]
mod tests {
    use oauth::random::OsRandom;

    use super::*;

    #[test]
    fn a_handle_survives_the_wire_and_the_same_one_can_be_said_again() {
        let handles = Handles::new(&KeyRing::ephemeral(&OsRandom));
        let token = handles.refresh_token("g1", 7);
        let expected = Handle {
            grant_id: "g1".into(),
            generation: 7,
        };
        assert_eq!(handles.read_refresh_token(&token), Some(expected));
        assert_eq!(handles.refresh_token("g1", 7), token);
    }

    #[test]
    fn forged_cut_and_misused_handles_are_not_ours() {
        let handles = Handles::new(&KeyRing::ephemeral(&OsRandom));
        let token = handles.refresh_token("g1", 7);
        assert_eq!(
            handles.read_code(&token),
            None,
            "a refresh token is no code"
        );
        assert_eq!(
            handles.read_refresh_token(&token.replacen(".7.", ".8.", 1)),
            None
        );
        assert_eq!(handles.read_refresh_token(&format!("{token}.x")), None);
        for cut in 0..token.len() {
            assert_eq!(handles.read_refresh_token(&token[..cut]), None);
        }
        let other = Handles::new(&KeyRing::ephemeral(&OsRandom));
        assert_eq!(other.read_refresh_token(&token), None);
    }
}
