//! What is written as secrets are: by machines, and by people who make a password of something.

pub(super) fn is_long_mixed(value: &str) -> bool {
    value.len() >= 24
        && is_mixed(value)
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte))
}

/// Whether somebody made it up to be no word: letters, digits and signs among them.
pub(super) fn is_odd(value: &str) -> bool {
    let value = value.trim_end_matches(['.', ',', '!', '?', ')']);
    value.len() >= 6 && is_mixed(value) && (has_sign(value) || value.len() >= 10)
}

/// Whether it is typed by a hand: small letters and digits, and not the name of a cipher.
pub(super) fn is_typed(value: &str) -> bool {
    value.len() >= 8 && is_mixed(value) && value.bytes().any(|byte| byte.is_ascii_lowercase())
}

pub(super) fn has_sign(value: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_punctuation() && !b"-./:_()[]".contains(&byte);
    value.bytes().any(is_sign)
}

pub(super) fn has_letter(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether there are letters and digits, as in every key that a machine made.
pub(super) fn is_mixed(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether somebody, or a machine, has made a password of it.
pub(super) fn is_made_up(value: &str) -> bool {
    value.len() >= 6
        && (is_mixed(value) || has_sign(value) && has_letter(value) || is_scrambled(value))
}

/// Whether letters are large and small as chance would have it, and not as in `dbPassword`.
pub(super) fn is_scrambled(value: &str) -> bool {
    let bytes = value.as_bytes();
    let changes = bytes
        .windows(2)
        .filter(|two| two[0].is_ascii_uppercase() != two[1].is_ascii_uppercase());
    let has_run = bytes
        .windows(2)
        .any(|two| two.iter().all(u8::is_ascii_uppercase));
    bytes.len() >= 10
        && bytes.iter().all(u8::is_ascii_alphabetic)
        && has_run
        && changes.count() >= 5
}

pub(super) fn is_mixed_case(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_uppercase())
        && value.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Whether it stands where a secret would: examples, variables, what is masked.
pub(super) fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    value.starts_with(['$', '<', '%', '{', '['])
        || [
            "your",
            "xxxx",
            "example_",
            "changeme",
            "placeholder",
            "****",
            "env.",
            "environ",
            "redacted",
            "://",
            "enc:v1:",
        ]
        .iter()
        .any(|word| lower.contains(word))
}

/// Bits per character.
pub(super) fn entropy(value: &str) -> f32 {
    let mut counts = [0_u16; 256];
    for byte in value.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length: f32 = counts.iter().map(|count| f32::from(*count)).sum();
    let share = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f32::from(*count) / length);
    share.map(|share| -share * share.log2()).sum()
}

/// Whether letters alone are so large and small that nobody wrote them.
pub(super) fn is_random(value: &str) -> bool {
    let bytes = value.as_bytes();
    let is_other = |two: &&[u8]| two[0].is_ascii_uppercase() != two[1].is_ascii_uppercase();
    let changes = bytes.windows(2).filter(is_other).count();
    let is_run = |two: &[u8]| two.iter().all(u8::is_ascii_uppercase);
    bytes.len() >= 16
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && bytes.windows(2).any(is_run)
        && changes * 20 >= bytes.len() * 7
}

/// Whether a machine made a key of it: a long piece of letters and digits, and no words or numbers between hyphens.
pub(super) fn is_key(value: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte);
    let pieces = || value.split(['-', '_', '/', '+', '=']);
    let is_uuid = value.len() == 36 && pieces().map(str::len).eq([8, 4, 4, 4, 12]);
    value.len() >= 20
        && value.bytes().all(is_part)
        && (is_mixed(value) || is_random(value))
        && pieces().any(|piece| piece.len() >= 12 && (is_mixed(piece) || is_random(piece)))
        && entropy(value) > 2.8
        && !is_uuid
}

/// Whether a person typed letters that make no word: a walk over the keyboard, or Hangul with the other letters on.
pub(super) fn is_unreadable(value: &str) -> bool {
    let value = value.trim_end_matches(|one: char| one.is_ascii_punctuation());
    let lower = value.to_ascii_lowercase();
    let is_word = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-');
    let mut run = 0_u8;
    let mut longest = 0;
    for byte in lower.bytes() {
        let is_consonant = byte.is_ascii_alphabetic() && !b"aeiouy".contains(&byte);
        run = if is_consonant { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    // What `비밀번호` and `password` are abbreviated to has no vowels, either.
    let is_name = ["pass", "pwd", "pswd", "passwd"]
        .iter()
        .any(|name| lower.contains(name));
    value.len() >= 6
        && value.len() <= 64
        && value.bytes().all(is_word)
        && !is_name
        && (longest >= 5 || WALKS.iter().any(|walk| lower.contains(walk)))
}

/// How walks over a keyboard begin, and `암호`, `비밀` and `한글` with the other letters on.
const WALKS: [&str; 6] = ["qwer", "asdf", "zxcv", "dkagh", "qlalf", "gksrmf"];

/// Whether it is the token of a bot of Discord: its number in base64, a moment and a signature.
pub(super) fn is_bot(value: &str) -> bool {
    let mut parts = value.split('.').map(str::as_bytes);
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut next = |least: usize, most: usize| {
        let part = parts.next().filter(|part| part.iter().all(is_part));
        part.filter(|part| (least..=most).contains(&part.len()))
    };
    // Digits in base64 begin so.
    let is_number = next(23, 28).is_some_and(|part| b"MNO".contains(&part[0]));
    is_number && next(6, 7).is_some() && next(27, 45).is_some() && parts.next().is_none()
}
