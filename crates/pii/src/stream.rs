//! Server-sent events, scanned one by one (HTML Living Standard, section 9.2).

use crate::refusal::{PolicyRefusal, RefusalReason};

/// Passes events on when they are whole and were looked at.
#[derive(Debug)]
pub(crate) struct EventStream {
    most: usize,
    held: Vec<u8>,
    /// How much of what is held was looked at for an end.
    seen: usize,
    /// Where the line begins in which `seen` lies.
    line: usize,
}

impl EventStream {
    /// A stream whose events have at most `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            held: Vec::new(),
            seen: 0,
            line: 0,
        }
    }

    /// Takes bytes, and adds to `out` those of the events that are whole, each with the data that `replace`
    /// makes of its own. What comes before an event that is refused is there, however the bytes were cut.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut replace: impl FnMut(&str) -> Result<Option<String>, PolicyRefusal>,
    ) -> Result<(), PolicyRefusal> {
        self.held.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(end) = self.next_end() {
            let event = &self.held[from..end];
            if event.len() > self.most {
                return Err(RefusalReason::TooLarge(self.most).into());
            }
            out.extend(with_data(event, &mut replace)?);
            from = end;
        }
        self.held.drain(..from);
        self.seen -= from;
        self.line -= from;
        if self.held.len() > self.most {
            return Err(RefusalReason::TooLarge(self.most).into());
        }
        Ok(())
    }

    /// Where the next event ends: behind an empty line. A `\r` at the very end may be half of a line
    /// break, so it waits.
    fn next_end(&mut self) -> Option<usize> {
        while let Some(byte) = self.held.get(self.seen) {
            let length = match byte {
                b'\n' => 1,
                b'\r' => match self.held.get(self.seen + 1)? {
                    b'\n' => 2,
                    _ => 1,
                },
                _ => {
                    self.seen += 1;
                    continue;
                }
            };
            let is_empty = self.seen == self.line;
            self.seen += length;
            self.line = self.seen;
            if is_empty {
                return Some(self.seen);
            }
        }
        None
    }
}

/// An event as it may be seen: with other data, if it gets any, and without what no reader takes for something, where
/// anything could be hidden. A name or an id that would be replaced is left out, since it would be another one.
fn with_data(
    bytes: &[u8],
    mut replace: impl FnMut(&str) -> Result<Option<String>, PolicyRefusal>,
) -> Result<Vec<u8>, PolicyRefusal> {
    let event = str::from_utf8(bytes).map_err(|_| RefusalReason::NotUtf8)?;
    let lines = split(event);
    let data: Vec<&str> = lines
        .iter()
        .filter_map(|(line, _)| value_of("data", line))
        .collect();
    let mut operated = replace(&data.join("\n"))?;
    let has_data = operated.is_some();
    let mut out = String::with_capacity(event.len());
    for (line, ending) in lines {
        if value_of("data", line).is_some() && has_data {
            for line in operated.take().iter().flat_map(|data| data.split('\n')) {
                out.extend(["data: ", line, ending]);
            }
        } else if let Some(line) = beside_data(line, &mut replace)? {
            out.extend([line, ending]);
        }
    }
    Ok(out.into_bytes())
}

/// What is passed on of a line that is not to be replaced: of a comment, that there is one, which keeps a connection
/// open.
fn beside_data<'l>(
    line: &'l str,
    replace: &mut impl FnMut(&str) -> Result<Option<String>, PolicyRefusal>,
) -> Result<Option<&'l str>, PolicyRefusal> {
    let is = |field| value_of(field, line).is_some();
    if line.is_empty() || is("data") || is("retry") {
        return Ok(Some(line));
    }
    if line.trim_start_matches('\u{FEFF}').starts_with(':') {
        return Ok(Some(":"));
    }
    let Some(name) = value_of("event", line).or_else(|| value_of("id", line)) else {
        return Ok(None);
    };
    Ok(replace(name)?.is_none().then_some(line))
}

/// The lines of an event, each with its ending.
fn split(event: &str) -> Vec<(&str, &str)> {
    let mut lines = Vec::new();
    let mut rest = event;
    while let Some(at) = rest.find(['\r', '\n']) {
        let length = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        lines.push((&rest[..at], &rest[at..at + length]));
        rest = &rest[at + length..];
    }
    lines
}

/// The value of a line, if it is of this field.
fn value_of<'l>(field: &str, line: &'l str) -> Option<&'l str> {
    let line = line.strip_prefix('\u{FEFF}').unwrap_or(line);
    let value = line.strip_prefix(field)?;
    if value.is_empty() {
        return Some(value);
    }
    let value = value.strip_prefix(':')?;
    Some(value.strip_prefix(' ').unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ":\r\n\r\nid: 1\nevent: message\ndata: {\"a\":\ndata: 1}\n\nretry: 5\rdata: plain\r\rdata:x\r\n\r\ndata: cut off";

    fn run(pieces: &[&[u8]]) -> String {
        let mut stream = EventStream::new(1024);
        let mut out = Vec::new();
        for piece in pieces {
            let replace = |data: &str| {
                Ok((!["plain", "1", "message"].contains(&data)).then(|| data.to_uppercase()))
            };
            stream.push(piece, &mut out, replace).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn p3_every_split_gives_the_same_stream() {
        let whole = run(&[STREAM.as_bytes()]);
        assert_eq!(
            whole,
            ":\r\n\r\nid: 1\nevent: message\ndata: {\"A\":\ndata: 1}\n\nretry: 5\rdata: plain\r\rdata: X\r\n\r\n"
        );
        for at in 0..STREAM.len() {
            let (head, tail) = STREAM.as_bytes().split_at(at);
            assert_eq!(run(&[head, tail]), whole, "split at {at}");
        }
        let bytes: Vec<&[u8]> = STREAM.as_bytes().chunks(1).collect();
        assert_eq!(run(&bytes), whole);
    }

    #[test]
    fn p2_what_is_too_large_or_no_text_is_not_passed() {
        let mut stream = EventStream::new(8);
        let mut push = |bytes: &[u8]| stream.push(bytes, &mut Vec::new(), |_| Ok(None));
        let refused = push(b"data: 0123456789").unwrap_err();
        assert_eq!(refused.reason, RefusalReason::TooLarge(8));
        let mut stream = EventStream::new(64);
        let mut push = |bytes: &[u8]| stream.push(bytes, &mut Vec::new(), |_| Ok(None));
        let refused = push(b"data: \xFF\n\n").unwrap_err();
        assert_eq!(refused.reason, RefusalReason::NotUtf8);
    }
}
