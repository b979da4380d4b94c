//! Fields as they stand in a line for people, written without the way through `fmt` where that would write the
//! same: a request has three of them before anybody knows whether a line will be written.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput as _};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

/// Writes fields as `tracing_subscriber` does by itself, without colours.
#[derive(Debug)]
pub(super) struct PlainFields;

impl<'w> FormatFields<'w> for PlainFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = PlainVisitor {
            writer,
            is_empty: true,
            result: Ok(()),
        };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct PlainVisitor<'w> {
    writer: Writer<'w>,
    is_empty: bool,
    result: fmt::Result,
}

impl PlainVisitor<'_> {
    fn write(&mut self, parts: &[&str]) -> fmt::Result {
        if !self.is_empty {
            self.writer.write_char(' ')?;
        }
        parts
            .iter()
            .try_for_each(|part| self.writer.write_str(part))
    }

    /// Leaves a field to `tracing_subscriber`.
    fn leave(&mut self, record: impl FnOnce(&mut DefaultVisitor<'_>)) {
        if self.result.is_ok() {
            let mut visitor = DefaultVisitor::new(self.writer.by_ref(), self.is_empty);
            record(&mut visitor);
            self.result = visitor.finish();
            self.is_empty = false;
        }
    }
}

/// Whether a text stands between its quotes as it is.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    text.as_bytes().iter().all(is_plain)
}

impl Visit for PlainVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let name = field.name();
        let is_usual = name != "message" && !name.starts_with("r#") && !name.starts_with("log.");
        if is_usual && is_plain(value) {
            if self.result.is_ok() {
                self.result = self.write(&[name, "=\"", value, "\""]);
                self.is_empty = false;
            }
        } else {
            self.leave(|visitor| visitor.record_str(field, value));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.leave(|visitor| visitor.record_error(field, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.leave(|visitor| visitor.record_debug(field, value));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Seek as _};
    use std::sync::Arc;

    use tracing_subscriber::fmt::format::DefaultFields;

    use super::*;

    fn logged(fields: impl for<'w> FormatFields<'w> + Send + Sync + 'static) -> String {
        let lines = Arc::new(tempfile::tempfile().unwrap());
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(fields)
            .with_ansi(false)
            .without_time()
            .with_writer(lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let hostile = "a \"quoted\" \\ text\nwith \u{1b}[31m colours 한글";
            let span = tracing::info_span!("request", method = %"GET", path = "/a b", hostile, r#type = "x");
            span.in_scope(|| {
                let error = io::Error::other("broken");
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::info!(text = "plain", hostile, count = 3, error, "words");
                tracing::info!(message = "only words");
                tracing::info!(text = "no words");
            });
        });
        (&*lines).rewind().unwrap();
        io::read_to_string(&*lines).unwrap()
    }

    #[test]
    fn fields_are_written_as_by_tracing_subscriber_itself() {
        let ours = logged(PlainFields);
        assert_eq!(ours, logged(DefaultFields::new()));
        assert!(
            ours.contains(r#"request{method=GET path="/a b" hostile="a \"quoted"#),
            "{ours}"
        );
    }
}
