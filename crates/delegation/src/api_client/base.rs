//! Where an API is, and that its calls stay there (RFC 3986 §5.2.4).

use url::Url;

use super::error::ApiError;

/// The base URL of an API; every path is below it.
#[derive(Clone, Debug)]
pub(super) struct Base(Url);

/// The text is not the base URL of an API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an http or https URL without credentials, query and fragment")]
pub struct BaseUrlError(String);

impl Base {
    pub(super) fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let refuse = || BaseUrlError(text.to_owned());
        let mut url = Url::parse(text).map_err(|_| refuse())?;
        let is_plain = matches!(url.scheme(), "https" | "http")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_plain {
            return Err(refuse());
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }

    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The address of `path`, which may have a query of its own, with `query` behind that.
    ///
    /// A path that a tool made of its arguments must not lead to another place: `..` is refused, and
    /// everything else ends up below the base.
    pub(super) fn join(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, ApiError> {
        let refuse = |cause| ApiError::NotSent { cause };
        let path = path.strip_prefix('/').unwrap_or(path);
        let end = path.find(['?', '#']).unwrap_or(path.len());
        // The parser takes `\` for `/` and `%2e` for a dot.
        let plain = path[..end].replace('\\', "/").to_ascii_lowercase();
        let plain = plain.replace("%2e", ".");
        if plain.split('/').any(|part| part == "." || part == "..") {
            return Err(refuse("its path has dots for directories"));
        }
        let joined = Url::parse(&format!("{}{path}", self.0));
        let mut url = joined.map_err(|_| refuse("its path is not one"))?;
        if url.origin() != self.0.origin() || !url.path().starts_with(self.0.path()) {
            return Err(refuse("its path leads away from the API"));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url.set_fragment(None);
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_plain_url() {
        for text in [
            "api.example",
            "ftp://api.example",
            "https://u:p@api.example",
            "https://api.example/?a=b",
            "https://api.example/#a",
        ] {
            assert!(Base::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn paths_stay_below_the_base() {
        let base = Base::parse("https://api.example/v1").unwrap();
        let join = |path: &str| base.join(path, &[]).map(String::from);
        for (path, expected) in [
            ("/todos", "https://api.example/v1/todos"),
            (
                "todos?done=yes#top",
                "https://api.example/v1/todos?done=yes",
            ),
            ("//evil.example/", "https://api.example/v1//evil.example/"),
            (
                "https://evil.example/",
                "https://api.example/v1/https://evil.example/",
            ),
            ("@evil.example", "https://api.example/v1/@evil.example"),
            ("a..b", "https://api.example/v1/a..b"),
        ] {
            assert_eq!(join(path).unwrap(), expected, "{path}");
        }
        for path in [
            "..",
            "../v2",
            "/todos/../admin",
            "/todos/%2E%2e/admin",
            "/todos\\..\\admin",
            "./todos",
        ] {
            assert!(join(path).is_err(), "{path}");
        }
    }

    #[test]
    fn queries_are_encoded() {
        let base = Base::parse("https://api.example").unwrap();
        let url = base
            .join("/search?display=5", &[("query", "김 치&x=1")])
            .unwrap();
        assert_eq!(
            url.as_str(),
            "https://api.example/search?display=5&query=%EA%B9%80+%EC%B9%98%26x%3D1"
        );
    }
}
