//! The connections to one upstream: not more than allowed, and none left behind.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::{Instant, advance};

use super::*;
use crate::server::Introduction;
use crate::share::Most;
use crate::upstream::behalf::Behalf;
use crate::upstream::board::Board;
use crate::upstream::link::{Link, Outgoing};
use crate::upstream::pool::{Owned, Pool};
use crate::upstream::replies::Replies;
use crate::upstream::session::Session;
use crate::upstream::trouble::Trouble;

/// A connection that is there until it is ended.
#[derive(Debug, Default)]
struct There(AtomicBool);

#[async_trait]
impl Link for There {
    async fn request(&self, _request: Outgoing<'_>) -> Result<Option<Replies>, Trouble> {
        Ok(None)
    }

    async fn send(&self, _text: String, _behalf: Behalf<'_>) -> Result<(), Trouble> {
        Ok(())
    }

    fn send_later(&self, _text: String, _behalf: Behalf<'_>) {}

    fn is_gone(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    async fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn session() -> (Session, Arc<There>) {
    let link = Arc::new(There::default());
    let introduction = Introduction {
        revision: Revision::V2025_11_25,
        capabilities: json("{}"),
        info: None,
        instructions: None,
    };
    let session = Session::new(link.clone(), Board::new(true, 1024), introduction);
    (session, link)
}

fn pool(of_all: usize) -> Pool {
    shared_out(of_all, of_all)
}

fn shared_out(of_all: usize, of_one: usize) -> Pool {
    Pool::new(Most { of_all, of_one }, false, Arc::new(OsRandom))
}

/// A connection of nobody else's.
fn own(name: &str) -> Owned {
    of(name, name)
}

fn of(person: &str, key: &str) -> Owned {
    Owned {
        key: key.into(),
        person: Some(person.into()),
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_connections_come_about_at_once_than_there_may_be() {
    let pool = pool(3);
    let (open, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let visit = async |number: usize| {
        let opening = async |_: Option<&Session>| {
            let now = open.fetch_add(1, Ordering::Relaxed) + 1;
            most.fetch_max(now, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(session().0)
        };
        pool.get(&own(&number.to_string()), opening).await
    };
    let results = join_all((0..20).map(visit)).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
    assert_eq!(most.into_inner(), 3);
    assert_eq!(pool.len(), 3);
}

#[tokio::test]
async fn the_place_of_a_connection_that_does_not_come_about_is_free_again() {
    let pool = pool(1);
    let fails = async |_: Option<&Session>| Err(Trouble::unusable("cannot be reached"));
    for _ in 0..3 {
        let result = pool.get(&own("alice"), fails).await;
        assert!(matches!(result, Err(Trouble::Unusable { .. })));
    }
    {
        let never = async |_: Option<&Session>| std::future::pending().await;
        let key = own("bob");
        let given_up = pool.get(&key, never);
        assert!(futures_util::FutureExt::now_or_never(given_up).is_none());
    }
    let opens = async |_: Option<&Session>| Ok(session().0);
    assert!(pool.get(&own("carol"), opens).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn of_two_connections_for_one_visit_one_stays_and_the_other_ends() {
    let pool = pool(10);
    let key = own("alice");
    let looking_since = Instant::now();
    advance(Duration::from_secs(1)).await;
    // While it was found out what is spoken, somebody has opened a connection, and uses it.
    let (one, link) = session();
    let one = pool
        .get(&key, async |_: Option<&Session>| Ok(one))
        .await
        .unwrap();
    let (other, other_link) = session();
    let kept = pool.adopt(&key, other, looking_since).await.unwrap();
    assert!(Arc::ptr_eq(&kept, &one));
    assert!(other_link.is_gone() && !link.is_gone());
    // What was there before is of what is not believed any more.
    advance(Duration::from_secs(1)).await;
    let (new, new_link) = session();
    let kept = pool.adopt(&key, new, Instant::now()).await.unwrap();
    assert!(!Arc::ptr_eq(&kept, &one));
    assert!(link.is_gone() && !new_link.is_gone());
    assert_eq!(pool.len(), 1);
}

#[tokio::test]
async fn a_connection_for_which_there_is_no_room_is_ended() {
    let pool = pool(1);
    let opens = async |_: Option<&Session>| Ok(session().0);
    let _used = pool.get(&own("alice"), opens).await.unwrap();
    let (other, link) = session();
    let adopted = pool.adopt(&own("bob"), other, Instant::now()).await;
    assert!(matches!(adopted, Err(Trouble::Withheld { .. })));
    assert!(link.is_gone());
}

#[tokio::test(start_paused = true)]
async fn g3_nobody_takes_the_connections_of_all_the_others() {
    let pool = shared_out(4, 2);
    let opens = async |_: Option<&Session>| Ok(session().0);
    let one = pool.get(&of("alice", "1"), opens).await.unwrap();
    let _two = pool.get(&of("alice", "2"), opens).await.unwrap();
    let refused = pool.get(&of("alice", "3"), opens).await;
    let Err(Trouble::Withheld { reason, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.contains("for you"), "{reason}");
    let bobs = pool.get(&of("bob", "4"), opens).await.unwrap();
    // What she does not use any more makes room for what she wants now, and nothing of others does.
    advance(Duration::from_secs(5)).await;
    one.touch();
    pool.get(&of("alice", "3"), opens).await.unwrap();
    assert!(pool.peek("2").is_none());
    assert!(!one.link.is_gone() && !bobs.link.is_gone());
    assert_eq!(pool.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn g3_connections_that_come_about_are_of_the_share_of_a_person() {
    let pool = shared_out(4, 2);
    let visit = async |number: usize| {
        let opening = async |_: Option<&Session>| {
            tokio::task::yield_now().await;
            Ok(session().0)
        };
        let key = number.to_string();
        pool.get(&of("alice", &key), opening).await
    };
    let results = join_all((0..20).map(visit)).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2);
    // What nobody owns is nobody's share.
    let shared = Owned {
        key: "".into(),
        person: None,
    };
    let opens = async |_: Option<&Session>| Ok(session().0);
    assert!(pool.get(&shared, opens).await.is_ok());
}
