//! The client side towards identity providers: vendors by script, in their wire formats.

mod ending;
mod outages;
mod refusals;
mod revocation;
mod token_answers;
mod valid_tokens;
mod vendors;

use authorization_server::identity_provider::{
    Arrival, IdentityProvider, IdentityProviderError, IdentityProviderSettings, Leg,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::client::authorization::CallbackAnswer;
use oauth::jws::Algorithm;
use oauth::random::OsRandom;
use oauth::signing_key::SigningKey;
use serde_json::{Value, json};
use url::Url;

use crate::house::{House, START};

/// Our name at every provider of the tests, and our secret.
const CLIENT: &str = "our-client";
const SECRET: &str = "our-secret";
/// What every person comes back with.
const STATE: &str = "the-state";

/// A house with one provider, and that provider's signing key.
struct Vendor {
    house: House,
    key: SigningKey,
}

impl Vendor {
    async fn new(preset: &str, change: impl FnOnce(&mut IdentityProviderSettings)) -> Self {
        let mut provider =
            IdentityProviderSettings::new("vendor", preset, CLIENT, Some(SECRET.into()));
        change(&mut provider);
        let house = House::with(|settings| settings.identity_providers.push(provider)).await;
        Self {
            house,
            key: signing_key(Algorithm::RS256),
        }
    }

    /// The same, signing with `algorithm`.
    fn signing(mut self, algorithm: Algorithm) -> Self {
        self.key = signing_key(algorithm);
        self
    }

    fn provider(&self) -> &IdentityProvider {
        self.house
            .server
            .identity_providers()
            .get("vendor")
            .unwrap()
    }

    fn answer(&self, url: &str, body: impl serde::Serialize) {
        self.house.network.answer_json(url, &body);
    }

    /// The address that a person is sent to.
    async fn sent_to(&self, leg: &Leg) -> Url {
        self.provider().authorization_url(leg, STATE).await.unwrap()
    }

    /// The person comes back with the code `the-code`.
    async fn finish(&self, leg: &Leg) -> Result<Arrival, IdentityProviderError> {
        self.provider()
            .finish(leg, STATE, &callback(&[("code", "the-code")]))
            .await
    }

    /// An ID token for `leg`, with what `more` says on top.
    async fn id_token(&self, leg: &Leg, issuer: &str, more: Value) -> String {
        self.key
            .sign("JWT", &self.claims(leg, issuer, more).await)
            .unwrap()
    }

    async fn claims(&self, leg: &Leg, issuer: &str, more: Value) -> Value {
        let nonce = parameter(&self.sent_to(leg).await, "nonce");
        let mut claims = json!({
            "iss": issuer, "aud": CLIENT, "sub": "subject-1",
            "iat": START.0, "exp": START.0 + 300, "nonce": nonce,
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn publish_key(&self, url: &str) {
        self.answer(url, json!({"keys": [self.key.public()]}));
    }

    /// What `issuer` says about itself, with its endpoints below it.
    fn publish_metadata(&self, issuer: &str, more: impl serde::Serialize) {
        let below = |path: &str| format!("{}/{path}", issuer.trim_end_matches('/'));
        let mut metadata = json!({
            "issuer": issuer, "authorization_endpoint": below("authorize"),
            "token_endpoint": below("token"), "userinfo_endpoint": below("me"),
            "jwks_uri": below("keys"), "revocation_endpoint": below("revoke"),
            "response_types_supported": ["code"],
        });
        let more = serde_json::to_value(more).unwrap();
        for (name, value) in more.as_object().unwrap() {
            metadata[name] = value.clone();
        }
        // The addresses before this one are not there.
        let parsed = Url::parse(issuer).unwrap();
        let path = parsed.path().trim_end_matches('/');
        let origin = parsed.origin().ascii_serialization();
        for name in ["oauth-authorization-server", "openid-configuration"] {
            self.house
                .network
                .answer(&format!("{origin}/.well-known/{name}{path}"), 404, &[], "");
        }
        self.answer(&below(".well-known/openid-configuration"), metadata);
        self.publish_key(&below("keys"));
    }

    /// The form that was last sent to `url`.
    fn form_sent_to(&self, url: &str) -> Vec<(String, String)> {
        let requests = self.house.network.requests();
        let sent = requests
            .iter()
            .rev()
            .find(|request| request.url.as_str() == url);
        let sent = sent.unwrap_or_else(|| panic!("nothing was sent to {url}"));
        url::form_urlencoded::parse(&sent.body)
            .into_owned()
            .collect()
    }
}

fn signing_key(algorithm: Algorithm) -> SigningKey {
    SigningKey::from_pkcs8(algorithm, &SigningKey::generate(algorithm).unwrap()).unwrap()
}

/// A way that begins, of a person whose client asks for a resource.
fn begun() -> Leg {
    Leg::begin(&OsRandom, Some("https://mcp.example/todo/mcp".into()))
}

/// What comes back through the browser.
fn callback(more: &[(&str, &str)]) -> CallbackAnswer {
    let mut answer = json!({"state": STATE});
    for (name, value) in more {
        answer[name] = (*value).into();
    }
    serde_json::from_value(answer).unwrap()
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = form.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// A token signed with a secret that both sides know.
fn hs256(claims: &Value, secret: &str) -> String {
    use aws_lc_rs::hmac;
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}
