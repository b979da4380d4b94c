//! Servers that call APIs, and where metrics are read.

use super::*;

const SCOPES: &str = "\n[scopes.\"api:act\"]\nen = \"act\"\nko = \"사용\"\n\
    [scopes.\"calendar:write\"]\nen = \"write\"\nko = \"쓰기\"\n";

const NAVER: &str = "[[identity_providers]]\nid = \"naver\"\npreset = \"naver\"\n\
    client_id = \"app\"\nclient_secret = \"canary-app-secret\"\n";

const CALENDAR: &str = "[[identity_providers]]\nid = \"calendar\"\npreset = \"oauth2\"\n\
    sign_in = false\nclient_id = \"us\"\nclient_secret = \"canary\"\n\
    authorization_endpoint = \"https://api.example/a\"\ntoken_endpoint = \"https://api.example/t\"\n\
    userinfo_endpoint = \"https://api.example/me\"\n";

const HYBRID: &str = "[[servers]]\nname = \"hybrid\"\napi = \"https://api.example/v1\"\n\
    api_client_id = \"service\"\napi_client_secret = \"canary-service\"\n\
    api_token_endpoint = \"https://api.example/t\"\nidentity_provider = \"calendar\"\n";

/// The least that works in a house on this machine alone.
fn here(lines: &str) -> String {
    let here = LEAST.replace("https://mcp.example.com", "http://127.0.0.1:8080");
    format!("{here}{SCOPES}{lines}")
}

fn api(settings: &Settings) -> &Api {
    settings.servers[1].api.as_ref().unwrap()
}

#[test]
fn naver_needs_nothing_but_its_provider() {
    let settings = accepted(&format!(
        "{LEAST}{SCOPES}{NAVER}[[servers]]\nname = \"naver\"\n"
    ));
    let api = api(&settings);
    assert_eq!(settings.servers[1].path, "/naver/mcp");
    assert_eq!(api.url, "https://openapi.naver.com");
    assert_eq!(
        (&*api.identity_provider, &*api.service.client_id),
        ("naver", "app")
    );
    assert_eq!(api.service.client_secret.expose(), "canary-app-secret");
    assert_eq!(
        (api.timeout, api.skips_authentication),
        (Duration::from_secs(30), false)
    );
    assert!(!format!("{settings:?}").contains("canary"));
}

#[test]
fn an_api_of_ones_own_is_described() {
    let settings = accepted(&format!("{LEAST}{SCOPES}{CALENDAR}{HYBRID}"));
    let api = api(&settings);
    assert_eq!(
        (&*api.url, &*api.identity_provider),
        ("https://api.example/v1", "calendar")
    );
    assert_eq!(
        api.service.token_endpoint.as_deref(),
        Some("https://api.example/t")
    );
    let providers = &settings.authorization_server.identity_providers;
    assert!(!providers[0].sign_in);
    let plain = HYBRID.replace("https://api.example/v1", "http://api.example/v1");
    refused_at_end(
        &format!("{SCOPES}{CALENDAR}{plain}"),
        &[
            "`servers[1].api`: tokens of people would cross the network in the clear: write an https \
           address",
        ],
    );
    let lonely = "[[servers]]\nname = \"hybrid\"\n";
    refused_at_end(
        &format!("{SCOPES}{lonely}"),
        &[
            "`servers[1].api`: write the address of the API, such as https://api.example.com",
            "`servers[1].identity_provider`: there is no identity provider `` at which people could \
             connect their accounts: write the `id` of one of [[identity_providers]]",
            "the service gets its own tokens for the API (RFC 6749 §4.4): write where, as \
             `api_token_endpoint`",
            "`servers[1].api_client_secret`: the service needs credentials of its own at the API: add \
             `api_client_id` and `api_client_secret`",
        ],
    );
    refused_at_end(
        "[[servers]]\nname = \"whoami\"\npath = \"/w\"\napi = \"https://api.example\"\n",
        &["`api` is for servers that call an API, hybrid and naver: remove it"],
    );
}

#[test]
fn the_switch_for_development_works_on_this_machine_alone() {
    let hybrid = format!("{CALENDAR}{HYBRID}skip_api_authentication = true\n");
    assert!(api(&accepted(&here(&hybrid))).skips_authentication);
    let message = "`skip_api_authentication` is for development: with it, calls carry nobody's credential, \
                   and everybody sees the same. It works only with a `public_url` and a `listen` on \
                   this machine: remove it";
    refused_at_end(&format!("{SCOPES}{hybrid}"), &[message]);
    let open = format!("listen = \"0.0.0.0:8080\"\n{LEAST}{SCOPES}{hybrid}");
    check_refused(&open, &[message]);
}

#[test]
fn nobody_signs_in_where_accounts_are_only_connected() {
    check_refused(
        &format!("password_sign_in = false\n{LEAST}{CALENDAR}"),
        &["nobody could sign in: switch password sign-in on, or add an identity provider"],
    );
}

#[test]
fn metrics_have_an_address_of_their_own() {
    assert_eq!(accepted(LEAST).metrics, None);
    let metrics = format!("{LEAST}[metrics]\nlisten = \"127.0.0.1:9464\"\n");
    assert_eq!(accepted(&metrics).metrics.unwrap().port(), 9464);
    refused_at_end(
        "[metrics]\nlisten = \"127.0.0.1:8080\"\n",
        &[
            "metrics are read at another address than `listen`, where everybody comes: write one such \
           as 127.0.0.1:9464",
        ],
    );
    refused_at_end(
        "[metrics]\nlisten = \"9464\"\n",
        &["`metrics.listen`: write an address and a port, such as 127.0.0.1:9464"],
    );
}
