//! The official conformance tool, in the mode that judges authorization servers.

use serde_json::json;

use crate::driver::Driver;
use crate::house::House;
use crate::people::ALICE;

/// The tool sends no scope. The issuer has no slash at the end, and the tool compares it byte for byte.
async fn judge(resource: Option<&str>) {
    let house = House::demo().await;
    assert!(!house.url.ends_with('/'));
    let mut driver = Driver::new("conformance.mjs")
        .option("--issuer", &house.url)
        .person(ALICE);
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
