//! Secrets that their issuers begin in ways of their own.

use super::value::{is_mixed, is_mixed_case, is_random};
use crate::kind::Kind;
use crate::recognizer::Hit;

/// A secret that its issuer begins in a way of its own.
pub(crate) struct Prefix {
    pub(crate) text: &'static str,
    /// How many characters follow at least.
    least: usize,
    /// Which characters besides letters and digits.
    others: &'static [u8],
}

const fn prefix(text: &'static str, least: usize, others: &'static [u8]) -> Prefix {
    Prefix {
        text,
        least,
        others,
    }
}

pub(crate) const PREFIXES: [Prefix; 62] = [
    prefix(BOT, 32, b"-_"),
    prefix("AGE-SECRET-KEY-1", 40, b""),
    prefix("dapi", 32, b""),
    prefix("sbp_", 30, b""),
    prefix("figd_", 30, b"-_"),
    prefix("xai-", 40, b""),
    prefix("glsa_", 30, b"_"),
    prefix("PMAK-", 40, b"-"),
    prefix("CFPAT-", 30, b"-_"),
    prefix("sk_prod_", 16, b""),
    prefix("https://hooks.slack.com/services/", 20, b"/"),
    prefix("sk-ant-", 20, b"-_"),
    prefix("sk-proj-", 20, b"-_"),
    prefix("sk-svcacct-", 20, b"-_"),
    prefix("sk-or-v1-", 20, b"-_"),
    prefix("sk-", 20, b"-_"),
    prefix("sk_live_", 10, b""),
    prefix("sk_test_", 10, b""),
    prefix("rk_live_", 10, b""),
    prefix("rk_test_", 10, b""),
    prefix("pk_live_", 10, b""),
    prefix("whsec_", 16, b"+/"),
    prefix("ghp_", 30, b""),
    prefix("gho_", 30, b""),
    prefix("ghu_", 30, b""),
    prefix("ghs_", 30, b""),
    prefix("ghr_", 30, b""),
    prefix("github_pat_", 30, b"_"),
    prefix("glpat-", 16, b"-_"),
    prefix("gldt-", 16, b"-_"),
    prefix("npm_", 30, b""),
    prefix("pypi-AgEI", 20, b"-_"),
    prefix("AKIA", 16, b""),
    prefix("ASIA", 16, b""),
    prefix("AIza", 30, b"-_"),
    prefix("ya29.", 20, b"-_"),
    prefix("GOCSPX-", 20, b"-_"),
    prefix("xoxb-", 10, b"-"),
    prefix("xoxp-", 10, b"-"),
    prefix("xoxa-", 10, b"-"),
    prefix("xoxr-", 10, b"-"),
    prefix("xoxs-", 10, b"-"),
    prefix("xapp-", 10, b"-"),
    prefix("SG.", 30, b"-_."),
    prefix("hf_", 20, b""),
    prefix("dop_v1_", 40, b""),
    prefix("shpat_", 24, b""),
    prefix("shpss_", 24, b""),
    prefix("sq0atp-", 16, b"-_"),
    prefix("sq0csp-", 16, b"-_"),
    prefix("EAAC", 40, b""),
    prefix("hvs.", 20, b"-_"),
    prefix("dckr_pat_", 20, b"-_"),
    prefix("lin_api_", 20, b""),
    prefix("ntn_", 30, b""),
    prefix("secret_", 40, b""),
    prefix("pplx-", 20, b""),
    prefix("gsk_", 20, b""),
    prefix("r8_", 30, b""),
    prefix("key-", 32, b""),
    prefix("tskey-", 16, b"-"),
    prefix("eyJ", 20, b"-_."),
];

/// The longest secret; what is longer is found as far as here.
const LONGEST: usize = 4096;

/// The secret that begins with `prefix` at `start`.
pub(super) fn prefixed(text: &str, start: usize, prefix: &Prefix) -> Option<Hit> {
    let bytes = text.as_bytes();
    // A part of a longer word; many in a row would each be read to the end.
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let before = if prefix.text == BOT {
        bot(bytes, start)?
    } else {
        start
    };
    if before.checked_sub(1).is_some_and(|at| is_word(bytes[at])) {
        return None;
    }
    let from = start + prefix.text.len();
    let is_inner = |byte: &&u8| byte.is_ascii_alphanumeric() || prefix.others.contains(byte);
    let length = bytes[from..]
        .iter()
        .take(LONGEST)
        .take_while(is_inner)
        .count();
    let value = text[from..from + length].trim_end_matches(['.', '-']);
    let end = from + value.len();
    let is_secret = value.len() >= prefix.least
        && match prefix.text {
            "eyJ" => {
                let mut parts = value.split('.');
                value.matches('.').count() == 2 && parts.by_ref().take(2).all(|part| part.len() > 4)
            }
            "AKIA" | "ASIA" => {
                let is_upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
                value.len() == 16 && value.bytes().all(is_upper)
            }
            // Of so many letters without a digit, hardly any is a word.
            _ => is_mixed(value) || is_random(value) || value.len() > 30 && is_mixed_case(value),
        };
    is_secret.then(|| Hit::new(Kind::Secret, before..end, 0.98))
}

/// What stands between the two halves of the token of a bot of Telegram, of which the first are digits.
const BOT: &str = ":AA";

/// Where the number of such a bot begins, if one ends at `end`.
fn bot(bytes: &[u8], end: usize) -> Option<usize> {
    let digits = bytes[..end].iter().rev().take(11);
    let count = digits.take_while(|byte| byte.is_ascii_digit()).count();
    (8..=10).contains(&count).then(|| end - count)
}

/// The secret that belongs to the identifier of a key which ends at `end`, and stands beside it.
pub(crate) fn beside(text: &str, prefix: &Prefix, end: usize) -> Option<Hit> {
    if !matches!(prefix.text, "AKIA" | "ASIA") {
        return None;
    }
    let rest = &text.as_bytes()[end..];
    let between = rest
        .iter()
        .take(4)
        .take_while(|byte| b" /:,\t|".contains(byte));
    let between = between.count();
    let is_inner = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+');
    let length = rest[between..].iter().take(41).take_while(is_inner).count();
    let start = end + between;
    let value = &text[start..start + length];
    (between > 0 && length == 40 && is_mixed(value) && is_mixed_case(value))
        .then(|| Hit::new(Kind::Secret, start..start + length, 0.9))
}
