//! The code that a device shows and a person types (RFC 8628 §6.1).

use std::fmt;

use oauth::random::Random;
use oauth::secret::{Secret, SecretHash};

/// No vowels, so that no code is a word; no digits, so that none is mistaken for a letter.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// 20^8 codes, about 34 bits: with the few guesses that the page allows, a guess among a thousand
/// waiting devices succeeds in one of 25 thousand windows, and who has a thousand addresses more waits
/// for thousands of windows (RFC 8628 §5.1).
const LENGTH: usize = 8;

/// A code such as `WDJB-MJHT`, in its one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserCode(String);

impl UserCode {
    pub(crate) fn random(random: &dyn Random) -> Self {
        let mut letters = String::with_capacity(LENGTH);
        while letters.len() < LENGTH {
            let mut byte = [0];
            random.fill(&mut byte);
            // The last bytes would make the first letters likelier than the others.
            if byte[0] < 240 {
                letters.push(char::from(LETTERS[usize::from(byte[0] % 20)]));
            }
        }
        Self(letters)
    }

    /// Reads what a person typed: in any case, with or without dashes and spaces, also in the wide
    /// letters that Korean input methods make.
    pub(crate) fn parse(typed: &str) -> Option<Self> {
        let is_decoration =
            |c: &char| c.is_whitespace() || matches!(c, '-' | '_' | '.' | '‐'..='―' | '－');
        let narrow = |c: char| match c {
            'Ａ'..='Ｚ' | 'ａ'..='ｚ' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            c => c,
        };
        let letters = typed.chars().filter(|c| !is_decoration(c)).map(narrow);
        // One more than fits is enough to see that it does not fit.
        let letters: String = letters
            .map(|c| c.to_ascii_uppercase())
            .take(LENGTH + 1)
            .collect();
        let is_code = letters.len() == LENGTH && letters.bytes().all(|c| LETTERS.contains(&c));
        is_code.then_some(Self(letters))
    }

    /// The key under which the store knows it.
    pub(super) fn key(&self) -> SecretHash {
        Secret::from(self.0.as_str()).hash()
    }
}

/// As it is shown: in two halves, which are easier to keep in mind.
impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(LENGTH / 2);
        write!(f, "{first}-{second}")
    }
}

#[cfg(test)]
mod tests {
    use oauth::random::OsRandom;

    use super::*;

    #[test]
    fn rfc8628_section_6_1_a_code_is_read_however_it_is_typed() {
        let code = UserCode::parse("WDJB-MJHT").unwrap();
        for typed in [
            "wdjbmjht",
            " WDJB MJHT ",
            "wd-jb-mj-ht",
            "ＷＤＪＢ－ＭＪＨＴ",
            "WDJB–MJHT",
        ] {
            assert_eq!(UserCode::parse(typed), Some(code.clone()), "{typed}");
        }
        for wrong in [
            "",
            "WDJB-MJH",
            "WDJB-MJHTT",
            "WDJB-MJH0",
            "WDJB-MJHA",
            "ㅈㅇㅓㅠ",
        ] {
            assert_eq!(UserCode::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn codes_use_every_letter_and_differ() {
        let codes: Vec<_> = (0..100).map(|_| UserCode::random(&OsRandom)).collect();
        let all: String = codes.iter().map(|code| code.0.as_str()).collect();
        assert!(
            LETTERS
                .iter()
                .all(|letter| all.contains(char::from(*letter)))
        );
        for code in &codes {
            assert_eq!(UserCode::parse(&code.to_string()).as_ref(), Some(code));
        }
        assert_ne!(codes[0], codes[1]);
    }
}
