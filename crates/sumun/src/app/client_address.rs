//! The address of the client, also through proxies (`X-Forwarded-For`): for limits and records alone.

use std::net::IpAddr;

use http::HeaderMap;

use crate::settings::Network;

/// The last address that no trusted proxy has: everything before it could be the client's invention.
pub(super) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    if trusted.is_empty() {
        return peer;
    }
    let is_trusted = |address| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    let lines = headers.get_all("x-forwarded-for").iter();
    let texts: Vec<_> = lines
        .flat_map(|line| line.to_str().unwrap_or_default().split(','))
        .map(str::trim)
        .collect();
    for text in texts.into_iter().rev() {
        if !is_trusted(client) {
            break;
        }
        // What a trusted proxy does not know, nobody knows.
        let Ok(address) = text.parse() else { break };
        client = address;
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, lines: &[&'static str], expected: &str) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        let client = of(peer.parse().unwrap(), &headers, &trusted);
        assert_eq!(
            client,
            expected.parse::<IpAddr>().unwrap(),
            "{peer} {lines:?}"
        );
    }

    #[test]
    fn a_stranger_is_not_believed() {
        check("192.0.2.1", &["198.51.100.7"], "192.0.2.1");
        check("192.0.2.1", &[], "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_is_believed_for_one_step() {
        check("10.0.0.1", &["198.51.100.7"], "198.51.100.7");
        check("10.0.0.1", &["203.0.113.5, 198.51.100.7"], "198.51.100.7");
        check("10.0.0.1", &["203.0.113.5", "198.51.100.7"], "198.51.100.7");
        check("::1", &["198.51.100.7, 10.0.0.2"], "198.51.100.7");
    }

    #[test]
    fn what_is_no_address_ends_the_search() {
        check("10.0.0.1", &["198.51.100.7, unknown"], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.7, unknown, 10.0.0.2"], "10.0.0.2");
        check("10.0.0.1", &["198.51.100.7, 192.0.2.9:443"], "10.0.0.1");
    }
}
