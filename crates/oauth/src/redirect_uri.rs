//! Redirect URIs: which are acceptable, and when two are the same (RFC 6749 §3.1.2, RFC 8252 §7).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::address::is_loopback;

/// Where an authorization response goes, byte for byte as the client registered or sent it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// Why a redirect URI is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUri {
    /// The text is not an absolute URI.
    #[error("a redirect URI must be an absolute URI")]
    NotAUri,
    /// RFC 6749 §3.1.2 forbids fragments.
    #[error("a redirect URI must not have a fragment")]
    Fragment,
    /// A user name in front of the host makes one host look like another.
    #[error("a redirect URI must not carry a user name or password")]
    Credentials,
    /// A query with a parameter of ours would make the answer ambiguous.
    #[error("a redirect URI must not have a parameter that the answer adds, such as code or state")]
    Reserved,
    /// Plain http leaves the machine unprotected, so only the loopback interface may use it.
    #[error("http is allowed only for localhost, 127.0.0.1 and [::1]; use https")]
    PlainHttp,
    /// The scheme is neither http(s) nor one of the private-use schemes that are switched on.
    #[error("the scheme `{0}` is not allowed for redirect URIs")]
    Scheme(String),
}

/// Which private-use schemes (RFC 8252 §7.1) clients may redirect to, such as `cursor`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivateUseSchemes(BTreeSet<String>);

/// The parameters of an authorization response (RFC 6749 §4.1.2, RFC 9207 §2).
const OURS: [&str; 5] = ["code", "error", "error_description", "iss", "state"];

/// Schemes that run code or read files when a browser follows them; no setting allows these.
const NEVER: [&str; 8] = [
    "javascript",
    "data",
    "vbscript",
    "file",
    "blob",
    "about",
    "filesystem",
    "view-source",
];

impl PrivateUseSchemes {
    /// The desktop MCP clients that are known to register a scheme of their own.
    pub const KNOWN_CLIENTS: [&str; 6] = [
        "claude",
        "com.raycast",
        "cursor",
        "vscode",
        "vscode-insiders",
        "windsurf",
    ];

    /// The set of `schemes`, without the ones that are never allowed.
    pub fn new<S: AsRef<str>>(schemes: impl IntoIterator<Item = S>) -> Self {
        let lower = schemes
            .into_iter()
            .map(|scheme| scheme.as_ref().to_ascii_lowercase());
        Self(
            lower
                .filter(|scheme| !NEVER.contains(&scheme.as_str()))
                .collect(),
        )
    }

    /// Whether `scheme` (lower case) may be redirected to.
    pub fn allows(&self, scheme: &str) -> bool {
        self.0.contains(scheme)
    }
}

impl RedirectUri {
    /// Checks that `text` may be registered as a redirect URI.
    pub fn parse(text: &str, allowed: &PrivateUseSchemes) -> Result<Self, InvalidRedirectUri> {
        // A parser forgives tabs, newlines and backslashes; a redirect URI must not need it to.
        if text
            .bytes()
            .any(|byte| byte <= 0x20 || byte == b'\\' || byte >= 0x7f)
        {
            return Err(InvalidRedirectUri::NotAUri);
        }
        let url = Url::parse(text).map_err(|_| InvalidRedirectUri::NotAUri)?;
        if url.fragment().is_some() {
            return Err(InvalidRedirectUri::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidRedirectUri::Credentials);
        }
        if url.query_pairs().any(|(name, _)| OURS.contains(&&*name)) {
            return Err(InvalidRedirectUri::Reserved);
        }
        match url.scheme() {
            "https" if text.starts_with("https://") && !text.starts_with("https:///") => Ok(()),
            "http" if without_port(text).is_some() => Ok(()),
            "http" => Err(InvalidRedirectUri::PlainHttp),
            // RFC 8252 §7.1: a slash follows, so that the rest is a path and not a scheme again.
            scheme if allowed.allows(scheme) && text[scheme.len()..].starts_with(":/") => Ok(()),
            "https" => Err(InvalidRedirectUri::NotAUri),
            scheme => Err(InvalidRedirectUri::Scheme(scheme.to_owned())),
        }?;
        Ok(Self(text.to_owned()))
    }

    /// A URI as a stranger sent it. It is good for nothing but being compared with registered ones.
    pub fn unchecked(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether `requested` is this registered URI: the same text, except that a loopback URI may
    /// use any port (RFC 8252 §7.3).
    ///
    /// Texts are compared and never what a parser makes of them, since parsers forgive a lot.
    pub fn admits(&self, requested: &Self) -> bool {
        // `localhost`, `127.0.0.1` and `[::1]` are three names; each stands only for itself.
        self == requested
            || without_port(&self.0).is_some_and(|uri| without_port(&requested.0) == Some(uri))
    }

    /// The URI as registered or sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host that a person should see on the consent page; the scheme where there is no host.
    pub fn display_host(&self) -> String {
        let Ok(url) = Url::parse(&self.0) else {
            return self.0.clone();
        };
        match (url.scheme(), url.host_str()) {
            ("http" | "https", Some(host)) => host.to_owned(),
            (scheme, _) => format!("{scheme}://"),
        }
    }

    /// Whether the answer stays on the person's own machine.
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| url.scheme() == "http" && is_loopback(&url))
    }

    /// Whether a web site is there. What goes anywhere else can be had by any program on the person's
    /// machine that listens on its loopback interface or takes the private-use scheme (RFC 8252 §8.6).
    pub fn is_site(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| url.scheme() == "https" && !is_loopback(&url))
    }

    /// The URI, without the port if it is a loopback one: a native client takes another one at every
    /// run (RFC 8252 §7.3), and what is remembered about the client should not depend on it.
    pub fn without_loopback_port(&self) -> String {
        let Ok(mut url) = Url::parse(&self.0) else {
            return self.0.clone();
        };
        if self.is_loopback() && url.set_port(None).is_ok() {
            url.into()
        } else {
            self.0.clone()
        }
    }

    /// This URI with `parameters` added to its query (RFC 6749 §4.1.2).
    pub fn with_parameters(&self, parameters: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&self.0).expect("a redirect URI was parsed before it was stored");
        url.query_pairs_mut().extend_pairs(parameters);
        url.into()
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The beginnings of loopback redirect URIs, up to where a port may stand.
const LOOPBACK: [&str; 3] = ["http://localhost", "http://127.0.0.1", "http://[::1]"];

/// A loopback URI in two parts, around its port.
fn without_port(uri: &str) -> Option<(&'static str, &str)> {
    let (start, rest) = LOOPBACK
        .into_iter()
        .find_map(|start| Some((start, uri.strip_prefix(start)?)))?;
    let rest = match rest.strip_prefix(':') {
        Some(after) => {
            let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
            let port = &after[..after.len() - rest.len()];
            // What is admitted must be a URI: no machine has a port beyond 65535.
            if !port.is_empty() && port.parse::<u16>().is_err() {
                return None;
            }
            rest
        }
        None => rest,
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((start, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RedirectUri, InvalidRedirectUri> {
        RedirectUri::parse(text, &PrivateUseSchemes::new(["cursor", "javascript"]))
    }

    #[track_caller]
    fn check_admits(registered: &str, requested: &str, expected: bool) {
        let (registered, requested) = (parse(registered).unwrap(), parse(requested).unwrap());
        assert_eq!(
            registered.admits(&requested),
            expected,
            "{registered} and {requested}"
        );
    }

    #[test]
    fn c1_dangerous_redirect_uris_are_refused() {
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "http://example.com/cb",
            "http://127.0.0.1.example.com/cb",
            "http://127.0.0.2/cb",
            "https://good.example@evil.example/cb",
            "https://a.example/cb#x",
            "vbscript:x",
            "unknown:/cb",
            "/cb",
            "http://localhost\t/cb",
            "https:\\\\a.example",
            "https:a.example/cb",
            "https:///a.example/cb",
            "http://2130706433/cb",
            "http://0x7f.1/cb",
            "cursor:javascript:alert(1)",
            "https://a.example/cb?code=x",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for good in [
            "https://a.example/cb?x=1",
            "http://[::1]:7/cb",
            "cursor://anysphere/cb",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn c2_loopback_matches_any_port_but_only_its_own_name() {
        check_admits("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb", true);
        check_admits("http://localhost:3000/cb", "http://localhost:4000/cb", true);
        check_admits("http://[::1]:1/cb", "http://[::1]:2/cb", true);
        check_admits(
            "http://localhost:3000/cb",
            "http://127.0.0.1:3000/cb",
            false,
        );
        check_admits(
            "http://127.0.0.1:3000/cb",
            "http://127.0.0.1:3000/other",
            false,
        );
        check_admits(
            "http://127.0.0.1:3000/cb",
            "http://127.0.0.1:3000/cb?x=1",
            false,
        );
    }

    #[test]
    fn c2_what_a_parser_would_forgive_does_not_match() {
        let registered = parse("http://127.0.0.1:7777/cb").unwrap();
        for spelling in [
            "http://user:pw@127.0.0.1/cb",
            "http://127.0.0.1/cb#frag",
            r"http:\\127.0.0.1\cb",
            "http://127.0.0.1\t/cb",
            "http://127.1/cb",
            "http://0x7f000001/cb",
            "http://１２７.0.0.1/cb",
            "http://127.0.0.1/x/../cb",
            "http://127.0.0.1:7777@evil.example/cb",
            "http://127.0.0.1:x/cb",
            "http://127.0.0.1:65536/cb",
            "HTTP://127.0.0.1/cb",
        ] {
            assert!(
                !registered.admits(&RedirectUri::unchecked(spelling)),
                "{spelling}"
            );
        }
        for port in ["1", "65535"] {
            let uri = format!("http://127.0.0.1:{port}/cb");
            assert!(registered.admits(&RedirectUri::unchecked(&uri)));
        }
    }

    #[test]
    fn other_uris_match_only_byte_for_byte() {
        check_admits("https://a.example/cb", "https://a.example/cb", true);
        check_admits("https://a.example/cb", "https://a.example:443/cb", false);
        check_admits("https://a.example/cb", "https://A.example/cb", false);
        check_admits("cursor://x/cb", "cursor://x/cb/", false);
    }

    #[test]
    fn parameters_join_an_existing_query() {
        let uri = parse("https://a.example/cb?x=1").unwrap();
        let with = uri.with_parameters(&[("code", "a b"), ("iss", "https://i.example")]);
        assert_eq!(
            with,
            "https://a.example/cb?x=1&code=a+b&iss=https%3A%2F%2Fi.example"
        );
    }

    #[test]
    fn what_a_person_sees() {
        assert_eq!(
            parse("https://a.example:9/cb").unwrap().display_host(),
            "a.example"
        );
        assert_eq!(parse("cursor://x/cb").unwrap().display_host(), "cursor://");
    }

    #[test]
    fn rfc8252_section_8_6_what_other_programs_of_the_person_can_have_is_no_site() {
        for (uri, is_site) in [
            ("https://a.example/cb", true),
            ("https://localhost.example/cb", true),
            ("https://localhost/cb", false),
            ("https://127.0.0.1:8443/cb", false),
            ("http://127.0.0.1/cb", false),
            ("http://localhost/cb", false),
            ("cursor://a.example/cb", false),
        ] {
            assert_eq!(parse(uri).unwrap().is_site(), is_site, "{uri}");
        }
    }
}
