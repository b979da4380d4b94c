//! What is made of the secrets of the key ring by those who encrypt by themselves: made again when the ring goes on.
//! What was encrypted with a key that is retired could never be read again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use store::KeyRing;
use zeroize::Zeroizing;

/// A secret of a ring with the id of its key; the one that seals comes first.
pub(super) type Named = (String, Zeroizing<[u8; 32]>);

/// Something that is made of the secrets of one purpose.
pub(super) struct Derived<T> {
    ring: Arc<KeyRing>,
    purpose: &'static str,
    make: fn(&[Named]) -> anyhow::Result<T>,
    /// What was made last, and of which state of the ring.
    made: Mutex<(u64, Arc<T>)>,
}

impl<T> Derived<T> {
    pub(super) fn of(
        ring: &Arc<KeyRing>,
        purpose: &'static str,
        make: fn(&[Named]) -> anyhow::Result<T>,
    ) -> anyhow::Result<Self> {
        let changes = ring.changes();
        let first = Arc::new(make(&ring.secrets(purpose))?);
        Ok(Self {
            ring: Arc::clone(ring),
            purpose,
            make,
            made: Mutex::new((changes, first)),
        })
    }

    /// What the keys are now.
    pub(super) fn now(&self) -> Arc<T> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.ring.changes();
        if made.0 != changes {
            match (self.make)(&self.ring.secrets(self.purpose)) {
                Ok(next) => made.1 = Arc::new(next),
                // It stays as it was, which is told once for each change.
                Err(error) => {
                    tracing::error!("the keys for {} cannot be used: {error:#}", self.purpose);
                }
            }
            made.0 = changes;
        }
        Arc::clone(&made.1)
    }
}

impl<T> fmt::Debug for Derived<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Derived");
        debug
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use oauth::random::OsRandom;
    use oauth::time::{ManualClock, NumericDate};

    use super::*;

    #[test]
    fn what_is_made_of_a_ring_follows_it() {
        let clock = ManualClock::at(NumericDate(1_000));
        let ring = Arc::new(KeyRing::ephemeral(&OsRandom));
        let names = |secrets: &[Named]| {
            let names = secrets.iter().map(|(kid, _)| kid.clone());
            Ok(names.collect::<Vec<_>>())
        };
        let derived = Derived::of(&ring, "a purpose", names).unwrap();
        let first = derived.now();
        assert!(Arc::ptr_eq(&first, &derived.now()), "it is made once");

        let next = ring
            .rotate(&OsRandom, &clock, Duration::from_mins(5))
            .unwrap();
        assert_eq!(*derived.now(), [first[0].clone(), next.clone()]);
        clock.advance(Duration::from_mins(5));
        ring.reload(&clock).unwrap();
        assert_eq!(*derived.now(), [next.clone(), first[0].clone()]);
        ring.retire(&first[0], &clock).unwrap();
        assert_eq!(*derived.now(), [next]);
    }
}
