//! Questions to the log: by time, tool, person, client, kind, action and outcome, page by page.
//!
//! A question is answered from the bytes: sidecars of ours say which segments may matter, and what the
//! question names is searched for as it is written. Lines are parsed by whoever wants more than them.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;

use crate::blocks::BackwardBlocks;
use crate::chain::Chain;
use crate::event::{Action, EventType, Name, Outcome, string};
use crate::key::Keys;
use crate::lines::Lines;
use crate::record;
use crate::segment::{self, Index, Sidecar};
use crate::settings::Settings;

/// What is asked for. Everything that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Not before this time, written as events are: `2026-11-28T16:31:11.123Z`, or a beginning of it.
    pub from: Option<String>,
    /// Before this time.
    pub to: Option<String>,
    /// The tool.
    pub tool: Option<String>,
    /// The person, as a pseudonym.
    pub user: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// The server or resource.
    pub server: Option<String>,
    /// The request.
    pub request: Option<String>,
    /// What happened.
    pub event: Option<EventType>,
    /// What was done.
    pub action: Option<Action>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Whether there were personal data.
    pub contains_pii: Option<bool>,
    /// Newest first.
    pub newest_first: bool,
    /// Behind this event, in the order that is asked for: the cursor of the page before.
    pub cursor: Option<u64>,
    /// How many events at most; all without.
    pub limit: Option<usize>,
}

/// The end of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many events there were.
    pub count: usize,
    /// The cursor of the next page, if there may be one.
    pub next: Option<u64>,
}

/// A log, open for reading. It gets in nobody's way, and needs no key; with it, it is faster.
#[derive(Clone, Debug)]
pub struct Reader {
    directory: PathBuf,
    /// What tells our indices from those that somebody else put there.
    chain: Option<Chain>,
}

impl Reader {
    /// Reads the log that is kept so. Without its key no index can be believed, and all is read.
    pub fn of(log: &Settings) -> Self {
        Self {
            directory: log.directory.clone(),
            chain: Keys::open(&log.key).ok().map(|keys| keys.chain),
        }
    }

    /// Gives `each` the lines that answer the question, with their newline, one after the other.
    ///
    /// # Errors
    /// When a segment cannot be read, or `each` fails.
    pub fn search(
        &self,
        query: &Query,
        mut each: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Page> {
        let mut search = Search::new(query);
        let mut numbers = match segment::list(&self.directory) {
            // A log that was never begun has no events, and one that was taken away has none left.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            list => list?,
        };
        if query.newest_first {
            numbers.reverse();
        }
        for number in numbers {
            let index = self.chain.as_ref();
            let index = index.and_then(|chain| Index::of(&self.directory, number, chain).ours());
            if index.is_some_and(|sidecar| !search.may_matter(&sidecar)) {
                continue;
            }
            let path = segment::path(&self.directory, number);
            let searched = search_segment(&mut search, &path, query.newest_first, &mut each);
            match searched {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break,
                // Retention may have come first.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Page {
            count: search.count,
            next: search.is_full().then_some(search.last).flatten(),
        })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// How many bytes the log has.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn size(&self) -> io::Result<u64> {
        let numbers = segment::list(&self.directory)?;
        let size =
            |number| fs::metadata(segment::path(&self.directory, number)).map_or(0, |m| m.len());
        Ok(numbers.into_iter().map(size).sum())
    }
}

fn search_segment(
    search: &mut Search<'_>,
    path: &Path,
    backward: bool,
    each: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<ControlFlow<()>> {
    if backward {
        let mut blocks = BackwardBlocks::open(path)?;
        while let Some(block) = blocks.next_block()? {
            if search.block(block, each)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    } else {
        let mut lines = Lines::open(path, 0)?;
        while let Some(block) = lines.next_block()? {
            if search.block(block, each)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// A search on its way through the log.
struct Search<'a> {
    query: &'a Query,
    /// What must stand in a line, as it is written there; the rarest first.
    needles: Vec<Finder<'static>>,
    count: usize,
    last: Option<u64>,
}

impl<'a> Search<'a> {
    fn new(query: &'a Query) -> Self {
        let mut needles = Vec::new();
        let mut text = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                let mut needle = format!(",\"{key}\":").into_bytes();
                string(&mut needle, value);
                needles.push(needle);
            }
        };
        // A name that is too long is asked for as it was cut when it was written.
        let name = |text: &Option<String>| text.as_ref().map(Name::from);
        let [request, tool, client, server] =
            [&query.request, &query.tool, &query.client, &query.server].map(name);
        text("request_id", request.as_ref().map(Name::as_str));
        text("user_id", query.user.as_deref());
        text("tool_name", tool.as_ref().map(Name::as_str));
        text("client_id", client.as_ref().map(Name::as_str));
        text("server", server.as_ref().map(Name::as_str));
        text("action_taken", query.action.map(Action::name));
        text("event_type", query.event.map(EventType::name));
        text("outcome", query.outcome.map(Outcome::name));
        if let Some(contains_pii) = query.contains_pii {
            needles.push(format!(",\"contains_pii\":{contains_pii},").into_bytes());
        }
        Self {
            query,
            needles: needles
                .iter()
                .map(|needle| Finder::new(needle).into_owned())
                .collect(),
            count: 0,
            last: None,
        }
    }

    /// Whether a sealed segment can hold an answer.
    fn may_matter(&self, sidecar: &Sidecar) -> bool {
        let query = self.query;
        let is_before = query
            .from
            .as_ref()
            .is_some_and(|from| sidecar.last_time < *from);
        let is_after = query
            .to
            .as_ref()
            .is_some_and(|to| sidecar.first_time >= *to);
        let is_behind = query.cursor.is_some_and(|cursor| {
            if query.newest_first {
                sidecar.first_sequence >= cursor
            } else {
                sidecar.last_sequence <= cursor
            }
        });
        !(is_before || is_after || is_behind)
    }

    fn is_full(&self) -> bool {
        self.query.limit.is_some_and(|limit| self.count >= limit)
    }

    /// Searches whole lines that stand together.
    fn block(
        &mut self,
        block: &[u8],
        each: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<ControlFlow<()>> {
        if self.is_full() {
            return Ok(ControlFlow::Break(()));
        }
        if self.query.newest_first {
            // Found in the order of the file, and given out from the end.
            let found: Vec<_> = self.lines(block).collect();
            for line in found.into_iter().rev() {
                if self.give(line, each)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            return Ok(ControlFlow::Continue(()));
        }
        let mut from = 0;
        while let Some((line, end)) = self.next_line(block, from) {
            if self.give(line, each)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            from = end;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn give(
        &mut self,
        line: &[u8],
        each: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<ControlFlow<()>> {
        each(line)?;
        self.count += 1;
        self.last = record::sequence(line);
        Ok(if self.is_full() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }

    fn lines<'b>(&self, block: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let (line, end) = self.next_line(block, from)?;
            from = end;
            Some(line)
        })
    }

    /// The next answer in a block from `from` on, and where it ends.
    fn next_line<'b>(&self, block: &'b [u8], mut from: usize) -> Option<(&'b [u8], usize)> {
        loop {
            // Where the rarest of the needles is, the line around it is looked at, and no other.
            let at = match self.needles.first() {
                Some(needle) => from + needle.find(block.get(from..)?)?,
                None => from,
            };
            let start =
                memchr::memrchr(b'\n', block.get(from..at)?).map_or(from, |end| from + end + 1);
            let end = at + memchr::memchr(b'\n', block.get(at..)?)? + 1;
            let line = &block[start..end];
            if self.matches(line) {
                return Some((line, end));
            }
            from = end;
        }
    }

    fn matches(&self, line: &[u8]) -> bool {
        let query = self.query;
        if !self
            .needles
            .iter()
            .skip(1)
            .all(|needle| needle.find(line).is_some())
        {
            return false;
        }
        if query.from.is_some() || query.to.is_some() {
            let Some(time) = record::time(line) else {
                return false;
            };
            if query.from.as_ref().is_some_and(|from| time < from.as_str())
                || query.to.as_ref().is_some_and(|to| time >= to.as_str())
            {
                return false;
            }
        }
        let Some(cursor) = query.cursor else {
            return true;
        };
        record::sequence(line).is_some_and(|sequence| {
            if query.newest_first {
                sequence < cursor
            } else {
                sequence > cursor
            }
        })
    }
}
