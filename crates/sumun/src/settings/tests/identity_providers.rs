//! Identity providers that cannot work, or would let the wrong people in.

use super::*;

const GOOGLE: &str =
    "[[identity_providers]]\nid = \"google\"\npreset = \"google\"\nclient_id = \"us\"\n";

#[test]
fn a_provider_takes_a_preset_and_what_stands_over_it() {
    let text = format!(
        "{LEAST}{GOOGLE}client_secret = \"s\"\nscopes = [\"openid\"]\nrefresh_token_lifetime = \"90d\"\n\
         required_claims = {{ \"/hd\" = \"example.com\" }}\n"
    );
    let providers = accepted(&text).authorization_server.identity_providers;
    let [google] = &providers[..] else {
        panic!("there is one: {providers:?}");
    };
    assert_eq!(
        (google.id.as_str(), google.preset.as_str()),
        ("google", "google")
    );
    assert!(!google.link_by_verified_email);
    let own = &google.overrides;
    assert_eq!(own.scopes.as_deref(), Some(&["openid".to_owned()][..]));
    assert_eq!(own.refresh_token_lifetime, Some(90 * 24 * 60 * 60));
    assert_eq!(own.required_claims.as_ref().unwrap()["/hd"], "example.com");
    assert_eq!(own.issuer, None, "the preset says it");
}

#[test]
fn what_cannot_work_is_told_with_its_place() {
    refused_at_end(
        GOOGLE,
        &[
            "identity provider `google`: the provider wants a secret: add `client_secret_file` or \
           `client_secret`",
        ],
    );
    refused_at_end(
        "[[identity_providers]]\npreset = \"google\"",
        &["this identity provider has no `id`: add one, such as \"google\""],
    );
    refused_at_end(
        &format!("{GOOGLE}client_secret = \"s\"\nclient_secret_file = \"f\""),
        &[
            "`identity_providers[0].client_secret` and `identity_providers[0].client_secret_file` are \
           both set: keep one of them",
        ],
    );
    let google = format!("{GOOGLE}client_secret = \"s\"\n");
    refused_at_end(
        &format!("{google}{google}"),
        &["another identity provider has the same `id`: choose another one"],
    );
    refused_at_end(
        &format!("{google}access_token_lifetime = \"0s\""),
        &[
            "`identity_providers[0].access_token_lifetime`: `0s` is no lifetime: write one such as 1h \
           or 90d",
        ],
    );
    refused_at_end(
        &format!("{google}token_endpoint = \"http://id.example/token\""),
        &[
            "identity provider `google`: `http://id.example/token` would let tokens be read or sent \
           elsewhere: write an https address without user name and fragment (http is for this \
           machine alone)",
        ],
    );
    refused_at_end(
        &google.replace("preset = \"google\"", "preset = \"entra\""),
        &[
            "identity provider `google`: the preset needs `tenant`: the directory (tenant) ID, a UUID",
        ],
    );
    refused_at_end(
        &format!("{google}tokn_endpoint = \"x\""),
        &["unknown key `tokn_endpoint`: did you mean `token_endpoint`?"],
    );
}

#[test]
fn a_house_that_nobody_could_enter_is_refused() {
    let closed = format!("password_sign_in = false\n{LEAST}");
    let refused = parsed(&closed).unwrap_err().to_string();
    assert!(refused.contains("nobody could sign in"), "{refused}");
    let open = format!("{closed}{GOOGLE}client_secret = \"s\"\n");
    assert!(!accepted(&open).authorization_server.password_sign_in);
}
