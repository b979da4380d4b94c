//! Programs that start: how long it is waited for them, and for their turn.

use tokio::time::{Instant, timeout};

use super::*;
use crate::upstream::State;
use crate::upstream::server::Kind;

/// An upstream whose program has two seconds to introduce itself.
fn impatient(text: &str, parts: &UpstreamParts) -> Arc<Upstream> {
    let mut settings = script(text, Children::PerSession);
    settings.timeout = Duration::from_millis(300);
    let mut upstream = connect(&settings, parts).unwrap();
    let alone = Arc::get_mut(&mut upstream).expect("nobody else has it yet");
    let Kind::Stdio(opener) = &mut alone.kind else {
        panic!("it is a program");
    };
    opener.start = Duration::from_secs(2);
    upstream
}

#[tokio::test]
async fn a_program_that_never_introduces_itself_is_waited_for_once() {
    for (never, limit) in [
        // Two attempts would take four seconds.
        ("while read -r line; do :; done", 4),
        // News are no introduction. This one has to be ended by a signal.
        (
            r#"while :; do echo '{"jsonrpc":"2.0","method":"notifications/message","params":{}}'; sleep 0.1; done"#,
            9,
        ),
    ] {
        let upstream = impatient(never, &parts());
        let begun = Instant::now();
        let visit = visit(Revision::V2025_06_18);
        let call = call_tool(&upstream, &visit, "t");
        let result = timeout(Duration::from_secs(30), call).await.expect(never);
        let said = said(result);
        assert!(said.contains("does not introduce itself in time"), "{said}");
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(limit), "{never}: {took:?}");
        assert_eq!(upstream.health().children, 0);
    }
}

#[tokio::test]
async fn to_wait_for_a_turn_takes_no_time_from_a_program_and_says_nothing_about_it() {
    let parts = parts();
    let all = parts.starts.clone().acquire_many_owned(4).await.unwrap();
    // It takes most of its time.
    let slow = r#"sleep 1
        while read -r line; do
            id=${line#*'"id":'}; id=${id%%,*}
            case $line in
            *'"initialize"'*) result='{"protocolVersion":"2025-06-18","capabilities":{}}';;
            *'"server/discover"'* | *'"notifications/'*) continue;;
            *) result='{"ok":true}';;
            esac
            printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
        done"#;
    let upstream = impatient(slow, &parts);
    let visit = visit(Revision::V2025_06_18);
    for _ in 0..6 {
        let call = call_tool(&upstream, &visit, "t");
        let result = timeout(Duration::from_secs(10), call).await.unwrap();
        assert!(said(result).contains("too many programs start at once"));
    }
    assert_eq!(upstream.health().state, State::Closed);
    drop(all);
    assert_eq!(call_tool(&upstream, &visit, "t").await.unwrap()["ok"], true);
    upstream.close().await;
}
