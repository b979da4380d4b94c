//! Events for other systems: lines of JSON as they are, CSV for spreadsheets, OCSF for a SIEM.

mod csv;
mod ocsf;

use std::io;

use crate::record::Record;

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line, as it stands in the log, tags included.
    JsonLines,
    /// A table with a heading, safe to open in a spreadsheet.
    Csv,
    /// One event of the Open Cybersecurity Schema Framework 1.9 per line.
    Ocsf,
}

/// Writes events in one form.
#[derive(Debug)]
pub struct Exporter<W> {
    out: W,
    format: Format,
}

impl<W: io::Write> Exporter<W> {
    /// Begins an export.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn new(mut out: W, format: Format) -> io::Result<Self> {
        if format == Format::Csv {
            csv::heading(&mut out)?;
        }
        Ok(Self { out, format })
    }

    /// Writes the event of a line of the log.
    ///
    /// # Errors
    /// When nothing can be written, or the line is no event.
    pub fn line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.format == Format::JsonLines {
            return self.out.write_all(line);
        }
        let record = Record::parse(line);
        let record = record.ok_or_else(|| io::Error::other("a line of the log is no event"))?;
        match self.format {
            Format::Csv => csv::row(&mut self.out, &record),
            Format::JsonLines | Format::Ocsf => {
                serde_json::to_writer(&mut self.out, &ocsf::event(&record))?;
                self.out.write_all(b"\n")
            }
        }
    }

    /// Ends the export, and gives back what it was written to.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn end(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests;
