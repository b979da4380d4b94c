//! The scanner: text in, findings out.

use std::borrow::Cow;
use std::ops::Range;

use crate::catalog::NUMBERS;
use crate::context::{Context, Label};
use crate::decode::decode;
use crate::kind::Kind;
use crate::lexicon::Lexicon;
use crate::name;
use crate::normalize::{Map, fold};
use crate::number::{Cluster, WIDEST, few_digits};
use crate::places::Places;
use crate::recognizer::{CustomRecognizer, Finding, Hit, PatternError};
use crate::secret::{self, PREFIXES};
use crate::table::{Column, Tables};
use crate::trigger::{self, Trigger};
use crate::word;

/// What is less sure is not reported, unless asked for.
const LEAST_SCORE: f32 = 0.499;

/// What is as sure as a shape and a label together make it.
const SPELLED: f32 = 0.7;

/// How often what is decoded is decoded again; each level costs as much as the text is long.
const LEVELS: usize = 3;

/// Finds personal data in text.
#[derive(Debug, Clone)]
pub struct Scanner {
    triggers: Lexicon<Trigger>,
    custom: Vec<CustomRecognizer>,
    least_score: f32,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// A scanner with the built-in recognizers.
    pub fn new() -> Self {
        Self {
            triggers: trigger::lexicon(),
            custom: Vec::new(),
            least_score: LEAST_SCORE,
        }
    }

    /// With the operator's own patterns beside the built-in ones: a JSON object of names and regular
    /// expressions, as in `pii_patterns.json`.
    ///
    /// # Errors
    ///
    /// When it is no such object, or a pattern cannot be used.
    pub fn with_patterns(mut self, json: &str) -> Result<Self, PatternError> {
        self.custom = CustomRecognizer::all_of(json)?;
        Ok(self)
    }

    /// Reports only findings with at least this score, from 0 to 1.
    pub fn with_least_score(mut self, score: f32) -> Self {
        // Sums of scores are rounded; who asks for 0.5 gets what adds up to it.
        self.least_score = (score - 0.001).max(LEAST_SCORE);
        self
    }

    /// Every type that can be found.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        let custom = self
            .custom
            .iter()
            .map(|recognizer| recognizer.kind().clone());
        Kind::built_in().chain(custom)
    }

    /// Everything that is found, in the order of the text and without overlaps.
    pub fn scan(&self, text: &str) -> Vec<Finding> {
        in_characters(text, self.hits(text))
    }

    /// The hits in a text, in its own places.
    pub(crate) fn hits(&self, text: &str) -> Vec<Hit> {
        let mut all = Vec::new();
        let mut maps: Vec<Map> = Vec::new();
        let mut seen = Cow::Borrowed(text);
        let mut levels = LEVELS;
        loop {
            if let Some((folded, map)) = fold(&seen) {
                seen = Cow::Owned(folded);
                maps.push(map);
            }
            self.detect(&seen, |hit| push(&mut all, hit, &maps));
            let decoded = (levels > 0).then(|| decode(&seen)).flatten();
            let Some(decoded) = decoded else {
                break;
            };
            // What was encoded twice is decoded twice.
            levels = if decoded.may_go_on { levels - 1 } else { 0 };
            seen = Cow::Owned(decoded.text);
            maps.push(decoded.map);
        }
        let mut hits = resolve(all);
        hits.retain(|hit| text.get(hit.range.clone()).is_some());
        hits
    }

    fn detect(&self, text: &str, mut found: impl FnMut(Hit)) {
        let mut hits = Vec::new();
        Self::marks(text, &mut hits);
        self.words(text, &mut hits);
        self.tables(text, &mut hits);
        if !text.is_ascii() {
            name::beside(text, &mut hits);
            name::alone(text, &mut hits);
        }
        for recognizer in &self.custom {
            recognizer.find(text, &mut hits);
        }
        for hit in hits {
            if hit.score >= self.least_score {
                found(hit);
            }
        }
    }

    /// What is found by its characters: numbers, `@` and `:`.
    fn marks(text: &str, hits: &mut Vec<Hit>) {
        let bytes = text.as_bytes();
        let mut cluster = Cluster::default();
        let mut before = 0;
        let mut at = 0;
        while at < bytes.len() {
            match MARKS[usize::from(bytes[at])] {
                0 => at = next_mark(bytes, at + 1),
                1 => {
                    let start = at;
                    if at > 0
                        && bytes[at - 1].is_ascii_alphabetic()
                        && let Some(hit) = word::lettered(text, start, before)
                    {
                        at = hit.range.end;
                        before = at;
                        hits.push(hit);
                        continue;
                    }
                    // Most digits of a text are a few by themselves.
                    if let Some(end) = few_digits(bytes, start) {
                        at = end;
                        continue;
                    }
                    let end = cluster.read(text, start);
                    if cluster.is_long() {
                        let known = hits.len();
                        numbers(text, &cluster, before, hits);
                        // Digits with spaces between are many things: it takes a label to make them one number.
                        if hits.len() == known
                            && let Some(whole) = cluster.without_spaces()
                        {
                            numbers(text, &whole, before, hits);
                            let spelled = hits.split_off(known).into_iter();
                            hits.extend(spelled.filter(|hit| hit.score > SPELLED));
                        }
                        before = end;
                    }
                    at = end;
                }
                2 => {
                    let hit = word::email(text, at).or_else(|| name::called(text, at + 1));
                    hits.extend(hit);
                    at += 1;
                }
                _ => {
                    let is_hex = |at: usize| {
                        bytes
                            .get(at)
                            .is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':')
                    };
                    let is_inside = at > 0 && is_hex(at - 1) || bytes.get(at + 1) == Some(&b':');
                    if is_inside
                        && is_hex(at + 1)
                        && let Some(hit) = word::ipv6(text, at)
                    {
                        at = hit.range.end.max(at + 1);
                        hits.push(hit);
                    } else {
                        at += 1;
                    }
                }
            }
        }
    }

    /// What is found by words: names, and secrets.
    fn words(&self, text: &str, hits: &mut Vec<Hit>) {
        let mut consumed = 0;
        let has_hangul = !text.is_ascii();
        for (trigger, Range { start, end }) in self.triggers.all_in(text) {
            if start < consumed {
                continue;
            }
            let hit = match trigger {
                Trigger::Prefix(place) => {
                    let prefix = &PREFIXES[usize::from(place)];
                    secret::begun(text, start, end, prefix).inspect(|hit| {
                        hits.extend(secret::beside_id(text, prefix, hit.range.end));
                    })
                }
                Trigger::Option => secret::in_option(text, end),
                Trigger::ShortOption => secret::behind_option(text, end),
                Trigger::SecretName => secret::named(text, start, end),
                Trigger::Address => secret::in_address(text, start),
                Trigger::Pem => secret::private_key(text, start),
                Trigger::Title if has_hangul => name::before_title(text, start, end)
                    .inspect(|hit| name::more_before(text, hit, hits))
                    .or_else(|| {
                        let is_label = name::is_label(&text[start..end]);
                        is_label.then(|| labelled(text, start, end, hits))?
                    }),
                Trigger::NameLabel if has_hangul => labelled(text, start, end, hits),
                Trigger::Introduction if has_hangul => name::introduced(text, end),
                Trigger::Title | Trigger::NameLabel | Trigger::Introduction => None,
            };
            if let Some(hit) = hit {
                if hit.kind == Kind::Secret {
                    consumed = hit.range.end;
                }
                hits.push(hit);
            }
        }
    }

    /// What is found in the cells of tables, each read as if its heading stood before it. What stands below the
    /// heading of numbers that are nobody's is none of anybody's.
    fn tables(&self, text: &str, hits: &mut Vec<Hit>) {
        let mut labelled = String::new();
        let mut found = Vec::new();
        let mut harmless = Vec::new();
        let mut tables = Tables::of(text);
        while let Some(table) = tables.next() {
            let end = table.each(|heading, column, cell| {
                labelled.clear();
                labelled.push_str(heading);
                labelled.push_str(": ");
                let behind = labelled.len();
                labelled.push_str(&text[cell.clone()]);
                Self::marks(&labelled, &mut found);
                self.words(&labelled, &mut found);
                let in_cell = found.drain(..).filter(|hit| hit.range.start >= behind);
                let known = hits.len();
                hits.extend(in_cell.map(|hit| {
                    let shift = |at: usize| at - behind + cell.start;
                    let range = shift(hit.range.start)..shift(hit.range.end);
                    Hit { range, ..hit }
                }));
                if column == Column::Harmless && hits.len() == known {
                    harmless.push(cell);
                }
            });
            tables.go_on(end);
        }
        if !harmless.is_empty() {
            let harmless = Places::new(harmless.into_iter());
            hits.retain(|hit| !harmless.touch(&hit.range));
        }
    }
}

/// The name behind a label, and those that follow it.
fn labelled(text: &str, start: usize, end: usize, hits: &mut Vec<Hit>) -> Option<Hit> {
    let hit = name::behind_label(text, start, end)?;
    name::more_behind(text, end, &hit, hits);
    Some(hit)
}

/// Where the next byte is that `marks` looks at: a digit, `:` or `@`. Texts have few of them, so many bytes
/// are ruled out at once.
fn next_mark(bytes: &[u8], mut at: usize) -> usize {
    let is_mark = |byte: u8| byte.wrapping_sub(b'0') <= b':' - b'0' || byte == b'@';
    while let Some(chunk) = bytes[at..].first_chunk::<32>()
        && !chunk.iter().fold(false, |any, byte| any | is_mark(*byte))
    {
        at += chunk.len();
    }
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let marks = marks_among(u64::from_le_bytes(*chunk));
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += chunk.len();
    }
    let rest = bytes[at..].iter().position(|byte| is_mark(*byte));
    rest.map_or(bytes.len(), |offset| at + offset)
}

/// Which of eight bytes are marks: of those, the highest bit is set.
fn marks_among(eight: u64) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = EACH << 7;
    // No byte carries into the next one, because the highest bit of each is left out of the sum.
    let exceeds =
        |bytes: u64, most: u8| ((bytes & !HIGHEST) + EACH * u64::from(0x7F - most)) | bytes;
    let from_zero = eight ^ (EACH * u64::from(b'0'));
    let from_at = eight ^ (EACH * u64::from(b'@'));
    !(exceeds(from_zero, b':' - b'0') & exceeds(from_at, 0)) & HIGHEST
}

/// Which bytes begin what `marks` looks at.
const MARKS: [u8; 256] = {
    let mut marks = [0; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        marks[digit as usize] = 1;
        digit += 1;
    }
    marks[b'@' as usize] = 2;
    marks[b':' as usize] = 3;
    marks
};

/// The numbers of a cluster, longest first.
fn numbers(text: &str, cluster: &Cluster, before: usize, hits: &mut Vec<Hit>) {
    let mut first = 0;
    let mut before = before;
    while first < cluster.len() {
        let mut next = first + 1;
        for end in (first + 1..=cluster.len().min(first + WIDEST)).rev() {
            let Some(number) = cluster.number(text, first..end) else {
                continue;
            };
            let mut best: Option<Hit> = None;
            let mut context = None;
            for recognizer in &NUMBERS {
                let Some(shape) = (recognizer.shape)(&number) else {
                    continue;
                };
                let context = *context.get_or_insert_with(|| {
                    let mut context = Context::of(text, number.start, number.end, before);
                    // `host-211.45.7.9` is glued to what says what it is.
                    if cluster.is_glued && first == 0 && context.near != Some(Label::Ip) {
                        context.near = Some(Label::Harmless);
                    }
                    context
                });
                let score = (shape.score
                    + context.bonus(recognizer.labels, shape.doubt, shape.event))
                .min(1.0);
                if score >= LEAST_SCORE && best.as_ref().is_none_or(|best| score > best.score) {
                    let start = match recognizer.kind {
                        Kind::KrMobile | Kind::KrLandline | Kind::PhoneIntl => {
                            number.dialled_from()
                        }
                        _ => number.start,
                    };
                    best = Some(Hit::new(recognizer.kind.clone(), start..number.end, score));
                }
            }
            if let Some(hit) = best.or_else(|| old_licence(text, &number)) {
                before = number.end;
                next = end;
                hits.push(hit);
                break;
            }
        }
        first = next;
    }
}

/// A licence of before the places had numbers: `서울 12-123456-12`.
fn old_licence(text: &str, number: &crate::number::Number<'_>) -> Option<Hit> {
    let is_licence = number.lens() == [2, 6, 2];
    let start = is_licence.then(|| word::place_before(text, number.start))??;
    Some(Hit::new(Kind::KrDriver, start..number.end, 0.7))
}

/// Keeps a hit in its place in the first text: every map leads one text back.
fn push(all: &mut Vec<Hit>, mut hit: Hit, maps: &[Map]) {
    for map in maps.iter().rev() {
        hit.range = map.to_source(hit.range);
    }
    all.push(hit);
}

/// The surest hits without overlaps, in the order of the text.
pub(crate) fn resolve(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by(|one, other| {
        let order = one.range.start.cmp(&other.range.start);
        order.then(other.range.end.cmp(&one.range.end))
    });
    let mut kept: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        let mut is_better = true;
        while let Some(last) = kept.last() {
            if last.range.end <= hit.range.start {
                break;
            }
            let order = hit.score.total_cmp(&last.score);
            let wins = order.then(hit.range.len().cmp(&last.range.len())).is_gt();
            if !wins {
                is_better = false;
                break;
            }
            kept.pop();
        }
        if is_better && !hit.range.is_empty() {
            kept.push(hit);
        }
    }
    kept
}

/// Hits with their places in characters, counted once from the beginning.
pub(crate) fn in_characters(text: &str, hits: Vec<Hit>) -> Vec<Finding> {
    let mut bytes = 0;
    let mut characters = 0;
    let mut advance = |to: usize| {
        characters += text[bytes..to].chars().count();
        bytes = to;
        characters
    };
    hits.into_iter()
        .map(|hit| {
            let Range { start, end } = hit.range;
            Finding {
                kind: hit.kind,
                value: text[start..end].to_owned(),
                start: advance(start),
                end: advance(end),
                byte_start: start,
                byte_end: end,
                score: hit.score,
            }
        })
        .collect()
}
