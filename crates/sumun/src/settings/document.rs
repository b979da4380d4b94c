//! From text and environment to [`SettingsFile`], remembering where everything stood.

use std::ops::Range;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment::Override;
use super::file::SettingsFile;
use super::place::{Place, Step};
use super::problem::{Origin, Problem, nearest};

/// The tree of all settings, with the overrides of the environment in it.
///
/// A value from the file has its bytes in the text as its span. A value from override `n` has the
/// span `len + n .. len + n + 1` behind the text, which no value from the file can have.
pub(crate) struct Document<'a> {
    text: &'a str,
    overrides: &'a [Override],
    root: Spanned<DeTable<'a>>,
}

impl<'a> Document<'a> {
    /// Parses `text` and puts `overrides` on top of it, the last one uppermost.
    pub(crate) fn parse(text: &'a str, overrides: &'a [Override]) -> Result<Self, Vec<Problem>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut document = Self {
            text,
            overrides,
            root,
        };
        let problem = |error: &toml::de::Error| Problem {
            origin: error.span().map_or(Origin::File, Origin::Text),
            message: syntax_message(error.message()),
        };
        let mut problems: Vec<_> = errors.iter().map(problem).collect();
        for (n, replacement) in overrides.iter().enumerate() {
            let at = text.len() + n;
            let span = at..at + 1;
            if let Err(message) = put(document.root.get_mut(), replacement, &span) {
                let origin = Origin::Variable(replacement.name.clone());
                problems.push(Problem { origin, message });
            }
        }
        if problems.is_empty() {
            Ok(document)
        } else {
            Err(problems)
        }
    }

    /// Reads the whole tree. What cannot be read is left out, with a problem and its place.
    pub(crate) fn read(&self) -> (SettingsFile, Vec<(Place, Problem)>) {
        let mut root = self.root.clone();
        let mut problems = Vec::new();
        loop {
            let deserializer = toml::de::Deserializer::from(root.clone());
            let error = match SettingsFile::deserialize(deserializer) {
                Ok(file) => return (file, problems),
                Err(error) => error,
            };
            let span = error.span().unwrap_or_default();
            // Every error is about an entry. Without that entry the next error shows itself.
            let Some(place) = take_entry(root.get_mut(), &span, &Place::default()) else {
                let origin = Origin::File;
                problems.push((
                    Place::default(),
                    Problem {
                        origin,
                        message: error.to_string(),
                    },
                ));
                return (SettingsFile::default(), problems);
            };
            let message = value_message(&place, error.message());
            let origin = self.origin_of_span(span);
            problems.push((place, Problem { origin, message }));
        }
    }

    /// Where `place` stands: the value, else the nearest section around it.
    pub(crate) fn origin(&self, place: &Place) -> Origin {
        let mut span = None;
        let mut table = Some(self.root.get_ref());
        let mut list = None;
        for step in place.steps() {
            let value = match step {
                Step::Key(key) => table.and_then(|table| table.get(key.as_str())),
                Step::Index(index) => {
                    list.and_then(|list: &[Spanned<DeValue<'a>>]| list.get(*index))
                }
            };
            let Some(value) = value else { break };
            span = Some(value.span());
            table = value.get_ref().as_table();
            list = value.get_ref().as_array().map(AsRef::as_ref);
        }
        span.map_or(Origin::File, |span| self.origin_of_span(span))
    }

    fn origin_of_span(&self, span: Range<usize>) -> Origin {
        let behind = span.start.checked_sub(self.text.len());
        match behind.and_then(|n| self.overrides.get(n)) {
            Some(replacement) => Origin::Variable(replacement.name.clone()),
            None => Origin::Text(span),
        }
    }
}

/// Puts an override into the tree, making the sections on the way.
fn put<'a>(
    root: &mut DeTable<'a>,
    replacement: &'a Override,
    span: &Range<usize>,
) -> Result<(), String> {
    let value = override_value(&replacement.value, span)?;
    let (key, sections) = replacement
        .path
        .split_last()
        .expect("splitting gives at least one part");
    let mut table = root;
    for section in sections {
        // The empty span leads to the override as well, but is not what an error is about.
        let empty = span.start..span.start;
        let section_key = Spanned::new(empty.clone(), section.as_str().into());
        let new_section = || Spanned::new(empty, DeValue::Table(DeTable::new()));
        let entry = table.entry(section_key).or_insert_with(new_section);
        table = match entry.get_mut() {
            DeValue::Table(table) => table,
            _ => return Err(format!("`{section}` is not a section")),
        };
    }
    // An entry keeps its old key when only the value is replaced, and with it the old span.
    table.remove(key.as_str());
    table.insert(Spanned::new(span.clone(), key.as_str().into()), value);
    Ok(())
}

/// Lists, tables, booleans and integers are written as in the file; everything else is text.
fn override_value<'a>(text: &'a str, span: &Range<usize>) -> Result<Spanned<DeValue<'a>>, String> {
    let is_toml = text.starts_with(['[', '{', '"', '\''])
        || matches!(text, "true" | "false")
        || text.parse::<i64>().is_ok();
    if !is_toml {
        return Ok(Spanned::new(span.clone(), DeValue::String(text.into())));
    }
    let value = DeValue::parse(text).map_err(|error| syntax_message(error.message()))?;
    Ok(with_span(value.into_inner(), span))
}

/// Gives the value, and all values in it, the span that leads to their override.
fn with_span<'a>(value: DeValue<'a>, span: &Range<usize>) -> Spanned<DeValue<'a>> {
    let value = match value {
        DeValue::Array(list) => {
            let elements = list
                .into_iter()
                .map(|element| with_span(element.into_inner(), span));
            DeValue::Array(elements.collect())
        }
        DeValue::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| {
                let key = Spanned::new(span.clone(), key.into_inner());
                (key, with_span(value.into_inner(), span))
            });
            DeValue::Table(entries.collect())
        }
        single => single,
    };
    Spanned::new(span.clone(), value)
}

/// Removes the innermost entry that `span` is about and returns its place.
fn take_entry(table: &mut DeTable<'_>, span: &Range<usize>, place: &Place) -> Option<Place> {
    let mut found = None;
    for (key, value) in table.iter_mut() {
        let here = place.key(key.get_ref().as_ref());
        let is_key = key.span() == *span;
        // The span of a section is its header, so what is below must be searched in any case.
        if !is_key && let Some(deeper) = take_below(value.get_mut(), span, &here) {
            return Some(deeper);
        }
        let around = value.span();
        if is_key || (around.start <= span.start && span.end <= around.end) {
            found = Some((key.get_ref().clone(), here));
            break;
        }
    }
    let (key, place) = found?;
    table.remove(key.as_ref());
    Some(place)
}

fn take_below(value: &mut DeValue<'_>, span: &Range<usize>, place: &Place) -> Option<Place> {
    match value {
        DeValue::Table(table) => take_entry(table, span, place),
        // An element is never removed: the ones behind it would get another place.
        DeValue::Array(list) => list
            .iter_mut()
            .enumerate()
            .find_map(|(n, element)| take_below(element.get_mut(), span, &place.index(n))),
        _ => None,
    }
}

/// The parser's words for a syntax error, on one line.
fn syntax_message(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join("; ")
}

/// What is wrong with the entry at `place`, in our words.
fn value_message(place: &Place, message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let mut quoted = rest.split('`');
        let written = quoted.next().unwrap_or_default();
        // What follows is ", expected one of `a`, `b`": every second part is a name.
        let known: Vec<_> = quoted.skip(1).step_by(2).collect();
        return match nearest(written, known.iter().copied()) {
            Some(name) => format!("unknown key `{written}`: did you mean `{name}`?"),
            None => format!(
                "unknown key `{written}`: known here are {}",
                known.join(", ")
            ),
        };
    }
    if place.is_secret() {
        // The parser's message would quote the secret.
        return format!("`{place}` must be text in quotes");
    }
    format!("`{place}`: {message}")
}
