//! Numbers that look like chance and come again with the same seed (`SplitMix64`).

/// A seeded generator. It is for simulations; nothing that must not be guessed comes from it.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator of its own, so that what one part draws changes nothing for the others.
    pub(super) fn fork(&mut self, salt: u64) -> Self {
        Self(self.next() ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number from `from` to `to`, both included.
    pub(super) fn between(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from).unsigned_abs() + 1).cast_signed()
    }

    /// The same as a count.
    pub(super) fn count(&mut self, from: usize, to: usize) -> usize {
        from + usize::try_from(self.below((to - from) as u64 + 1)).unwrap_or_default()
    }

    /// Yes, in so many of a thousand cases.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// A size of which small ones are usual and large ones rare: most below `usual`, few above it,
    /// none above `most`.
    pub(super) fn size(&mut self, usual: usize, most: usize) -> usize {
        let mut size = self.count(0, usual);
        while size < most && self.chance(120) {
            size += self.count(1, usual.max(1));
        }
        size.min(most)
    }
}
