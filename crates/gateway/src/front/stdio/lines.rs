//! Lines of bounded length.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// What stands between two line ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(Vec<u8>),
    /// It is longer than it may be, and was skipped.
    TooLong,
}

/// The next line that is not empty; none at the end of the input.
///
/// What is read of a line is lost if nobody waits to its end, which happens only when all ends.
pub(super) async fn next_line(
    input: &mut (impl AsyncBufRead + Unpin),
    limit: usize,
) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut is_too_long = false;
    loop {
        let available = input.fill_buf().await?;
        if available.is_empty() {
            return Ok(ended(line, is_too_long));
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        let used = end.map_or(available.len(), |end| end + 1);
        is_too_long |= line.len() + part.len() > limit;
        if is_too_long {
            line = Vec::new();
        } else {
            line.extend_from_slice(part);
        }
        input.consume(used);
        if end.is_some() {
            if let Some(line) = ended(std::mem::take(&mut line), is_too_long) {
                return Ok(Some(line));
            }
            is_too_long = false;
        }
    }
}

fn ended(mut line: Vec<u8>, is_too_long: bool) -> Option<Line> {
    if is_too_long {
        return Some(Line::TooLong);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    (!line.is_empty()).then_some(Line::Text(line))
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped_and_the_next_is_read() {
        let text: &[u8] = b"one\r\n\n\n0123456789abcdef\ntwo";
        for size in 1..8 {
            let mut input = BufReader::with_capacity(size, text);
            let mut lines = Vec::new();
            while let Some(line) = next_line(&mut input, 8).await.unwrap() {
                lines.push(line);
            }
            let expected = [
                Line::Text(b"one".to_vec()),
                Line::TooLong,
                Line::Text(b"two".to_vec()),
            ];
            assert_eq!(lines, expected);
        }
    }
}
