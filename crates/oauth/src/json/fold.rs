//! Keys that some readers take for others (RFC 8259 §4, Go's encoding/json).
//!
//! Go fills the member `userId` from a key `UserID`, too, and of both the last one counts. Whoever looks at
//! `userId` alone has then looked at something else than what is carried out (GHSA-wvj2-96wp-fq3f).

/// Whether `key` is none of `names`, but a reader who does not tell upper case from lower takes it for one.
///
/// ```
/// use oauth::json::is_disguised;
/// assert!(is_disguised("Name", ["name", "uri"]));
/// assert!(is_disguised("argumentſ", ["arguments"]));
/// assert!(!is_disguised("name", ["name"]));
/// assert!(!is_disguised("names", ["name"]));
/// ```
pub fn is_disguised<'n>(key: &str, names: impl IntoIterator<Item = &'n str>) -> bool {
    let is_ascii = key.is_ascii();
    let mut is_disguised = false;
    for name in names {
        if key == name {
            return false;
        }
        is_disguised |= if is_ascii && name.is_ascii() {
            key.eq_ignore_ascii_case(name)
        } else {
            key.chars().map(fold).eq(name.chars().map(fold))
        };
    }
    is_disguised
}

/// One character for all that differ only in case: by way of upper case, since ſ and s have the same.
fn fold(character: char) -> char {
    let upper = only(character.to_uppercase()).unwrap_or(character);
    only(upper.to_lowercase()).unwrap_or(upper)
}

fn only(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next();
    first.filter(|_| characters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d5_what_go_takes_for_a_name_is_disguised() {
        for (key, name) in [
            ("UserID", "userId"),
            ("userid", "userId"),
            ("taſkId", "taskId"),
            ("tas\u{212a}Id", "taskId"),
            ("TA\u{17f}\u{212a}ID", "taskId"),
            ("\u{c4}mter", "\u{e4}mter"),
            ("\u{3c2}", "\u{3a3}"),
        ] {
            assert!(is_disguised(key, ["other", name]), "{key}");
            assert!(is_disguised(name, ["other", key]), "{key}");
        }
        for (key, name) in [
            ("userId", "userId"),
            ("user_id", "userId"),
            ("userIds", "userId"),
            ("\u{df}", "ss"),
            ("", "a"),
            ("\u{c0ac}\u{c6a9}\u{c790}", "\u{c0ac}\u{c6a9}"),
        ] {
            assert!(!is_disguised(key, [name]), "{key}");
        }
        assert!(!is_disguised("Name", ["name", "Name"]));
    }
}
