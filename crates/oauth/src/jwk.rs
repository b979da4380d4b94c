//! Public keys and sets of them (RFC 7517), and their thumbprints (RFC 7638).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// A public key. Private members of a key that is read are dropped, unknown key types kept out of use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Key type: `OKP`, `EC` or `RSA`.
    pub kty: String,
    /// Curve, for `OKP` and `EC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// X coordinate or public key, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Y coordinate, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// RSA modulus, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA exponent, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Intended use; only absent or `sig` keys verify signatures.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub public_key_use: Option<String>,
    /// Allowed operations; when present it must hold `verify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    /// The one algorithm this key is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// The name of the key in its set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
}

impl Jwk {
    /// The SHA-256 thumbprint in base64url (RFC 7638 §3); `None` when a required member is missing.
    pub fn thumbprint(&self) -> Option<String> {
        // RFC 7638 §3.2: required members only, in lexicographic order, without white space.
        let canonical = match self.kty.as_str() {
            "OKP" => format!(
                r#"{{"crv":"{}","kty":"OKP","x":"{}"}}"#,
                self.crv.as_ref()?,
                self.x.as_ref()?
            ),
            "EC" => format!(
                r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                self.crv.as_ref()?,
                self.x.as_ref()?,
                self.y.as_ref()?
            ),
            "RSA" => {
                format!(
                    r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
                    self.e.as_ref()?,
                    self.n.as_ref()?
                )
            }
            _ => return None,
        };
        Some(URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes())))
    }

    /// Whether the key may verify signatures at all (RFC 7517 §4.2, §4.3).
    pub fn may_verify(&self) -> bool {
        self.public_key_use
            .as_deref()
            .is_none_or(|usage| usage == "sig")
            && self
                .key_ops
                .as_ref()
                .is_none_or(|ops| ops.iter().any(|op| op == "verify"))
    }
}

/// A set of public keys (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8037_appendix_a3_thumbprint() {
        let key = Jwk {
            kty: "OKP".into(),
            crv: Some("Ed25519".into()),
            x: Some("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into()),
            ..Jwk::default()
        };
        let thumbprint = key.thumbprint().unwrap();
        assert_eq!(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_set_with_foreign_members_and_private_parts_still_parses() {
        let text = r#"{"keys":[{"kty":"AKP","alg":"ML-DSA-44","pub":"x"},
            {"kty":"OKP","crv":"Ed25519","x":"AA","d":"private","use":"enc"}]}"#;
        let set: JwkSet = serde_json::from_str(text).unwrap();
        assert!(!set.keys[1].may_verify());
        assert!(!serde_json::to_string(&set).unwrap().contains("private"));
    }
}
