//! Event streams as servers write them (HTML Standard §9.2, server-sent events), with a limit on size.

use std::time::Duration;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its kind; empty means `message`.
    pub(super) kind: String,
    /// What it says. Events that say nothing are events too: they carry an id.
    pub(super) data: String,
    /// Where the stream can be taken up again.
    pub(super) id: Option<String>,
    /// How long to wait before that.
    pub(super) retry: Option<Duration>,
}

impl Event {
    /// Whether it carries a message.
    pub(super) fn is_message(&self) -> bool {
        (self.kind.is_empty() || self.kind == "message") && !self.data.is_empty()
    }
}

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadStream {
    TooLarge,
    NotUtf8,
}

/// Reads events out of bytes, however they are cut.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about where in the stream we are"
)]
pub(super) struct Parser {
    max: usize,
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed after it ends no other line.
    after_return: bool,
    is_first_line: bool,
    event: Event,
    has_data: bool,
    has_any: bool,
}

impl Parser {
    /// A parser of events of at most `max` bytes.
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            line: Vec::new(),
            after_return: false,
            is_first_line: true,
            event: Event::default(),
            has_data: false,
            has_any: false,
        }
    }

    /// Begins anew with another body; what was incomplete is forgotten.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.max);
    }

    /// Takes bytes in, and puts the events that are complete into `events`.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        events: &mut impl Extend<Event>,
    ) -> Result<(), BadStream> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_return) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (piece, is_complete) = match end {
                Some(end) => (&bytes[..end], true),
                None => (bytes, false),
            };
            if self.line.len() + piece.len() + self.event.data.len() > self.max {
                return Err(BadStream::TooLarge);
            }
            if !is_complete {
                self.line.extend_from_slice(piece);
                return Ok(());
            }
            self.after_return = bytes[piece.len()] == b'\r';
            bytes = &bytes[piece.len() + 1..];
            let finished = if self.line.is_empty() {
                self.take_line(piece)?
            } else {
                self.line.extend_from_slice(piece);
                let line = std::mem::take(&mut self.line);
                let finished = self.take_line(&line)?;
                self.line = line;
                self.line.clear();
                finished
            };
            events.extend(finished);
        }
        Ok(())
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<Event>, BadStream> {
        let line = std::str::from_utf8(line).map_err(|_| BadStream::NotUtf8)?;
        let line = if std::mem::take(&mut self.is_first_line) {
            line.strip_prefix('\u{feff}').unwrap_or(line)
        } else {
            line
        };
        if line.is_empty() {
            let is_event = std::mem::take(&mut self.has_any);
            self.has_data = false;
            let event = std::mem::take(&mut self.event);
            return Ok(is_event.then_some(event));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.kind),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "retry" => self.event.retry = value.parse().map(Duration::from_millis).ok(),
            // A comment, or a field that nobody knows.
            _ => return Ok(None),
        }
        self.has_any = true;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<Event> {
        let mut events = Vec::new();
        let mut parser = Parser::new(1 << 20);
        parser.feed(text.as_bytes(), &mut events).unwrap();
        events
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        let events = read(
            "\u{feff}: hello\nid: 1\ndata:\nretry: 5\n\nevent: message\ndata: {\"a\":\r\ndata:1}\r\rnobody: x\n\ndata: cut",
        );
        let data: Vec<_> = events.iter().map(|event| event.data.as_str()).collect();
        assert_eq!(data, ["", "{\"a\":\n1}"]);
        assert_eq!(events[0].id.as_deref(), Some("1"));
        assert_eq!(events[0].retry, Some(Duration::from_millis(5)));
        assert!(!events[0].is_message());
        assert!(events[1].is_message());
    }

    #[test]
    fn a_line_without_an_end_and_an_event_of_many_lines_are_cut_off() {
        let mut parser = Parser::new(10);
        let mut events = Vec::new();
        let result = parser.feed(b"data: 12345678", &mut events);
        assert_eq!(result, Err(BadStream::TooLarge));
        let mut parser = Parser::new(10);
        let lines = "data: 1\n".repeat(20);
        let result = parser.feed(lines.as_bytes(), &mut events);
        assert_eq!(result, Err(BadStream::TooLarge));
        let mut parser = Parser::new(10);
        let result = parser.feed(b"data: \xff\n", &mut events);
        assert_eq!(result, Err(BadStream::NotUtf8));
        assert_eq!(events, []);
    }

    proptest! {
        #[test]
        fn any_cut_of_the_bytes_gives_the_same_events(
            lines in prop::collection::vec("(data|id|event|retry|x)?:? ?[a-z0-9é]{0,6}(\r|\n|\r\n|\n\n)", 0..20),
            cuts in prop::collection::vec(1_usize..7, 0..200),
        ) {
            let text = lines.concat();
            let whole = read(&text);
            let mut parser = Parser::new(1 << 20);
            let mut events = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                parser.feed(piece, &mut events).unwrap();
                rest = after;
            }
            parser.feed(rest, &mut events).unwrap();
            prop_assert_eq!(events, whole);
        }
    }
}
