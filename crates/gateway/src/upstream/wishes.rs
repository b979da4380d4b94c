//! What visits want until further notice: to hear of resources, and the level of log messages (MCP resources,
//! logging). Sessions come that nobody ends, so it is bounded in number, in bytes and in time.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::share::Most;

/// How many visits may want something.
const VISITS: Most = Most::quartered(10_000);
/// How many resources one visit may want to hear of.
const RESOURCES: usize = 1_000;
/// How much memory their addresses may take, of one visit and of all.
const BYTES_OF_VISIT: usize = 128 * 1024;
const BYTES: Most = Most::quartered(16 * 1024 * 1024);
/// How long it is remembered what a visit wants that is not heard of again.
const AGE: Duration = Duration::from_hours(24);
/// The longest level; all that MCP knows are shorter.
pub(super) const LONGEST_LEVEL: usize = 32;

/// Who wants something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wisher<'a> {
    pub(super) visit: &'a Arc<str>,
    pub(super) person: &'a Arc<str>,
}

/// What all visits want.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    by_visit: HashMap<Arc<str>, Wish>,
    /// How many visits of each person want something, and how much memory that takes.
    by_person: HashMap<Arc<str>, Share>,
    bytes: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    visits: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Wish {
    person: Arc<str>,
    used: Instant,
    level: Option<Arc<str>>,
    resources: BTreeSet<String>,
    bytes: usize,
}

/// There is no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Wishes {
    /// The visit wants to hear of a resource. Whoever `is_there` is not forgotten for it; the resources of
    /// which nobody wants to hear any more are given back.
    pub(super) fn add(
        &mut self,
        wisher: Wisher<'_>,
        uri: &str,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, NoRoom> {
        if self.has(wisher.visit, uri) {
            self.touch(wisher.visit);
            return Ok(Vec::new());
        }
        let (count, bytes) = match self.by_visit.get(wisher.visit) {
            Some(wish) => (wish.resources.len(), wish.bytes),
            None => (0, 0),
        };
        if count >= RESOURCES || bytes + uri.len() > BYTES_OF_VISIT {
            return Err(NoRoom);
        }
        let gone = self.make_room(wisher, uri.len(), is_there)?;
        let wish = self.of(wisher);
        wish.resources.insert(uri.to_owned());
        wish.bytes += uri.len();
        self.bytes += uri.len();
        self.by_person
            .entry(Arc::clone(wisher.person))
            .or_default()
            .bytes += uri.len();
        Ok(gone)
    }

    /// The visit wants this level. What is none is not remembered.
    pub(super) fn set_level(
        &mut self,
        wisher: Wisher<'_>,
        level: &str,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<(), NoRoom> {
        if level.len() > LONGEST_LEVEL {
            return Err(NoRoom);
        }
        self.make_room(wisher, 0, is_there)?;
        self.of(wisher).level = Some(level.into());
        Ok(())
    }

    /// The visit does not want to hear of a resource any more.
    pub(super) fn remove(&mut self, visit: &str, uri: &str) {
        let Some(wish) = self.by_visit.get_mut(visit) else {
            return;
        };
        if wish.resources.remove(uri) {
            wish.bytes -= uri.len();
            self.bytes -= uri.len();
            if let Some(share) = self.by_person.get_mut(&wish.person) {
                share.bytes -= uri.len();
            }
        }
        if wish.resources.is_empty() && wish.level.is_none() {
            self.forget(visit);
        }
    }

    /// Forgets a visit.
    pub(super) fn forget(&mut self, visit: &str) -> BTreeSet<String> {
        let Some(wish) = self.by_visit.remove(visit) else {
            return BTreeSet::new();
        };
        self.bytes -= wish.bytes;
        if let Some(share) = self.by_person.get_mut(&wish.person) {
            share.visits -= 1;
            share.bytes -= wish.bytes;
            if share.visits == 0 {
                self.by_person.remove(&wish.person);
            }
        }
        wish.resources
    }

    /// Notes that the visit is still there.
    pub(super) fn touch(&mut self, visit: &str) {
        if let Some(wish) = self.by_visit.get_mut(visit) {
            wish.used = Instant::now();
        }
    }

    /// The resources of a visit.
    pub(super) fn resources(&self, visit: &str) -> BTreeSet<String> {
        let wish = self.by_visit.get(visit);
        wish.map(|wish| wish.resources.clone()).unwrap_or_default()
    }

    /// The level that a visit wants.
    pub(super) fn level(&self, visit: &str) -> Option<Arc<str>> {
        self.by_visit.get(visit)?.level.clone()
    }

    /// Whether a visit wants to hear of a resource.
    pub(super) fn has(&self, visit: &str, uri: &str) -> bool {
        let wish = self.by_visit.get(visit);
        wish.is_some_and(|wish| wish.resources.contains(uri))
    }

    /// Whether anybody does.
    pub(super) fn is_wanted(&self, uri: &str) -> bool {
        let mut wishes = self.by_visit.values();
        wishes.any(|wish| wish.resources.contains(uri))
    }

    fn of(&mut self, wisher: Wisher<'_>) -> &mut Wish {
        let wish = self.by_visit.entry(Arc::clone(wisher.visit));
        let wish = wish.or_insert_with(|| {
            let share = self.by_person.entry(Arc::clone(wisher.person));
            share.or_default().visits += 1;
            Wish {
                person: Arc::clone(wisher.person),
                used: Instant::now(),
                level: None,
                resources: BTreeSet::new(),
                bytes: 0,
            }
        });
        wish.used = Instant::now();
        wish
    }

    /// Makes room for so many bytes more, by forgetting visits that are over as far as anybody knows: those that
    /// were not heard of for long, and then those that were not heard of for longest. A person who has their
    /// share makes room by what is theirs.
    fn make_room(
        &mut self,
        wisher: Wisher<'_>,
        more: usize,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, NoRoom> {
        let is_new = !self.by_visit.contains_key(wisher.visit);
        let may_go = |visit: &Arc<str>| visit != wisher.visit && !is_there(visit);
        let mut gone = BTreeSet::new();
        if is_new {
            let now = Instant::now();
            let is_old = |wish: &Wish| now.saturating_duration_since(wish.used) > AGE;
            let old = self.by_visit.iter();
            let old = old.filter(|(visit, wish)| is_old(wish) && may_go(visit));
            let old: Vec<_> = old.map(|(visit, _)| Arc::clone(visit)).collect();
            for visit in old {
                gone.append(&mut self.forget(&visit));
            }
        }
        loop {
            let share = self.by_person.get(wisher.person).copied();
            let Share { visits, bytes } = share.unwrap_or_default();
            let is_share_full =
                visits + usize::from(is_new) > VISITS.of_one || bytes + more > BYTES.of_one;
            let all = self.by_visit.len() + usize::from(is_new);
            if !is_share_full && all <= VISITS.of_all && self.bytes + more <= BYTES.of_all {
                break;
            }
            let may_go = |(visit, wish): &(&Arc<str>, &Wish)| {
                may_go(visit) && (!is_share_full || wish.person == *wisher.person)
            };
            let longest = self.by_visit.iter().filter(may_go);
            let longest = longest.min_by_key(|(_, wish)| wish.used);
            let longest = longest.map(|(visit, _)| Arc::clone(visit)).ok_or(NoRoom)?;
            gone.append(&mut self.forget(&longest));
        }
        gone.retain(|uri| !self.is_wanted(uri));
        Ok(gone.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(wishes: &mut Wishes, person: &str, visit: &str, uri: &str) -> Result<(), NoRoom> {
        let (visit, person) = (visit.into(), person.into());
        let who = Wisher {
            visit: &visit,
            person: &person,
        };
        wishes.add(who, uri, |_| false).map(drop)
    }

    #[tokio::test(start_paused = true)]
    async fn g3_a_visit_wants_no_more_than_there_is_room_for() {
        let mut wishes = Wishes::default();
        for number in 0..RESOURCES {
            add(&mut wishes, "alice", "a", &number.to_string()).unwrap();
        }
        assert_eq!(add(&mut wishes, "alice", "a", "more"), Err(NoRoom));
        assert_eq!(add(&mut wishes, "alice", "a", "7"), Ok(()));
        let long = "x".repeat(BYTES_OF_VISIT);
        assert_eq!(add(&mut wishes, "alice", "b", &long), Ok(()));
        assert_eq!(add(&mut wishes, "alice", "b", "y"), Err(NoRoom));
        wishes.remove("b", &long);
        assert_eq!(wishes.by_visit.len(), 1);
        wishes.forget("a");
        assert_eq!(wishes.bytes, 0);
        assert!(wishes.by_person.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn g3_visits_that_nobody_ends_fill_no_memory_and_take_nothing_from_others() {
        let mut wishes = Wishes::default();
        add(&mut wishes, "bob", "bobs", "b").unwrap();
        let long = "x".repeat(BYTES_OF_VISIT - 8);
        for number in 0..VISITS.of_one + 200 {
            add(&mut wishes, "alice", &format!("{number}"), "a").unwrap();
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!(wishes.by_visit.len() <= VISITS.of_one + 1);
        for number in 0..200 {
            add(&mut wishes, "alice", &format!("l{number}"), &long).unwrap();
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(wishes.bytes <= BYTES.of_one + 1);
        }
        assert!(wishes.has("bobs", "b"));
        // In the end everything is forgotten of which nobody hears again.
        tokio::time::advance(AGE * 2).await;
        add(&mut wishes, "carol", "c", "c").unwrap();
        assert_eq!(wishes.by_visit.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_there_is_not_forgotten() {
        let mut wishes = Wishes::default();
        let person: Arc<str> = "alice".into();
        let wish = |wishes: &mut Wishes, visit: &str| {
            let visit = visit.into();
            let who = Wisher {
                visit: &visit,
                person: &person,
            };
            wishes.add(who, &visit, |visit| visit == "there")
        };
        wish(&mut wishes, "there").unwrap();
        wish(&mut wishes, "gone").unwrap();
        tokio::time::advance(AGE * 2).await;
        assert_eq!(wish(&mut wishes, "new"), Ok(vec!["gone".to_owned()]));
        assert!(wishes.has("there", "there"));
    }
}
