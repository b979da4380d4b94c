//! What is said to nobody: addresses may hold secrets.

use std::io;
use std::sync::Mutex;

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::fake::stateless;
use super::*;

/// What a log of everything would show.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_key_in_an_address_is_used_and_not_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let recording = tracing::subscriber::set_default(subscriber);
    let server = stateless(|seen| seen.result(json!({"ok": true}))).await;
    let upstream = upstream(&http(&format!("{}?key=canary", server.url)));
    let result = call_tool(&upstream, &visit(Revision::V2026_07_28), "t").await;
    assert_eq!(result.unwrap()["ok"], true);
    assert_eq!(server.seen()[0].path, "/mcp?key=canary");
    drop(recording);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("an upstream is understood"), "{text}");
    assert!(text.contains("upstream=\"notes\""), "{text}");
    assert!(!text.contains("canary"), "{text}");
}
