//! `sumun health`: asks a running house whether it can serve, for containers and scripts.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use oauth::client::fetch::{Fetch, Limits};
use serde_json::Value;

use crate::command_line::HealthOptions;
use crate::settings::{self, Environment};

const LIMITS: Limits = Limits {
    max_bytes: 64 * 1024,
    deadline: Duration::from_secs(8),
};

pub(super) async fn run(options: HealthOptions, environment: &Environment) -> anyhow::Result<()> {
    let url = if let Some(url) = options.url {
        health_of(&url)?
    } else {
        let settings = settings::load(&options.config.config, environment)?;
        let base = settings.public_url().base_path();
        format!("http://{}{base}/health", near(settings.listen))
    };
    let fetch = Fetch::new()?;
    let fetched = fetch.configured().get(&url, LIMITS).await;
    let fetched = fetched.with_context(|| format!("nobody answers at {url}"))?;
    let report: Value = serde_json::from_slice(&fetched.body)
        .with_context(|| format!("{url} answers {}, and not as a house", fetched.status))?;
    let (is_ready, text) = told(&report);
    write!(stdout().lock(), "{text}")?;
    if !is_ready {
        bail!("it is not ready: the log of the server says why");
    }
    Ok(())
}

/// Where a server says how it is.
fn health_of(url: &str) -> anyhow::Result<String> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        bail!("`{url}` is no address of a server: write it as http://{url}, or with https");
    }
    Ok(format!("{}/health", url.trim_end_matches('/')))
}

/// The address to reach a listener by that listens on every address.
fn near(listen: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Whether the house is ready, and a line for each check.
fn told(report: &Value) -> (bool, String) {
    let word = |value: &Value| value["status"].as_str().unwrap_or("unknown").to_owned();
    let mut text = format!("{}\n", word(report));
    for (name, check) in report["checks"].as_object().into_iter().flatten() {
        let status = word(check);
        writeln!(text, "  {name:<24}{status}").expect("writing to a string cannot fail");
    }
    (report["ready"] == true, text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_says_how_the_server_is_reached() {
        assert_eq!(
            health_of("https://a.example/").unwrap(),
            "https://a.example/health"
        );
        let error = health_of("127.0.0.1:8080").unwrap_err().to_string();
        assert!(
            error.contains("write it as http://127.0.0.1:8080"),
            "{error}"
        );
    }

    #[test]
    fn a_listener_on_every_address_is_reached_on_this_machine() {
        for (listen, expected) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("10.0.0.7:8080", "10.0.0.7:8080"),
        ] {
            assert_eq!(near(listen.parse().unwrap()).to_string(), expected);
        }
    }

    #[test]
    fn each_check_has_a_line() {
        let report = json!({"status": "unhealthy", "ready": true, "checks": {
            "store": {"status": "healthy"}, "upstream:hybrid": {"status": "unhealthy"}}});
        let (is_ready, text) = told(&report);
        assert!(is_ready);
        let expected = "unhealthy\n  store                   healthy\n  \
                        upstream:hybrid         unhealthy\n";
        assert_eq!(text, expected);
        assert!(!told(&json!({})).0);
    }
}
