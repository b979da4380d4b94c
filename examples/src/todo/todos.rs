//! Todos in the store.

use std::sync::Arc;

use jiff::Timestamp;
use oauth::random::Random;
use oauth::time::{Clock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{Collection, Kind, ListBy, Page, Record, StoreError};

/// A todo, as tools return it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Todo {
    /// 8 lower-case letters and digits.
    pub id: String,
    /// What is to be done.
    pub content: String,
    /// The subject of the caller who created it.
    pub owner_id: String,
    /// When it was created (RFC 3339, UTC).
    pub created_at: Timestamp,
}

impl Record for Todo {
    const KIND: Kind = Kind::new("todo");

    fn owner(&self) -> Option<&str> {
        Some(&self.owner_id)
    }
}

/// All todos.
#[derive(Debug)]
pub struct Todos {
    records: Collection<Todo>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Todos {
    /// The todos in a store.
    pub fn new(records: Collection<Todo>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            records,
            clock,
            random,
        }
    }

    /// Creates a todo under an id that nobody has.
    pub(super) async fn create(&self, owner: &str, content: String) -> Result<Todo, StoreError> {
        let NumericDate(now) = self.clock.now();
        let mut todo = Todo {
            id: String::new(),
            content,
            owner_id: owner.to_owned(),
            created_at: Timestamp::from_second(now).unwrap_or_default(),
        };
        loop {
            todo.id = new_id(&*self.random);
            if self.records.insert(&todo.id, &todo).await? {
                return Ok(todo);
            }
        }
    }

    /// The todos of `owner`, or everybody's; the newest first.
    pub(super) async fn list(&self, owner: Option<&str>) -> Result<Vec<Todo>, StoreError> {
        let by = owner.map_or(ListBy::All, ListBy::Owner);
        let mut todos = Vec::new();
        let mut page = Page {
            limit: 1000,
            before: None,
        };
        loop {
            let part = self.records.list(by, page.clone()).await?;
            page.before = part.last().map(store::Versioned::cursor);
            let is_last = part.len() < 1000;
            todos.extend(part.into_iter().map(|todo| todo.record));
            if is_last {
                return Ok(todos);
            }
        }
    }

    /// Deletes a todo if it is there and belongs to `owner`, where one is given.
    pub(super) async fn delete(
        &self,
        id: &str,
        owner: Option<&str>,
    ) -> Result<Option<Todo>, StoreError> {
        let found = self.records.get(id).await?;
        match found {
            // An owner never changes, so what was read still holds when it is taken.
            Some(todo) if owner.is_none_or(|owner| owner == todo.owner_id) => {
                self.records.take(id).await
            }
            _ => Ok(None),
        }
    }
}

fn new_id(random: &dyn Random) -> String {
    const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut id = String::new();
    while id.len() < 8 {
        let mut byte = [0];
        random.fill(&mut byte);
        // 252 is the last multiple of 36 in a byte; above it, some letters would come more often.
        if byte[0] < 252 {
            id.push(char::from(LETTERS[usize::from(byte[0] % 36)]));
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use oauth::random::OsRandom;

    use super::*;

    #[test]
    fn ids_are_8_lower_case_letters_and_digits() {
        for _ in 0..100 {
            let id = new_id(&OsRandom);
            assert_eq!(id.len(), 8);
            assert!(
                id.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
                "{id}"
            );
        }
    }

    #[test]
    fn a_todo_looks_as_documented() {
        let todo = Todo {
            id: "a1b2c3d4".into(),
            content: "write tests".into(),
            owner_id: "alice".into(),
            created_at: Timestamp::from_second(1_800_000_000).unwrap(),
        };
        let expected = serde_json::json!({
            "id": "a1b2c3d4", "content": "write tests", "ownerId": "alice",
            "createdAt": "2027-01-15T08:00:00Z",
        });
        assert_eq!(serde_json::to_value(todo).unwrap(), expected);
    }
}
