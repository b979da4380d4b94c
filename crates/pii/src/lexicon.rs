//! Words that are looked for all at once, wherever in a text they stand and whichever their letters are, large or
//! small.
//!
//! Of several that begin at one place, the longest counts, and none begins within another. Few places of a
//! text begin a word, and three or five bytes rule most others out before words are compared. What is asked at every
//! place is small: between two texts others need the memory near the processor, and all that is far from it is waited
//! for.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::ops::Range;

/// Words, each with what it says, by how they begin.
#[derive(Debug, Clone)]
pub(crate) struct Lexicon<T> {
    /// A bit for each slot: whether it has words.
    begun: Box<[u64; SLOTS / 64]>,
    /// How many slots with words are before each 64 of them.
    before: Box<[u16; SLOTS / 64]>,
    /// Where in `words` those of each slot begin that has some, in the order of the slots.
    places: Vec<u16>,
    /// The words of each slot, the longest first, one slot behind the other: whoever looks closer finds them at once.
    words: Vec<Word<T>>,
}

/// How many slots there are: many more than beginnings, so that most others have one without words.
const SLOTS: usize = 1 << 15;

#[derive(Debug, Clone)]
struct Word<T> {
    text: Box<[u8]>,
    says: T,
    /// Its first eight bytes, with all letters small, and the bits that make theirs small.
    head: u64,
    letters: u64,
    /// Whether it is the last one of its slot.
    is_last: bool,
}

impl<T: Copy> Lexicon<T> {
    /// Of words that are equal, the first counts. All are ASCII or begin with Hangul, and none is shorter than two bytes.
    pub(crate) fn of<W: AsRef<str>>(words: impl IntoIterator<Item = (W, T)>) -> Self {
        let words = words.into_iter();
        let mut words: Vec<Word<T>> = words
            .map(|(text, says)| Word::new(text.as_ref(), says))
            .collect();
        // Of those that are equal, the first stays the first.
        words.sort_by_key(|word| usize::MAX - word.text.len());
        let mut of_slots: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, word) in words.iter().enumerate() {
            for slot in slots(&word.text) {
                of_slots.entry(slot).or_default().push(number);
            }
        }
        let mut all = Self {
            begun: Box::new([0; SLOTS / 64]),
            before: Box::new([0; SLOTS / 64]),
            places: Vec::with_capacity(of_slots.len()),
            words: Vec::with_capacity(words.len()),
        };
        let short = |count: usize| u16::try_from(count).expect("there are fewer words");
        // Slots that have the same words share them.
        let mut places = BTreeMap::new();
        for (slot, numbers) in of_slots {
            all.begun[slot / 64] |= 1 << (slot % 64);
            all.before[slot / 64 + 1..].fill(short(all.places.len() + 1));
            all.places
                .push(*places.entry(numbers).or_insert_with_key(|numbers| {
                    let place = all.words.len();
                    all.words
                        .extend(numbers.iter().map(|number| words[*number].clone()));
                    if let Some(last) = all.words.last_mut() {
                        last.is_last = true;
                    }
                    short(place)
                }));
        }
        all
    }

    /// Every word of a text: what it says, and its place.
    pub(crate) fn all_in(&self, text: &str) -> impl Iterator<Item = (T, Range<usize>)> {
        let mut at = 0;
        iter::from_fn(move || {
            let (start, word) = self.next(text.as_bytes(), at)?;
            at = start + word.text.len();
            Some((word.says, start..at))
        })
    }

    /// The next word from `at` on, and where it begins.
    fn next(&self, bytes: &[u8], mut at: usize) -> Option<(usize, &Word<T>)> {
        loop {
            let rest = bytes.get(at..)?;
            let eight = match rest.first_chunk() {
                Some(eight) => u64::from_le_bytes(*eight),
                None if rest.is_empty() => return None,
                None => few(rest),
            };
            if eight & 0x8080_8080 == 0 {
                let small = eight | SMALL;
                for step in 0..4 {
                    let slot = slot(small >> (8 * step) & THREE);
                    if self.has_words(slot)
                        && let Some(word) = self.longest_of(slot, rest, step)
                    {
                        return Some((at + step, word));
                    }
                }
                at += 4;
            } else if (eight & 0xFF).wrapping_sub(0xEA) < 4 {
                if (self.has_words(syllables(eight)) || self.has_words(syllable(eight)))
                    && let Some(word) = self.longest_hangul(eight, rest)
                {
                    return Some((at, word));
                }
                at += 3;
            } else {
                let slot = ascii(eight);
                if self.has_words(slot)
                    && let Some(word) = self.longest_of(slot, rest, 0)
                {
                    return Some((at, word));
                }
                at += 1;
            }
        }
    }

    fn has_words(&self, slot: usize) -> bool {
        self.begun[slot / 64] >> (slot % 64) & 1 == 1
    }

    /// The longest word with which a text begins, whose first bytes are Hangul.
    #[cold]
    fn longest_hangul(&self, eight: u64, text: &[u8]) -> Option<&Word<T>> {
        // A word that goes on behind the syllable is the longer one.
        let slots = [syllables(eight), syllable(eight)];
        let mut begun = slots.into_iter().filter(|slot| self.has_words(*slot));
        begun.find_map(|slot| self.longest_of(slot, text, 0))
    }

    /// The longest of the words of a slot with which a text goes on at `at`; the slot has some.
    // The search goes on without it most of the time, and is not to make room for it.
    #[cold]
    fn longest_of(&self, slot: usize, text: &[u8], at: usize) -> Option<&Word<T>> {
        let text = text.get(at..)?;
        let eight = first_eight(text);
        let before = self.begun[slot / 64] & !(u64::MAX << (slot % 64));
        let number = usize::from(self.before[slot / 64]) + before.count_ones() as usize;
        let place = usize::from(self.places[number]);
        for word in &self.words[place..] {
            // Most are told by eight bytes, and have no more.
            if (eight | word.letters) & mask(&word.text) == word.head && word.goes_on_in(text) {
                return Some(word);
            }
            if word.is_last {
                break;
            }
        }
        None
    }
}

impl<T> Word<T> {
    fn new(text: &str, says: T) -> Self {
        let text = text.as_bytes();
        let letters: Vec<u8> = text
            .iter()
            .map(|byte| u8::from(byte.is_ascii_alphabetic()) << 5)
            .collect();
        let letters = first_eight(&letters);
        Self {
            text: text.into(),
            says,
            head: (first_eight(text) | letters) & mask(text),
            letters,
            is_last: false,
        }
    }

    /// Whether a text that begins with the first eight bytes goes on with the others.
    fn goes_on_in(&self, text: &[u8]) -> bool {
        self.text.len() <= 8
            || text
                .get(8..self.text.len())
                .is_some_and(|rest| rest.eq_ignore_ascii_case(&self.text[8..]))
    }
}

/// Which of its first eight bytes a word has.
fn mask(word: &[u8]) -> u64 {
    u64::MAX >> (64 - 8 * word.len().clamp(1, 8))
}

/// The slots in which a word is looked for: those of whatever may follow it, if it is too short for one of its own.
fn slots(word: &[u8]) -> BTreeSet<usize> {
    let eight = first_eight(word);
    match *word {
        [first, _] if first.is_ascii() => {
            let behind = 0..=u64::from(u8::MAX);
            behind.map(|behind| ascii(eight | behind << 16)).collect()
        }
        [first, ..] if first.is_ascii() => [ascii(eight)].into(),
        [_, _, _] => [syllable(eight)].into(),
        _ => [syllables(eight)].into(),
    }
}

/// Three bytes of eight, and the bit that makes letters small.
const THREE: u64 = 0xFF_FFFF;
const SMALL: u64 = u64::from_ne_bytes([0x20; 8]);

/// The slot of three bytes, whichever letters among them are large.
fn ascii(bytes: u64) -> usize {
    slot((bytes | SMALL) & THREE)
}

/// The slot of a syllable.
fn syllable(bytes: u64) -> usize {
    slot(bytes & THREE)
}

/// The slot of a syllable and what follows it, which is one byte, or two of another syllable.
fn syllables(bytes: u64) -> usize {
    let is_longer = bytes & 0x8000_0000 != 0;
    slot(
        bytes
            & if is_longer {
                0xFF_FFFF_FFFF
            } else {
                0xFFFF_FFFF
            },
    )
}

fn slot(bytes: u64) -> usize {
    // The highest bits of the product depend on all bytes.
    let hash = bytes.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - SLOTS.ilog2());
    usize::try_from(hash).map_or(0, |hash| hash % SLOTS)
}

/// The first eight bytes, with zeros behind the last one.
fn first_eight(bytes: &[u8]) -> u64 {
    if let Some(eight) = bytes.first_chunk() {
        return u64::from_le_bytes(*eight);
    }
    few(bytes)
}

/// The same of fewer bytes.
#[cold]
#[inline(never)]
fn few(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use aho_corasick::{AhoCorasick, MatchKind};
    use proptest::prelude::*;

    use super::*;
    use crate::{context, trigger};

    /// All words of this house, by number.
    fn words() -> Vec<String> {
        let triggers = trigger::words().map(|(word, _)| word.to_owned());
        let labels = context::words().map(|(word, _)| word);
        triggers.chain(labels).collect()
    }

    fn lexicon() -> Lexicon<usize> {
        Lexicon::of(words().into_iter().zip(0..))
    }

    /// What an automaton finds that looks everywhere.
    fn everywhere(text: &str) -> Vec<(usize, Range<usize>)> {
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(words())
            .unwrap();
        let found = automaton.find_iter(text);
        found
            .map(|found| (found.pattern().as_usize(), found.range()))
            .collect()
    }

    #[test]
    fn every_word_is_found_wherever_it_stands() {
        let lexicon = lexicon();
        for word in words() {
            for text in [
                word.clone(),
                word.to_ascii_uppercase(),
                format!("뷁{word}a"),
            ] {
                let found = lexicon.all_in(&text).map(|(_, range)| range);
                let start = text.len() - text.trim_start_matches('뷁').len();
                assert!(
                    found.into_iter().any(|range| range.start == start),
                    "{text}"
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_other_words_are_found_than_everywhere(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(words()),
                    "[가-힣]{1,3}",
                    "[a-zA-Z_ :-]{1,4}",
                    "\\PC",
                    prop::sample::select(vec!["자 :", "자:", "인 ", "Pw", "nm", "님", "군", "\0"]).prop_map(str::to_owned),
                ],
                0..12,
            ),
            cut in 0..4_usize,
        ) {
            let all: Vec<char> = pieces.concat().chars().collect();
            let text: String = all.iter().skip(cut).collect();
            let found: Vec<_> = lexicon().all_in(&text).collect();
            prop_assert_eq!(found, everywhere(&text));
        }
    }
}
