//! The notice that a person has withdrawn, as Naver sends it (Naver login guide §4.4).

use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use oauth::client::fetch::{Authorization, Fetch, FetchError, Limits};
use oauth::md5;

use crate::simulators::{Person, Simulator};

impl Simulator {
    /// A person of Naver's withdraws: every token ends, and this is what Naver tells the app, once.
    ///
    /// The key is the MD5 of the client secret; the person is named by AES-128-CBC with the vector in
    /// front, and the rest is kept from change by HMAC-SHA256, both in base64url.
    pub fn unlink_notice(&self, person: &Person) -> [(&'static str, String); 4] {
        self.disconnect_all(person);
        let key = md5::digest(self.app().client_secret.expose().as_bytes());
        let sealed = sealed(key, person.subject);
        let client_id = self.app().client_id.clone();
        let timestamp = self.now().to_string();
        let message =
            format!("clientId={client_id}&encryptUniqueId={sealed}&timestamp={timestamp}");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), message.as_bytes());
        [
            ("clientId", client_id),
            ("encryptUniqueId", sealed),
            ("timestamp", timestamp),
            ("signature", URL_SAFE_NO_PAD.encode(tag)),
        ]
    }

    /// Sends the notice to the app. Naver expects 204 and never tries again.
    pub async fn unlink(
        &self,
        person: &Person,
        fetch: &Fetch,
        callback: &str,
    ) -> Result<StatusCode, FetchError> {
        let notice = self.unlink_notice(person);
        let form = notice
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let requests = fetch.configured();
        let answer = requests.post_form(Authorization::None, callback, &form, Limits::DOCUMENT);
        Ok(answer.await?.status)
    }
}

fn sealed(key: [u8; 16], subject: &str) -> String {
    let key = UnboundCipherKey::new(&AES_128, &key).and_then(PaddedBlockEncryptingKey::cbc_pkcs7);
    let key = key.expect("16 bytes are a key of AES-128");
    let mut text = subject.as_bytes().to_vec();
    let context = key.encrypt(&mut text);
    let context = context.expect("AES-CBC encrypts any text while the machine has randomness");
    let DecryptionContext::Iv128(vector) = context else {
        unreachable!("CBC has a vector of one block")
    };
    let mut sealed = AsRef::<[u8; 16]>::as_ref(&vector).to_vec();
    sealed.extend(text);
    URL_SAFE_NO_PAD.encode(sealed)
}
