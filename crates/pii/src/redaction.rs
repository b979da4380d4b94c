//! Text and JSON in, operated text out: findings replaced in the original bytes, all else as it was.

use std::ops::Range;

use thiserror::Error;

use crate::document::{DocumentError, Leaf, leaves, unescape};
use crate::kind::Kind;
use crate::normalize::{Maker, Map};
use crate::operator::{Equipment, Operator, OperatorError};
use crate::recognizer::{Finding, Hit};
use crate::scanner::{Scanner, in_characters, resolve};

/// Why nothing can be passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RedactionError {
    /// The document cannot be scanned.
    #[error("the document cannot be scanned")]
    Document(#[from] DocumentError),
    /// An operator refused or failed.
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

/// The longest text that may be a part of a value that is spread over several fields.
const LONGEST_PART: usize = 24;

impl Scanner {
    /// What is found in a JSON document, in places of its bytes as they are. Keys are labels of their
    /// values, and values may be spread over neighbouring fields.
    ///
    /// # Errors
    ///
    /// When it is no document that every reader reads alike.
    pub fn scan_document(&self, json: &str) -> Result<Vec<Finding>, DocumentError> {
        let leaves = leaves(json)?;
        Ok(in_characters(json, self.document_hits(json, &leaves)))
    }

    fn document_hits(&self, json: &str, leaves: &[Leaf]) -> Vec<Hit> {
        let hits = match unescape(json, leaves) {
            Some((plain, map)) => back(self.hits(&plain), &map),
            None => self.hits(json),
        };
        let mut parts = parts_of(hits, leaves, true);
        if let Some((joined, map)) = join(json, leaves) {
            // Fields side by side form much by chance; these types are checked by more than their shape.
            let sure = self.hits(&joined).into_iter().filter(|hit| {
                let whole = joined[..hit.range.start]
                    .rsplit('\n')
                    .next()
                    .is_some_and(str::is_empty)
                    && joined[hit.range.end..].starts_with('\n');
                let is_checked = matches!(
                    hit.kind,
                    Kind::KrMobile | Kind::KrRrn | Kind::KrFrn | Kind::CreditCard
                );
                is_checked && hit.score > 0.74 && whole
            });
            parts.extend(parts_of(back(sure.collect(), &map), leaves, false));
        }
        parts.retain(|hit| json.get(hit.range.clone()).is_some());
        resolve(parts)
    }

    /// The text with each finding operated on as `choose` says, or nothing if all of it stays.
    ///
    /// # Errors
    ///
    /// When an operator refuses or fails; then nothing of the text may be passed on.
    pub fn redact(
        &self,
        text: &str,
        choose: impl Fn(&Finding) -> Operator,
        equipment: &mut Equipment<'_>,
    ) -> Result<Option<String>, OperatorError> {
        splice(
            text,
            &self.scan(text),
            choose,
            equipment,
            |_, replacement| replacement,
        )
    }

    /// The JSON document with each finding operated on, or nothing if all of it stays. A number that
    /// is replaced becomes a text.
    ///
    /// # Errors
    ///
    /// When it cannot be scanned, or an operator refuses or fails; then nothing may be passed on.
    pub fn redact_document(
        &self,
        json: &str,
        choose: impl Fn(&Finding) -> Operator,
        equipment: &mut Equipment<'_>,
    ) -> Result<Option<String>, RedactionError> {
        let leaves = leaves(json)?;
        let mut findings = in_characters(json, self.document_hits(json, &leaves));
        for finding in &mut findings {
            // Operators see the value as it is read, not as it is escaped.
            let quoted = format!("\"{}\"", finding.value);
            if let Ok(plain) = serde_json::from_str(&quoted) {
                finding.value = plain;
            }
        }
        let written = |range: &Range<usize>, replacement: String| {
            let is_number = leaves_over(&leaves, range)
                .iter()
                .any(|leaf| leaf.is_number);
            let quoted = serde_json::Value::String(replacement).to_string();
            if is_number {
                quoted
            } else {
                quoted[1..quoted.len() - 1].to_owned()
            }
        };
        Ok(splice(json, &findings, choose, equipment, written)?)
    }
}

fn back(hits: Vec<Hit>, map: &Map) -> Vec<Hit> {
    let place = |hit: Hit| Hit {
        range: map.to_source(hit.range),
        ..hit
    };
    hits.into_iter().map(place).collect()
}

/// The pieces of hits that lie in leaves: nothing between them may change.
fn parts_of(hits: Vec<Hit>, leaves: &[Leaf], with_keys: bool) -> Vec<Hit> {
    let mut parts = Vec::with_capacity(hits.len());
    for hit in hits {
        for leaf in leaves_over(leaves, &hit.range) {
            // A number is replaced as a whole, or what is left would be another number.
            let range = if leaf.is_number {
                leaf.range.clone()
            } else {
                hit.range.start.max(leaf.range.start)..hit.range.end.min(leaf.range.end)
            };
            if with_keys || !leaf.is_key {
                parts.push(Hit {
                    range,
                    ..hit.clone()
                });
            }
        }
    }
    parts
}

/// The leaves that a range touches.
fn leaves_over<'l>(leaves: &'l [Leaf], range: &Range<usize>) -> &'l [Leaf] {
    let first = leaves.partition_point(|leaf| leaf.range.end <= range.start);
    let count = leaves[first..].partition_point(|leaf| leaf.range.start < range.end);
    &leaves[first..first + count]
}

/// Every two, three and four short neighbouring values, each as one line.
fn join(json: &str, leaves: &[Leaf]) -> Option<(String, Map)> {
    let values: Vec<&Leaf> = leaves.iter().filter(|leaf| !leaf.is_key).collect();
    let is_part = |leaf: &&Leaf| {
        (1..=LONGEST_PART).contains(&leaf.range.len())
            && json[leaf.range.clone()]
                .bytes()
                .all(|byte| byte.is_ascii_digit())
    };
    let mut maker = Maker::default();
    for start in 0..values.len() {
        let parts = values[start..]
            .iter()
            .take(4)
            .take_while(|leaf| is_part(leaf))
            .count();
        for count in 2..=parts {
            for leaf in &values[start..start + count] {
                maker.copy(json, leaf.range.clone());
                let separator = if leaf.range == values[start + count - 1].range {
                    "\n"
                } else {
                    "-"
                };
                maker.replace(separator, leaf.range.end..leaf.range.end);
            }
        }
    }
    maker.finish()
}

fn splice(
    text: &str,
    findings: &[Finding],
    choose: impl Fn(&Finding) -> Operator,
    equipment: &mut Equipment<'_>,
    written: impl Fn(&Range<usize>, String) -> String,
) -> Result<Option<String>, OperatorError> {
    let mut operated = String::new();
    let mut copied = 0;
    for finding in findings {
        if let Some(replacement) = choose(finding).apply(finding, equipment)? {
            operated.push_str(&text[copied..finding.byte_start]);
            operated.push_str(&written(&finding.bytes(), replacement));
            copied = finding.byte_end;
        }
    }
    if copied == 0 {
        return Ok(None);
    }
    operated.push_str(&text[copied..]);
    Ok(Some(operated))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(json: &str, expect: Option<&str>) {
        let operated =
            Scanner::new().redact_document(json, |_| Operator::Mask, &mut Equipment::default());
        assert_eq!(operated.unwrap().as_deref(), expect);
    }

    #[test]
    fn p1_the_rest_stays_byte_for_byte() {
        check(
            "{ \"b\":1.10,\"n\" : 1e2, \"mail\":\"kim@naver.com\", \"big\":12345678901234567890123}",
            Some(
                "{ \"b\":1.10,\"n\" : 1e2, \"mail\":\"***@naver.com\", \"big\":12345678901234567890123}",
            ),
        );
        check(r#"{"a": [1.10, {"z":"\u0041"}]}"#, None);
    }

    #[test]
    fn p1_escapes_keys_numbers_and_texts_in_texts_are_read() {
        check(
            r#"{"name":"\ud64d\uae38\ub3d9"}"#,
            Some(r#"{"name":"홍**"}"#),
        );
        check(r#"{"kim@naver.com":1}"#, Some(r#"{"***@naver.com":1}"#));
        check(
            r#"{"card":4111111111111111}"#,
            Some(r#"{"card":"************1111"}"#),
        );
        check(
            r#"{"text":"{\"mail\":\"a@b.kr\"}"}"#,
            Some(r#"{"text":"{\"mail\":\"*@b.kr\"}"}"#),
        );
    }

    #[test]
    fn p1_a_value_spread_over_fields_is_found() {
        let json = r#"{"tel1":"010","tel2":"2345","tel3":"6789","n":3}"#;
        let found = Scanner::new().scan_document(json).unwrap();
        assert_eq!(
            found
                .iter()
                .map(|one| one.value.as_str())
                .collect::<Vec<_>>(),
            ["010", "2345", "6789"]
        );
    }

    #[test]
    fn p2_a_refused_type_refuses_the_text() {
        let refused =
            Scanner::new().redact("a@b.kr", |_| Operator::Reject, &mut Equipment::default());
        assert_eq!(refused.unwrap_err(), OperatorError::Rejected(Kind::Email));
        let unequipped =
            Scanner::new().redact("a@b.kr", |_| Operator::Encrypt, &mut Equipment::default());
        assert!(matches!(
            unequipped.unwrap_err(),
            OperatorError::NotEquipped(_)
        ));
    }

    /// Made once: a hundred cases need but one.
    static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);

    proptest! {
        #[test]
        fn p1_an_operated_document_is_one_and_has_nothing_left(
            words in prop::collection::vec("[가-힣a-z \"\\\\\n]{0,6}( 010-2345-6789| a@b\\.kr| 홍길동님|%40|\u{200B})?", 0..6)
        ) {
            let json = serde_json::to_string(&words).unwrap();
            let operated = SCANNER.redact_document(&json, |_| Operator::Mask, &mut Equipment::default()).unwrap();
            let operated = operated.unwrap_or(json);
            let again: Vec<String> = serde_json::from_str(&operated).unwrap();
            prop_assert_eq!(again.len(), words.len());
            prop_assert!(!operated.contains("010-2345-6789"), "{}", operated);
        }

        #[test]
        fn p1_findings_lie_where_they_say(text in "([가-힣 ]{0,4}(010-2345-6789|０１０－２３４５－６７８９|a%40b.kr|홍길동님|\\PC)){0,6}") {
            let chars: Vec<char> = text.chars().collect();
            for finding in SCANNER.scan(&text) {
                prop_assert_eq!(&text[finding.bytes()], finding.value.as_str());
                let value: String = chars[finding.start..finding.end].iter().collect();
                prop_assert_eq!(value, finding.value);
            }
        }
    }
}
