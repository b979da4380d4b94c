//! The official conformance tool, in the mode that judges authorization servers.

use serde_json::json;

use crate::driver::Driver;
use crate::house::House;
use crate::people::ALICE;

/// The tool sends no scope. The issuer has no slash at the end, and the tool compares it byte for byte.
async fn judge(resource: Option<&str>) {
    let house = House::demo().await;
    let driver = Driver::new("conformance.mjs").person(ALICE);
    judge_at(&house, driver, resource).await;
}

async fn judge_at(house: &House, driver: Driver, resource: Option<&str>) {
    assert!(!house.url.ends_with('/'));
    let mut driver = driver.option("--issuer", &house.url);
    if let Some(path) = resource {
        driver = driver.option("--resource", format!("{}{path}", house.url));
    }
    let answer = driver.run().await;
    assert_eq!(answer["passed"], 3, "{answer:#}");
    for number in ["failed", "warnings", "skipped", "exitCode"] {
        assert_eq!(answer[number], 0, "{number}: {answer:#}");
    }
    assert_eq!(answer["signIn"]["console"], json!([]));
}

#[tokio::test]
async fn the_conformance_tool_passes_without_a_resource() {
    judge(None).await;
}

#[tokio::test]
async fn the_conformance_tool_passes_with_a_resource() {
    judge(Some("/todo/mcp")).await;
}

/// The tool never learns that the person was somewhere else in between.
#[tokio::test]
async fn the_conformance_tool_passes_while_people_sign_in_elsewhere() {
    let house = House::demo_with(&["--idp", "naver"]).await;
    let driver = Driver::new("conformance.mjs").with_account_at("naver", "hana");
    judge_at(&house, driver, Some("/todo/mcp")).await;
}
