//! Sets of words that are asked for by their characters, as names are read.

use std::collections::HashSet;

use foldhash::fast::FixedState;

/// Words of Hangul, each as the number that its syllables make.
pub(super) struct WordSet(HashSet<u128, FixedState>);

/// So many syllables make a number: none of them has more than 16 bits, and none is zero.
const MOST: usize = 8;

impl WordSet {
    /// The words of a text. They are ours, so nobody can choose them to collide.
    pub(super) fn of(words: &str) -> Self {
        let words = words.split_ascii_whitespace();
        let number = |word: &str| number(&word.chars().collect::<Vec<char>>());
        Self(
            words
                .map(|word| number(word).expect("no word is longer"))
                .collect(),
        )
    }

    pub(super) fn contains(&self, word: &[char]) -> bool {
        number(word).is_some_and(|number| self.0.contains(&number))
    }
}

fn number(word: &[char]) -> Option<u128> {
    let all = word.iter();
    (word.len() <= MOST).then(|| all.fold(0, |sum, one| sum << 16 | u128::from(u32::from(*one))))
}
