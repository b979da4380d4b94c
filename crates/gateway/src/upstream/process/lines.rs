//! Lines of what a child writes, with a limit.

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// How much of a line that is too long is looked at, at its beginning and at its end.
const LOOK: usize = 64;

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    /// Longer than allowed; the request that it answers, if that can be seen.
    TooLong(Option<u64>),
}

/// Reads lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    max: usize,
    line: Vec<u8>,
    is_too_long: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines of at most `max` bytes.
    pub(super) fn new(reader: R, max: usize) -> Self {
        Self {
            reader: BufReader::with_capacity(16 * 1024, reader),
            max: max.max(2 * LOOK),
            line: Vec::new(),
            is_too_long: false,
        }
    }

    /// The next line; `None` at the end. What is no UTF-8 is replaced: it is no JSON either way.
    pub(super) async fn next(&mut self) -> Option<Line> {
        loop {
            let bytes = self.reader.fill_buf().await.ok()?;
            if bytes.is_empty() {
                return None;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            let used = piece.len() + usize::from(end.is_some());
            self.line.extend_from_slice(piece);
            self.reader.consume(used);
            if self.line.len() > self.max {
                // Of what is too long, only both ends are kept.
                self.is_too_long = true;
                self.line.drain(LOOK..self.line.len() - LOOK);
            }
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                if std::mem::take(&mut self.is_too_long) {
                    return Some(Line::TooLong(id_in(&line)));
                }
                let text = String::from_utf8(line)
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
                return Some(Line::Text(text));
            }
        }
    }
}

/// The id of an answer of which only both ends are known: servers write it first or last.
fn id_in(ends: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(ends);
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let number = |text: &str| {
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        let (number, rest) = text.split_at(digits);
        Some((number.parse::<u64>().ok()?, rest.chars().next()?))
    };
    for start in [r#"{"jsonrpc":"2.0","id":"#, r#"{"id":"#] {
        if let Some((id, ',')) = text.strip_prefix(start).and_then(number) {
            return Some(id);
        }
    }
    let (_, last) = text.rsplit_once(r#","id":"#)?;
    match number(last)? {
        (id, '}') => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &[u8], max: usize) -> Vec<Line> {
        let mut lines = Lines::new(text, max);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await {
            all.push(line);
        }
        all
    }

    #[tokio::test]
    async fn lines_are_read_and_too_long_ones_are_passed_over() {
        let long = "x".repeat(100_000);
        let first = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"a":"{long}"}}}}"#);
        let last = format!(r#"{{"result":{{"a":"{long}"}},"jsonrpc":"2.0","id":8}}"#);
        let text = format!("one\n{first}\n{last}\n{long}\ntwo\ncut");
        let lines = read(text.as_bytes(), 1000).await;
        let text = |text: &str| Line::Text(text.to_owned());
        let expected = [
            text("one"),
            Line::TooLong(Some(7)),
            Line::TooLong(Some(8)),
            Line::TooLong(None),
            text("two"),
        ];
        assert_eq!(lines, expected);
    }
}
