//! What the commands write: JSON for scripts, aligned tables for people.

use std::io::{Write as _, stdout};

use jiff::Timestamp;
use serde::Serialize;

/// Where the outcome of a command goes.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// A list: a table whose first row has the names of its columns.
    pub(super) fn list<T: Serialize, const N: usize>(
        &self,
        items: &[T],
        columns: [&str; N],
        row: impl Fn(&T) -> [String; N],
    ) -> anyhow::Result<()> {
        if self.json {
            return write_json(items);
        }
        let mut rows = vec![columns.map(str::to_owned)];
        rows.extend(items.iter().map(|item| row(item).map(|cell| plain(&cell))));
        Ok(stdout().lock().write_all(table(&rows).as_bytes())?)
    }

    /// One thing: its members, one to a line.
    pub(super) fn show(&self, view: &impl Serialize) -> anyhow::Result<()> {
        if self.json {
            return write_json(view);
        }
        let serde_json::Value::Object(members) = serde_json::to_value(view)? else {
            return write_json(view);
        };
        let rows = members.iter().map(|(name, value)| {
            let value = match value {
                serde_json::Value::Null => "-".to_owned(),
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Array(items) => in_one_line(items),
                serde_json::Value::Number(seconds) if name.ends_with("_at") => moment(seconds),
                other => other.to_string(),
            };
            [name.clone(), plain(&value)]
        });
        let rows: Vec<_> = rows.collect();
        Ok(stdout().lock().write_all(table(&rows).as_bytes())?)
    }

    /// Something was done: the thing as it is now, or a sentence for people.
    pub(super) fn done(&self, view: &impl Serialize, sentence: &str) -> anyhow::Result<()> {
        self.done_in_lines(view, &[sentence.to_owned()])
    }

    /// The same with several lines for people.
    pub(super) fn done_in_lines(
        &self,
        view: &impl Serialize,
        lines: &[String],
    ) -> anyhow::Result<()> {
        if self.json {
            return write_json(view);
        }
        for line in lines {
            writeln!(stdout(), "{}", plain(line))?;
        }
        Ok(())
    }
}

fn write_json(value: &(impl Serialize + ?Sized)) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(writeln!(stdout(), "{text}")?)
}

/// A time, which programs get in seconds since 1970.
fn moment(seconds: &serde_json::Number) -> String {
    let timestamp = seconds.as_i64().map(Timestamp::from_second);
    timestamp
        .and_then(Result::ok)
        .map_or_else(|| seconds.to_string(), |moment| moment.to_string())
}

/// Several values in one cell.
pub(super) fn joined(values: &[String]) -> String {
    match values {
        [] => "-".to_owned(),
        values => values.join(" "),
    }
}

fn in_one_line(items: &[serde_json::Value]) -> String {
    let texts = items.iter().map(|item| match item {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    joined(&texts.collect::<Vec<_>>())
}

/// Clients name themselves, and a terminal obeys control characters.
fn plain(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(visible).collect()
}

/// Columns under each other, two spaces apart.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [["name", "scopes"], ["A", "read write"], ["Longer", "-"]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(
            table(&rows),
            "name    scopes\nA       read write\nLonger  -\n"
        );
    }

    #[test]
    fn people_read_dates() {
        assert_eq!(moment(&1_796_025_163.into()), "2026-11-30T07:52:43Z");
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        assert_eq!(plain("\u{1b}[2Jshop\n"), "?[2Jshop?");
    }
}
