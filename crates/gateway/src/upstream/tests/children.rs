//! Servers that are programs: clean, limited, started again, and never left behind (acceptance G4, G5).

use std::path::{Path, PathBuf};
use std::process::Stdio;

use oauth::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::*;
use crate::upstream::State;

/// A server with sessions; `$1` is what it answers to a call, in which `$id` is the id.
fn server(call: &str) -> String {
    format!(
        r#"
        answer() {{ printf '{{"jsonrpc":"2.0","id":%s,"result":%s}}\n' "$id" "$1"; }}
        while read -r line; do
            id=${{line#*'"id":'}}; id=${{id%%,*}}
            case $line in
            *'"server/discover"'*)
                printf '{{"jsonrpc":"2.0","id":%s,"error":{{"code":-32601,"message":"?"}}}}\n' "$id";;
            *'"initialize"'*)
                answer '{{"protocolVersion":"2025-06-18","capabilities":{{"logging":{{}}}}}}';;
            *'"notifications/'*) [ -n "$LOG" ] && printf '%s\n' "$line" >> "$LOG";;
            *'"logging/setLevel"'*) level=$line; answer '{{}}';;
            *) {call};;
            esac
        done"#
    )
}

const WHO: &str = r#"answer "{\"pid\":$$}""#;

fn exists(pid: u64) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

async fn gone(pid: u64) {
    let gone = async {
        while exists(pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), gone).await;
    assert!(in_time.is_ok(), "{pid} is still there");
}

async fn pid(upstream: &Upstream, visit: &Visit) -> u64 {
    let result = call_tool(upstream, visit, "who").await.unwrap();
    result["pid"].as_u64().unwrap()
}

fn kill(pid: u64) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

fn with_env(mut settings: UpstreamSettings, name: &str, value: &Path) -> UpstreamSettings {
    if let Transport::Stdio { env, .. } = &mut settings.transport {
        let value = value.to_str().unwrap();
        env.insert(name.to_owned(), Secret::from(value));
    }
    settings
}

#[tokio::test]
async fn g5_a_child_has_a_clean_environment_and_limits() {
    let call = r#"answer "{\"env\":\"$(env | cut -d= -f1 | sort | tr '\n' ' ')\",\"files\":$(ulimit -n),\"memory\":$(ulimit -v),\"core\":$(ulimit -c),\"token\":\"$TOKEN\"}""#;
    let mut settings = script(&server(call), Children::PerSession);
    let Transport::Stdio {
        env,
        max_memory_bytes,
        max_open_files,
        ..
    } = &mut settings.transport
    else {
        panic!()
    };
    env.insert("TOKEN".to_owned(), Secret::from("t"));
    *max_memory_bytes = Some(512 << 20);
    *max_open_files = Some(33);
    let upstream = upstream(&settings);
    let result = call_tool(&upstream, &visit(Revision::V2025_06_18), "t")
        .await
        .unwrap();
    assert_eq!(result["files"], 33);
    assert_eq!(result["memory"], 512 << 10);
    assert_eq!(result["core"], 0);
    assert_eq!(result["token"], "t");
    let names = result["env"].as_str().unwrap();
    // What it has started is found by its mark.
    let own = [
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
        "HOME",
        "PATH",
        "TOKEN",
        "SUMUN_CHILD",
    ];
    let foreign: Vec<_> = names
        .split_whitespace()
        .filter(|name| !own.contains(name))
        .collect();
    assert_eq!(foreign, Vec::<&str>::new());
    upstream.close().await;
}

#[tokio::test]
async fn children_are_shared_as_the_settings_say() {
    for (children, expected) in [
        (Children::PerSession, [false, false]),
        (Children::PerUser, [true, false]),
        (Children::Shared, [true, true]),
    ] {
        let upstream = upstream(&script(&server(WHO), children));
        assert_eq!(
            upstream.health().children,
            0,
            "nothing starts before it is needed"
        );
        let alice = pid(&upstream, &visit(Revision::V2025_06_18)).await;
        let again = pid(&upstream, &visit(Revision::V2025_11_25)).await;
        let bob = visit_of("bob", Revision::V2025_06_18, "{}");
        let bob = pid(&upstream, &bob).await;
        assert_eq!([alice == again, alice == bob], expected, "{children:?}");
        upstream.close().await;
        for pid in [alice, again, bob] {
            assert!(!exists(pid), "{children:?}");
        }
        assert_eq!(upstream.health().children, 0);
    }
}

#[tokio::test]
async fn g1_a_child_that_was_killed_is_started_again_unseen() {
    let call = r#"answer "{\"pid\":$$,\"level\":\"${level:+set}\"}""#;
    let upstream = upstream(&script(&server(call), Children::PerSession));
    let visit = visit(Revision::V2025_06_18);
    let (outlet, _news) = Outlet::new();
    let level = request("logging/setLevel", json!({"level": "error"}));
    upstream.call(&visit, level, &outlet).await.unwrap();
    let first = pid(&upstream, &visit).await;
    kill(first);
    gone(first).await;
    let result = call_tool(&upstream, &visit, "t").await.unwrap();
    assert_ne!(result["pid"], first);
    assert_eq!(result["level"], "set");
    upstream.close().await;
}

#[tokio::test]
async fn g3_a_child_that_dies_in_a_call_fails_that_call_alone() {
    let call = r#"case $line in *die*) kill -9 $$;; *) answer "{\"pid\":$$}";; esac"#;
    let upstream = upstream(&script(&server(call), Children::PerSession));
    let alice = visit(Revision::V2025_06_18);
    let bob = visit_of("bob", Revision::V2025_06_18, "{}");
    let (of_alice, of_bob) = (pid(&upstream, &alice).await, pid(&upstream, &bob).await);
    let result = call_tool(&upstream, &alice, "die").await;
    assert!(said(result).contains("it may have done what was asked, or not"));
    assert_eq!(pid(&upstream, &bob).await, of_bob);
    assert_ne!(pid(&upstream, &alice).await, of_alice);
    upstream.close().await;
}

#[tokio::test]
async fn g4_a_program_that_ends_again_and_again_is_started_more_and_more_slowly() {
    let directory = TempDir::new().unwrap();
    let log = directory.path().join("starts");
    let settings = script("echo start >> \"$LOG\"", Children::PerSession);
    let upstream = upstream(&with_env(settings, "LOG", &log));
    let visit = visit(Revision::V2025_06_18);
    let mut reasons = Vec::new();
    for _ in 0..30 {
        reasons.push(said(call_tool(&upstream, &visit, "t").await));
    }
    let starts = std::fs::read_to_string(&log).unwrap().lines().count();
    assert!((2..=8).contains(&starts), "{starts}");
    let waits = |reason: &String| reason.contains("again and again");
    assert!(reasons.iter().any(waits), "{reasons:?}");
    // To wait is no failure of the program: others, whose child may be better, are let through.
    assert_eq!(upstream.health().state, State::Closed);
    upstream.close().await;
}

#[tokio::test]
async fn g3_a_command_that_is_not_there_is_a_clear_error() {
    let mut settings = script("", Children::Shared);
    if let Transport::Stdio { command, .. } = &mut settings.transport {
        "there-is-no-such-program".clone_into(command);
    }
    let upstream = upstream(&settings);
    let result = call_tool(&upstream, &visit(Revision::V2025_06_18), "t").await;
    assert!(said(result).contains("cannot be started"));
    assert_eq!(upstream.health().children, 0);
}

#[tokio::test]
async fn g3_what_a_child_says_wrongly_is_passed_over() {
    let call = r#"case $line in
        *large*) printf '{"jsonrpc":"2.0","id":%s,"result":{"a":"' "$id"
            head -c 5000000 /dev/zero | tr '\0' a; echo '"}}';;
        *flood*) head -c 9000000 /dev/zero | tr '\0' a;;
        *silent*) ;;
        *) echo hello; echo '{"x":'; echo '[]'; echo '{"jsonrpc":"2.0","id":99999,"result":{}}'
            answer '{"first":true}'; answer '{"first":false}';;
        esac"#;
    let directory = TempDir::new().unwrap();
    let log = directory.path().join("log");
    let mut settings = with_env(script(&server(call), Children::PerSession), "LOG", &log);
    settings.timeout = Duration::from_secs(4);
    let upstream = upstream(&settings);
    let visit = visit(Revision::V2025_06_18);
    for (name, expected) in [
        ("large", "larger than allowed"),
        ("silent", "does not answer in time"),
        ("flood", "does not answer in time"),
    ] {
        let said = said(call_tool(&upstream, &visit, name).await);
        assert!(said.contains(expected), "{name}: {said}");
        if name == "flood" {
            continue;
        }
        for _ in 0..2 {
            let result = call_tool(&upstream, &visit, "good").await.unwrap();
            assert_eq!(result["first"], true, "after {name}");
        }
    }
    // Who was not waited for any more was told so.
    let told = std::fs::read_to_string(&log).unwrap();
    assert_eq!(told.matches("notifications/cancelled").count(), 1);
    upstream.close().await;
}

#[tokio::test]
async fn there_are_no_more_children_than_allowed() {
    let call = r#"case $line in *hang*) ;; *) answer "{\"pid\":$$}";; esac"#;
    let mut settings = script(&server(call), Children::PerSession);
    if let Transport::Stdio { max_children, .. } = &mut settings.transport {
        *max_children = 2;
    }
    let upstream = upstream(&settings);
    let visits = ["a", "b", "c"].map(|name| visit_of(name, Revision::V2025_06_18, "{}"));
    for visit in &visits[..2] {
        pid(&upstream, visit).await;
    }
    let result = call_tool(&upstream, &visits[2], "who").await;
    assert!(said(result).contains("used by as many as it may be"));
    assert_eq!(upstream.health().children, 2);
    upstream.leave(&visits[0]).await;
    pid(&upstream, &visits[2]).await;
    upstream.close().await;
}

#[tokio::test]
async fn g3_nobody_has_more_children_than_their_share() {
    let mut settings = script(&server(WHO), Children::PerSession);
    if let Transport::Stdio {
        max_children,
        max_children_per_user,
        ..
    } = &mut settings.transport
    {
        (*max_children, *max_children_per_user) = (3, 2);
    }
    let upstream = upstream(&settings);
    let mut visits = [1, 2, 3].map(|number| {
        let mut visit = visit(Revision::V2025_06_18);
        visit.key = format!("session {number}").into();
        visit
    });
    for visit in &visits[..2] {
        pid(&upstream, visit).await;
    }
    let result = call_tool(&upstream, &visits[2], "who").await;
    assert!(said(result).contains("for you as one person may have"));
    let bob = visit_of("bob", Revision::V2025_06_18, "{}");
    pid(&upstream, &bob).await;
    // A subject is one of its issuer.
    visits[2].caller = Caller::new("alice").with_issuer("https://other.example");
    visits[2].key = "session 4".into();
    upstream.leave(&bob).await;
    pid(&upstream, &visits[2]).await;
    assert_eq!(upstream.health().state, State::Closed);
    upstream.close().await;
}

#[tokio::test]
async fn children_that_are_still_starting_count_and_to_be_refused_harms_nobody() {
    let directory = TempDir::new().unwrap();
    let log = directory.path().join("starts");
    let counted = format!("echo start >> \"$STARTS\"\n{}", server(WHO));
    let mut settings = with_env(script(&counted, Children::PerSession), "STARTS", &log);
    if let Transport::Stdio { max_children, .. } = &mut settings.transport {
        *max_children = 2;
    }
    let upstream = upstream(&settings);
    let visits: Vec<_> = (0..12)
        .map(|number| visit_of(&format!("user{number}"), Revision::V2025_06_18, "{}"))
        .collect();
    let calls = visits
        .iter()
        .map(|visit| call_tool(&upstream, visit, "who"));
    let (served, refused): (Vec<_>, Vec<_>) = futures_util::future::join_all(calls)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!((served.len(), refused.len()), (2, 10));
    for one in refused {
        assert!(said(one).contains("used by as many as it may be"));
    }
    let starts = std::fs::read_to_string(&log).unwrap().lines().count();
    assert_eq!(starts, 2);
    // Nothing of that says anything about the program.
    assert_eq!(upstream.health().state, State::Closed);
    pid(&upstream, &visits[0]).await;
    upstream.close().await;
}

#[tokio::test]
async fn a_child_that_nobody_uses_ends() {
    let mut settings = script(&server(WHO), Children::PerSession);
    if let Transport::Stdio { idle, .. } = &mut settings.transport {
        *idle = Duration::from_millis(200);
    }
    let upstream = upstream(&settings);
    let pid = pid(&upstream, &visit(Revision::V2025_06_18)).await;
    gone(pid).await;
    upstream.close().await;
}

#[tokio::test]
async fn g4_a_child_that_does_not_want_to_end_ends_with_all_that_it_started() {
    let call = r#"trap '' TERM; sleep 1000 & answer "{\"pid\":$$,\"other\":$!}""#;
    let stubborn = format!("{}\nwhile :; do sleep 1; done", server(call));
    let upstream = upstream(&script(&stubborn, Children::PerSession));
    let result = call_tool(&upstream, &visit(Revision::V2025_06_18), "t")
        .await
        .unwrap();
    upstream.close().await;
    assert!(!exists(result["pid"].as_u64().unwrap()));
    gone(result["other"].as_u64().unwrap()).await;
}

#[tokio::test]
async fn g4_what_has_left_the_group_of_a_child_ends_with_it() {
    let directory = TempDir::new().unwrap();
    // One has a session of its own, one also an environment without a mark, and one has lost its parent.
    let call = r#"setsid sleep 1000 & session=$!
        env -i setsid sleep 1000 & bare=$!
        (setsid sleep 1000 & echo $! > "$ORPHAN"); read -r orphan < "$ORPHAN"
        answer "{\"session\":$session,\"bare\":$bare,\"orphan\":$orphan}""#;
    let settings = script(&server(call), Children::PerSession);
    let settings = with_env(settings, "ORPHAN", &directory.path().join("orphan"));
    let upstream = upstream(&settings);
    let visit = visit(Revision::V2025_06_18);
    let left = call_tool(&upstream, &visit, "t").await.unwrap();
    let left = ["session", "bare", "orphan"].map(|name| left[name].as_u64().unwrap());
    assert!(left.iter().all(|pid| exists(*pid)));
    upstream.leave(&visit).await;
    for pid in left {
        gone(pid).await;
    }
    upstream.close().await;
}

#[tokio::test]
async fn g4_what_a_child_leaves_behind_that_dies_ends_too_and_not_that_of_others() {
    let call = r#"case $line in
        *die*) kill -9 $$;;
        *) setsid sh -c 'trap "" TERM; sleep 1000 & wait' & answer "{\"pid\":$!}";;
        esac"#;
    let upstream = upstream(&script(&server(call), Children::PerUser));
    let alice = visit(Revision::V2025_06_18);
    let bob = visit_of("bob", Revision::V2025_06_18, "{}");
    let (of_alice, of_bob) = (pid(&upstream, &alice).await, pid(&upstream, &bob).await);
    assert!(call_tool(&upstream, &alice, "die").await.is_err());
    gone(of_alice).await;
    assert!(exists(of_bob));
    upstream.close().await;
    gone(of_bob).await;
}

#[tokio::test]
async fn a_program_of_2026_07_28_is_spoken_to_as_it_wants() {
    let script_text = r#"
        while read -r line; do
            id=${line#*'"id":'}; id=${id%%,*}
            case $line in
            *'"server/discover"'*) result='{"supportedVersions":["2026-07-28"],"capabilities":{}}';;
            *'"initialize"'*) exit 1;;
            *) printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}\n' "$id"
               case $line in *2026-07-28*) result='{"ok":true}';; *) result='{}';; esac;;
            esac
            printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
        done"#;
    let upstream = upstream(&script(script_text, Children::Shared));
    let visit = visit(Revision::V2025_06_18);
    let (outlet, news) = Outlet::new();
    let call = async {
        let params = json!({"name": "t", "_meta": {"progressToken": 7}});
        let result = upstream
            .call(&visit, request("tools/call", params), &outlet)
            .await;
        drop(outlet);
        value(&result.unwrap())
    };
    let (result, heard) = tokio::join!(call, answering(news, "{}"));
    assert_eq!(result["ok"], true);
    assert_eq!(
        heard,
        [(
            "notifications/progress".to_owned(),
            json!({"progressToken": 7, "progress": 1})
        )]
    );
    upstream.close().await;
}

#[tokio::test]
async fn a_server_that_withdraws_a_question_cancels_no_call() {
    // It asks under the ids that our own calls may have, and withdraws each.
    let call = r#"case $line in
        *'"method":"tools/call"'*) asked=$id
            for id in 0 1 2 3 4 5 6 7 8 9; do
                echo '{"jsonrpc":"2.0","id":'$id',"method":"elicitation/create","params":{"message":"?"}}'
                echo '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":'$id'}}'
            done
            echo '{"jsonrpc":"2.0","id":"last","method":"elicitation/create","params":{"message":"last"}}';;
        *'"last"'*) id=$asked; answer "{\"answered\":true}";;
        *) id=$asked; answer "{\"answered\":false}";;
        esac"#;
    let upstream = upstream(&script(&server(call), Children::PerSession));
    let visit = visit_of("alice", Revision::V2025_06_18, EVERYTHING);
    let (outlet, mut news) = Outlet::new();
    let call = async {
        let request = request("tools/call", json!({"name": "ask"}));
        let result = upstream.call(&visit, request, &outlet).await;
        value(&result.unwrap())
    };
    let client = async {
        let mut withdrawn = Vec::new();
        while let Some(one) = news.recv().await {
            let News::Question(question) = one else {
                panic!("{one:?} is nothing for the client");
            };
            let params = value(question.params.as_ref().unwrap());
            if params["message"] != "last" {
                withdrawn.push(question);
                continue;
            }
            for one in &mut withdrawn {
                one.reply.closed().await;
            }
            let accept = super::json(r#"{"action":"accept"}"#);
            assert!(!question.reply.is_closed());
            question.reply.send(Ok(accept)).unwrap();
            break;
        }
    };
    let (result, ()) = tokio::join!(call, client);
    assert_eq!(result["answered"], true);
    upstream.close().await;
}

#[tokio::test]
async fn a_shared_child_asks_only_whom_it_can_mean() {
    // It asks when it is called, and answers when it is answered; a call to wait waits.
    let call = r#"case $line in
        *wait*) ;;
        *'"method":"tools/call"'*) asked=$id
            echo '{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?"}}';;
        *action*) id=$asked; answer '{"asked":true}';;
        *) id=$asked; answer '{"asked":false}';;
        esac"#;
    let upstream = upstream(&script(&server(call), Children::Shared));
    let alice = visit_of("alice", Revision::V2025_06_18, EVERYTHING);
    let bob = visit_of("bob", Revision::V2025_06_18, EVERYTHING);
    let ask = async || {
        let (outlet, news) = Outlet::new();
        let call = async {
            let request = request("tools/call", json!({"name": "ask"}));
            let result = upstream.call(&alice, request, &outlet).await;
            drop(outlet);
            value(&result.unwrap())
        };
        tokio::join!(call, answering(news, r#"{"action":"accept"}"#)).0
    };
    assert_eq!(ask().await["asked"], true);
    tokio::select! {
        biased;
        result = call_tool(&upstream, &bob, "wait") => panic!("{result:?}"),
        result = ask() => assert_eq!(result["asked"], false),
    }
    upstream.close().await;
}

/// A stand-in for `docker`: what it runs is no child of it, as a container is none of `docker run`, and it
/// passes signals other than KILL on. It knows nothing of images, networks and the daemon.
const DOCKER: &str = r#"#!/bin/sh
echo "$*" >> "$STATE/log"
case $1 in
run)
    while [ "$1" != --name ]; do shift; done
    name=$2
    exec 3<&0
    setsid sh -c "$SERVER" <&3 3<&- &
    container=$!
    exec 3<&-
    echo $container > "$STATE/$name"
    trap 'kill -TERM $container' TERM
    while kill -0 $container 2> /dev/null; do wait $container; done
    rm -f "$STATE/$name";;
rm)
    [ -f "$STATE/$3" ] || exit 1
    kill -9 "-$(cat "$STATE/$3")"; rm -f "$STATE/$3";;
esac"#;

fn docker(directory: &TempDir, server: &str) -> UpstreamSettings {
    let program: PathBuf = directory.path().join("docker");
    std::fs::write(&program, DOCKER).unwrap();
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let mut settings = script("", Children::PerSession);
    let Transport::Stdio {
        command, args, env, ..
    } = &mut settings.transport
    else {
        panic!()
    };
    program.to_str().unwrap().clone_into(command);
    *args = ["run", "-i", "--rm", "image"].map(str::to_owned).to_vec();
    env.insert("SERVER".to_owned(), Secret::from(server));
    with_env(settings, "STATE", directory.path())
}

#[tokio::test]
async fn g4_a_container_ends_with_its_session() {
    let directory = TempDir::new().unwrap();
    let upstream = upstream(&docker(&directory, &server(WHO)));
    let visit = visit(Revision::V2025_06_18);
    let container = pid(&upstream, &visit).await;
    upstream.leave(&visit).await;
    assert!(!exists(container));
    let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
    assert!(log.starts_with("run --name sumun-notes-"), "{log}");
    assert_eq!(log.lines().count(), 1, "there was nothing to remove");
    upstream.close().await;
}

#[tokio::test]
async fn g4_a_container_that_does_not_want_to_end_is_removed_by_its_name() {
    let directory = TempDir::new().unwrap();
    let stubborn = format!("trap '' TERM\n{}\nwhile :; do sleep 1; done", server(WHO));
    let upstream = upstream(&docker(&directory, &stubborn));
    let container = pid(&upstream, &visit(Revision::V2025_06_18)).await;
    upstream.close().await;
    gone(container).await;
    let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
    let last = log.lines().last().unwrap();
    assert!(last.starts_with("rm -f sumun-notes-"), "{log}");
}

/// Runs one of the tests below in a process of its own.
fn alone(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let name = format!("upstream::tests::children::{name}");
    command.args(["--exact", &name, "--ignored", "--nocapture"]);
    command.stdout(Stdio::piped()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn g4_after_a_thousand_sessions_there_is_no_process_and_no_descriptor() {
    let output = alone("a_thousand_sessions").output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs in a process of its own: it counts what that has open"]
async fn a_thousand_sessions() {
    use futures_util::StreamExt as _;
    let upstream = upstream(&script(&server(WHO), Children::PerSession));
    let session = |number: usize| {
        let upstream = &upstream;
        async move {
            let visit = visit_of(&format!("user{number}"), Revision::V2025_06_18, "{}");
            let pid = pid(upstream, &visit).await;
            // Some leave, and others only stop asking.
            upstream.leave(&visit).await;
            pid
        }
    };
    let warm = session(0).await;
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    let sessions = futures_util::stream::iter(1..=1000)
        .map(session)
        .buffer_unordered(8);
    let mut pids: Vec<_> = sessions.collect().await;
    pids.push(warm);
    assert_eq!(pids.len(), 1001);
    assert_eq!(upstream.health().children, 0);
    assert!(!pids.iter().any(|pid| exists(*pid)));
    assert_eq!(descriptors(), before);
    let me = std::process::id();
    let children = std::fs::read_to_string(format!("/proc/{me}/task/{me}/children"));
    assert_eq!(children.unwrap_or_default(), "");
    upstream.close().await;
}

#[tokio::test]
async fn g4_a_gateway_that_is_killed_leaves_no_child() {
    let mut gateway = alone("a_gateway_that_waits_to_be_killed").spawn().unwrap();
    let mut lines = BufReader::new(gateway.stdout.take().unwrap()).lines();
    let child = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(pid) = line.strip_prefix("child ") {
            break pid.parse::<u64>().unwrap();
        }
    };
    assert!(exists(child));
    gateway.kill().await.unwrap();
    gone(child).await;
}

#[tokio::test]
#[ignore = "runs in a process of its own: it never ends by itself"]
async fn a_gateway_that_waits_to_be_killed() {
    let upstream = upstream(&script(&server(WHO), Children::Shared));
    println!(
        "\nchild {}",
        pid(&upstream, &visit(Revision::V2025_06_18)).await
    );
    std::future::pending::<()>().await;
}
