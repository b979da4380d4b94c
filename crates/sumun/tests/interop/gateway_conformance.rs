//! The official conformance tool, in the mode that judges servers, with the gateway in between.

use serde_json::Value;

use crate::driver::Driver;
use crate::exemplar::Exemplar;
use crate::guarded::{entrance, house_before};

/// What the tool says of the exemplar when it looks at it through the gateway.
async fn judge(options: &[(&str, &str)]) -> Value {
    let exemplar = Exemplar::start().await;
    // Tasks are nobody's at an upstream that does not know who calls, so a rule has to let them pass.
    let upstream = format!(
        "[[upstreams]]\nname = \"exemplar\"\nurl = \"{}\"\n\
         [[policy.rules]]\nupstream = \"exemplar\"\nmethods = [\"tasks/*\"]\n",
        exemplar.url
    );
    let house = house_before(&upstream).await;
    let (url, token) = entrance(&house, "/exemplar/mcp").await;
    let mut driver = Driver::new("conformance_server.mjs")
        .option("--url", url)
        .option("--token", token);
    for (name, value) in options {
        driver = driver.option(name, value);
    }
    let answer = driver.run().await;
    assert_eq!(answer["failed"], 0, "{answer:#}\n{}", house.log());
    answer
}

/// The scenarios that count, and with them those that are run besides.
async fn meets(requirements: &str, scored: u64) {
    let answer = judge(&[("--requirements", requirements)]).await;
    assert!(answer["passed"].as_u64().unwrap() >= scored, "{answer:#}");
}

#[tokio::test]
async fn the_conformance_tool_finds_2025_11_25_behind_the_gateway() {
    meets("2025-11-25", 30).await;
}

#[tokio::test]
async fn the_conformance_tool_finds_2026_07_28_behind_the_gateway() {
    meets("2026-07-28", 37).await;
}

/// What a client says twice, in headers and in the body, is compared on the way (acceptance D5).
#[tokio::test]
async fn d5_the_conformance_tool_finds_headers_compared() {
    for scenario in [
        "http-header-validation",
        "http-custom-header-server-validation",
    ] {
        let answer = judge(&[("--scenario", scenario), ("--spec-version", "2026-07-28")]).await;
        assert_eq!(answer["passed"], 1, "{answer:#}");
        let checks = answer["scenarios"].as_object().unwrap().values();
        let checks: Vec<_> = checks
            .flat_map(|checks| checks.as_array().unwrap())
            .collect();
        assert!(
            checks.iter().any(|check| check["status"] == "SUCCESS"),
            "{answer:#}"
        );
    }
}
