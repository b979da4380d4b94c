//! What one client may have under way, and what that leaves to the others.

use super::*;
use crate::share::Most;

/// A session of somebody.
struct Client<'h> {
    house: &'h House,
    guest: Guest,
    id: String,
}

impl<'h> Client<'h> {
    async fn of(house: &'h House, name: &str) -> Self {
        let guest = guest(name);
        let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}}});
        let House {
            sessions, server, ..
        } = house;
        let answer = sessions
            .post(&guest, &headers(&[]), body(&message), server)
            .await;
        let id = answer.headers()["mcp-session-id"].to_str().unwrap();
        let id = id.to_owned();
        Self { house, guest, id }
    }

    async fn say(&self, message: &Value) -> Value {
        let headers = headers(&[("mcp-session-id", &self.id)]);
        let House {
            sessions, server, ..
        } = self.house;
        let answer = sessions.post(&self.guest, &headers, body(message), server);
        read(answer.await).await.1
    }
}

fn failed(answer: &Value) -> (i64, &str) {
    let error = &answer["error"];
    let code = error["code"].as_i64();
    let words = error["message"].as_str();
    code.zip(words).unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn g3_an_id_is_one_call_at_a_time() {
    let house = House::new();
    let client = Client::of(&house, "alice").await;
    let waits = call(1, "wait");
    let waiting = client.say(&waits);
    let meanwhile = async {
        house.fake.until_told("waiting").await;
        let again = client.say(&call(1, "echo")).await;
        assert_eq!(failed(&again).0, -32600);
        // It is the id of another session, or of nothing that is under way.
        let other = Client::of(&house, "alice").await;
        assert!(other.say(&call(1, "echo")).await["result"].is_object());
        assert!(client.say(&call(2, "echo")).await["result"].is_object());
        house.fake.go.notify_one();
    };
    let (waited, ()) = tokio::join!(waiting, meanwhile);
    assert_eq!(text(&waited), "waited");
    assert!(client.say(&call(1, "echo")).await["result"].is_object());
}

#[tokio::test]
async fn g3_nobody_has_more_under_way_than_their_share() {
    let mut house = House::new();
    house.settings.limits.calls = Most {
        of_all: 3,
        of_one: 2,
    };
    let house = House::with(house.settings.clone(), house.clock.clone());
    let (one, two) = (
        Client::of(&house, "alice").await,
        Client::of(&house, "alice").await,
    );
    let bob = Client::of(&house, "bob").await;
    let waits = [call(1, "wait"), call(2, "wait")];
    let waiting = async { tokio::join!(one.say(&waits[0]), one.say(&waits[1])) };
    let meanwhile = async {
        let wait = || {
            let told = house.fake.told.lock().unwrap();
            told.iter().filter(|told| *told == "waiting").count()
        };
        while wait() < 2 {
            tokio::task::yield_now().await;
        }
        let refused = two.say(&call(3, "echo")).await;
        let (code, words) = failed(&refused);
        assert_eq!(code, -32603);
        assert!(words.contains("of your requests"), "{words}");
        assert!(bob.say(&call(3, "echo")).await["result"].is_object());
        house.fake.go.notify_waiters();
    };
    tokio::join!(waiting, meanwhile);
    assert!(two.say(&call(3, "echo")).await["result"].is_object());
}
