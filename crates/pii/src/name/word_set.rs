//! Sets of words that are asked for by their characters, as names are read.

use std::collections::HashSet;

use foldhash::fast::FixedState;

/// Words of Hangul.
pub(super) struct WordSet(HashSet<Box<[char]>, FixedState>);

impl WordSet {
    /// The words of a text. They are ours, so nobody can choose them to collide.
    pub(super) fn of(words: &str) -> Self {
        let words = words.split_ascii_whitespace();
        Self(words.map(|word| word.chars().collect()).collect())
    }

    pub(super) fn contains(&self, word: &[char]) -> bool {
        self.0.contains(word)
    }
}
