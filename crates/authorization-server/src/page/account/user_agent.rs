//! What a browser calls itself, in plain words (RFC 9110 §10.1.5).
//!
//! A `User-Agent` is anything that a browser likes to say; this is for a person to recognize their
//! own by, and nothing is decided by it.

/// A mark in the header and the name that it stands for. The first mark that is found decides,
/// since newer browsers name their ancestors, too.
const BROWSERS: [(&str, &str); 14] = [
    ("KAKAOTALK", "KakaoTalk"),
    ("NAVER(", "NAVER"),
    ("Whale/", "Whale"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// Browser and system; nothing when neither is known.
pub(super) fn in_words(user_agent: &str) -> Option<String> {
    let named = |marks: &[(&str, &'static str)]| {
        let known = marks.iter().find(|(mark, _)| user_agent.contains(mark));
        known.map(|(_, name)| *name)
    };
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} · {system}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(user_agent: &str, expected: Option<&str>) {
        assert_eq!(in_words(user_agent).as_deref(), expected, "{user_agent}");
    }

    #[test]
    fn browsers_are_called_what_people_call_them() {
        let kit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
        check(
            &format!("{windows} {kit} Chrome/130.0.0.0 Safari/537.36"),
            Some("Chrome · Windows"),
        );
        check(
            &format!("{windows} {kit} Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"),
            Some("Edge · Windows"),
        );
        check(
            &format!("{windows} {kit} Chrome/128.0.0.0 Whale/3.28 Safari/537.36"),
            Some("Whale · Windows"),
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
             (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
            Some("Safari · iPhone"),
        );
        check(
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
            Some("Firefox · Linux"),
        );
        check("curl/8.9", Some("curl"));
        check("<b>unheard of</b>", None);
    }
}
