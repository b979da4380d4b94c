//! Web search: the arguments, and the results without their markup (Naver Search API, webkr).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::markup;

/// How results are ordered.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sort {
    /// By how well they fit.
    #[default]
    Sim,
    /// The newest first.
    Date,
}

/// Arguments of `web_search`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebSearch {
    /// What to search for.
    #[schemars(length(min = 1, max = 500))]
    query: String,
    /// How many results, from 1 to 100.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100))]
    display: i64,
    /// The number of the first result, from 1 to 1000.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    start: i64,
    /// How results are ordered: `sim` by how well they fit, `date` the newest first.
    #[serde(default)]
    sort: Sort,
}

fn ten() -> i64 {
    10
}

fn one() -> i64 {
    1
}

impl WebSearch {
    /// The query of the API.
    pub(super) fn query(&self) -> Result<[(&'static str, String); 4], String> {
        let query = self.query.trim();
        if query.is_empty() || query.chars().count() > 500 {
            return Err("`query` must have 1 to 500 characters".to_owned());
        }
        for (name, value, most) in [("display", self.display, 100), ("start", self.start, 1000)] {
            if !(1..=most).contains(&value) {
                return Err(format!("`{name}` must be from 1 to {most}, not {value}"));
            }
        }
        let sort = match self.sort {
            Sort::Sim => "sim",
            Sort::Date => "date",
        };
        Ok([
            ("query", query.to_owned()),
            ("display", self.display.to_string()),
            ("start", self.start.to_string()),
            ("sort", sort.to_owned()),
        ])
    }
}

/// What Naver found, as text.
pub(super) fn cleaned(found: &Value) -> Value {
    let text = |item: &Value, name: &str| {
        let text = item[name].as_str().unwrap_or_default();
        markup::cleaned(text)
    };
    let items = found["items"].as_array();
    let items = items.into_iter().flatten().map(|item| {
        let link = item["link"].as_str().unwrap_or_default();
        json!({
            "title": text(item, "title"),
            "link": link,
            "description": text(item, "description"),
        })
    });
    let items: Vec<_> = items.collect();
    json!({
        "total": found["total"],
        "start": found["start"],
        "display": items.len(),
        "items": items,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_naver() {
        let search = |arguments: Value| {
            let search: WebSearch = serde_json::from_value(arguments).unwrap();
            search.query().map(|query| query.map(|(_, value)| value))
        };
        let usual = search(json!({"query": " 김치 "})).unwrap();
        assert_eq!(usual, ["김치", "10", "1", "sim"]);
        let all =
            search(json!({"query": "a", "display": 100, "start": 1000, "sort": "date"})).unwrap();
        assert_eq!(all, ["a", "100", "1000", "date"]);
        for (arguments, message) in [
            (json!({"query": "  "}), "`query`"),
            (
                json!({"query": "a", "display": 101}),
                "from 1 to 100, not 101",
            ),
            (json!({"query": "a", "start": 0}), "from 1 to 1000, not 0"),
        ] {
            assert!(search(arguments).unwrap_err().contains(message));
        }
    }

    #[test]
    fn results_are_text() {
        let found = json!({"total": 2, "start": 1, "display": 1, "lastBuildDate": "x", "items": [
            {"title": "<b>수문</b> &amp; 댐", "link": "https://a.example/?a=1&b=2",
             "description": "물을 <b>막는다</b>"}]});
        let expected = json!({"total": 2, "start": 1, "display": 1, "items": [
            {"title": "수문 & 댐", "link": "https://a.example/?a=1&b=2", "description": "물을 막는다"}]});
        assert_eq!(cleaned(&found), expected);
        assert_eq!(cleaned(&json!({}))["items"], json!([]));
    }
}
