//! What the server says about itself, as a client reads it (RFC 8414, RFC 9700).

use oauth::client::discovery;
use oauth::client::fetch::{Fetch, Reach};
use oauth::metadata::AuthorizationServerMetadata;
use url::{Host, Url};

use super::{Check, UNREACHABLE};

pub(super) async fn checks(fetch: &Fetch, own: &AuthorizationServerMetadata) -> Vec<Check> {
    let served = discovery::discover(fetch, Reach::Configured, &own.issuer).await;
    let mut checks = vec![transport(own.issuer.as_str())];
    let metadata = match &served {
        Ok(served) => {
            let why = "the metadata at the well-known address names this issuer, byte for byte";
            checks.push(Check::pass("issuer", why));
            served
        }
        Err(error @ discovery::DiscoveryError::Unavailable { .. }) => {
            checks.push(Check::warn("issuer", error.to_string(), UNREACHABLE));
            own
        }
        Err(error) => {
            let fix = "write the address by which clients reach this server as `public_url`, or point \
                       the proxy there to this server";
            checks.push(Check::fail("issuer", error.to_string(), fix));
            own
        }
    };
    checks.push(shortcomings(metadata));
    checks.push(Check::that(
        metadata.code_challenge_methods_supported == ["S256"],
        "pkce",
        "PKCE by S256 and by nothing else",
        "another PKCE method than S256 is offered",
        "offer S256 alone: with `plain`, whoever sees the request can redeem the code",
    ));
    checks.push(Check::that(
        metadata.response_types_supported == ["code"]
            && !metadata
                .grant_types_supported
                .iter()
                .any(|one| matches!(one.as_str(), "implicit" | "password")),
        "grants",
        "the code grant, and neither implicit nor password (RFC 9700 §2.1.2, §2.4)",
        "grants are offered that OAuth 2.1 has removed",
        "offer the response type `code` alone, and neither `implicit` nor `password`",
    ));
    checks.push(Check::that(
        metadata.authorization_response_iss_parameter_supported,
        "mix_up",
        "answers name their issuer (RFC 9207)",
        "answers do not name their issuer, so a client of several servers can be misled",
        "send `iss` with every authorization response",
    ));
    let proofs = metadata.other.get("dpop_signing_alg_values_supported");
    checks.push(Check::that(
        proofs
            .and_then(|list| list.as_array())
            .is_some_and(|list| !list.is_empty()),
        "dpop",
        "tokens can be bound to a key of the client (RFC 9449)",
        "tokens cannot be bound to a key",
        "name `dpop_signing_alg_values_supported` in the metadata",
    ));
    checks
}

/// Passwords, codes and tokens travel encrypted, or stay on this machine.
fn transport(issuer: &str) -> Check {
    let id = "transport";
    let url = Url::parse(issuer).ok();
    let is_loopback = match url.as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if issuer.starts_with("https://") {
        Check::pass(id, "the issuer is an https address")
    } else if is_loopback {
        Check::pass(id, "http, on this machine alone")
    } else {
        let why = "the issuer is an http address that others can reach: passwords and tokens can be read \
                   on the way";
        Check::fail(
            id,
            why,
            "put TLS in front, and write the https address as `public_url`",
        )
    }
}

fn shortcomings(metadata: &AuthorizationServerMetadata) -> Check {
    let found = discovery::report(metadata);
    if found.is_empty() {
        return Check::pass("mcp_clients", "nothing is missing that MCP clients need");
    }
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    let fix = "let the metadata name it; registration is `registration.enabled` in the settings";
    Check::warn("mcp_clients", found.join("; "), fix)
}
