//! Keys, tokens and passwords: by how their issuers begin them, or by the name they are given.

mod between;
mod issued;
mod named;
mod placed;
mod value;
mod written;

use crate::recognizer::Hit;
pub(crate) use issued::beside as beside_id;
pub(crate) use issued::{PREFIXES, Prefix};
pub(crate) use named::named;
pub(crate) use placed::{
    OPTIONS, PEM, SHORT_OPTION, behind_option, in_address, in_option, private_key,
};

/// Names of keys that hold secrets.
pub(crate) const NAMES: [&str; 68] = [
    "key",
    "discord",
    "bot ",
    "접속 정보",
    "접속정보",
    "계정 정보",
    "계정정보",
    "로그인 정보",
    "시크릿 키",
    "시크릿키",
    "비밀 키",
    "암호화 키",
    "암호화키",
    "서명 키",
    "서명키",
    "관리자 키",
    "인증 키",
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
    fn values_stand_behind_more_than_signs() {
        let key = "Zk4mQ8wNr2XcVb7TjL9pYs3D";
        for text in [
            format!("define('API_KEY', '{key}');"),
            format!(r#"os.environ["API_TOKEN"] = "{key}""#),
            format!(r#"settings.set("secret", "{key}")"#),
            format!(r#"<add key="ApiKey" value="{key}" />"#),
            format!(r#"{{"name":"API_KEY","value":"{key}"}}"#),
            format!("- name: API_TOKEN\n  value: {key}"),
            format!("kakao_admin_key: {key}"),
            format!("signing key {key}"),
            format!("시크릿 키 {key}"),
        ] {
            check(&text, Some(key));
        }
        check("<password>b4n0sQ!</password>", Some("b4n0sQ!"));
        check("mysql -h db -u root -pb4n0sQ! shop", Some("b4n0sQ!"));
        check("password for the jump host: b4n0sQ!x", Some("b4n0sQ!x"));
        check("비밀번호(초기): b4n0sQ!", Some("b4n0sQ!"));
        check("id/pw: root / b4n0sQ!", Some("b4n0sQ!"));
        check("id kim pw b4n0s9", Some("b4n0s9"));
        let bot = "NjEzODQ4NDU1NjIzMzY2NzA5.fNNJ8e.mGa8zeR1Rzc6S7Gm4vQNusGU7GU";
        check(&format!("discord {bot}"), Some(bot));
        let secret = "6Ip2p/uQbJeenWmvxR7t2X1ueF4e8u9iun23hDtW";
        let found = Scanner::new().scan(&format!("AKIANXV4TEZY2EI2KZT3 / {secret}"));
        assert_eq!(found[1].value, secret);
    }

    #[test]
    fn a_value_runs_to_where_it_is_closed() {
        check(r#"password: "a,b<c&d1x""#, Some("a,b<c&d1x"));
        check("비밀번호: Tr4b&dor!", Some("Tr4b&dor!"));
        check("password=abc12345&user=kim", Some("abc12345"));
        check("Password=dkaghfmz;", Some("dkaghfmz"));
        check(r#"{\"password\":\"ab1&cd2\"}"#, Some("ab1&cd2"));
    }

    #[test]
    fn keys_that_hide_nothing_are_no_secrets() {
        let key = "8f3a9c1b2d4e5f60718293a4b5c6d7e8";
        for text in [
            format!("cache_key: {key}"),
            format!("publicKey: {key}"),
            format!("partition-key={key}"),
            format!("key: {key}"),
            "Idempotency-Key: 7c9e6679-7425-40de-944b-e07fc1f90ae7".to_owned(),
            "signing key rotation every 90days".to_owned(),
            "token = secrets.token_hex(16)".to_owned(),
            r#"{"name":"password","value":"string"}"#.to_owned(),
            "password: required".to_owned(),
            "git log -p HEAD~3 file1.rs".to_owned(),
        ] {
            check(&text, None);
        }
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
