//! An issuer elsewhere, whose assertions the house is told to trust.

use oauth::jwk::JwkSet;
use oauth::jws::Algorithm;
use oauth::signing_key::SigningKey;
use serde_json::Value;

use crate::house::House;

pub(crate) const KEYS: &str = "https://idp.example/keys";

pub(crate) struct ForeignIssuer {
    pub(crate) key: SigningKey,
}

impl ForeignIssuer {
    pub(crate) fn new() -> Self {
        let pkcs8 = SigningKey::generate(Algorithm::ES256).unwrap();
        let key = SigningKey::from_pkcs8(Algorithm::ES256, &pkcs8).unwrap();
        Self { key }
    }

    pub(crate) fn key_set(&self) -> JwkSet {
        JwkSet {
            keys: vec![self.key.public().clone()],
        }
    }

    /// Puts the keys where `house` looks for them.
    pub(crate) fn publish(&self, house: &House) {
        house.network.answer_json(KEYS, &self.key_set());
    }

    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> String {
        self.key.sign(typ, claims).unwrap()
    }
}

/// `claims` with one of them changed, or left out if `value` is null.
pub(crate) fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    let members = claims.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    claims
}

/// `token` with another header and no signature, or with a signature that means nothing.
pub(crate) fn with_header(token: &str, header: &Value) -> String {
    use base64::Engine as _;
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header.to_string());
    let (_, rest) = token.split_once('.').unwrap();
    format!("{header}.{rest}")
}
