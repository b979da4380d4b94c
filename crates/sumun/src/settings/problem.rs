//! What is wrong with the settings: every problem with its line, and what to do about it.

use std::fmt;
use std::ops::Range;

/// Everything that is wrong with one settings file and the environment on top of it.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Problems {
    /// The name of the file, as the operator gave it.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
    /// What is wrong, from top to bottom; never empty.
    pub(crate) list: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where.
    pub(crate) origin: Origin,
    /// What is wrong, and what to do.
    pub(crate) message: String,
}

/// Where a problem comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// These bytes of the file.
    Text(Range<usize>),
    /// This environment variable.
    Variable(String),
    /// Something that is missing, or the file as a whole.
    File,
}

impl Problem {
    /// Where it sorts: what is missing first, then by line, then the environment.
    pub(crate) fn position(&self) -> usize {
        match &self.origin {
            Origin::File => 0,
            Origin::Text(span) => span.start.saturating_add(1),
            Origin::Variable(_) => usize::MAX,
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.list.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            match &problem.origin {
                Origin::File => write!(f, "{}: {}", self.name, problem.message)?,
                Origin::Variable(variable) => {
                    write!(f, "environment variable {variable}: {}", problem.message)?;
                }
                Origin::Text(span) => self.write_with_snippet(f, span, &problem.message)?,
            }
        }
        Ok(())
    }
}

impl Problems {
    fn write_with_snippet(
        &self,
        f: &mut fmt::Formatter<'_>,
        span: &Range<usize>,
        message: &str,
    ) -> fmt::Result {
        let start = self.text.floor_char_boundary(span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let number = self.text[..line_start].matches('\n').count() + 1;
        let before = &self.text[line_start..start];
        let column = before.chars().count() + 1;
        write!(f, "{}:{number}:{column}: {message}", self.name)?;

        // A tab stays a tab in front of the marks, so that they stand under what they mark.
        let indent: String = before
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let end = self.text.floor_char_boundary(span.end);
        let end = end.clamp(start, line_start + line.len());
        let width = self.text[start..end].chars().count().max(1);
        let gutter = " ".repeat(number.to_string().len());
        let shown = without_secret(line);
        write!(
            f,
            "\n  {number} | {shown}\n  {gutter} | {indent}{}",
            "^".repeat(width)
        )
    }
}

/// The line without the value of a secret: messages end up in logs.
fn without_secret(line: &str) -> String {
    let value = line.find('=').map_or(line.len(), |at| at + 1);
    let hidden = line
        .find("secret")
        .and_then(|key| Some(key + line[key..].find('=')? + 1));
    match hidden {
        Some(hidden) if !line[..hidden].contains("secret_file") => format!("{} …", &line[..hidden]),
        None if value < line.len() && is_of_upstream(&line[..value - 1]) => {
            format!("{} …", &line[..value])
        }
        _ => line.to_owned(),
    }
}

/// Whether a key holds what an upstream is given: variables and headers, unlike keys of ours, are not
/// written in small letters and underscores.
fn is_of_upstream(key: &str) -> bool {
    let key = key.trim().trim_matches('"');
    let is_ours = key
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let is_header = matches!(key, "authorization" | "cookie");
    matches!(key, "env" | "headers") || is_header || (!is_ours && sounds_secret(key))
}

/// Whether the name of a variable or header says that its value is a secret.
pub(crate) fn sounds_secret(name: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "apikey",
        "authorization",
        "cookie",
        "credential",
        "passw",
        "private",
        "secret",
        "token",
        "_key",
    ];
    let name = name.to_ascii_lowercase().replace('-', "_");
    SIGNS.iter().any(|sign| name.contains(sign)) || name == "key"
}

/// The one of `known` that `written` was probably meant to be.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let distances = known
        .into_iter()
        .map(|name| (edit_distance(written, name), name));
    let (distance, name) = distances.min()?;
    (distance <= (written.chars().count() / 3).max(1)).then_some(name)
}

/// How many letters have to be added, dropped or changed (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str, marked: &str, message: &str) -> String {
        let start = text.find(marked).unwrap();
        let origin = Origin::Text(start..start + marked.len());
        let list = vec![Problem {
            origin,
            message: message.into(),
        }];
        Problems {
            name: "sumun.toml".into(),
            text: text.into(),
            list,
        }
        .to_string()
    }

    #[test]
    fn the_marks_stand_under_what_they_mark() {
        let shown = problems("a = 1\n할일 = 5\n", "5", "wrong");
        assert_eq!(shown, "sumun.toml:2:6: wrong\n  2 | 할일 = 5\n    |      ^");
    }

    #[test]
    fn a11_a_line_with_a_secret_is_cut() {
        let shown = problems("secret = \"canary\n", "\"canary", "unfinished");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(problems("secret_file = 5", "5", "wrong").contains("secret_file = 5"));
        for line in [
            "headers = { X = \"canary",
            "GITHUB_TOKEN = \"canary",
            "env = { A = \"canary",
        ] {
            assert!(
                !problems(line, "\"canary", "unfinished").contains("canary"),
                "{line}"
            );
        }
    }

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["public_url", "listen", "data"];
        assert_eq!(nearest("publik_url", known), Some("public_url"));
        assert_eq!(nearest("lisen", known), Some("listen"));
        assert_eq!(nearest("port", known), None);
    }
}
