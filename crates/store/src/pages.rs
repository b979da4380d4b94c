//! Lists of any length, read page by page.

use crate::collection::{Collection, Record, Versioned};
use crate::error::StoreError;
use crate::store::{ListBy, Page};

/// The pages of a list, one after the other.
#[derive(Debug)]
pub struct Pages<'a, R: Record> {
    records: &'a Collection<R>,
    by: ListBy<'a>,
    /// `None` behind the last page.
    ahead: Option<Page>,
}

impl<R: Record> Pages<'_, R> {
    /// The records of the next page, the newest first; `None` behind the last page.
    pub async fn next(&mut self) -> Result<Option<Vec<Versioned<R>>>, StoreError> {
        let Some(page) = self.ahead.take() else {
            return Ok(None);
        };
        let records = self.records.list(self.by, page.clone()).await?;
        self.ahead = page.next(&records).map(|before| Page {
            before: Some(before),
            ..page
        });
        Ok(Some(records))
    }
}

impl<R: Record> Collection<R> {
    /// Lists records page by page, the newest first: for lists that may be longer than memory.
    pub fn pages<'a>(&'a self, by: ListBy<'a>) -> Pages<'a, R> {
        Pages {
            records: self,
            by,
            ahead: Some(Page::default()),
        }
    }

    /// All records at once, the newest first: for what somebody owns, which is hundreds at most.
    pub async fn all(&self, by: ListBy<'_>) -> Result<Vec<Versioned<R>>, StoreError> {
        let (mut all, mut pages) = (Vec::new(), self.pages(by));
        while let Some(mut page) = pages.next().await? {
            all.append(&mut page);
        }
        Ok(all)
    }
}

impl Page {
    /// The cursor of the page behind this one, of which `records` were read; none behind the last one.
    pub fn next<R>(&self, records: &[Versioned<R>]) -> Option<String> {
        let is_full = records.len() >= self.limit as usize;
        records.last().filter(|_| is_full).map(Versioned::cursor)
    }
}
