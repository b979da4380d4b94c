//! Places in a text, to be asked whether something touches one of them.

use std::ops::Range;

/// Places in their order, none of which touches another.
#[derive(Debug)]
pub(crate) struct Places(Vec<Range<usize>>);

impl Places {
    pub(crate) fn new(ranges: impl Iterator<Item = Range<usize>>) -> Self {
        let mut ranges: Vec<Range<usize>> = ranges.collect();
        ranges.sort_by_key(|range| range.start);
        ranges.dedup_by(|next, last| {
            let is_one = next.start < last.end;
            if is_one {
                last.end = last.end.max(next.end);
            }
            is_one
        });
        Self(ranges)
    }

    /// Whether `range` has something in common with one of the places.
    pub(crate) fn touch(&self, range: &Range<usize>) -> bool {
        let first = self.0.partition_point(|one| {
            #[cfg(test)]
            crate::cost::step();
            one.end <= range.start
        });
        let first = self.0.get(first);
        first.is_some_and(|one| one.start < range.end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_touches_a_place_is_told(
            places in prop::collection::vec((0..40_usize, 1..6_usize), 0..9),
            start in 0..40_usize,
            length in 1..6_usize,
        ) {
            let places: Vec<_> = places.into_iter().map(|(at, length)| at..at + length).collect();
            let range = start..start + length;
            let touches = |one: &Range<usize>| one.start < range.end && range.start < one.end;
            let expected = places.iter().any(touches);
            prop_assert_eq!(Places::new(places.into_iter()).touch(&range), expected);
        }
    }
}
