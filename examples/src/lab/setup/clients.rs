//! Where answers with codes may go (RFC 9700 §2.1, RFC 8252 §7).

use oauth::client::fetch::Fetch;
use oauth::metadata::AuthorizationServerMetadata;
use url::Url;

use super::super::authority::Facts;
use super::{Check, UNREACHABLE, look};

/// An address that nobody has registered (RFC 2606).
const STRANGER: &str = "https://attacker.invalid/callback";

pub(super) async fn checks(
    fetch: &Fetch,
    metadata: &AuthorizationServerMetadata,
    facts: &Facts,
) -> Vec<Check> {
    vec![registered(facts), stranger(fetch, metadata).await]
}

/// Every registered redirect is https, on the person's own machine, or of an app's own scheme.
fn registered(facts: &Facts) -> Check {
    let open = facts.redirect_uris.iter().find(|uri| is_open(uri));
    match open {
        None => Check::pass(
            "redirects",
            format!(
                "{} registered redirects: https, loopback or an app's own",
                facts.redirect_uris.len()
            ),
        ),
        Some(uri) => Check::fail(
            "redirects",
            format!("a client has the redirect {uri}: codes can be read on the way"),
            "register an https address for it (`sumun client change --redirect-uri`)",
        ),
    }
}

fn is_open(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else {
        return true;
    };
    url.scheme() == "http" && !matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))
}

/// Asks the real endpoint to send a code to a stranger.
async fn stranger(fetch: &Fetch, metadata: &AuthorizationServerMetadata) -> Check {
    let id = "open_redirect";
    let endpoint = metadata.authorization_endpoint.as_deref();
    let endpoint = endpoint.unwrap_or_default();
    let redirect: String = url::form_urlencoded::byte_serialize(STRANGER.as_bytes()).collect();
    let probe = format!(
        "{endpoint}?response_type=code&client_id=nobody-of-the-security-lab&redirect_uri={redirect}\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    );
    match look(fetch, &probe).await {
        Err(_) => {
            let why = format!("{endpoint} cannot be reached from here");
            Check::warn(id, why, UNREACHABLE)
        }
        Ok(seen) => Check::that(
            (400..500).contains(&seen.status) && seen.location.is_none(),
            id,
            "a request of an unknown client for a foreign address is answered here, and sent nowhere",
            "a request of an unknown client is sent on",
            "let nothing in front of the server answer or rewrite the authorization endpoint",
        ),
    }
}
