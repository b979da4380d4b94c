//! ID tokens: invented ones, and invented claims under a good signature (OpenID Connect Core §3.1.3.7).

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::client::id_token::{Expectation, IdTokenError, verify};
use oauth::jwk::JwkSet;
use oauth::jws::Algorithm;
use oauth::secret::Secret;
use oauth::time::NumericDate;
use serde_json::{Map, Value};
use tokio::runtime::Builder;

use crate::halves;

const NOW: NumericDate = NumericDate(1_800_000_000);
const ISSUER: &str = "https://idp.example/{claim:tid}/v2.0";

/// The input as a token; and its first line as header, its second as claims of a token that the
/// provider has tagged.
pub fn run(data: &[u8]) {
    let secret = Secret::from("the secret that we share with the provider");
    if let Ok(token) = str::from_utf8(data) {
        assert!(
            claims(token, &secret).is_err(),
            "nobody else has the secret"
        );
    }
    let (header, payload) = halves(data);
    let message = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
    let message = message.join(".");
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    if let Ok(claims) = claims(&format!("{message}.{tag}"), &secret) {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let tenant = text("tid").expect("the issuer is a template with a tenant");
        assert!(!tenant.contains(['/', '.', '{']));
        assert_eq!(text("iss"), Some(&*ISSUER.replace("{claim:tid}", tenant)));
        assert_eq!(text("nonce"), Some("the nonce"));
        assert!(!text("sub").expect("there is a subject").is_empty());
        let aud = claims.get("aud").expect("there is an audience").to_string();
        assert!(aud.contains("\"us\""), "{aud}");
    }
}

fn claims(token: &str, secret: &Secret) -> Result<Map<String, Value>, IdTokenError> {
    let issuers = [ISSUER.to_owned()];
    let expected = Expectation {
        issuers: &issuers,
        client_id: "us",
        nonce: Some("the nonce"),
        algorithms: &Algorithm::ALL,
        client_secret: Some(secret),
        access_token: &Secret::from("an access token"),
        signed_in_after: None,
    };
    let keys = Arc::new(JwkSet { keys: Vec::new() });
    let runtime = Builder::new_current_thread().build();
    let runtime = runtime.expect("a process that fuzzes may have a runtime");
    runtime.block_on(verify(&Secret::from(token), &keys, &expected, NOW))
}
