//! Text as a reader sees it: look-alikes folded to ASCII, what is invisible dropped, Hangul composed.
//!
//! Every place of the folded text knows its place in the original, so that findings are reported and
//! replaced there. Text that needs no folding is not copied.

use std::ops::Range;

/// A piece of a made text and the piece of the source it was made of.
#[derive(Debug, Clone, Copy)]
struct Segment {
    at: usize,
    len: usize,
    source: usize,
    source_len: usize,
}

/// From the places of a made text to those of its source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Map {
    segments: Vec<Segment>,
}

impl Map {
    /// The range of the source that a range of the made text came from.
    pub(crate) fn to_source(&self, range: Range<usize>) -> Range<usize> {
        #[cfg(test)]
        crate::cost::step();
        let start = self.segment(range.start);
        let last = self.segment(range.end.saturating_sub(1).max(range.start));
        let from = if start.is_copy() {
            start.source + (range.start - start.at)
        } else {
            start.source
        };
        let to = if last.is_copy() {
            last.source + (range.end - last.at)
        } else {
            last.source + last.source_len
        };
        from..to.max(from)
    }

    /// The pieces of the source that were copied into a range of the made text.
    pub(crate) fn pieces(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let first = self
            .segments
            .partition_point(|segment| segment.at + segment.len <= range.start);
        let near = self.segments[first..].iter();
        let near = near.take_while(|segment| {
            #[cfg(test)]
            crate::cost::step();
            segment.at < range.end
        });
        let copied = near.filter(|segment| segment.is_copy());
        let pieces = copied.map(|segment| {
            let from = range.start.max(segment.at);
            let to = range.end.min(segment.at + segment.len);
            let at = |place: usize| segment.source + place.saturating_sub(segment.at);
            at(from)..at(to.max(from))
        });
        pieces.filter(|piece| !piece.is_empty()).collect()
    }

    fn segment(&self, place: usize) -> Segment {
        let after = self.segments.partition_point(|segment| segment.at <= place);
        self.segments[after.saturating_sub(1)]
    }
}

impl Segment {
    /// Whether it was copied as it is; else it is one thing, in the source as here.
    fn is_copy(&self) -> bool {
        self.len == self.source_len
    }
}

/// Makes a text piece by piece, together with its map.
#[derive(Debug, Default)]
pub(crate) struct Maker {
    text: String,
    segments: Vec<Segment>,
}

impl Maker {
    /// With room for a text and its pieces.
    pub(crate) fn with_room(length: usize, pieces: usize) -> Self {
        Self {
            text: String::with_capacity(length),
            segments: Vec::with_capacity(pieces),
        }
    }

    /// How long the text is so far.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Takes over a piece of the source as it is.
    pub(crate) fn copy(&mut self, source: &str, range: Range<usize>) {
        let piece = &source[range.clone()];
        if let Some(last) = self.segments.last_mut()
            && last.is_copy()
            && last.source + last.source_len == range.start
        {
            last.len += piece.len();
            last.source_len += piece.len();
        } else if !piece.is_empty() {
            self.segments.push(Segment {
                at: self.text.len(),
                len: piece.len(),
                source: range.start,
                source_len: piece.len(),
            });
        }
        self.text.push_str(piece);
    }

    /// Puts `piece` where the source has `range`.
    pub(crate) fn replace(&mut self, piece: &str, range: Range<usize>) {
        // Of equal lengths it is still right: starts and ends of the whole agree, and nothing that is
        // found begins or ends within a character.
        if !piece.is_empty() {
            self.segments.push(Segment {
                at: self.text.len(),
                len: piece.len(),
                source: range.start,
                source_len: range.len(),
            });
            self.text.push_str(piece);
        }
    }

    /// The text and its map; nothing if no text came out.
    pub(crate) fn finish(self) -> Option<(String, Map)> {
        let segments = self.segments;
        (!self.text.is_empty()).then_some((self.text, Map { segments }))
    }
}

/// What becomes of a character.
enum Folded {
    Kept,
    Dropped,
    /// A dot between lines, which is a hyphen between digits.
    Dot,
    To(char),
}

/// The folded text and its map, or nothing if folding changes nothing.
pub(crate) fn fold(text: &str) -> Option<(String, Map)> {
    let first = first_to_fold(text)?;
    let mut maker = Maker::default();
    maker.copy(text, 0..first);
    let mut rest = text[first..].char_indices().peekable();
    while let Some((at, found)) = rest.next() {
        let start = first + at;
        if let Some(lead) = index(found, '\u{1100}', 19) {
            let mut end = start + found.len_utf8();
            let mut syllable = None;
            if let Some((_, vowel)) = rest.peek()
                && let Some(vowel_index) = index(*vowel, '\u{1161}', 21)
            {
                end += vowel.len_utf8();
                rest.next();
                let mut code = 0xAC00 + (lead * 21 + vowel_index) * 28;
                if let Some((_, tail)) = rest.peek()
                    && let Some(tail_index) = index(*tail, '\u{11A8}', 27)
                {
                    end += tail.len_utf8();
                    rest.next();
                    code += tail_index + 1;
                }
                syllable = char::from_u32(code);
            }
            let piece = syllable.unwrap_or(found);
            maker.replace(piece.encode_utf8(&mut [0; 4]), start..end);
            continue;
        }
        let range = start..start + found.len_utf8();
        match fold_char(found) {
            Folded::Kept => maker.copy(text, range),
            Folded::Dropped => {}
            Folded::Dot => {
                let is_between = text[..start].ends_with(|one: char| one.is_numeric())
                    && text[range.end..].starts_with(|one: char| one.is_numeric());
                maker.replace(if is_between { "-" } else { "." }, range);
            }
            Folded::To(other) => maker.replace(other.encode_utf8(&mut [0; 4]), range),
        }
    }
    maker.finish()
}

fn first_to_fold(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        // Many bytes at once; the last of them is only what stands behind the one before.
        let end = match bytes[at..].first_chunk::<33>() {
            Some(chunk) if is_usual(chunk) => {
                at += 32;
                continue;
            }
            Some(_) => at + 32,
            None => bytes.len(),
        };
        while at < end {
            let byte = bytes[at];
            if byte < 0xC0 || (0xEB..=0xED).contains(&byte) {
                at += 1;
                continue;
            }
            let found = text[at..].chars().next()?;
            let is_jamo = ('\u{1100}'..='\u{11FF}').contains(&found);
            if is_jamo || !matches!(fold_char(found), Folded::Kept) {
                return Some(at);
            }
            at += found.len_utf8();
        }
    }
    None
}

/// Whether no character but ASCII, Hangul syllables and what is never folded begins in all but the last of
/// some bytes. By itself and without branches, so that it is done for many of them in one step.
#[inline(never)]
fn is_usual(bytes: &[u8; 33]) -> bool {
    let mut is_other = false;
    for at in 0..32 {
        let (byte, next) = (bytes[at], bytes[at + 1]);
        // From U+B000 on, nothing that has three bytes is folded before U+E000.
        let begins_hangul = byte.wrapping_sub(0xEA) < 4;
        is_other |= byte >= 0xC0 && !begins_hangul || byte == 0xEA && next < 0xB0;
    }
    !is_other
}

fn index(found: char, first: char, count: u32) -> Option<u32> {
    let index = u32::from(found).checked_sub(u32::from(first))?;
    (index < count).then_some(index)
}

/// Where the ten digits of other scripts begin (general category Nd).
const ZEROS: [u32; 35] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xAA50, 0xABF0, 0x1FBF0,
];

/// Letters of other alphabets that look like ASCII, as far as keys are disguised with them (UTS #39).
const LOOK_ALIKES: &str =
    "аaеeоoрpсcуyхxіiѕsјjԁdһhӏlАAВBЕEКKМMНHОOРPСCТTХXІIЅSΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXοo";

fn fold_char(found: char) -> Folded {
    let code = u32::from(found);
    let to = |code: u32| char::from_u32(code).map_or(Folded::Kept, Folded::To);
    match code {
        0..0x80 | 0xAC00..=0xD7A3 | 0x4E00..=0x9FFF | 0x3041..=0x30FA => Folded::Kept,
        // Full width.
        0xFF01..=0xFF5D => to(code - 0xFEE0),
        0x00A0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => Folded::To(' '),
        // Invisible: soft hyphen, joiners, directions, Hangul fillers, variations, tags.
        0x00AD
        | 0x034F
        | 0x061C
        | 0x115F
        | 0x1160
        | 0x17B4
        | 0x17B5
        | 0x180B..=0x180F
        | 0x200B..=0x200F
        | 0x202A..=0x202E
        | 0x2060..=0x206F
        | 0x3164
        | 0xFE00..=0xFE0F
        | 0xFEFF
        | 0xFFA0
        | 0xFFF9..=0xFFFB
        | 0xE0000..=0xE0FFF => Folded::Dropped,
        // Dashes; compatibility normalisation would make a letter of U+3161.
        0x2010..=0x2015
        | 0x2043
        | 0x207B
        | 0x208B
        | 0x2212
        | 0x02D7
        | 0x2500
        | 0x2501
        | 0x2796
        | 0x2E3A
        | 0x2E3B
        | 0x3161
        | 0x30FC
        | 0xFE31
        | 0xFE32
        | 0xFE58
        | 0xFE63
        | 0xFF70
        | 0x06D4
        | 0x301C
        | 0x223C
        | 0xFF5E => Folded::To('-'),
        0x2024 | 0x3002 | 0xFE52 | 0xFF61 => Folded::To('.'),
        0x00B7 | 0x2022 | 0x2027 | 0x2219 | 0x22C5 | 0x30FB | 0x318D | 0xFF65 => Folded::Dot,
        0xFE6B => Folded::To('@'),
        0xFE55 | 0x2236 | 0xA789 => Folded::To(':'),
        0x00B2 | 0x00B3 => to(code - 0x00B0 + 0x30),
        0x00B9 => Folded::To('1'),
        0x2070 | 0x2074..=0x2079 => to(code - 0x2070 + 0x30),
        0x2080..=0x2089 => to(code - 0x2080 + 0x30),
        0x2460..=0x2468 => to(code - 0x2460 + 0x31),
        0x2474..=0x247C => to(code - 0x2474 + 0x31),
        0x2488..=0x2490 => to(code - 0x2488 + 0x31),
        0x24F5..=0x24FD => to(code - 0x24F5 + 0x31),
        0x2776..=0x277E => to(code - 0x2776 + 0x31),
        0x2780..=0x2788 => to(code - 0x2780 + 0x31),
        0x278A..=0x2792 => to(code - 0x278A + 0x31),
        0x24EA | 0x24FF | 0x1F10B | 0x1F10C => Folded::To('0'),
        0x24B6..=0x24CF => to(code - 0x24B6 + 0x41),
        0x24D0..=0x24E9 => to(code - 0x24D0 + 0x61),
        // Mathematical letters and digits.
        0x1D400..=0x1D6A3 => match (code - 0x1D400) % 52 {
            upper @ 0..26 => to(0x41 + upper),
            lower => to(0x61 + lower - 26),
        },
        0x1D7CE..=0x1D7FF => to(0x30 + (code - 0x1D7CE) % 10),
        0x0370..=0x052F => LOOK_ALIKES
            .chars()
            .skip_while(|known| *known != found)
            .nth(1)
            .map_or(Folded::Kept, Folded::To),
        _ => ZEROS
            .iter()
            .find(|zero| (**zero..**zero + 10).contains(&code))
            .map_or(Folded::Kept, |zero| to(code - zero + 0x30)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(input: &str, expect: &str) {
        let folded = fold(input).map(|(text, _)| text);
        assert_eq!(folded.as_deref().unwrap_or(input), expect);
    }

    #[test]
    fn what_looks_like_ascii_becomes_ascii() {
        check("０１０－１２３４", "010-1234");
        check("010\u{200B}-12\u{AD}34", "010-1234");
        check("010ㅡ1234", "010-1234");
        check("010‐1234—5678", "010-1234-5678");
        check("٠١٠ ۱۲ 𝟎𝟏 ①②⓪", "010 12 01 120");
        check("ａ＠ｂ．ｋｒ", "a@b.kr");
        check("sk-рrоj", "sk-proj");
        check("010\u{3000}1234\u{A0}5678", "010 1234 5678");
    }

    #[test]
    fn hangul_is_composed() {
        check("\u{1112}\u{1169}\u{11BC}\u{1100}\u{1175}\u{11AF}", "홍길");
        check("한글 text", "한글 text");
        assert!(fold("한글과 ASCII, 漢字").is_none());
    }

    proptest! {
        #[test]
        fn the_first_to_fold_is_found_wherever_it_stands(
            before in "[가-힣a\u{AC00}\u{D7A3}\u{D7FF}\u{4E00}é]{0,70}",
            found in "\\PC",
            behind in "[가-힣a]{0,40}",
        ) {
            let is_folded = |one: char| {
                ('\u{1100}'..='\u{11FF}').contains(&one) || !matches!(fold_char(one), Folded::Kept)
            };
            let text = before + &found + &behind;
            let expected = text.char_indices().find(|(_, one)| is_folded(*one));
            prop_assert_eq!(first_to_fold(&text), expected.map(|(at, _)| at));
        }

        #[test]
        fn p1_a_range_leads_back_to_what_was_folded(text in "\\PC{0,40}", from in 0..40_usize, to in 0..40_usize) {
            let Some((folded, map)) = fold(&text) else { return Ok(()) };
            let edges: Vec<usize> = folded.char_indices().map(|(at, _)| at).collect();
            let (from, to) = (from.min(to) % edges.len(), from.max(to) % edges.len());
            let (from, to) = (from.min(to), from.max(to));
            let end = edges.get(to + 1).copied().unwrap_or(folded.len());
            let source = map.to_source(edges[from]..end);
            let piece = text.get(source).expect("the range lies between characters");
            let again = fold(piece).map_or_else(|| piece.to_owned(), |(text, _)| text);
            prop_assert_eq!(&folded[edges[from]..end], again.as_str());
        }
    }
}
