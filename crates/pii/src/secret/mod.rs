//! Keys, tokens and passwords: by how their issuers begin them, or by the name they are given.

mod issued;

use crate::kind::Kind;
use crate::recognizer::Hit;
pub(crate) use issued::{PREFIXES, Prefix};

/// Names of keys that hold secrets.
pub(crate) const NAMES: [&str; 51] = [
    "pw",
    "pass",
    "identified by",
    "sshpass -p",
    "storage_key",
    "storagekey",
    "api 키",
    "접속키",
    "암호",
    "토큰",
    "account_key",
    "accountkey",
    "service_key",
    "servicekey",
    "app_key",
    "appkey",
    "client_key",
    "master_key",
    "shared_key",
    "secretkey",
    "서비스키",
    "접근키",
    "비밀키",
    "개인키",
    "api_key",
    "apikey",
    "api-key",
    "api key",
    "api키",
    "secret",
    "token",
    "passwd",
    "password",
    "pwd",
    "access_key",
    "access-key",
    "accesskey",
    "private_key",
    "credential",
    "authorization",
    "bearer",
    "passphrase",
    "auth_key",
    "authkey",
    "encryption_key",
    "signing_key",
    "비밀번호",
    "패스워드",
    "비번",
    "인증키",
    "시크릿",
];

/// The secret that begins at `start..end` as its issuer lets it, or that has such a name.
pub(crate) fn begun(text: &str, start: usize, end: usize, prefix: &Prefix) -> Option<Hit> {
    let is_it = text[start..end] == *prefix.text;
    let hit = is_it.then(|| issued::prefixed(text, start, prefix));
    // `SECRET_KEY` begins like a key of Notion, and is the name of one.
    hit.flatten().or_else(|| {
        let is_name = |name: &&&str| {
            let word = text.get(start..start + name.len());
            word.is_some_and(|word| word.eq_ignore_ascii_case(name))
        };
        let name = NAMES.iter().find(is_name)?;
        named(text, start, start + name.len())
    })
}

/// The value of a name such as `api_key`, which ends at `end`.
pub(crate) fn named(text: &str, start: usize, end: usize) -> Option<Hit> {
    let name = &text[start..end];
    let bytes = text.as_bytes();
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_alphanumeric)
    };
    // Two letters are a name only if they are a word, and four only at the end of one, as in `DB_PASS`.
    let is_inner = is_letter(start.checked_sub(1)) || is_letter(Some(end));
    if is_inner && (name.len() == 2 || name.eq_ignore_ascii_case("pass")) {
        return None;
    }
    let mut at = end;
    // The rest of a longer name: `SECRET_ACCESS_KEY`, `tokenValue`.
    while at < bytes.len()
        && at < end + 24
        && (bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'_' | b'-'))
    {
        at += 1;
    }
    let tail = text[end..at].to_ascii_lowercase();
    let harmless = [
        "type",
        "count",
        "id",
        "page",
        "limit",
        "expires",
        "s_used",
        "url",
        "uri",
        "endpoint",
        "name",
        "length",
        "usage",
        "algorithm",
        "policy",
    ];
    let head = text[floor(text, start.saturating_sub(8))..start].to_ascii_lowercase();
    if harmless.iter().any(|word| tail.contains(word))
        || head.ends_with("page_")
        || head.ends_with("page")
    {
        return None;
    }
    let is_bearer = name.eq_ignore_ascii_case("bearer");
    let from = at;
    // Of commands, the value stands behind a space.
    let mut is_given = name.contains(' ') && PASSWORDS.iter().any(|word| begins(name, word));
    if !name.is_ascii() {
        at = colon_behind(text, at).unwrap_or(at);
    }
    let reach = at + 8;
    while at < bytes.len()
        && at < reach
        && matches!(
            bytes[at],
            b' ' | b'"' | b'\'' | b'`' | b':' | b'=' | b'>' | b'\\' | b'\t' | b'('
        )
    {
        is_given |= matches!(bytes[at], b':' | b'=' | b'(');
        at += 1;
    }
    for link in ["는 ", "은 ", "가 ", "를 ", "를: "] {
        if text[from..].starts_with(link) && !name.is_ascii() {
            at = from + link.len();
            is_given = true;
        }
    }
    for link in [" is ", " was ", " is: ", " to "] {
        if text[from..].starts_with(link) {
            at = from + link.len();
            is_given |= link != " to ";
        }
    }
    let is_password = PASSWORDS.iter().any(|word| begins(name, word));
    // Without a sign between, the value has to speak for itself.
    let beside = &text[at..at + length_of_value(&bytes[at..])];
    let is_beside = at > from
        && tail.is_empty()
        && (is_long_mixed(beside)
            || is_password
                && !name.eq_ignore_ascii_case("pass")
                && (is_odd(beside) || !name.is_ascii() && is_typed(beside)));
    let is_meant = is_given || is_bearer || is_beside;
    if !is_meant {
        return None;
    }
    for scheme in ["Bearer ", "bearer ", "Basic ", "Token ", "token "] {
        if text[at..].starts_with(scheme) {
            at += scheme.len();
            break;
        }
    }
    let length = length_of_value(&bytes[at..]);
    let value = text[at..at + length].trim_end_matches(['.', ')', ',']);
    let is_value = if is_password {
        is_made_up(value)
    } else {
        // Some issuers give out secrets of ten characters, beside a name that says so.
        let is_short = is_given && tail.is_empty() && name.eq_ignore_ascii_case("secret");
        let is_long = value.len() >= 16 || is_short && value.len() >= 10 && is_mixed_case(value);
        is_long && is_mixed(value) && entropy(value) > 2.8
    };
    let is_reference = bytes.get(at + value.len()) == Some(&b'(') || is_placeholder(value);
    (is_value && !is_reference).then(|| Hit::new(Kind::Secret, at..at + value.len(), 0.8))
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn length_of_value(bytes: &[u8]) -> usize {
    let is_value = |byte: &&u8| {
        byte.is_ascii_graphic()
            && !matches!(
                byte,
                b'"' | b'\'' | b'`' | b',' | b';' | b'&' | b'<' | b'>' | b'{' | b'}' | b'\\'
            )
    };
    bytes.iter().take(512).take_while(is_value).count()
}

fn is_long_mixed(value: &str) -> bool {
    value.len() >= 24
        && is_mixed(value)
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte))
}

/// Names of what people make up themselves.
const PASSWORDS: [&str; 8] = [
    "pass",
    "pw",
    "identified by",
    "sshpass",
    "비밀번호",
    "패스워드",
    "비번",
    "암호",
];

fn begins(name: &str, word: &str) -> bool {
    name.get(..word.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(word))
}

/// The colon behind what is done with it, as in `비밀번호 초기화: …`.
fn colon_behind(text: &str, from: usize) -> Option<usize> {
    let mut rest = text[from..].char_indices().take(12);
    let (offset, sign) = rest.find(|(_, one)| *one != ' ' && !('가'..='힣').contains(one))?;
    (sign == ':').then_some(from + offset)
}

/// Whether somebody made it up to be no word: letters, digits and signs among them.
fn is_odd(value: &str) -> bool {
    let value = value.trim_end_matches(['.', ',', '!', '?', ')']);
    value.len() >= 6 && is_mixed(value) && (has_sign(value) || value.len() >= 10)
}

/// Whether it is typed by a hand: small letters and digits, and not the name of a cipher.
fn is_typed(value: &str) -> bool {
    value.len() >= 8 && is_mixed(value) && value.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn has_sign(value: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_punctuation() && !b"-./:_()[]".contains(&byte);
    value.bytes().any(is_sign)
}

fn has_letter(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether there are letters and digits, as in every key that a machine made.
fn is_mixed(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether somebody, or a machine, has made a password of it.
fn is_made_up(value: &str) -> bool {
    value.len() >= 6
        && (is_mixed(value) || has_sign(value) && has_letter(value) || is_scrambled(value))
}

/// Whether letters are large and small as chance would have it, and not as in `dbPassword`.
fn is_scrambled(value: &str) -> bool {
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

fn is_mixed_case(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_uppercase())
        && value.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Whether it stands where a secret would: examples, variables, what is masked.
fn is_placeholder(value: &str) -> bool {
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

/// What stands for the password in `scheme://user:password@host` where somebody explains it.
const EXAMPLES: [&str; 4] = ["password", "passwd", "pass", "pwd"];

/// Bits per character.
fn entropy(value: &str) -> f32 {
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
    let rest = &text[start..floor(text, text.len().min(start + LONGEST_PEM))];
    let label = &rest[PEM.len()..floor(rest, rest.len().min(60))];
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
    let length = floor(body, length);
    Some(Hit::new(
        Kind::Secret,
        start..start + PEM.len() + length,
        0.99,
    ))
}

#[cfg(test)]
mod tests {
    use crate::scanner::Scanner;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        let found = Scanner::new().scan(text);
        let values: Vec<&str> = found.iter().map(|finding| finding.value.as_str()).collect();
        assert_eq!(values.first().copied(), expect, "{text}");
    }

    #[test]
    fn keys_and_passwords_have_many_names() {
        let key = "Zk4mQ8wNr2XcVb7TjL9pYs3D";
        check(&format!("NCP_SECRET_KEY={key}"), Some(key));
        check(&format!("AZURE_STORAGE_KEY={key}"), Some(key));
        check(&format!("인증키 {key} 유출"), Some(key));
        check("DB_PASS=p@ss58752W", Some("p@ss58752W"));
        check("IDENTIFIED BY 'Qw3r!afp9'", Some("Qw3r!afp9"));
        check("비번 초기화: Temp!uLsa1 (변경)", Some("Temp!uLsa1"));
        check("비번 qlalf0363", Some("qlalf0363"));
        check(r#"{"password":"t!ger-RLuPgq"}"#, Some("t!ger-RLuPgq"));
        check(
            "spring.mail.password=bQXivwPdKlcTRX",
            Some("bQXivwPdKlcTRX"),
        );
        let bot = "914797597:AA7EYS8D4zGkUFWzbCDc2_I7DXrBVmFrhv8";
        check(&format!("telegram {bot} set"), Some(bot));
    }

    #[test]
    fn what_speaks_of_passwords_holds_none() {
        for text in [
            "비밀번호 변경 안내: 고객센터",
            "비밀번호 SHA256 해시",
            "암호화 방식 AES256",
            "compass=north12345",
            "pass rate 99percent1",
            "password_hash_algorithm: argon2id",
            "const password = req.body.password;",
            "const password = myOldDbPassword;",
            "postgres://user:password@localhost:5432/mydb",
        ] {
            check(text, None);
        }
    }
}
