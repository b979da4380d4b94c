//! Secrets whose place says what they are: in an address, behind the option of a program, in PEM.

use super::value::{is_made_up, is_placeholder};
use crate::kind::Kind;
use crate::recognizer::Hit;

/// What stands for the password in `scheme://user:password@host` where somebody explains it.
const EXAMPLES: [&str; 4] = ["password", "passwd", "pass", "pwd"];

/// The password in `scheme://name:password@host`, where `://` is at `at`.
pub(crate) fn in_address(text: &str, at: usize) -> Option<Hit> {
    let from = at + 3;
    password_of(text, from, b'@')
}

/// The password in `curl -u name:password`, where the option ends at `end`.
pub(crate) fn in_option(text: &str, end: usize) -> Option<Hit> {
    password_of(text, end, b' ')
}

/// The password in `name:password`, which begins at `from` and ends at `stop`.
fn password_of(text: &str, from: usize, stop: u8) -> Option<Hit> {
    let bytes = text.as_bytes();
    let part = |from: usize, stop: u8| {
        let length = bytes[from..].iter().take(256).take_while(|byte| {
            byte.is_ascii_graphic()
                && **byte != stop
                && !matches!(byte, b'/' | b'"' | b'\'' | b'<' | b'{')
        });
        from + length.count()
    };
    let colon = part(from, b':');
    if bytes.get(colon) != Some(&b':') {
        return None;
    }
    let end = part(colon + 1, stop);
    let value = &text[colon + 1..end];
    (bytes.get(end) == Some(&stop)
        && value.len() >= 4
        && !value.starts_with('$')
        && !EXAMPLES.contains(&value)
        && !value.contains('*'))
    .then(|| Hit::new(Kind::Secret, colon + 1..end, 0.8))
}

/// Options of programs behind which a name and a password stand.
pub(crate) const OPTIONS: [&str; 2] = ["curl -u ", " --user "];

/// The beginning of a private key in PEM (RFC 7468).
pub(crate) const PEM: &str = "-----BEGIN ";
const LONGEST_PEM: usize = 16 * 1024;

/// The private key whose first line begins at `start`.
pub(crate) fn private_key(text: &str, start: usize) -> Option<Hit> {
    let rest = &text[start..text.floor_char_boundary(start + LONGEST_PEM)];
    let label = &rest[PEM.len()..rest.floor_char_boundary(60)];
    let label = label.split("-----").next()?;
    if !label.contains("PRIVATE KEY") {
        return None;
    }
    let body = &rest[PEM.len()..];
    let end = body
        .find("-----END ")
        .filter(|end| !body[..*end].contains(PEM));
    let length = match end {
        Some(end) => {
            let tail = &body[end + 9..];
            end + 9 + tail.find("-----").map_or(0, |at| at + 5)
        }
        // Whoever cut it off still has most of it.
        None => body.find(['"', '<']).unwrap_or(body.len()).min(4096),
    };
    let length = body.floor_char_boundary(length);
    Some(Hit::new(
        Kind::Secret,
        start..start + PEM.len() + length,
        0.99,
    ))
}

/// The option of a program behind which a password stands without a space.
pub(crate) const SHORT_OPTION: &str = " -p";

/// Programs that have it, and how far behind them it is looked for.
const CLIENTS: [&str; 2] = ["mysql", "mariadb"];
const COMMAND: usize = 160;

/// The password in `mysql -u root -psecret`, where the option ends at `end`.
pub(crate) fn behind_option(text: &str, end: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let length = bytes[end..].iter().take(128);
    let length = length.take_while(|byte| byte.is_ascii_graphic()).count();
    let value = text[end..end + length].trim_matches(['\'', '"']);
    let start = end + length
        - text[end..end + length]
            .trim_start_matches(['\'', '"'])
            .len();
    if !is_made_up(value) || is_placeholder(value) {
        return None;
    }
    let command = &bytes[end.saturating_sub(COMMAND)..end];
    let command = command
        .rsplit(|byte| matches!(byte, b'\n' | b'|' | b';'))
        .next()?;
    let is_client = |name: &str| memchr::memmem::find(command, name.as_bytes()).is_some();
    CLIENTS
        .into_iter()
        .any(is_client)
        .then(|| Hit::new(Kind::Secret, start..start + value.len(), 0.8))
}
