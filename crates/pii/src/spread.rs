//! Values that are spread over fields and texts side by side: a number in three fields, an address in
//! two, a value that goes on in the next text block.

use std::ops::Range;

use crate::document::{Document, Leaf, LeafKind};
use crate::kind::Kind;
use crate::normalize::{Maker, Map};
use crate::recognizer::Hit;
use crate::scanner::Scanner;

/// The longest text that may be a part of a number.
const LONGEST_PART: usize = 24;
/// The most fields over which a value is spread.
const MOST_PARTS: usize = 4;
/// How much of a text block may belong to a value that goes on in the next one.
const SEAM: usize = 96;

/// The names of fields that hold the two halves of an e-mail address.
const LOCAL: [&str; 10] = [
    "local",
    "localpart",
    "local_part",
    "user",
    "username",
    "account",
    "id",
    "email_id",
    "emailid",
    "mailid",
];
const DOMAIN: [&str; 9] = [
    "domain",
    "host",
    "mail_host",
    "mailhost",
    "emaildomain",
    "email_domain",
    "maildomain",
    "server",
    "provider",
];

/// The fewest and the most digits of such numbers.
pub(crate) const SHORTEST: usize = 9;
const LONGEST: usize = 19;

/// Whether a value may be a part of a number.
pub(crate) fn is_part(value: &str) -> bool {
    (1..=LONGEST_PART).contains(&value.len())
        && value
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b' '))
}

/// Whether a field of that name may hold the second half of an e-mail address.
pub(crate) fn is_domain(name: &str) -> bool {
    DOMAIN.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// What is found in values side by side, in places of the source.
pub(crate) fn hits(scanner: &Scanner, source: &str, document: &Document<'_>) -> Vec<Hit> {
    let values: Vec<&Leaf> = document
        .leaves
        .iter()
        .filter(|leaf| leaf.kind != LeafKind::Key)
        .collect();
    let mut hits = Vec::new();
    if let Some((joined, map)) = fields(source, document, &values) {
        for hit in scanner.hits(&joined) {
            // Fields side by side form much by chance: what counts is checked by more than its shape.
            let is_whole = joined[..hit.range.start].ends_with('\n')
                && joined[hit.range.end..].starts_with('\n');
            let is_checked = match hit.kind {
                Kind::KrMobile | Kind::KrRrn | Kind::KrFrn | Kind::CreditCard => hit.score > 0.74,
                Kind::Email => true,
                _ => false,
            };
            if is_checked && is_whole {
                hits.extend(parts(&hit, &map));
            }
        }
    }
    if let Some((joined, map)) = blocks(source, document, &values) {
        for hit in scanner.hits(&joined) {
            let parts = parts(&hit, &map);
            if parts.len() > 1 {
                hits.extend(parts.into_iter().map(|part| Hit {
                    range: whole_escapes(source, part.range.clone()),
                    ..part
                }));
            }
        }
    }
    hits.retain(|hit| !hit.range.is_empty());
    hits
}

/// Blocks are looked at as they are written; what is replaced may not begin or end within an escape.
fn whole_escapes(source: &str, range: Range<usize>) -> Range<usize> {
    let backslashes = |end: usize| {
        let before = source.as_bytes()[..end].iter().rev();
        before.take_while(|byte| **byte == b'\\').count()
    };
    let start = range.start - backslashes(range.start);
    start..(range.end - backslashes(range.end)).max(start)
}

/// A hit as the pieces of the source that it is made of.
fn parts(hit: &Hit, map: &Map) -> Vec<Hit> {
    let pieces = map.pieces(hit.range.clone()).into_iter();
    pieces
        .map(|range| Hit {
            range,
            ..hit.clone()
        })
        .collect()
}

/// Every two, three and four neighbouring fields that may be one value, each as one line.
fn fields(source: &str, document: &Document<'_>, values: &[&Leaf]) -> Option<(String, Map)> {
    let is_part = |leaf: &&&Leaf| is_part(&source[leaf.range.clone()]);
    let mut maker = Maker::default();
    for start in 0..values.len() {
        let rest = &values[start..];
        let parent = document.parent(rest[0]);
        let count = rest
            .iter()
            .take(MOST_PARTS)
            .take_while(is_part)
            .take_while(|leaf| document.parent(leaf) == parent)
            .count();
        for count in 2..=count {
            let digits: usize = rest[..count].iter().map(|leaf| leaf.range.len()).sum();
            if !(SHORTEST..=LONGEST).contains(&digits) {
                continue;
            }
            for separator in ["-", ""] {
                line(&mut maker, source, &rest[..count], separator);
            }
        }
        if let [local, domain, ..] = rest
            && document.parent(domain) == parent
            && is_named(document, local, &LOCAL)
            && is_named(document, domain, &DOMAIN)
        {
            line(&mut maker, source, &[local, domain], "@");
        }
    }
    maker.finish()
}

fn is_named(document: &Document<'_>, leaf: &Leaf, names: &[&str]) -> bool {
    document.name(leaf.node).is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        names.contains(&name.as_str())
    })
}

fn line(maker: &mut Maker, source: &str, parts: &[&Leaf], separator: &str) {
    let Some(first) = parts.first() else { return };
    maker.replace("\n", first.range.start..first.range.start);
    for (at, leaf) in parts.iter().enumerate() {
        if at > 0 && !separator.is_empty() {
            maker.replace(separator, leaf.range.start..leaf.range.start);
        }
        maker.copy(source, leaf.range.clone());
    }
    let end = parts[parts.len() - 1].range.end;
    maker.replace("\n", end..end);
}

/// The seams of text blocks that stand one after the other: `[{"text":…},{"text":…}]`.
fn blocks(source: &str, document: &Document<'_>, values: &[&Leaf]) -> Option<(String, Map)> {
    let texts: Vec<&Leaf> = values
        .iter()
        .copied()
        .filter(|leaf| leaf.kind == LeafKind::Text && document.name(leaf.node) == Some("text"))
        .collect();
    let list = |leaf: &Leaf| {
        document
            .parent(leaf)
            .and_then(|block| document.parent_of(block))
    };
    let mut maker = Maker::default();
    for (at, leaf) in texts.iter().enumerate() {
        let goes_on = texts
            .get(at + 1)
            .is_some_and(|next| list(leaf).is_some() && list(leaf) == list(next));
        let comes_from = at > 0 && list(leaf).is_some() && list(texts[at - 1]) == list(leaf);
        if !goes_on && !comes_from {
            continue;
        }
        let range = leaf.range.clone();
        if range.len() <= 2 * SEAM {
            maker.copy(source, range.clone());
        } else {
            if comes_from {
                let end = floor(source, range.start + SEAM);
                maker.copy(source, range.start..end);
            }
            maker.replace("\n\n", range.start..range.start);
            if goes_on {
                let start = floor(source, range.end - SEAM);
                maker.copy(source, start..range.end);
            }
        }
        if !goes_on {
            maker.replace("\n\n", range.end..range.end);
        }
    }
    maker.finish()
}

/// The nearest place before `at` that is no half of a character or of an escape.
fn floor(source: &str, at: usize) -> usize {
    let at = source.floor_char_boundary(at);
    let escape: Range<usize> = at.saturating_sub(6)..at;
    match source
        .get(escape.clone())
        .and_then(|piece| piece.rfind('\\'))
    {
        Some(offset) => escape.start + offset,
        None => at,
    }
}
