//! Tests of a federation of scripted servers.

use std::sync::Mutex;

use futures_util::FutureExt as _;
use resource_server::Caller;

use super::*;
use crate::message::News;
use crate::visit::Client;

/// A server that answers everything with what it was asked, or nothing at all.
struct Echo {
    is_dead: bool,
    asked: Mutex<Vec<String>>,
}

fn value(text: &str) -> Raw {
    serde_json::from_str(text).unwrap()
}

#[async_trait]
impl McpServer for Echo {
    async fn introduction(&self, _: &Visit) -> Result<Introduction, Failure> {
        if self.is_dead {
            return Err(dead());
        }
        Ok(Introduction {
            revision: Revision::V2025_11_25,
            capabilities: value(r#"{"tools":{"listChanged":true},"x-vendor":{"n":1.0}}"#),
            info: None,
            instructions: Some(value(r#""Be kind.""#)),
        })
    }

    async fn call(&self, _: &Visit, request: Request, outlet: &Outlet) -> Result<Raw, Failure> {
        if self.is_dead {
            return Err(dead());
        }
        let params = request
            .params
            .as_deref()
            .map_or("null", |params| params.get());
        self.asked
            .lock()
            .unwrap()
            .push(format!("{} {params}", request.method));
        if request.method == "tools/list" {
            let is_second = params.contains("next");
            return Ok(value(if is_second {
                r#"{"tools":[{"name":"b","x":1.50}]}"#
            } else {
                r#"{"tools":[{"name":"a__a"}],"nextCursor":"next"}"#
            }));
        }
        let updated = Notification {
            method: "notifications/resources/updated".to_owned(),
            params: Some(value(r#"{"uri":"f:1"}"#)),
        };
        outlet.notify(updated).await;
        Ok(value(
            r#"{"content":[{"type":"resource_link","uri":"f:1"}]}"#,
        ))
    }

    async fn notify(&self, _: &Visit, _: Notification) {}

    async fn listen(&self, _: &Visit, _: Interest, _: &Outlet) -> Result<(), Failure> {
        Ok(())
    }

    async fn leave(&self, _: &Visit) {}
}

fn dead() -> Failure {
    Failure::Unavailable {
        reason: "dead".to_owned(),
        retry_after: None,
    }
}

fn visit() -> Visit {
    Visit {
        caller: Caller::new("alice"),
        client: Arc::new(Client {
            revision: Revision::V2025_11_25,
            capabilities: value("{}"),
            info: None,
        }),
        key: "k".into(),
        log_level: None,
        has_opened: false,
        auth_type: None,
    }
}

fn federation() -> (Federation, Arc<Echo>) {
    let alive = Arc::new(Echo {
        is_dead: false,
        asked: Mutex::default(),
    });
    let dead = Arc::new(Echo {
        is_dead: true,
        asked: Mutex::default(),
    });
    let member = |name: &str, server: &Arc<Echo>| Member {
        name: name.into(),
        server: Arc::clone(server) as _,
    };
    let members = vec![member("dead", &dead), member("one", &alive)];
    (Federation::new(members), alive)
}

fn request(method: &str, params: &str) -> Request {
    Request {
        method: method.to_owned(),
        params: Some(value(params)),
    }
}

#[tokio::test]
async fn g3_lists_hold_what_the_living_have_on_all_their_pages() {
    let (federation, _) = federation();
    let (outlet, _news) = Outlet::new();
    let list = federation
        .call(&visit(), request("tools/list", "{}"), &outlet)
        .await
        .unwrap();
    assert_eq!(
        list.get(),
        r#"{"tools":[{"name":"one__a__a"},{"name":"one__b","x":1.50}],"ttlMs":0,"cacheScope":"private"}"#
    );
    let introduction = federation.introduction(&visit()).await.unwrap();
    assert_eq!(
        introduction.capabilities.get(),
        r#"{"tools":{"listChanged":true},"x-vendor":{"n":1.0}}"#
    );
    assert_eq!(
        introduction.instructions.unwrap().get(),
        "\"# one\\nBe kind.\""
    );
}

#[tokio::test]
async fn g7_a_call_reaches_its_server_under_the_name_that_it_knows() {
    let (federation, alive) = federation();
    let (outlet, mut news) = Outlet::new();
    let call = request(
        "tools/call",
        r#"{"name":"one__a__a","arguments":{"n":1.0}}"#,
    );
    let result = federation.call(&visit(), call, &outlet).await.unwrap();
    assert_eq!(
        result.get(),
        r#"{"content":[{"type":"resource_link","uri":"one+f:1"}]}"#
    );
    assert_eq!(
        *alive.asked.lock().unwrap(),
        [r#"tools/call {"name":"a__a","arguments":{"n":1.0}}"#]
    );
    let Some(News::Notification(news)) = news.recv().await else {
        panic!("the news of the server are passed on")
    };
    assert_eq!(news.params.unwrap().get(), r#"{"uri":"one+f:1"}"#);
}

#[tokio::test]
async fn g3_a_dead_server_and_an_unknown_one_are_told_apart() {
    let (federation, _) = federation();
    let (outlet, _news) = Outlet::new();
    let dead = request("tools/call", r#"{"name":"dead__x"}"#);
    let failure = federation.call(&visit(), dead, &outlet).await.unwrap_err();
    assert!(matches!(failure, Failure::Unavailable { .. }));
    for name in ["two__x", "x"] {
        let call = request("tools/call", &format!(r#"{{"name":"{name}"}}"#));
        let failure = federation.call(&visit(), call, &outlet).await.unwrap_err();
        let Failure::Rpc(error) = failure else {
            panic!("an unknown tool is the client's mistake")
        };
        assert_eq!(error.code(), Some(code::INVALID_PARAMS));
    }
}

/// A server that has news of what it does not refuse.
struct Choosy {
    refuses: &'static str,
}

#[async_trait]
impl McpServer for Choosy {
    async fn introduction(&self, _: &Visit) -> Result<Introduction, Failure> {
        Err(dead())
    }

    async fn call(&self, _: &Visit, _: Request, _: &Outlet) -> Result<Raw, Failure> {
        Err(dead())
    }

    async fn notify(&self, _: &Visit, _: Notification) {}

    async fn listen(&self, _: &Visit, interest: Interest, _: &Outlet) -> Result<(), Failure> {
        let is_refused = self.refuses == "everything"
            || interest.resources.iter().any(|uri| *uri == self.refuses);
        if !is_refused {
            return std::future::pending().await;
        }
        Err(Failure::Refused {
            error: RpcError::new(code::INVALID_REQUEST, "not permitted"),
            code: "policy_denied",
        })
    }

    async fn leave(&self, _: &Visit) {}
}

fn choosy(members: &[(&str, &'static str)]) -> Federation {
    let members = members.iter().map(|(name, refuses)| Member {
        name: (*name).into(),
        server: Arc::new(Choosy { refuses }),
    });
    Federation::new(members.collect())
}

/// What becomes of a subscription to these resources; nothing while it goes on.
fn listened(federation: &Federation, resources: &[&str]) -> Option<Result<(), Failure>> {
    let interest = Interest {
        tools_list_changed: true,
        resources: resources.iter().map(|&uri| uri.to_owned()).collect(),
        ..Interest::default()
    };
    let (outlet, _news) = Outlet::new();
    let visit = visit();
    federation.listen(&visit, interest, &outlet).now_or_never()
}

#[test]
fn a_resource_that_its_member_refuses_is_refused_to_who_listens_to_all() {
    let federation = choosy(&[("one", "f:secret"), ("two", "f:secret")]);
    let refused = listened(&federation, &["one+f:open", "two+f:secret"]);
    assert!(matches!(refused, Some(Err(Failure::Refused { .. }))));
    assert!(listened(&federation, &["one+f:open"]).is_none());
}

#[test]
fn a_member_that_refuses_to_be_heard_keeps_nobody_from_hearing_the_others() {
    let some = choosy(&[("one", "everything"), ("two", "f:secret")]);
    assert!(listened(&some, &["two+f:open"]).is_none());
    let none = choosy(&[("one", "everything"), ("two", "everything")]);
    let refused = listened(&none, &[]);
    assert!(matches!(refused, Some(Err(Failure::Refused { .. }))));
}

/// A server whose list has no end, and large pages.
#[derive(Default)]
struct Endless(Mutex<usize>);

#[async_trait]
impl McpServer for Endless {
    async fn introduction(&self, _: &Visit) -> Result<Introduction, Failure> {
        Err(dead())
    }

    async fn call(&self, _: &Visit, _: Request, _: &Outlet) -> Result<Raw, Failure> {
        let mut pages = self.0.lock().unwrap();
        *pages += 1;
        let tool = json!({"name": "a", "description": "x".repeat(5 << 20)});
        Ok(raw(
            &json!({"tools": [tool], "nextCursor": pages.to_string()}),
        ))
    }

    async fn notify(&self, _: &Visit, _: Notification) {}

    async fn listen(&self, _: &Visit, _: Interest, _: &Outlet) -> Result<(), Failure> {
        Ok(())
    }

    async fn leave(&self, _: &Visit) {}
}

#[tokio::test]
async fn g3_a_list_without_an_end_fills_no_memory() {
    let endless = Arc::new(Endless::default());
    let member = Member {
        name: "a".into(),
        server: Arc::clone(&endless) as Arc<dyn McpServer>,
    };
    let federation = Federation::new(vec![member]);
    let request = Request {
        method: "tools/list".to_owned(),
        params: None,
    };
    let (outlet, _news) = Outlet::new();
    let list = federation.call(&visit(), request, &outlet).await.unwrap();
    assert_eq!(*endless.0.lock().unwrap(), 4);
    assert!(list.get().len() < 32 << 20);
}
