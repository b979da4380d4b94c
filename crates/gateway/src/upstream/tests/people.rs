//! Upstreams that are called with the tokens of the people who call (acceptance B3, B4).

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use delegation::{
    AuthType, Credential, Invitation, InviteToConnect, Invited, RefreshCredential, RefreshError,
    RefreshSettings, ValidTokens, Vault,
};
use oauth::secret::Secret;
use oauth::time::NumericDate;
use serde_json::json;
use store::{KeyRing, SharedStore, SqliteStore, StoreError};

use super::fake::{Fake, Seen, stateless, status, with_sessions};
use super::*;
use crate::message::code::URL_ELICITATION_REQUIRED;
use crate::upstream::{Accounts, AuthTypes, TokenPlace, UserToken};

const PROVIDER: &str = "calendar";
const ASKABLE: &str = r#"{"elicitation":{"url":{}}}"#;

/// A provider that adds `+` to a token to renew it.
#[derive(Debug, Default)]
struct Provider(Mutex<usize>);

#[async_trait]
impl RefreshCredential for Provider {
    async fn refresh(&self, _: &str, credential: &Credential) -> Result<Credential, RefreshError> {
        *self.0.lock().unwrap() += 1;
        if credential.access_token.expose() == "ended" {
            tokio::task::yield_now().await;
            let cause = "invalid_grant".to_owned();
            return Err(RefreshError::Ended { cause });
        }
        let token = format!("{}+", credential.access_token.expose());
        Ok(Credential {
            access_token: Secret::from(token),
            ..credential.clone()
        })
    }

    async fn discard(&self, _: &str, _: &Credential) {}
}

/// Pages that exist in name only; who was invited is remembered.
#[derive(Debug, Default)]
struct Pages(Mutex<Vec<String>>);

#[async_trait]
impl InviteToConnect for Pages {
    async fn invite(&self, invited: &Invited<'_>) -> Result<Invitation, StoreError> {
        assert_eq!((invited.provider, invited.server), (PROVIDER, "notes"));
        self.0.lock().unwrap().push(invited.subject.to_owned());
        Ok(Invitation {
            id: "inv1".to_owned(),
            url: "https://gateway.example/account/connect/inv1".to_owned(),
            lifetime: Duration::from_mins(10),
        })
    }
}

/// A house in which people have accounts.
struct House {
    vault: Vault,
    provider: Arc<Provider>,
    pages: Arc<Pages>,
    parts: UpstreamParts,
}

impl House {
    async fn new() -> Self {
        let mut parts = parts();
        let clock = parts.clock.clone();
        let store: SharedStore = Arc::new(SqliteStore::in_memory(clock.clone()).await.unwrap());
        let keys = Arc::new(KeyRing::ephemeral(&OsRandom));
        let (provider, pages) = (Arc::new(Provider::default()), Arc::new(Pages::default()));
        let renewing = delegation::Parts {
            store: store.clone(),
            keys: keys.clone(),
            clock,
            random: Arc::new(OsRandom),
            refresher: provider.clone(),
        };
        parts.accounts = Some(Accounts {
            tokens: ValidTokens::new(renewing, RefreshSettings::default()),
            pages: pages.clone(),
        });
        Self {
            vault: Vault::new(store, keys),
            provider,
            pages,
            parts,
        }
    }

    async fn connect(&self, subject: &str, token: &str) {
        let credential = Credential {
            access_token: Secret::from(token),
            refresh_token: Some(Secret::from("refresh")),
            expires_at: Some(self.parts.clock.now().plus(Duration::from_hours(1))),
            refresh_expires_at: None,
            scope: None,
        };
        let put = self.vault.put(subject, PROVIDER, &credential).await;
        put.unwrap();
    }

    fn upstream(&self, settings: &UpstreamSettings) -> Arc<Upstream> {
        connect(settings, &self.parts).unwrap()
    }

    fn invited(&self) -> Vec<String> {
        self.pages.0.lock().unwrap().clone()
    }
}

/// Tools that begin with `my-` are called with the token of the person, `time` with nothing, others with
/// the gateway's own credential.
fn by_tool(mut settings: UpstreamSettings, place: TokenPlace) -> UpstreamSettings {
    settings.user_token = Some(UserToken {
        provider: PROVIDER.to_owned(),
        account: "Calendar".to_owned(),
        place,
    });
    let by_tool = [("my-*", AuthType::UserToken), ("time", AuthType::None)];
    let own = |(tool, auth_type): (&str, _)| (tool.to_owned(), auth_type);
    let by_tool: BTreeMap<_, _> = by_tool.into_iter().map(own).collect();
    settings.auth_types = AuthTypes::new(AuthType::ServiceAccount, by_tool);
    settings
}

fn over_http(url: &str) -> UpstreamSettings {
    let mut settings = by_tool(http(url), TokenPlace::Header("Authorization".to_owned()));
    let ours = ("Authorization".to_owned(), Secret::from("Bearer ours"));
    settings.credential = UpstreamCredential::Headers(vec![ours]);
    settings
}

async fn shown(upstream: &Upstream, visit: &Visit, tool: &str) -> String {
    let result = call_tool(upstream, visit, tool).await.unwrap();
    result["with"].as_str().unwrap().to_owned()
}

fn what_it_sees(seen: &Seen) -> axum::response::Response {
    seen.result(json!({"with": seen.header("authorization")}))
}

#[tokio::test]
async fn every_tool_is_called_with_the_credential_of_its_auth_type() {
    for server in [
        stateless(what_it_sees).await,
        with_sessions(what_it_sees).await,
    ] {
        let house = House::new().await;
        house.connect("alice", "of-alice").await;
        house.connect("bob", "of-bob").await;
        let upstream = house.upstream(&over_http(&server.url));
        let alice = visit(Revision::V2025_11_25);
        let bob = visit_of("bob", Revision::V2025_11_25, "{}");
        assert_eq!(shown(&upstream, &alice, "time").await, "");
        assert_eq!(shown(&upstream, &alice, "search").await, "Bearer ours");
        let calls = (0..40).map(|n| {
            let (visit, expected) = match n % 2 {
                0 => (&alice, "Bearer of-alice"),
                _ => (&bob, "Bearer of-bob"),
            };
            let upstream = &upstream;
            async move {
                assert_eq!(shown(upstream, visit, "my-events").await, expected);
            }
        });
        futures_util::future::join_all(calls).await;
        // What is no call of a tool is the gateway's own business.
        for seen in server
            .seen()
            .iter()
            .filter(|seen| seen.rpc() != "tools/call")
        {
            assert_eq!(
                seen.header("authorization"),
                "Bearer ours",
                "{}",
                seen.rpc()
            );
        }
        assert!(upstream.http_era().is_none(), "nothing passes unseen");
        assert_eq!(house.invited(), Vec::<String>::new());
        upstream.close().await;
    }
}

#[tokio::test]
async fn another_header_holds_the_token_alone() {
    let server = stateless(|seen| seen.result(json!({"with": seen.header("x-user-token")}))).await;
    let house = House::new().await;
    house.connect("alice", "of-alice").await;
    let place = TokenPlace::Header("X-User-Token".to_owned());
    let upstream = house.upstream(&by_tool(http(&server.url), place));
    let with = shown(&upstream, &visit(Revision::V2026_07_28), "my-events").await;
    assert_eq!(with, "of-alice");
}

#[tokio::test]
async fn rs32_a_token_that_is_refused_is_renewed_once_and_the_call_repeated_once() {
    let server = stateless(|seen| match seen.header("authorization") {
        "Bearer old" | "Bearer bad" | "Bearer bad+" => status(401),
        _ => what_it_sees(seen),
    })
    .await;
    let house = House::new().await;
    house.connect("alice", "old").await;
    house.connect("bob", "bad").await;
    let upstream = house.upstream(&over_http(&server.url));
    let alice = visit(Revision::V2026_07_28);
    let calls = (0..20).map(|_| shown(&upstream, &alice, "my-events"));
    for with in futures_util::future::join_all(calls).await {
        assert_eq!(with, "Bearer old+");
    }
    assert_eq!(
        *house.provider.0.lock().unwrap(),
        1,
        "renewed for all of them"
    );
    let bob = visit_of("bob", Revision::V2026_07_28, "{}");
    assert!(call_tool(&upstream, &bob, "my-events").await.is_err());
    let tried = server.of("tools/call");
    let of_bob = |seen: &&Seen| seen.header("authorization").starts_with("Bearer bad");
    assert_eq!(
        tried.iter().filter(of_bob).count(),
        2,
        "and never a third time"
    );
    assert_eq!(*house.provider.0.lock().unwrap(), 2);
    // The server has reasons of its own, and another token would be no better.
    assert!(call_tool(&upstream, &bob, "my-events").await.is_err());
    let tried = server.of("tools/call");
    assert_eq!(tried.iter().filter(of_bob).count(), 3);
    assert_eq!(
        *house.provider.0.lock().unwrap(),
        2,
        "not one for each call"
    );
}

#[tokio::test]
async fn rs31_who_has_not_connected_is_asked_in_words_that_their_client_understands() {
    let server = stateless(what_it_sees).await;
    let house = House::new().await;
    let mut settings = over_http(&server.url);
    settings.auth_types = AuthTypes::new(AuthType::UserToken, BTreeMap::new());
    let upstream = house.upstream(&settings);
    let ask = async |visit: &Visit, method: &str| {
        let (outlet, _news) = Outlet::new();
        let params = json!({"name": "t", "uri": "a:b"});
        let answer = upstream.call(visit, request(method, params), &outlet).await;
        match answer.unwrap_err() {
            Failure::NotConnected(error) => error,
            other => panic!("{other:?}"),
        }
    };
    for revision in [Revision::V2025_11_25, Revision::V2026_07_28] {
        let error = ask(&visit_of("alice", revision, ASKABLE), "tools/call").await;
        assert_eq!(error.code(), Some(URL_ELICITATION_REQUIRED));
        let asked: Value = serde_json::from_str(error.0.get()).unwrap();
        let elicitation = &asked["data"]["elicitations"][0];
        assert_eq!(elicitation["mode"], "url");
        assert_eq!(
            elicitation["url"],
            "https://gateway.example/account/connect/inv1"
        );
        assert!(
            elicitation["message"]
                .as_str()
                .unwrap()
                .contains("your Calendar account")
        );
    }
    // Who cannot be asked is told, and so is who asks for what no question is the answer to.
    let old = visit_of("alice", Revision::V2025_06_18, ASKABLE);
    let silent = visit_of("alice", Revision::V2026_07_28, "{}");
    let able = visit_of("alice", Revision::V2025_11_25, ASKABLE);
    for (visit, method) in [
        (&old, "tools/call"),
        (&silent, "tools/call"),
        (&able, "tools/list"),
    ] {
        let error = ask(visit, method).await;
        assert_ne!(error.code(), Some(URL_ELICITATION_REQUIRED));
        assert!(
            error
                .message()
                .contains("https://gateway.example/account/connect/inv1")
        );
    }
    assert!(upstream.introduction(&able).await.is_err());
    assert_eq!(server.seen().len(), 0, "nothing went anywhere");
    assert!(house.invited().iter().all(|subject| subject == "alice"));
    // It says nothing about the server, which is called as soon as there is a token.
    assert_eq!(upstream.health().state, crate::upstream::State::Closed);
    house.connect("alice", "of-alice").await;
    assert_eq!(shown(&upstream, &silent, "t").await, "Bearer of-alice");
}

#[tokio::test]
async fn who_has_not_connected_keeps_nobody_else_who_comes_at_the_same_time() {
    let server = stateless(what_it_sees).await;
    let house = House::new().await;
    house.connect("bob", "of-bob").await;
    // It takes a while until it is known that this one is worth nothing any more.
    let ended = Credential {
        access_token: Secret::from("ended"),
        refresh_token: Some(Secret::from("refresh")),
        expires_at: Some(NumericDate(0)),
        refresh_expires_at: None,
        scope: None,
    };
    let put = house.vault.put("alice", PROVIDER, &ended).await;
    put.unwrap();
    let mut settings = by_tool(
        http(&server.url),
        TokenPlace::Header("Authorization".to_owned()),
    );
    settings.auth_types = AuthTypes::new(AuthType::UserToken, BTreeMap::new());
    let upstream = house.upstream(&settings);
    let alice = visit(Revision::V2026_07_28);
    let bob = visit_of("bob", Revision::V2026_07_28, "{}");
    let (of_alice, of_bob) = tokio::join!(
        call_tool(&upstream, &alice, "t"),
        shown(&upstream, &bob, "t")
    );
    assert!(matches!(of_alice, Err(Failure::NotConnected(_))));
    assert_eq!(of_bob, "Bearer of-bob");
    assert_eq!(house.invited(), ["alice"]);
}

#[tokio::test]
async fn a_client_in_its_own_name_has_no_account_and_is_not_invited() {
    let server = stateless(what_it_sees).await;
    let house = House::new().await;
    let upstream = house.upstream(&over_http(&server.url));
    let mut robot = visit_of("robot", Revision::V2025_11_25, ASKABLE);
    robot.caller = robot.caller.with_client_id("robot");
    let words = said(call_tool(&upstream, &robot, "my-events").await);
    assert!(words.contains("sign in"), "{words}");
    assert_eq!(house.invited(), Vec::<String>::new());
    assert_eq!(shown(&upstream, &robot, "search").await, "Bearer ours");
}

#[tokio::test]
async fn a_repeated_call_waits_for_the_person_who_is_at_the_page() {
    let server = stateless(what_it_sees).await;
    let house = House::new().await;
    let upstream = house.upstream(&over_http(&server.url));
    let mut alice = visit_of("alice", Revision::V2026_07_28, ASKABLE);
    assert!(call_tool(&upstream, &alice, "my-events").await.is_err());
    alice.has_opened = true;
    let (with, ()) = tokio::join!(
        shown(&upstream, &alice, "my-events"),
        house.connect("alice", "of-alice")
    );
    assert_eq!(with, "Bearer of-alice");
}

#[tokio::test]
async fn a_client_that_listens_hears_when_its_person_has_finished_and_of_nobody_else() {
    let server = with_sessions(what_it_sees).await;
    let house = House::new().await;
    let upstream = house.upstream(&over_http(&server.url));
    let mut streams = tokio::task::JoinSet::new();
    let mut listening = |visit: Visit| {
        let (outlet, news) = Outlet::new();
        let upstream = upstream.clone();
        streams.spawn(async move {
            let interest = crate::server::Interest {
                everything: true,
                ..Default::default()
            };
            upstream.listen(&visit, interest, &outlet).await
        });
        news
    };
    let alice = visit_of("alice", Revision::V2025_11_25, ASKABLE);
    let bob = visit_of("bob", Revision::V2025_11_25, ASKABLE);
    let (mut news, mut others) = (listening(alice.clone()), listening(bob.clone()));
    for visit in [&alice, &bob] {
        assert!(call_tool(&upstream, visit, "my-events").await.is_err());
    }
    house.connect("alice", "of-alice").await;
    let Some(News::Notification(told)) = news.recv().await else {
        panic!("nobody is told")
    };
    assert_eq!(told.method, "notifications/elicitation/complete");
    let params = value(&told.params.unwrap());
    assert_eq!(params, json!({"elicitationId": "inv1"}));
    assert!(others.try_recv().is_err());
}

/// A program that says whose token it has, and which process it is.
const WHO: &str = r#"
    answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
    while read -r line; do
        id=${line#*'"id":'}; id=${id%%,*}
        case $line in
        *'"server/discover"'*)
            printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"?"}}\n' "$id";;
        *'"initialize"'*) answer '{"protocolVersion":"2025-06-18","capabilities":{}}';;
        *'"notifications/'*) ;;
        *) answer "{\"with\":\"$USER_TOKEN\",\"pid\":$$}";;
        esac
    done"#;

#[tokio::test]
async fn a_child_works_with_the_token_of_one_person_and_a_new_token_means_a_new_child() {
    for children in [Children::PerUser, Children::PerSession] {
        let house = House::new().await;
        house.connect("alice", "of-alice").await;
        let place = TokenPlace::Variable("USER_TOKEN".to_owned());
        let upstream = house.upstream(&by_tool(script(WHO, children), place));
        let (alice, bob) = (
            visit(Revision::V2025_06_18),
            visit_of("bob", Revision::V2025_06_18, "{}"),
        );
        let pid = async |visit: &Visit, tool: &str| {
            let result = call_tool(&upstream, visit, tool).await.unwrap();
            (
                result["with"].as_str().unwrap().to_owned(),
                result["pid"].as_u64().unwrap(),
            )
        };
        let (with, first) = pid(&alice, "my-events").await;
        assert_eq!(with, "of-alice");
        assert_eq!(pid(&alice, "my-events").await.1, first);
        // What needs no token gets none, from a child that has none.
        let (with, other) = pid(&alice, "time").await;
        assert_eq!(with, "");
        assert_ne!(other, first);
        assert!(call_tool(&upstream, &bob, "my-events").await.is_err());
        house.connect("alice", "newer").await;
        let (with, second) = pid(&alice, "my-events").await;
        assert_eq!(with, "newer");
        assert_ne!(second, first);
        // The end of a session ends all its children.
        upstream.leave(&alice).await;
        let left = usize::from(children == Children::PerUser) * 3;
        assert_eq!(upstream.health().children, left);
        upstream.close().await;
        assert_eq!(upstream.health().children, 0);
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_at_the_start() {
    let server = Fake::new(|_| status(500)).await;
    let mut settings = over_http(&server.url);
    let mut parts = parts();
    assert!(connect(&settings, &parts).is_err(), "nobody keeps tokens");
    parts.accounts = House::new().await.parts.accounts;
    assert!(connect(&settings, &parts).is_ok());
    settings.user_token = None;
    let refused = connect(&settings, &parts).unwrap_err();
    assert!(
        refused.to_string().contains("tokens of people"),
        "{refused}"
    );
}
