//! Addresses that nobody on the way can read or change: https, or this machine (RFC 6749 §3.1.2.1,
//! RFC 8252 §8.3).

use url::{Host, Url};

/// Whether `url` is reached without leaving this machine.
///
/// Of the names, that is `localhost` alone: others are what somebody's resolver makes of them.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether secrets, tokens and keys may travel to and from `address`: it is https, or http to this
/// machine.
pub fn is_protected(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| match url.scheme() {
        "https" => true,
        "http" => is_loopback(&url),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_and_this_machine_are_protected() {
        for address in [
            "https://as.example/keys",
            "HTTPS://as.example",
            "http://localhost:8080/keys",
            "http://127.0.0.1",
            "http://127.0.0.2:9",
            "http://[::1]/",
        ] {
            assert!(is_protected(address), "{address}");
        }
        for address in [
            "http://as.example",
            "http://localhost.example",
            "http://app.localhost",
            "http://10.0.0.1",
            "http://[::2]",
            "ftp://localhost",
            "file:///keys",
            "localhost",
            "",
        ] {
            assert!(!is_protected(address), "{address}");
        }
    }
}
