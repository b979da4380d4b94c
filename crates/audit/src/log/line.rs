//! Events become lines: number, time, content, tag.

use crate::chain::Mac;
use crate::event::{number, timestamp};
use crate::key::Keys;

/// Where the log will end when a group is written.
pub(super) struct End {
    pub(super) sequence: u64,
    pub(super) mac: Mac,
    pub(super) count: u64,
    /// The time of the next event as text, made once per millisecond.
    time: String,
    millis: i64,
    /// The times between which the group lies, also if the clock was set back meanwhile.
    pub(super) earliest: String,
    pub(super) latest: String,
}

impl End {
    /// Nothing is to be written behind this event yet.
    pub(super) fn behind(sequence: u64, mac: Mac) -> Self {
        Self {
            sequence,
            mac,
            count: 0,
            time: String::new(),
            millis: i64::MIN,
            earliest: String::new(),
            latest: String::new(),
        }
    }

    /// Dates what is added next.
    pub(super) fn time_of(&mut self, millis: i64) -> &str {
        if millis != self.millis {
            self.millis = millis;
            self.time = text_of(millis);
        }
        &self.time
    }

    /// Adds a line to `out`: number, time, content, tag.
    pub(super) fn add(&mut self, out: &mut Vec<u8>, keys: &Keys, content: &[u8]) {
        self.sequence += 1;
        self.count += 1;
        let start = out.len();
        out.extend_from_slice(b"{\"sequence\":");
        number(out, self.sequence);
        out.extend_from_slice(b",\"timestamp\":\"");
        out.extend_from_slice(self.time.as_bytes());
        out.push(b'"');
        out.extend_from_slice(content);
        self.mac = keys.chain.tag(self.mac, &out[start..]);
        self.mac.end_line(out);
        if self.count == 1 || self.time < self.earliest {
            self.earliest.clone_from(&self.time);
        }
        if self.count == 1 || self.time > self.latest {
            self.latest.clone_from(&self.time);
        }
    }
}

/// A time as events are dated.
pub(super) fn text_of(millis: i64) -> String {
    let mut text = Vec::with_capacity(24);
    timestamp(&mut text, millis);
    String::from_utf8(text).expect("digits and marks are UTF-8")
}
