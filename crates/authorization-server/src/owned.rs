//! Everything that a person owns of one kind of record.

use store::{Collection, ListBy, Page, Record, StoreError, Versioned};

/// All records of `owner`, newest first.
///
/// A person owns hundreds at most; whoever shows them cuts the list into pages.
pub(crate) async fn all_of<R: Record>(
    records: &Collection<R>,
    owner: &str,
) -> Result<Vec<Versioned<R>>, StoreError> {
    let mut all: Vec<Versioned<R>> = Vec::new();
    loop {
        let page = Page {
            before: all.last().map(Versioned::cursor),
            ..Page::default()
        };
        let limit = page.limit as usize;
        let mut found = records.list(ListBy::Owner(owner), page).await?;
        let is_last = found.len() < limit;
        all.append(&mut found);
        if is_last {
            return Ok(all);
        }
    }
}
