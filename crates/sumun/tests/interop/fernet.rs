//! Fernet tokens that Python's `cryptography` reads, and that it makes for us.

use oauth::random::{OsRandom, Random as _};
use oauth::time::{Clock as _, SystemClock};
use pii::FernetKey;

use crate::driver::Driver;

const TEXTS: [&str; 6] = [
    "",
    "a",
    "sixteen bytes ok",
    "주민등록번호 900101-1234567",
    "010-1234-5678 📱",
    "line one\nline two \"quoted\"",
];
/// One key in the form that `Fernet.generate_key` gives.
const OLD: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

fn now() -> u64 {
    u64::try_from(SystemClock.now().0).unwrap()
}

fn encrypted(key: &FernetKey, text: &str) -> String {
    let mut iv = [0; 16];
    OsRandom.fill(&mut iv);
    key.encrypt(text.as_bytes(), now(), iv).unwrap()
}

#[tokio::test]
async fn p4_python_and_sumun_read_each_others_tokens() {
    let generated = Driver::new("fernet.py").option("--key", OLD).run().await;
    let new = generated["generated"].as_str().unwrap().to_owned();
    let (ours_old, ours_new) = (
        FernetKey::read(OLD).unwrap(),
        FernetKey::read(&new).unwrap(),
    );

    let mut driver = Driver::new("fernet.py")
        .option("--key", &new)
        .option("--key", OLD);
    for text in TEXTS {
        driver = driver
            .option("--text", text)
            .option("--token", encrypted(&ours_old, text))
            .option("--token", encrypted(&ours_new, text))
            .option("--rotate", encrypted(&ours_old, text));
    }
    let answer = driver.run().await;
    for (at, text) in TEXTS.iter().enumerate() {
        assert_eq!(answer["decrypted"][2 * at], *text);
        assert_eq!(answer["decrypted"][2 * at + 1], *text);
        for made in ["encrypted", "rotated"] {
            let token = answer[made][at].as_str().unwrap();
            let read = ours_new.decrypt(token, now(), Some(60)).unwrap();
            assert_eq!(read.as_slice(), text.as_bytes(), "{made}");
            assert!(ours_old.decrypt(token, now(), None).is_err(), "{made}");
        }
    }
}

#[tokio::test]
async fn p4_python_refuses_what_is_changed_in_a_token_of_ours() {
    let mut token = encrypted(&FernetKey::read(OLD).unwrap(), "value").into_bytes();
    token[40] ^= 1;
    let token = String::from_utf8(token).unwrap();
    let driver = Driver::new("fernet.py")
        .option("--key", OLD)
        .option("--token", token);
    let outcome = driver.attempt("").await;
    assert!(!outcome.is_success);
    assert_eq!(outcome.answer["error"], "a token is invalid");
}
