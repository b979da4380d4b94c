//! ID tokens of a vendor, and how they can be wrong (OpenID Connect Core §2, §3.1.3.6).

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA384, digest};
use aws_lc_rs::hmac;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::jws::Algorithm;
use serde_json::{Map, Value, json};

use super::desk::Connection;
use super::{Fault, Simulator};

/// How long ID tokens are good.
const LIFETIME: Duration = Duration::from_hours(1);

impl Simulator {
    /// An ID token with the claims that every vendor has, and `more`, which may replace them.
    pub(super) fn id_token(&self, connection: &Connection, issuer: &str, more: Value) -> String {
        let now = self.now();
        let mut claims = Map::new();
        claims.insert("iss".into(), issuer.into());
        claims.insert("sub".into(), connection.person.subject.into());
        claims.insert("aud".into(), self.app().client_id.clone().into());
        claims.insert("iat".into(), now.0.into());
        claims.insert("exp".into(), now.plus(LIFETIME).0.into());
        if let Some(nonce) = connection.sent.get("nonce") {
            claims.insert("nonce".into(), nonce.into());
        }
        // §3.1.2.1: whoever asks with `max_age` learns when the person signed in; here they do so each time.
        if connection.sent.get("max_age").is_some() {
            claims.insert("auth_time".into(), now.0.into());
        }
        if let Value::Object(more) = more {
            claims.extend(more);
        }
        self.spoil(&mut claims);
        let token = self.signed("JWT", &Value::Object(claims));
        if self.has(Fault::WrongSignature) {
            return with_another_signature(&token);
        }
        token
    }

    fn spoil(&self, claims: &mut Map<String, Value>) {
        let wrong = [
            (Fault::WrongNonce, "nonce", json!("of-another-request")),
            (Fault::WrongAudience, "aud", json!("another-client")),
            (
                Fault::WrongIssuer,
                "iss",
                json!("https://another-issuer.example"),
            ),
            (
                Fault::ExpiredIdToken,
                "exp",
                json!(self.now().minus(LIFETIME).0),
            ),
        ];
        for (fault, name, value) in wrong {
            if self.has(fault) {
                claims.insert(name.to_owned(), value);
            }
        }
    }

    /// The claims as a token of the media type `typ`: with the vendor's key, or the client's secret.
    pub(super) fn signed(&self, typ: &str, claims: &Value) -> String {
        let signed = match &self.0.key {
            Some(key) => key.sign(typ, claims),
            None => Ok(self.signed_with_secret(typ, claims)),
        };
        signed.expect("claims have a JSON form")
    }

    /// HS256 (RFC 7518 §3.2).
    fn signed_with_secret(&self, typ: &str, claims: &Value) -> String {
        let header = json!({"typ": typ, "alg": "HS256"});
        let [header, payload] =
            [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{payload}");
        let secret = self.app().client_secret.expose();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = hmac::sign(&key, message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// `at_hash` (OpenID Connect Core §3.1.3.6): half of the hash that the signature algorithm uses.
    pub(super) fn hash_of(&self, access_token: &str) -> String {
        let is_long = self.0.vendor.face().algorithm == Some(Algorithm::ES384);
        let hash = digest(
            if is_long { &SHA384 } else { &SHA256 },
            access_token.as_bytes(),
        );
        URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
    }

    /// Whom the profile is about.
    pub(super) fn subject_of(&self, connection: &Connection) -> &'static str {
        if self.has(Fault::OtherSubject) {
            let others = self.vendor().people().iter();
            let mut others = others.filter(|other| other.subject != connection.person.subject);
            return others
                .next()
                .expect("every vendor knows several people")
                .subject;
        }
        connection.person.subject
    }
}

/// The keys that verify ID tokens; none where the client's secret does.
pub(super) async fn keys(State(simulator): State<Simulator>) -> Response {
    Json(simulator.key_set()).into_response()
}

/// The same token with a signature that is well-formed and wrong.
fn with_another_signature(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    bytes.reverse();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes))
}
