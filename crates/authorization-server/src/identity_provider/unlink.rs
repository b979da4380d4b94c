//! Notices that a person has cut the connection, as identity providers send them (acceptance B7).
//!
//! Naver's notice (login guide §4.4) names the person by AES-128-CBC and is signed by HMAC-SHA256,
//! both with the MD5 of the client secret as the key. The signature is verified before anything is
//! decrypted, so nobody can learn by trying whether padding is right.

use std::time::Duration;

use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::md5;
use oauth::secret::Secret;
use oauth::time::NumericDate;

use super::IdentityProvider;
use super::rules::UnlinkWebhook;

/// How far the time of a notice may be from ours, either way.
pub(crate) const FRESH: Duration = Duration::from_mins(5);

/// A notice as it arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnlinkNotice<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) encrypted_subject: &'a str,
    pub(crate) timestamp: &'a str,
    pub(crate) signature: &'a str,
}

/// Why a notice is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnlinkError {
    #[error("the notice is for another client")]
    OtherClient,
    #[error("the signature of the notice is wrong")]
    Signature,
    #[error("the notice is too old, or from the future; are the clocks right?")]
    Stale,
    #[error("the person in the notice cannot be decrypted")]
    Subject,
}

impl IdentityProvider {
    /// Whether it tells when a person has cut the connection.
    pub(crate) fn sends_unlink_notices(&self) -> bool {
        match self.rules.unlink_webhook {
            Some(UnlinkWebhook::Naver) => true,
            None => false,
        }
    }

    /// Whom a notice is about, by the provider's identifier, once everything about it is right.
    pub(crate) fn unlinked_subject(
        &self,
        notice: &UnlinkNotice<'_>,
    ) -> Result<String, UnlinkError> {
        if notice.client_id != self.client_id {
            return Err(UnlinkError::OtherClient);
        }
        let secret = self.client_secret.as_ref();
        let secret = secret.expect("the settings were checked: a webhook needs the secret");
        notice.open(secret, self.clock.now())
    }
}

impl UnlinkNotice<'_> {
    fn open(&self, secret: &Secret, now: NumericDate) -> Result<String, UnlinkError> {
        let key = md5::digest(secret.expose().as_bytes());
        let Self {
            client_id,
            encrypted_subject,
            timestamp,
            signature,
        } = self;
        let message = format!(
            "clientId={client_id}&encryptUniqueId={encrypted_subject}&timestamp={timestamp}"
        );
        let tag = decode(signature).ok_or(UnlinkError::Signature)?;
        hmac::verify(
            &hmac::Key::new(hmac::HMAC_SHA256, &key),
            message.as_bytes(),
            &tag,
        )
        .map_err(|_| UnlinkError::Signature)?;
        let sent_at = NumericDate(timestamp.parse().map_err(|_| UnlinkError::Stale)?);
        if now.since(sent_at) > FRESH || sent_at.since(now) > FRESH {
            return Err(UnlinkError::Stale);
        }
        decrypt(key, encrypted_subject).ok_or(UnlinkError::Subject)
    }
}

/// The vector stands in front of the text.
fn decrypt(key: [u8; 16], encrypted: &str) -> Option<String> {
    let sealed = decode(encrypted)?;
    let (vector, text) = sealed.split_first_chunk::<16>()?;
    let key = UnboundCipherKey::new(&AES_128, &key).and_then(PaddedBlockDecryptingKey::cbc_pkcs7);
    let key = key.expect("16 bytes are a key of AES-128");
    let mut text = text.to_vec();
    let context = DecryptionContext::Iv128(FixedLength::from(vector));
    let subject = key.decrypt(&mut text, context).ok()?;
    let subject = std::str::from_utf8(subject).ok()?;
    (!subject.is_empty()).then(|| subject.to_owned())
}

/// Base64 in the alphabet for addresses; padding is not expected, and does not hurt.
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with OpenSSL from the secret `527300A0_COq1_XV33cf`, by the rules of the guide.
    const SENT: [&str; 4] = [
        "jyvqXeaVOVmV",
        "AAECAwQFBgcICQoLDA0OD1FTsHYoeMTWKprM4NUN4ZI",
        "1693877406",
        "UGp8REZS0UHcPbgNtidxjQm4PDNNUMC_tJtTwjx0nO8",
    ];
    const SENT_AT: NumericDate = NumericDate(1_693_877_406);

    fn open(change: impl Fn(&mut [String; 4]), now: NumericDate) -> Result<String, UnlinkError> {
        let mut sent = SENT.map(str::to_owned);
        change(&mut sent);
        let [client_id, encrypted_subject, timestamp, signature] = &sent;
        let notice = UnlinkNotice {
            client_id,
            encrypted_subject,
            timestamp,
            signature,
        };
        notice.open(&"527300A0_COq1_XV33cf".into(), now)
    }

    #[test]
    fn b7_a_notice_made_by_another_program_is_understood() {
        assert_eq!(open(|_| {}, SENT_AT).as_deref(), Ok("32742776"));
        assert_eq!(
            open(|sent| sent[3] += "=", SENT_AT).as_deref(),
            Ok("32742776")
        );
    }

    #[test]
    fn b7_whatever_is_changed_is_refused() {
        for part in 0..4 {
            let changed = open(|sent| sent[part].insert(1, 'A'), SENT_AT);
            assert_eq!(changed, Err(UnlinkError::Signature), "{part}");
        }
        for signature in ["", "%", "AAAA"] {
            let changed = open(|sent| signature.clone_into(&mut sent[3]), SENT_AT);
            assert_eq!(changed, Err(UnlinkError::Signature), "{signature}");
        }
    }

    #[test]
    fn b7_a_notice_of_another_time_is_refused() {
        for (now, is_fresh) in [
            (SENT_AT.plus(FRESH), true),
            (SENT_AT.minus(FRESH), true),
            (SENT_AT.plus(FRESH + Duration::from_secs(1)), false),
            (SENT_AT.minus(FRESH + Duration::from_secs(1)), false),
        ] {
            let expected = if is_fresh {
                Ok("32742776".to_owned())
            } else {
                Err(UnlinkError::Stale)
            };
            assert_eq!(open(|_| {}, now), expected);
        }
    }
}
