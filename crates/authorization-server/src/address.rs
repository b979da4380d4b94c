//! The network address of a caller, for rate limits only.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;

/// Where a request came from. Whoever runs the router behind a proxy puts this into the request's
/// extensions; otherwise the address of the connection counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl ClientAddress {
    /// What requests of one origin are counted under: an IPv4 address, or an IPv6 /64, because one
    /// subscriber has a whole network of those.
    pub(crate) fn rate_key(self) -> String {
        match self.0.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            None => "unknown".to_owned(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let told = parts.extensions.get::<Self>().copied();
        let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(told.unwrap_or_else(|| Self(connected.map(|ConnectInfo(address)| address.ip()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_subscriber_is_one_origin() {
        let key = |text: &str| ClientAddress(Some(text.parse().unwrap())).rate_key();
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::"));
        assert_ne!(key("2001:db8:1:2::"), key("2001:db8:1:3::"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
