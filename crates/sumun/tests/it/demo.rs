//! `sumun demo`: what it prints, what it answers, and how it ends.

use std::process::Stdio;
use std::sync::Arc;

use serde_json::json;

use crate::house::{House, run, sumun};
use crate::http_client::{get, post_form};

const DOCUMENTED: &str =
    "grant_type=client_credentials&client_id=mcp-client&client_secret=secret&scope=mcp.access";

#[tokio::test]
async fn the_screen_has_everything_to_begin_with() {
    let house = House::demo().await;
    let (url, screen) = (&house.url, house.whole_screen().await);
    for line in [
        format!("  whoami       {url}/whoami/mcp"),
        format!("  todo         {url}/todo/mcp"),
        format!("  hybrid       {url}/hybrid/mcp"),
        format!("  security-lab {url}/lab/mcp"),
        format!("  curl -d '{DOCUMENTED}' {url}/oauth2/token"),
        format!(r#"  {{"mcpServers": {{"todo": {{"url": "{url}/todo/mcp"}}}}}}"#),
    ] {
        assert!(
            screen.lines().any(|shown| shown == line),
            "{line}\n{screen}"
        );
    }
    assert!(
        screen.contains("alice   password alice-demo   role User"),
        "{screen}"
    );
    assert!(
        screen.contains("admin   password admin-demo   role Admin"),
        "{screen}"
    );
    let tail = screen
        .lines()
        .find(|line| line.contains(" audit tail --config "));
    assert!(
        tail.is_some_and(|line| line.ends_with("/data/demo.toml")),
        "{screen}"
    );
    assert!(
        screen.lines().count() <= 24,
        "more than a screenful:\n{screen}"
    );
}

#[tokio::test]
async fn the_settings_of_the_demo_are_there_for_other_commands() {
    let house = House::demo_with(&["--idp", "naver"]).await;
    house.whole_screen().await;
    let config = house.directory().path().join("data/demo.toml");
    for (arguments, expected) in [
        (&["config", "check"][..], ": good\n"),
        (&["user", "list"], "alice"),
        (&["audit", "verify"], ""),
    ] {
        let mut command = sumun();
        command.args(arguments).arg("--config").arg(&config);
        let ended = run(command, "").await;
        assert_eq!(ended.code, Some(0), "{arguments:?} {ended:?}");
        assert!(ended.out.contains(expected), "{ended:?}");
    }
}

#[tokio::test]
async fn the_screen_says_who_can_sign_in_elsewhere() {
    let house = House::demo_with(&["--idp", "naver", "--idp", "google"]).await;
    let screen = house.whole_screen().await;
    assert!(
        screen.contains(&format!("  naver        {}/naver/mcp", house.url)),
        "{screen}"
    );
    let screen = screen.split_once("\nPeople elsewhere").unwrap().1;
    for (name, person) in [("naver", "김하나"), ("google", "Alice Example")] {
        let sign = format!("  {name} ");
        let line = screen.lines().find(|line| line.starts_with(&sign));
        let line = line.unwrap_or_else(|| panic!("no {name}: {screen}"));
        assert!(
            line.contains("http://127.0.0.1:") && line.contains(person),
            "{line}"
        );
        let origin = line.split_whitespace().nth(1).unwrap();
        let metadata = format!("{origin}/.well-known/openid-configuration");
        assert_eq!(get(&metadata, None).await.json()["issuer"], origin);
    }
    assert!(!screen.contains("  kakao"), "nobody asked for it: {screen}");
}

#[tokio::test]
async fn an_identity_provider_that_nobody_plays_is_refused() {
    let mut command = sumun();
    command.args(["demo", "--port", "0", "--idp", "orkut"]);
    let ended = run(command, "").await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains("naver-classic"),
        "it says which there are: {ended:?}"
    );
}

#[tokio::test]
async fn the_documented_call_and_hello() {
    let house = House::demo().await;
    let answer = post_form(&format!("{}/oauth2/token", house.url), DOCUMENTED).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut body = answer.json();
    let token = body["access_token"].take();
    assert_eq!(
        body,
        json!({
            "access_token": null, "token_type": "Bearer", "expires_in": 1800, "scope": "mcp.access",
        })
    );
    let hello = format!("{}/hello", house.url);
    let answer = get(&hello, token.as_str()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = get(&hello, None).await;
    assert_eq!(answer.status, 401);
    let metadata = format!("{}/.well-known/oauth-protected-resource/hello", house.url);
    assert!(
        answer.header("www-authenticate").contains(&metadata),
        "{answer:?}"
    );
}

#[tokio::test]
async fn ctrl_c_and_sigterm_end_it_well() {
    for signal in ["INT", "TERM"] {
        let house = House::demo().await;
        let (status, log) = house.stop(signal).await;
        assert_eq!(status.code(), Some(0), "{signal}: {log}");
        assert!(log.contains("stopping"), "{log}");
    }
}

#[tokio::test]
async fn the_people_are_made_once() {
    let first = House::demo().await;
    let directory = first.directory();
    first.stop("INT").await;
    let second = House::demo_in(&directory, &[]).await;
    let (status, log) = second.stop("INT").await;
    assert!(status.success(), "{log}");
}

/// The passwords of the demo are known to everybody, so nobody outside may reach it.
#[tokio::test]
async fn the_environment_does_not_open_the_demo_to_others() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let outside = [
        ("SUMUN_LISTEN", "0.0.0.0:0"),
        ("SUMUN_PUBLIC_URL", "https://a.example"),
    ];
    let house = House::demo_in(&directory, &outside).await;
    assert!(house.url.starts_with("http://127.0.0.1:"), "{}", house.url);
}

#[tokio::test]
async fn an_occupied_port_is_named_with_the_way_out() {
    let house = House::demo().await;
    let mut command = sumun();
    command.args(["demo", "--port", &house.port().to_string(), "--data"]);
    command.arg(house.directory().path().join("other"));
    let ended = run(command, "").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(
        ended.err,
        format!(
            "error: port {} is occupied on 127.0.0.1: stop what runs there, or choose another port \
             with `listen` in the settings (for the demo: --port 0 takes a free one)\n",
            house.port()
        )
    );
    assert_eq!(
        get(&format!("{}/jwks", house.url), None).await.status,
        200,
        "the first goes on"
    );
}

#[tokio::test]
async fn without_a_home_the_data_need_a_name() {
    let mut command = sumun();
    command.args(["demo", "--port", "0"]).stdin(Stdio::null());
    let ended = run(command, "").await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("name one with --data"), "{ended:?}");
}
