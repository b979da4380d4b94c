//! Redirect URIs: what is registered, and what may stand in its place (RFC 6749 §3.1.2, RFC 8252).

use oauth::redirect_uri::{PrivateUseSchemes, RedirectUri};
use url::Url;

/// The first line is registered, the second is requested.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let (registered, requested) = text.split_once('\n').unwrap_or((text, text));
    let schemes = PrivateUseSchemes::new(PrivateUseSchemes::KNOWN_CLIENTS);
    let requested = RedirectUri::unchecked(requested);
    // What nobody has registered is shown on no page, but it is compared and written to logs.
    let _ = (requested.display_host(), requested.without_loopback_port());
    let Ok(uri) = RedirectUri::parse(registered, &schemes) else {
        return;
    };
    assert_eq!(uri.as_str(), registered);
    assert!(uri.admits(&RedirectUri::unchecked(registered)));
    assert!(!uri.display_host().is_empty());
    let url = Url::parse(registered).expect("what is registered was parsed");
    assert!(!matches!(url.scheme(), "javascript" | "data" | "file"));
    assert!(url.scheme() != "http" || uri.is_loopback());

    let answer = uri.with_parameters(&[("code", "a&b=c#d"), ("state", "x y")]);
    let answer = Url::parse(&answer).expect("a URI with parameters is a URI");
    let place = |url: &Url| {
        let host = url.host_str().map(str::to_owned);
        (
            url.scheme().to_owned(),
            host,
            url.port(),
            url.path().to_owned(),
        )
    };
    assert_eq!(place(&answer), place(&url));
    assert_eq!(answer.fragment(), None);
    let codes = answer.query_pairs().filter(|(name, _)| name == "code");
    assert_eq!(codes.map(|(_, code)| code).collect::<Vec<_>>(), ["a&b=c#d"]);

    if uri.admits(&requested) && requested != uri {
        let other = Url::parse(requested.as_str()).expect("only the port is another one");
        assert!(uri.is_loopback() && requested.is_loopback());
        let without_port = |url: &Url| {
            let mut url = url.clone();
            let _ = url.set_port(None);
            url
        };
        assert_eq!(without_port(&other), without_port(&url));
    }
}
