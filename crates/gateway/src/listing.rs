//! Lists show what the caller may use, by the same decision that refuses calls (acceptance G8).

use serde_json::value::RawValue;

use crate::json::{Object, Raw, raw};

/// A server that has more pages is not followed any further.
const MOST_PAGES: usize = 200;

/// A method whose result is a list of things that a caller may or may not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// The member of the result that is the list.
    pub(crate) list: &'static str,
    /// The member of each element that names it.
    pub(crate) name: &'static str,
    /// The method that asks for the list.
    pub(crate) method: &'static str,
}

impl Listing {
    /// What `method` lists, if it lists anything that is decided upon.
    pub(crate) fn of(method: &str) -> Option<Self> {
        let (method, list, name) = match method {
            "tools/list" => ("tools/list", "tools", "name"),
            "prompts/list" => ("prompts/list", "prompts", "name"),
            "resources/list" => ("resources/list", "resources", "uri"),
            "resources/templates/list" => (
                "resources/templates/list",
                "resourceTemplates",
                "uriTemplate",
            ),
            _ => return None,
        };
        Some(Self { list, name, method })
    }

    /// `result` without what `may_use` says no to, the rest as it was written.
    ///
    /// `None` if it is no such list. An element without a readable name, or with a member that stands there twice, cannot
    /// be judged, and is not shown (acceptance D5).
    pub(crate) fn filter(
        self,
        result: &RawValue,
        mut may_use: impl FnMut(&str, &RawValue) -> bool,
    ) -> Option<Raw> {
        let mut result = Object::of(result)?;
        let elements = result.array(self.list)?;
        let is_shown = |element: &&RawValue| {
            let element_members = Object::of(element);
            let name = element_members
                .as_ref()
                .filter(|element| element.is_unambiguous())
                .and_then(|element| element.text(self.name));
            name.is_some_and(|name| may_use(&name, element))
        };
        let shown: Vec<Raw> = elements
            .into_iter()
            .filter(is_shown)
            .map(RawValue::to_owned)
            .collect();
        result.set(self.list, raw(&shown));
        // Another caller may see another list, so no shared cache may keep this one.
        if result.contains("cacheScope") {
            result.set("cacheScope", raw("private"));
        }
        Some(result.to_raw())
    }
}

/// The way through the pages of a list (MCP pagination).
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// The cursors so far; the last one leads to the next page.
    cursors: Vec<Raw>,
}

/// A list that never ends, or goes in circles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endless;

impl Pages {
    /// What asks for the next page.
    pub(crate) fn params(&self) -> Option<Raw> {
        let cursor = self.cursors.last()?;
        let mut params = Object::default();
        params.set("cursor", cursor.clone());
        Some(params.to_raw())
    }

    /// Whether there is a page behind `page`.
    pub(crate) fn turn(&mut self, page: &Object<'_>) -> Result<bool, Endless> {
        let next = page.get("nextCursor").filter(|next| next.get() != "null");
        let Some(next) = next else { return Ok(false) };
        let is_known = self.cursors.iter().any(|known| known.get() == next.get());
        if is_known || self.cursors.len() + 1 >= MOST_PAGES {
            return Err(Endless);
        }
        self.cursors.push(next.to_owned());
        Ok(true)
    }
}

/// Whether the result of a tool is the tool's own word that it failed.
pub(crate) fn is_tool_error(result: &RawValue) -> bool {
    // Nearly no result is, and looking for the words is cheaper than reading it.
    result.get().contains("\"isError\"")
        && result.get().contains("true")
        && Object::of(result)
            .and_then(|result| Some(result.get("isError")?.get() == "true"))
            .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g8_a_list_shows_what_may_be_used_and_is_private() {
        let list: Raw = serde_json::from_str(
            r#"{"tools":[{"name":"a","x":1.50},{"name":"b"},{}],"cacheScope":"public","ttlMs":9.0}"#,
        )
        .unwrap();
        let listing = Listing::of("tools/list").unwrap();
        let shown = listing.filter(&list, |name, _| name == "a").unwrap();
        assert_eq!(
            shown.get(),
            r#"{"tools":[{"name":"a","x":1.50}],"cacheScope":"private","ttlMs":9.0}"#
        );
        let twice = r#"{"tools":[{"name":"a","description":"adds","description":"steals"},{"name":"a","name":"b"}]}"#;
        let twice: Raw = serde_json::from_str(twice).unwrap();
        let shown = listing.filter(&twice, |_, _| true).unwrap();
        assert_eq!(shown.get(), r#"{"tools":[]}"#, "D5");
        let other: Raw = serde_json::from_str(r#"{"tools":3}"#).unwrap();
        assert!(listing.filter(&other, |_, _| true).is_none());
    }

    #[test]
    fn pages_are_followed_to_their_end_and_in_no_circle() {
        let mut pages = Pages::default();
        assert!(pages.params().is_none());
        for (next, goes_on) in [
            (r#"{"nextCursor":"b"}"#, Ok(true)),
            (r#"{"nextCursor":"c"}"#, Ok(true)),
            (r#"{"nextCursor":"b"}"#, Err(Endless)),
            (r#"{"nextCursor":null}"#, Ok(false)),
            ("{}", Ok(false)),
        ] {
            assert_eq!(pages.turn(&Object::parse(next).unwrap()), goes_on, "{next}");
        }
        assert_eq!(pages.params().unwrap().get(), r#"{"cursor":"c"}"#);
        let ever_new = (0..).take_while(|n| {
            let page = format!(r#"{{"nextCursor":{n}}}"#);
            pages.turn(&Object::parse(&page).unwrap()) == Ok(true)
        });
        assert!(ever_new.count() < MOST_PAGES);
    }
}
