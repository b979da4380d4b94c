//! Places of which nobody takes more than a share, so that one person keeps none of the others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many of something there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Most {
    pub(crate) of_all: usize,
    /// Of which one person has no more than this: whoever takes all that they can leaves the rest to others.
    pub(crate) of_one: usize,
}

impl Most {
    /// So many, and a quarter of them for one person, who may speak for many, as an agent does.
    pub(crate) const fn quartered(of_all: usize) -> Self {
        let of_one = of_all.div_ceil(4);
        Self { of_all, of_one }
    }
}

/// Places, and who has taken how many of them.
#[derive(Debug)]
pub(crate) struct Places {
    most: Most,
    taken: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    of_all: usize,
    by_person: HashMap<Arc<str>, usize>,
}

/// There is no place left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// For anybody.
    ForAll,
    /// For whoever asked, who has their share.
    ForOne,
}

/// A place that is taken as long as this lives.
#[derive(Debug)]
pub(crate) struct Taken {
    places: Arc<Places>,
    person: Arc<str>,
}

impl Places {
    pub(crate) fn new(most: Most) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    fn taken(&self) -> MutexGuard<'_, Counts> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for `person`.
    pub(crate) fn take(self: &Arc<Self>, person: Arc<str>) -> Result<Taken, Full> {
        let mut taken = self.taken();
        let of_one = taken.by_person.get(&person).copied().unwrap_or_default();
        if of_one >= self.most.of_one {
            return Err(Full::ForOne);
        }
        if taken.of_all >= self.most.of_all {
            return Err(Full::ForAll);
        }
        taken.of_all += 1;
        taken.by_person.insert(Arc::clone(&person), of_one + 1);
        drop(taken);
        Ok(Taken {
            places: Arc::clone(self),
            person,
        })
    }

    /// How many places are taken.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.taken().of_all
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.of_all -= 1;
        if let Some(count) = taken.by_person.get_mut(&self.person) {
            *count -= 1;
            if *count == 0 {
                taken.by_person.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g3_whoever_has_their_share_leaves_the_rest_to_others() {
        let most = Most {
            of_all: 3,
            of_one: 2,
        };
        let places = Places::new(most);
        let (alice, bob) = (|| places.take("alice".into()), || places.take("bob".into()));
        let (one, two) = (alice().unwrap(), alice().unwrap());
        assert_eq!(alice().unwrap_err(), Full::ForOne);
        let three = bob().unwrap();
        assert_eq!(bob().unwrap_err(), Full::ForAll);
        drop(one);
        assert!(alice().is_ok() && bob().is_ok());
        drop((two, three));
        assert_eq!(places.count(), 0);
        assert!(places.taken().by_person.is_empty());
    }
}
