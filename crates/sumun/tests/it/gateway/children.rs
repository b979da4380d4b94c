//! Servers that are programs: clean, limited and never left behind (acceptance G4, G5).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use futures_util::StreamExt as _;
use tempfile::{TempDir, tempdir};

use super::client::{Client, message, result};
use super::{PERMITTED, SETTINGS, house};
use crate::house::{House, free_port};

/// A server as a shell script, which answers calls by `call`.
pub(super) fn script(call: &str) -> String {
    format!(
        r#"
say() {{ printf '{{"jsonrpc":"2.0","id":%s,%s}}\n' "$id" "$1"; }}
text() {{ say "\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"$1\"}}]}}"; }}
while read -r line; do
    id=${{line#*'"id":'}}; id=${{id%%,*}}; id=${{id%%'}}'*}}
    case $line in
    *'"initialize"'*)
        say '"result":{{"protocolVersion":"2025-06-18","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"sh","version":"1"}}}}';;
    *'"notifications/'*) ;;
    *'"tools/call"'*) {call};;
    *) say '"error":{{"code":-32601,"message":"?"}}';;
    esac
done"#
    )
}

/// The section of an upstream that is a script in `directory`.
pub(super) fn program(directory: &Path, name: &str, script: &str, more: &str) -> String {
    let path = directory.join(format!("{name}.sh"));
    std::fs::write(&path, script).unwrap();
    let path = path.to_str().unwrap();
    format!(
        "[[upstreams]]\nname = \"{name}\"\ncommand = \"sh\"\nargs = [\"{path}\"]\n\
         revision = \"2025-06-18\"\n{more}"
    )
}

#[track_caller]
fn said(answer: &crate::http_client::Answer) -> String {
    let result = result(answer);
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

/// The processes that this one has started, whichever of its threads it was.
fn children_of(pid: u32) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let children = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok());
    let children: Vec<_> = children.collect();
    let words = children.iter().flat_map(|line| line.split_whitespace());
    words.map(str::to_owned).collect()
}

fn descriptors_of(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .count()
}

fn exists(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

/// Waits until something is so; who waits for processes can only look.
pub(super) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..1500 {
        look.tick().await;
        if is_so() {
            return;
        }
    }
    panic!("it never came to this: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g4_a_thousand_sessions_leave_no_process_and_no_descriptor() {
    let directory = tempdir().unwrap();
    let section = program(directory.path(), "notes", &script("text $$"), "");
    let house = house(&format!("{PERMITTED}{section}")).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let visit = async |_: usize| {
        let session = robot.clone().initialize("2025-06-18").await;
        let pid = said(&session.call("who").await);
        let ended = session.only(Method::DELETE, &[]).await.status;
        assert!(ended.is_success(), "{ended}");
        pid
    };
    visit(0).await;
    let pid = house.id();
    let before = descriptors_of(pid);
    let visits = futures_util::stream::iter(1..=1000).map(visit);
    let mut pids: Vec<_> = visits.buffer_unordered(8).collect().await;
    until("no child is left", || children_of(pid).is_empty()).await;
    assert!(!pids.iter().any(|pid| exists(pid)), "each has ended");
    pids.sort_unstable();
    pids.dedup();
    assert!(
        pids.len() > 900,
        "each session has a process: {}",
        pids.len()
    );
    // The store may have opened a connection or two.
    until("no descriptor is left", || {
        descriptors_of(pid) <= before + 8
    })
    .await;
}

#[tokio::test]
async fn g4_a_gateway_that_is_killed_leaves_no_child() {
    let directory = tempdir().unwrap();
    let section = program(directory.path(), "notes", &script("text $$"), "");
    let house = house(&format!("{PERMITTED}{section}")).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let mut pids = Vec::new();
    for _ in 0..3 {
        let session = robot.clone().initialize("2025-06-18").await;
        pids.push(said(&session.call("who").await));
    }
    assert!(pids.iter().all(|pid| exists(pid)), "{pids:?}");
    house.stop("KILL").await;
    until("every child has ended", || {
        !pids.iter().any(|pid| exists(pid))
    })
    .await;
}

#[tokio::test]
async fn g4_a_program_that_always_crashes_is_not_started_for_every_call() {
    let directory = tempdir().unwrap();
    let log = directory.path().join("starts");
    let crash = format!("echo started >> '{}'; exit 1", log.to_str().unwrap());
    let section = program(directory.path(), "notes", &crash, "");
    let house = house(&format!("{PERMITTED}{section}")).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    for _ in 0..60 {
        let said = message(&robot.call_stateless("who").await);
        assert!(said.to_string().contains("notes"), "{said:#}");
    }
    let starts = std::fs::read_to_string(&log).unwrap().lines().count();
    assert!(starts < 30, "{starts} starts for 60 calls");
    assert!(children_of(house.id()).is_empty());
}

#[tokio::test]
async fn g5_programs_get_a_clean_environment_and_their_limits() {
    let directory = Arc::new(tempdir().unwrap());
    let call = "text \"$(env | cut -d= -f1 | sort | tr '\\n' ' ')and $NOTES, $(ulimit -n) files, $(ulimit -v) KiB\"";
    let more = "env = { NOTES = \"${FOR_NOTES}\" }\nmax_open_files = 77\nmax_memory = \"512MiB\"\nmax_children = 2\nmax_children_per_user = 2\n";
    let section = program(directory.path(), "notes", &script(call), more);
    let settings = format!("{SETTINGS}{PERMITTED}{section}");
    let environment = [
        ("FOR_NOTES", "known"),
        ("OF_THE_HOUSE", "canary"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("HOME", "/nowhere"),
    ];
    let house = House::serve(&settings, &directory, free_port(), &environment).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    assert!(children_of(house.id()).is_empty(), "nobody needs it yet");
    let first = robot.clone().initialize("2025-06-18").await;
    let text = said(&first.call("env").await);
    let (names, limits) = text.split_once("and ").unwrap();
    let known = [
        "HOME",
        "LANG",
        "NOTES",
        "PATH",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "SUMUN_CHILD",
        "TMPDIR",
        "_",
    ];
    for name in names.split_whitespace() {
        assert!(
            known.contains(&name),
            "{name} is none of its business: {text}"
        );
    }
    assert_eq!(limits, "known, 77 files, 524288 KiB");

    // Two at once, and a third waits for nobody.
    let second = robot.clone().initialize("2025-06-18").await;
    said(&second.call("env").await);
    let third = Client::robot(&house, "/notes/mcp").await;
    let answer = third.call_stateless("env").await;
    let refused = message(&answer);
    let is_refused = refused["result"]["isError"] == true || refused["error"].is_object();
    assert!(is_refused, "{refused:#}");
    assert_eq!(children_of(house.id()).len(), 2);
    first.only(Method::DELETE, &[]).await;
    until("one has ended", || children_of(house.id()).len() == 1).await;
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
    setsid sh "$STATE/container.sh" <&3 3<&- &
    container=$!
    exec 3<&-
    echo $container > "$STATE/$name"
    trap 'kill -TERM $container' TERM
    while kill -0 $container 2> /dev/null; do wait $container; done
    rm -f "$STATE/$name";;
rm)
    [ -f "$STATE/$3" ] || exit 1
    kill -9 "-$(cat "$STATE/$3")"; rm -f "$STATE/$3";;
esac
"#;

fn container(directory: &TempDir, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = directory.path().join("docker");
    std::fs::write(&path, DOCKER).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(directory.path().join("container.sh"), script).unwrap();
    let (docker, state) = (path.to_str().unwrap(), directory.path().to_str().unwrap());
    format!(
        "[[upstreams]]\nname = \"notes\"\ncommand = \"{docker}\"\n\
         args = [\"run\", \"-i\", \"--rm\", \"mcp/notes\"]\nenv = {{ STATE = \"{state}\" }}\n\
         revision = \"2025-06-18\"\n"
    )
}

#[tokio::test]
async fn g4_a_container_ends_with_its_session() {
    let stubborn = format!(
        "trap '' TERM\n{}\nwhile :; do sleep 1; done",
        script("text $$")
    );
    for (server, is_stubborn) in [(script("text $$"), false), (stubborn, true)] {
        let directory = tempdir().unwrap();
        let section = container(&directory, &server);
        let house = house(&format!("{PERMITTED}{section}")).await;
        let robot = Client::robot(&house, "/notes/mcp").await;
        let session = robot.initialize("2025-06-18").await;
        let pid = said(&session.call("who").await);
        assert!(exists(&pid));
        session.only(Method::DELETE, &[]).await;
        until("the container has ended", || !exists(&pid)).await;
        let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
        assert!(log.starts_with("run --name sumun-notes-"), "{log}");
        assert_eq!(log.contains("rm -f sumun-notes-"), is_stubborn, "{log}");
    }
}

#[tokio::test]
async fn g4_a_house_that_is_closed_takes_its_programs_along() {
    let directory = tempdir().unwrap();
    let section = program(
        directory.path(),
        "notes",
        &script("text $$"),
        "children = \"shared\"\n",
    );
    let house = house(&format!("{PERMITTED}{section}")).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let session = robot.initialize("2025-06-18").await;
    let pid = said(&session.call("who").await);
    let (status, log) = house.stop("TERM").await;
    assert!(status.success(), "{log}");
    assert!(!exists(&pid), "{pid} has outlived the house: {log}");
}
