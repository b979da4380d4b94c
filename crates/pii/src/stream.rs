//! Server-sent events, scanned one by one (HTML Living Standard, section 9.2).

use thiserror::Error;

use crate::operator::{Equipment, Operator};
use crate::recognizer::Finding;
use crate::redaction::RedactionError;
use crate::scanner::Scanner;

/// Why a stream must end here. What was held back is not passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StreamError {
    /// An event is larger than allowed.
    #[error("an event is larger than {0} bytes")]
    TooLarge(usize),
    /// An event is not UTF-8.
    #[error("an event is not UTF-8")]
    NotUtf8,
    /// An event cannot be operated on.
    #[error(transparent)]
    Redaction(#[from] RedactionError),
}

/// Passes events on when they are whole and scanned.
#[derive(Debug)]
pub struct EventStream<'s> {
    scanner: &'s Scanner,
    most: usize,
    held: Vec<u8>,
    /// How much of what is held was looked at for an end.
    seen: usize,
    /// Where the line begins in which `seen` lies.
    line: usize,
}

impl<'s> EventStream<'s> {
    /// A stream whose events have at most `most` bytes.
    pub fn new(scanner: &'s Scanner, most: usize) -> Self {
        Self {
            scanner,
            most,
            held: Vec::new(),
            seen: 0,
            line: 0,
        }
    }

    /// Takes bytes, however the network cut them, and gives those of the events that are whole.
    ///
    /// # Errors
    ///
    /// When an event is too large, not text, refused, or cannot be operated on; nothing more may be
    /// passed on then.
    pub fn push(
        &mut self,
        bytes: &[u8],
        choose: impl Fn(&Finding) -> Operator,
        equipment: &mut Equipment<'_>,
    ) -> Result<Vec<u8>, StreamError> {
        self.held.extend_from_slice(bytes);
        let mut out = Vec::new();
        let mut from = 0;
        while let Some(end) = self.next_end() {
            let event = &self.held[from..end];
            if event.len() > self.most {
                return Err(StreamError::TooLarge(self.most));
            }
            out.extend(self.event(event, &choose, equipment)?);
            from = end;
        }
        self.held.drain(..from);
        self.seen -= from;
        self.line -= from;
        if self.held.len() > self.most {
            return Err(StreamError::TooLarge(self.most));
        }
        Ok(out)
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

    fn event(
        &self,
        bytes: &[u8],
        choose: impl Fn(&Finding) -> Operator,
        equipment: &mut Equipment<'_>,
    ) -> Result<Vec<u8>, StreamError> {
        let event = str::from_utf8(bytes).map_err(|_| StreamError::NotUtf8)?;
        let lines = split(event);
        let data: Vec<&str> = lines.iter().filter_map(|(line, _)| data_of(line)).collect();
        let joined = data.join("\n");
        let operated = if joined.trim_start().starts_with(['{', '[']) {
            self.scanner.redact_document(&joined, &choose, equipment)?
        } else {
            let operated = self.scanner.redact(&joined, &choose, equipment);
            operated.map_err(RedactionError::Operator)?
        };
        let Some(operated) = operated else {
            return Ok(bytes.to_vec());
        };
        let mut out = String::new();
        let mut is_written = false;
        for (line, ending) in lines {
            if data_of(line).is_none() {
                out.push_str(line);
                out.push_str(ending);
            } else if !is_written {
                is_written = true;
                for line in operated.split('\n') {
                    out.push_str("data: ");
                    out.push_str(line);
                    out.push_str(ending);
                }
            }
        }
        Ok(out.into_bytes())
    }
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

fn data_of(line: &str) -> Option<&str> {
    let line = line.strip_prefix('\u{FEFF}').unwrap_or(line);
    let value = line.strip_prefix("data")?;
    if value.is_empty() {
        return Some(value);
    }
    let value = value.strip_prefix(':')?;
    Some(value.strip_prefix(' ').unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{FEFF}: hello\r\n\r\nid: 1\nevent: message\ndata: {\"name\":\ndata: \"홍길동\",\"tel\":\"010-2345-6789\"}\n\nretry: 5\rdata: plain\r\rdata: a@b.kr\r\n\r\ndata: cut off";

    fn run(pieces: &[&[u8]]) -> String {
        let scanner = Scanner::new();
        let mut stream = EventStream::new(&scanner, 1024);
        let mut out = Vec::new();
        for piece in pieces {
            out.extend(
                stream
                    .push(piece, |_| Operator::Mask, &mut Equipment::default())
                    .unwrap(),
            );
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn p3_every_split_gives_the_same_stream() {
        let whole = run(&[STREAM.as_bytes()]);
        assert_eq!(
            whole,
            "\u{FEFF}: hello\r\n\r\nid: 1\nevent: message\ndata: {\"name\":\ndata: \"홍**\",\"tel\":\"010-****-****\"}\n\nretry: 5\rdata: plain\r\rdata: *@b.kr\r\n\r\n"
        );
        for at in 0..STREAM.len() {
            let (head, tail) = STREAM.as_bytes().split_at(at);
            assert_eq!(run(&[head, tail]), whole, "split at {at}");
        }
        let bytes: Vec<&[u8]> = STREAM.as_bytes().chunks(1).collect();
        assert_eq!(run(&bytes), whole);
    }

    #[test]
    fn p2_what_is_too_large_is_not_passed() {
        let scanner = Scanner::new();
        let mut stream = EventStream::new(&scanner, 8);
        let error = stream.push(
            b"data: 0123456789",
            |_| Operator::Mask,
            &mut Equipment::default(),
        );
        assert_eq!(error.unwrap_err(), StreamError::TooLarge(8));
    }
}
