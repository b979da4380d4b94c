//! Proofs that hold, and proofs that do not (RFC 9449 §4.3).

use serde_json::json;
use serde_json::value::RawValue;

use super::*;
use crate::random::OsRandom;
use crate::secret::Secret;
use crate::signing_key::SigningKey;

/// A client with a key of its own.
struct Holder(SigningKey);

impl Holder {
    fn new(algorithm: Algorithm) -> Self {
        let pkcs8 = SigningKey::generate(algorithm).unwrap();
        Self(SigningKey::from_pkcs8(algorithm, &pkcs8).unwrap())
    }

    fn header(&self) -> Value {
        let mut jwk = serde_json::to_value(self.0.public()).unwrap();
        jwk.as_object_mut().unwrap().remove("use");
        json!({"typ": "dpop+jwt", "alg": self.0.public().alg, "jwk": jwk})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.0.sign_with_header(header, claims).unwrap()
    }
}

const REQUEST: ProvenRequest<'_> = ProvenRequest {
    method: "POST",
    uri: "https://as.example/token",
    access_token: None,
};

fn claims() -> Value {
    json!({"jti": "1", "htm": "POST", "htu": "https://as.example/token", "iat": 1000})
}

#[test]
fn a_proof_names_its_key_whatever_the_algorithm() {
    for algorithm in [
        Algorithm::EdDSA,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::RS256,
    ] {
        let holder = Holder::new(algorithm);
        let proof = Proof::read(&holder.sign(&holder.header(), &claims()), &REQUEST).unwrap();
        assert_eq!(
            Some(proof.thumbprint),
            holder.0.public().thumbprint(),
            "{algorithm:?}"
        );
    }
}

#[test]
fn rfc9449_section_4_1_example() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0V\
        jNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIs\
        ImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUu\
        Y29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nf\
        bV37xRZT3Lg";
    let request = ProvenRequest {
        uri: "https://server.example.com/token",
        ..REQUEST
    };
    let proof = Proof::read(proof, &request).unwrap();
    // RFC 9449 §6.1: the thumbprint of the same key.
    assert_eq!(
        proof.thumbprint,
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    );
    assert!(proof.is_fresh(NumericDate(1_562_262_616)));
}

#[test]
fn each_rule_of_section_4_3_is_kept() {
    let holder = Holder::new(Algorithm::ES256);
    let read = |header: &Value, claims: &Value| Proof::read(&holder.sign(header, claims), &REQUEST);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        claims
    };
    let header_with = |name: &str, value: Value| {
        let mut header = holder.header();
        header[name] = value;
        header
    };
    let header = holder.header();
    assert_eq!(
        read(&header_with("typ", json!("JWT")), &claims()),
        Err(ProofError::Type)
    );
    for algorithm in ["none", "HS256", "ES512"] {
        let header = header_with("alg", json!(algorithm));
        assert_eq!(
            read(&header, &claims()),
            Err(ProofError::Algorithm),
            "{algorithm}"
        );
    }
    let mut private = header["jwk"].clone();
    private["d"] = json!("AA");
    for jwk in [
        private,
        json!({"kty": "oct", "k": "AA"}),
        json!({"kty": "EC"}),
        json!({}),
    ] {
        let header = header_with("jwk", jwk.clone());
        assert_eq!(read(&header, &claims()), Err(ProofError::Key), "{jwk}");
    }
    let other = Holder::new(Algorithm::ES256);
    assert_eq!(read(&other.header(), &claims()), Err(ProofError::Signature));
    let other_request = [
        ("htm", "GET"),
        ("htu", "https://as.example/tokens"),
        ("htu", "/token"),
    ];
    for (name, value) in other_request {
        assert_eq!(
            read(&header, &with(name, json!(value))),
            Err(ProofError::Request),
            "{value}"
        );
    }
    for missing in ["jti", "htm", "htu", "iat"] {
        assert_eq!(
            read(&header, &with(missing, Value::Null)),
            Err(ProofError::Malformed)
        );
    }
    assert_eq!(
        read(&header, &with("jti", json!(""))),
        Err(ProofError::Malformed)
    );
    let critical = header_with("crit", json!(["x"]));
    assert_eq!(read(&critical, &claims()), Err(ProofError::Malformed));
}

#[test]
fn d5_nothing_of_a_proof_may_be_there_twice() {
    let holder = Holder::new(Algorithm::EdDSA);
    let claims = claims().to_string().replace('}', r#","htm":"POST"}"#);
    let claims = RawValue::from_string(claims).unwrap();
    let proof = holder
        .0
        .sign_with_header(&holder.header(), &claims)
        .unwrap();
    assert_eq!(Proof::read(&proof, &REQUEST), Err(ProofError::Malformed));
}

#[test]
fn the_address_is_compared_as_an_address() {
    let holder = Holder::new(Algorithm::EdDSA);
    for same in [
        "HTTPS://AS.example:443/token",
        "https://as.example/token?a=b#c",
    ] {
        let mut claims = claims();
        claims["htu"] = json!(same);
        assert!(
            Proof::read(&holder.sign(&holder.header(), &claims), &REQUEST).is_ok(),
            "{same}"
        );
    }
}

#[test]
fn a_proof_is_for_one_access_token() {
    let holder = Holder::new(Algorithm::EdDSA);
    let at_resource = ProvenRequest {
        access_token: Some("token"),
        ..REQUEST
    };
    let plain = holder.sign(&holder.header(), &claims());
    assert_eq!(
        Proof::read(&plain, &at_resource),
        Err(ProofError::AccessToken)
    );
    let mut claims = claims();
    claims["ath"] = json!(hash("token"));
    let bound = holder.sign(&holder.header(), &claims);
    assert!(Proof::read(&bound, &at_resource).is_ok());
    let other = ProvenRequest {
        access_token: Some("other"),
        ..REQUEST
    };
    assert_eq!(Proof::read(&bound, &other), Err(ProofError::AccessToken));
}

#[test]
fn a_proof_is_fresh_for_a_minute_and_known_by_key_and_id() {
    let (holder, other) = (Holder::new(Algorithm::EdDSA), Holder::new(Algorithm::EdDSA));
    let read =
        |holder: &Holder| Proof::read(&holder.sign(&holder.header(), &claims()), &REQUEST).unwrap();
    let proof = read(&holder);
    for (now, is_fresh) in [(989, false), (990, true), (1060, true), (1061, false)] {
        assert_eq!(proof.is_fresh(NumericDate(now)), is_fresh, "{now}");
    }
    assert_eq!(proof.name(), read(&holder).name());
    assert_ne!(
        proof.name(),
        read(&other).name(),
        "nobody uses up the names of others"
    );
}

#[test]
fn what_a_client_makes_is_accepted_and_never_the_same_twice() {
    let holder = Holder::new(Algorithm::EdDSA);
    let request = ProvenRequest {
        access_token: Some("token"),
        ..REQUEST
    };
    let make = || sign_proof(&holder.0, &request, Some("n"), NumericDate(1000), &OsRandom);
    let read = |proof: &str| Proof::read(proof, &request).unwrap();
    let (one, two) = (read(&make()), read(&make()));
    assert_eq!(one.nonce.as_deref(), Some("n"));
    assert_ne!(one.name(), two.name());
}

#[test]
fn rfc9449_section_11_1_a_proof_is_remembered_for_longer_than_it_is_accepted() {
    let holder = Holder::new(Algorithm::ES256);
    let proof = Proof::read(&holder.sign(&holder.header(), &claims()), &REQUEST).unwrap();
    let nonces = Nonces::new(&Secret::from("key"));
    let nonce = nonces.current(NumericDate(960));
    let accepted_by: [&dyn Fn(NumericDate) -> bool; 2] = [&|now| proof.is_fresh(now), &|now| {
        nonces.is_current(&nonce, now)
    }];
    for is_accepted in accepted_by {
        let times = || (800..1300).map(NumericDate).filter(|now| is_accepted(*now));
        let (first, last) = (times().next().unwrap(), times().next_back().unwrap());
        assert!(last < first.plus(MEMORY), "{first} to {last}");
    }
}
