//! Addresses of resources, which can be spelled in several ways (RFC 3986 §6.2.2, RFC 3987 §3.1).

use std::borrow::Cow;

use super::glob::Glob;

/// The longest template that is compared with patterns; a caller chooses it, and every letter costs.
const LONGEST_TEMPLATE: usize = 8 * 1024;

/// The schemes whose hosts are names of machines, where letters of both cases are the same.
const WITH_HOSTS: [&str; 6] = ["file", "ftp", "http", "https", "ws", "wss"];

/// What means something else where it is escaped, to an upstream or to a pattern.
const MARKS: [char; 6] = ['/', '\\', '?', '#', '%', '*'];

/// A template as a pattern: every expression stands for any text (RFC 6570). What is too long to be one
/// may be anything.
pub(super) fn template_pattern(template: &str) -> Glob {
    if template.len() > LONGEST_TEMPLATE {
        return Glob::new("*");
    }
    let mut pattern = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, expression)) = rest.split_once('{') {
        pattern.push_str(before);
        pattern.push('*');
        rest = expression.split_once('}').map_or("", |(_, after)| after);
    }
    pattern.push_str(rest);
    Glob::new(&spelled(&pattern))
}

/// An address, or a pattern of addresses, without the escapes that change nothing: `%70rivate` is
/// `private`, and `%ED%95%9C` is `한`, in a rule as in a request.
pub(super) fn spelled(address: &str) -> Cow<'_, str> {
    if !address.contains('%') {
        return address.into();
    }
    let mut spelled = String::with_capacity(address.len());
    let mut rest = address;
    while let Some(at) = rest.find('%') {
        spelled.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(letter) = letter(rest.as_bytes()) {
            spelled.push(letter);
            rest = &rest[3 * letter.len_utf8()..];
        } else {
            let is_escape = escaped(rest.as_bytes(), 0).is_some();
            let length = if is_escape { 3 } else { 1 };
            spelled.push_str(&rest[..length].to_ascii_uppercase());
            rest = &rest[length..];
        }
    }
    spelled.push_str(rest);
    spelled.into()
}

/// The letter that is escaped at the beginning, unless it means something else than its escape does.
fn letter(text: &[u8]) -> Option<char> {
    let bytes: Vec<u8> = (0..4).map_while(|n| escaped(text, 3 * n)).collect();
    let chunk = bytes.utf8_chunks().next()?;
    let letter = chunk.valid().chars().next()?;
    let is_mark = letter.is_ascii_control() || MARKS.contains(&letter);
    (!is_mark).then_some(letter)
}

/// The byte that is escaped at a place.
fn escaped(text: &[u8], at: usize) -> Option<u8> {
    let [b'%', high, low] = *text.get(at..at + 3)? else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Whether an address may lead somewhere else than it seems to (RFC 3986 §5.2.4, §6.2.2): an upstream may
/// read it as another spelling of something that a pattern does not know it for.
pub(super) fn is_winding(address: &str) -> bool {
    let is_trimmed = address.trim_matches(' ') == address;
    // Parsers of addresses drop line breaks and tabs, and take backslashes for slashes (WHATWG URL §4.4).
    if !is_trimmed || address.contains(|letter: char| letter == '\\' || letter.is_ascii_control()) {
        return true;
    }
    let hides = |byte: u8| byte.is_ascii_control() || matches!(byte, b'/' | b'\\' | b'%' | b'*');
    let mut escapes = address.match_indices('%');
    if escapes.any(|(at, _)| escaped(address.as_bytes(), at).is_none_or(hides)) {
        return true;
    }
    let address = &*spelled(address);
    let Some((scheme, rest)) = address.split_once(':') else {
        return is_winding_path(address);
    };
    if scheme.contains(|letter: char| letter.is_ascii_uppercase()) {
        return true;
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return is_winding_path(rest);
    };
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let is_shouted = host.contains(|letter: char| letter.is_ascii_uppercase());
    // An upstream with a scheme of its own may take the host for the first part of a path.
    (is_shouted && WITH_HOSTS.contains(&scheme)) || is_winding_path(rest)
}

fn is_winding_path(path: &str) -> bool {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    path[..end].contains("//") || path.split(['/', '?', '#']).any(is_dots)
}

/// Whether a part of a path leads nowhere or up. Some take what follows a semicolon for a parameter of the part
/// (RFC 3986 §3.3), others drop blanks at its end.
fn is_dots(part: &str) -> bool {
    let name = part.split(';').next().unwrap_or(part);
    matches!(name.trim_end_matches(' '), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_patterns() {
        assert_eq!(
            template_pattern("file:///{+path}/x{?q}").to_string(),
            "file:///*/x*"
        );
        assert_eq!(template_pattern("a{b").to_string(), "a*");
        let long = template_pattern(&"{a}".repeat(300_000));
        assert!(long.is_everything() && Glob::new("file:///*").meets(&long));
    }

    #[test]
    fn addresses_that_lead_elsewhere_are_known() {
        for winding in [
            "file:///a/../b",
            "file:///a/%2E%2e/b",
            "a:b%2fc",
            "a:..%5Cb",
            "a:b%252e",
            "a:/./b",
            "FILE:///private/x",
            "https://EXAMPLE.com/x",
            "file:////private/x",
            "file:///pri\tvate/x",
            " file:///private/x",
            "file:///private%00/x",
            "file:///50%/x",
            "file:///a/..;/b",
            "file:///a/..;x=y/b",
            "file:///a/%2e%2e%3B/b",
            "file:///a/.;/b",
            "file:///a/.. /b",
            "file:///a/..%20/b",
            "file:///a\\..\\b",
            "docs://../private/x",
            "docs://./private/x",
            "docs:..;/private/x",
        ] {
            assert!(is_winding(winding), "{winding}");
        }
        for straight in [
            "file:///a/b.txt",
            "file:///a/..b/c",
            "file:///a/...;v=1/c",
            "file:///a/b;v=1.2/;c",
            "docs://.hidden/..x",
            "a:b?c=%20",
            "docs://README",
            "https://example.com/?next=https://example.org//x",
            "file:///%ED%95%9C",
        ] {
            assert!(!is_winding(straight), "{straight}");
        }
    }

    #[test]
    fn letters_are_the_same_however_they_are_spelled() {
        for (written, expected) in [
            ("file:///%ED%95%9C%EA%B8%80/%20a", "file:///한글/ a"),
            ("file:///한글", "file:///한글"),
            ("file:///%70rivate/%7E", "file:///private/~"),
            ("a:%3f%2F%2a", "a:%3F%2F%2A"),
            ("a:%ff%41%", "a:%FFA%"),
            ("a:%ed%95", "a:%ED%95"),
            ("", ""),
        ] {
            assert_eq!(spelled(written), expected);
        }
    }
}
