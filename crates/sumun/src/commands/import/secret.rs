//! What looks like a secret in the settings of a client: where it stands, never what it is.

use pii::{Kind, Scanner};

use crate::settings::sounds_secret;

/// Long words of letters and digits mixed are made by machines, as keys and tokens are.
///
/// For variables and headers, where a reference is easily put in the place of what is none.
pub(super) fn looks_secret(value: &str) -> bool {
    value.split([' ', '=', ':', ',', '@', '/']).any(|word| {
        let is_key = word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+'));
        word.len() >= 20 && is_key && is_mixed(word)
    })
}

/// Where the command line of a program holds a secret.
pub(super) fn in_program(command: &str, args: &[String]) -> Option<String> {
    if let Some(place) = in_word(command) {
        return Some(format!(
            "its command holds what looks like a secret {place}"
        ));
    }
    let mut before = "";
    for arg in args {
        let is_named = before.starts_with('-')
            && sounds_secret(before)
            && !arg.starts_with('-')
            && !without_references(arg).is_empty();
        if is_named {
            return Some(format!(
                "an argument looks like a secret, behind `{before}`"
            ));
        }
        if let Some(place) = in_word(arg) {
            return Some(format!(
                "an argument holds what looks like a secret {place}"
            ));
        }
        before = arg;
    }
    None
}

/// Where an address holds a secret.
pub(super) fn in_url(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (address, query) = rest.split_once(['?', '#']).unwrap_or((rest, ""));
    let (authority, path) = address.split_once('/').unwrap_or((address, ""));
    if let Some((user, _)) = authority.rsplit_once('@') {
        let password = user.split_once(':').map(|(_, password)| password);
        let has_password =
            password.is_some_and(|password| !without_references(password).is_empty());
        if has_password || url.starts_with("http") || looks_random(user) {
            return Some("in front of its `@`".to_owned());
        }
    }
    for pair in query.split(['&', '#', '?']) {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let is_named = sounds_secret(name) && !without_references(value).is_empty();
        if is_named && !looks_random(name) {
            return Some(format!("as `{name}`"));
        }
        if is_named || looks_random(pair) {
            return Some("behind its `?`".to_owned());
        }
    }
    let in_path = path.split('/').any(looks_random);
    (in_path || is_known(url)).then(|| "in its path".to_owned())
}

/// Where a word of a command line holds a secret.
fn in_word(word: &str) -> Option<String> {
    if word.contains("://") {
        return in_url(word).map(|place| format!("in an address, {place}"));
    }
    // `--token=…`, `API_KEY=…`, `Authorization: …`
    if let Some((name, value)) = word.split_once(['=', ':'])
        && sounds_secret(name)
        && !without_references(value).trim().is_empty()
        && !looks_random(name)
    {
        return Some(format!("at `{name}`"));
    }
    (looks_random(word) || is_known(word)).then(|| "by itself".to_owned())
}

/// What a text says besides its references to variables and questions, and the words in front of these. What
/// stands there in case a variable is not set (`${NAME:-…}`) is said, too.
fn without_references(value: &str) -> String {
    let (mut text, mut rest) = (String::new(), value);
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let (inside, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(inside.split_once(":-").map_or("", |(_, usual)| usual));
        rest = after;
    }
    text.push_str(rest);
    let text = text.trim();
    let is_scheme = ["Bearer", "bearer", "Basic", "Token"].contains(&text);
    if is_scheme {
        String::new()
    } else {
        text.to_owned()
    }
}

/// Whether a run of letters and digits is mixed as nobody mixes them who gives a name. The digests by which
/// packages and images are named are no secret.
fn looks_random(text: &str) -> bool {
    let mut before = "";
    let mut runs = text.split(|c: char| !c.is_ascii_alphanumeric());
    runs.any(|run| {
        let is_digest = matches!(run.len(), 40 | 64)
            && run.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            && (before == "sha256" || text.contains(&format!("@{run}")));
        before = run;
        run.len() >= 12 && is_mixed(run) && !is_digest
    })
}

fn is_mixed(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.as_bytes().iter().any(test);
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// Whether it begins as the keys of some issuer do.
fn is_known(text: &str) -> bool {
    let found = Scanner::new().scan(text);
    found.iter().any(|finding| finding.kind == Kind::Secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(args: &[&str]) -> Option<String> {
        let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
        in_program("npx", &args)
    }

    #[test]
    fn secrets_have_many_ways_into_a_command_line() {
        for args in [
            &["--token", "abc"][..],
            &["--api-key=abc"],
            &["-e", "API_KEY=abc"],
            &["--header", "Authorization: Bearer abc"],
            &["postgres://user:pw@localhost/db"],
            &["mcp-remote", "https://x.example/mcp?api_key=abc"],
            &["ghp_0123456789abcdefghijABCDEFGHIJ012345"],
            &["--connect", "a1b2c3d4e5f6a7b8"],
            &["--token", "${TOKEN:-abc}"],
        ] {
            let place = place(args).unwrap_or_else(|| panic!("{args:?}"));
            assert!(!place.contains("abc") && !place.contains("pw"), "{place}");
        }
    }

    #[test]
    fn what_everybody_may_read_is_no_secret() {
        for args in [
            &["-y", "@modelcontextprotocol/server-everything@2025.8.4"][..],
            &[
                "run",
                "-i",
                "--rm",
                "-e",
                "API_KEY",
                "ghcr.io/github/github-mcp-server:v0.5.0",
            ],
            &["img@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
            &[
                "--from",
                "git+https://github.com/x/y@0123456789abcdef0123456789abcdef01234567",
                "y",
            ],
            &[
                "--header",
                "Authorization: Bearer ${TOKEN}",
                "--token",
                "${env:TOKEN}",
            ],
            &[
                "git+ssh://git@github.com/x/y",
                "/home/kim/notes",
                "--port",
                "8080",
            ],
            &[
                "https://some-server-with-a-long-name-v2.example.com/api/v1/mcp?region=ap-northeast-2",
            ],
        ] {
            assert_eq!(place(args), None, "{args:?}");
        }
    }

    #[test]
    fn an_address_is_looked_at_in_every_part() {
        for (url, expected) in [
            ("https://x.example/mcp?v=1&api_key=abc", "as `api_key`"),
            ("https://x.example/mcp?a1b2c3d4e5f6a7b8", "behind its `?`"),
            ("https://kim:abc@x.example/mcp", "in front of its `@`"),
            (
                "https://x.example/s/Zm9vYmFyYmF6cXV4MTIz/mcp",
                "in its path",
            ),
        ] {
            assert_eq!(in_url(url).as_deref(), Some(expected), "{url}");
        }
        assert_eq!(in_url("https://x.example/mcp?api_key=${KEY}"), None);
    }
}
