//! Places in JSON, as rules write them: the names, indices and wildcards of `JSONPath` (RFC 9535).

/// One step from a value into it; the names are those of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'n> {
    /// Into the member of an object.
    Name(&'n str),
    /// Into an element of an array.
    Index(usize),
}

/// One segment of a path (RFC 9535 §2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Name(String),
    Index(usize),
    Any,
    /// `..`: any number of steps.
    Descendants,
}

/// A path; it speaks of the values it selects and of everything in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<Segment>);

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// With a sentence that says what is wrong.
    pub(crate) fn read(text: &str) -> Result<Self, &'static str> {
        let mut rest = text
            .strip_prefix('$')
            .ok_or("begins with `$`, as in `$.customer.phone`")?;
        let mut segments = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("..") {
                segments.push(Segment::Descendants);
                rest = if after.starts_with('[') {
                    after
                } else {
                    name(after, &mut segments)?
                };
            } else if let Some(after) = rest.strip_prefix('.') {
                rest = name(after, &mut segments)?;
            } else if let Some(after) = rest.strip_prefix('[') {
                rest = bracket(after, &mut segments)?;
            } else {
                return Err("has something that is neither `.name` nor `[…]`");
            }
        }
        Ok(Self(segments))
    }

    /// Whether the path selects the value that the steps lead to, or one that holds it.
    pub(crate) fn covers(&self, steps: &[Step<'_>]) -> bool {
        covers(&self.0, steps)
    }
}

fn name<'t>(rest: &'t str, segments: &mut Vec<Segment>) -> Result<&'t str, &'static str> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    match &rest[..end] {
        "" => return Err("has an empty name; write `['']` for a key without letters"),
        "*" => segments.push(Segment::Any),
        name => segments.push(Segment::Name(name.to_owned())),
    }
    Ok(&rest[end..])
}

fn bracket<'t>(rest: &'t str, segments: &mut Vec<Segment>) -> Result<&'t str, &'static str> {
    if let Some(quote) = rest.chars().next().filter(|one| matches!(one, '\'' | '"')) {
        let (name, rest) = rest[1..]
            .split_once(quote)
            .ok_or("has a quote that does not end")?;
        segments.push(Segment::Name(name.to_owned()));
        return rest.strip_prefix(']').ok_or("has a `[` without `]`");
    }
    let (inner, rest) = rest.split_once(']').ok_or("has a `[` without `]`")?;
    segments.push(match inner {
        "*" => Segment::Any,
        index => Segment::Index(
            index
                .parse()
                .map_err(|_| "has in `[…]` neither a number, nor `*`, nor a name in quotes")?,
        ),
    });
    Ok(rest)
}

fn covers(segments: &[Segment], steps: &[Step<'_>]) -> bool {
    match segments {
        [] => true,
        [Segment::Descendants, rest @ ..] => (0..=steps.len()).any(|at| covers(rest, &steps[at..])),
        [Segment::Any, rest @ ..] => !steps.is_empty() && covers(rest, &steps[1..]),
        [Segment::Name(wanted), rest @ ..] => {
            steps.first() == Some(&Step::Name(wanted)) && covers(rest, &steps[1..])
        }
        [Segment::Index(wanted), rest @ ..] => {
            steps.first() == Some(&Step::Index(*wanted)) && covers(rest, &steps[1..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_covers_what_it_selects_and_what_is_in_it() {
        let steps = [Step::Name("items"), Step::Index(3), Step::Name("e-mail")];
        for path in [
            "$",
            "$.items",
            "$.items[3]",
            "$.items[*].e-mail",
            "$.items[3]['e-mail']",
            "$..e-mail",
            "$.*",
            "$..[3]",
        ] {
            assert!(JsonPath::read(path).unwrap().covers(&steps), "{path}");
        }
        for path in ["$.item", "$.items[2]", "$..phone", "$.items.*.*.*"] {
            assert!(!JsonPath::read(path).unwrap().covers(&steps), "{path}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        for path in [
            "",
            "customer",
            "$customer",
            "$.",
            "$[",
            "$['a",
            "$[a]",
            "$..",
            "$.a...",
        ] {
            assert!(JsonPath::read(path).is_err(), "{path}");
        }
    }
}
