//! How many of the connections one address may hold, so that nobody needs more than an address to keep all the
//! others out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::settings::Network;

/// How many connections an address may hold, unless the operator says it.
const SHARE: usize = 512;

/// What one address may hold.
#[derive(Clone, Debug)]
pub(super) struct Share {
    most: usize,
    /// Those by whom everybody may come.
    exempt: Vec<Network>,
}

impl Share {
    /// All that there are.
    pub(super) const ALL: Self = Self {
        most: usize::MAX,
        exempt: Vec::new(),
    };

    /// The share of one address in so many connections.
    pub(super) fn of(all: usize, wanted: Option<usize>, exempt: &[Network]) -> Self {
        Self {
            most: wanted.unwrap_or(SHARE.min(all.div_ceil(2))),
            exempt: exempt.to_vec(),
        }
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        let mut exempt = self.exempt.iter();
        exempt.any(|network| network.contains(address))
    }
}

/// Who holds how many.
#[derive(Debug)]
pub(super) struct Shares {
    share: Share,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection of an address, as long as this lives.
#[derive(Debug)]
pub(super) struct Held {
    shares: Arc<Shares>,
    /// Unless nobody counts it.
    holder: Option<IpAddr>,
}

impl Shares {
    pub(super) fn new(share: Share) -> Arc<Self> {
        let held = Mutex::default();
        Arc::new(Self { share, held })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection of an address; none if it has its share.
    pub(super) fn hold(self: &Arc<Self>, address: IpAddr) -> Option<Held> {
        let shares = Arc::clone(self);
        if self.share.is_exempt(address) {
            let holder = None;
            return Some(Held { shares, holder });
        }
        let holder = holder(address);
        {
            let mut held = self.held();
            let count = held.entry(holder).or_default();
            if *count >= self.share.most {
                return None;
            }
            *count += 1;
        }
        let holder = Some(holder);
        Some(Held { shares, holder })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(holder) = self.holder else { return };
        let mut held = self.shares.held();
        if let Some(count) = held.get_mut(&holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&holder);
            }
        }
    }
}

/// Whose address it is: of IPv6, whoever has one has a network of them (RFC 6177).
fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g3_an_address_holds_its_share_and_a_proxy_holds_all() {
        let exempt = ["10.0.0.0/8".parse().unwrap()];
        let shares = Shares::new(Share::of(100, Some(2), &exempt));
        let hold = |address: &str| shares.hold(address.parse().unwrap());
        let one = hold("192.0.2.1");
        let two = hold("::ffff:192.0.2.1");
        assert!(one.is_some() && two.is_some() && hold("192.0.2.1").is_none());
        let next = [hold("2001:db8::1"), hold("2001:db8::2")];
        assert!(next.iter().all(Option::is_some));
        assert!(hold("2001:db8::ffff:1:2").is_none() && hold("2001:db8:0:1::1").is_some());
        let proxied: Vec<_> = (0..9).map(|_| hold("10.1.2.3")).collect();
        assert!(proxied.iter().all(Option::is_some));
        drop(one);
        assert!(hold("192.0.2.1").is_some());
        drop((two, next, proxied));
        assert!(shares.held().is_empty());
    }

    #[test]
    fn an_address_has_no_more_than_half_unless_the_operator_says_it() {
        let most = |all, wanted| Share::of(all, wanted, &[]).most;
        assert_eq!(
            [most(10_000, None), most(512, None), most(1, None)],
            [512, 256, 1]
        );
        assert_eq!(most(512, Some(500)), 500);
    }
}
