//! Usernames for people who come from an identity provider: `<name>@<provider>`.
//!
//! The provider's id ends the name, so nobody from elsewhere can be called `admin` here, whatever
//! they call themselves there.

use oauth::random::Random;

use crate::identity_provider::Identity;

/// The longest username.
const LENGTH: usize = 64;
/// What tells two people of one name apart: this many characters, and `-` before them.
const SUFFIX: usize = 5;
/// 32 characters that are hard to mistake for each other.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// Usernames to try in turn, without end; all but the first are made at random.
pub(super) fn candidates<'a>(
    provider: &'a str,
    identity: &Identity,
    random: &'a dyn Random,
) -> impl Iterator<Item = String> + 'a {
    let room = LENGTH.saturating_sub(provider.len() + 1 + SUFFIX + 1);
    let names = [&identity.username, &identity.name];
    let plain = names.into_iter().flatten().map(|name| plain(name, room));
    let name = plain.into_iter().find(|name| !name.is_empty());
    let first = name.as_ref().map(|name| format!("{name}@{provider}"));
    let name = name.unwrap_or_else(|| "user".to_owned());
    let others = std::iter::repeat_with(move || format!("{name}-{}@{provider}", suffix(random)));
    first.into_iter().chain(others)
}

/// What of a name can stand in a username. The part before the `@` of an address is enough.
fn plain(name: &str, room: usize) -> String {
    let name = name.split('@').next().unwrap_or_default().trim();
    let allowed = name.chars().filter_map(|c| match c {
        ' ' => Some('.'),
        c if c.is_ascii_alphanumeric() || "._-+".contains(c) => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    let name: String = allowed.take(room).collect();
    name.trim_matches(['.', '_', '-', '+']).to_owned()
}

fn suffix(random: &dyn Random) -> String {
    let mut bytes = [0; SUFFIX];
    random.fill(&mut bytes);
    let characters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    characters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use oauth::random::OsRandom;

    use super::*;
    use crate::user::folded;

    fn first_two(provider: &str, username: Option<&str>, name: Option<&str>) -> [String; 2] {
        let identity = Identity {
            username: username.map(str::to_owned),
            name: name.map(str::to_owned),
            ..crate::user::tests::identity("1")
        };
        let mut candidates = candidates(provider, &identity, &OsRandom);
        [candidates.next().unwrap(), candidates.next().unwrap()]
    }

    #[test]
    fn nobody_from_a_provider_is_called_like_somebody_from_here() {
        for (username, name, expected) in [
            (Some("Admin"), None, "admin@naver"),
            (Some("kim@corp.example"), None, "kim@naver"),
            (Some("@admin"), Some("Kim Dan"), "kim.dan@naver"),
            (Some("a\u{200b}dmin "), None, "admin@naver"),
            (Some("--x--"), None, "x@naver"),
        ] {
            let [first, second] = first_two("naver", username, name);
            assert_eq!(first, expected);
            assert!(second.ends_with("@naver") && second != first, "{second}");
            assert_eq!(folded(&second), Some(second));
        }
    }

    #[test]
    fn who_has_no_name_in_latin_letters_gets_one_at_random() {
        let [first, second] = first_two("naver", Some("홍길동"), None);
        assert!(
            first.starts_with("user-") && first.ends_with("@naver"),
            "{first}"
        );
        assert_ne!(first, second);
    }

    #[test]
    fn long_names_are_cut_and_stay_usernames() {
        for username in first_two("naver", Some(&"x".repeat(200)), None) {
            assert!(folded(&username).is_some(), "{username}");
        }
    }
}
