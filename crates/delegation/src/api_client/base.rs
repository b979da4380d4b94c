//! Where an API is, and that its calls stay there (RFC 3986 §5.2.4).

use url::{Url, form_urlencoded};

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

    /// The address of `path`, with `query` behind it.
    ///
    /// A path that a tool made of its arguments must not lead to another place: what a parser would
    /// take for something else than a part of a path is refused, and the rest ends up below the base.
    pub(super) fn join(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, ApiError> {
        let path = path.strip_prefix('/').unwrap_or(path);
        // WHATWG URL §4.4: a parser drops tabs and line breaks, wherever they are, and blanks at the
        // end, and takes `\` for `/`; `?` and `#` would end the path.
        let is_foreign = |c: char| c <= ' ' || c == '\x7f' || matches!(c, '\\' | '?' | '#');
        if path.contains(is_foreign) {
            return Err(refuse("its path has characters that no path has"));
        }
        if path.split('/').any(is_dots) {
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
        Ok(url)
    }
}

/// The path of these segments, each percent-encoded (RFC 3986 §3.3): the way to put what comes from
/// outside into a path, where it stays one segment whatever stands in it.
///
/// ```
/// # fn main() -> Result<(), delegation::ApiError> {
/// use delegation::path_of;
/// assert_eq!(path_of(&["todos", "a/b?c"])?, "/todos/a%2Fb%3Fc");
/// assert!(path_of(&["todos", ".."]).is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When a segment is empty, `.` or `..`: no encoding keeps a server from taking it for another place.
pub fn path_of(segments: &[&str]) -> Result<String, ApiError> {
    let mut path = String::new();
    for segment in segments {
        if segment.is_empty() || is_dots(segment) {
            return Err(refuse("a segment of its path is empty or dots"));
        }
        path.push('/');
        // It encodes everything that may mean something, and writes `+` for a blank alone.
        let encoded: String = form_urlencoded::byte_serialize(segment.as_bytes()).collect();
        path.push_str(&encoded.replace('+', "%20"));
    }
    Ok(path)
}

/// Whether a parser or a server takes the segment for this or the next higher directory; `%2e` is a dot to
/// it, and what follows a semicolon may be a parameter (RFC 3986 §3.3).
fn is_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    let plain = plain.replace("%3b", ";");
    matches!(plain.split(';').next(), Some("." | ".."))
}

fn refuse(cause: &'static str) -> ApiError {
    ApiError::NotSent { cause }
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
                "/todos/김치",
                "https://api.example/v1/todos/%EA%B9%80%EC%B9%98",
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
            "/todos/..;/admin",
            "/todos/..;v=1/admin",
            "/todos/.%2e%3Bv=1/admin",
            "/todos\\..\\admin",
            "./todos",
            "/todos/.\t./accounts/7",
            "/todos/.\n./accounts/7",
            "/todos/\r../accounts/7",
            "/todos/.. ",
            "/todos/7\0",
            "/todos/7\x7f",
            "/todos/7?as=admin",
            "/todos/7#/undo",
            "\t//evil.example/",
        ] {
            assert!(join(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_segment_stays_one_segment_whatever_stands_in_it() {
        let base = Base::parse("https://api.example/v1").unwrap();
        for (id, expected) in [
            ("7", "7"),
            ("a/../b", "a%2F..%2Fb"),
            ("x?admin=1#y", "x%3Fadmin%3D1%23y"),
            ("a b+c", "a%20b%2Bc"),
            (".\t.", ".%09."),
            ("..\\", "..%5C"),
            ("%2e%2e%2f", "%252e%252e%252f"),
            ("김", "%EA%B9%80"),
        ] {
            let url = base.join(&path_of(&["todos", id, "notes"]).unwrap(), &[]);
            let expected = format!("https://api.example/v1/todos/{expected}/notes");
            assert_eq!(url.unwrap().as_str(), expected, "{id:?}");
        }
        for id in ["", ".", "..", "%2e", ".%2E", "..;v=1"] {
            assert!(path_of(&["todos", id]).is_err(), "{id:?}");
        }
    }

    #[test]
    fn queries_are_encoded() {
        let base = Base::parse("https://api.example").unwrap();
        let url = base
            .join("/search", &[("display", "5"), ("query", "김 치&x=1")])
            .unwrap();
        assert_eq!(
            url.as_str(),
            "https://api.example/search?display=5&query=%EA%B9%80+%EC%B9%98%26x%3D1"
        );
    }
}
