//! Conditions on the arguments of a call.

use std::cmp::Ordering;

use regex::Regex;
use resource_server::Caller;
use serde_json::{Number, Value};

use super::facts::claim;
use super::verdict::Verdict;

/// What an argument must be. All that is set has to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArgumentSettings {
    /// Equal to this.
    pub equals: Option<Value>,
    /// Equal to one of these.
    pub one_of: Vec<Value>,
    /// Equal to this claim of the caller; `sub` makes it the caller's own.
    pub claim: Option<String>,
    /// A text that this regular expression describes as a whole.
    pub matches: Option<String>,
    /// A number that is at least this.
    pub min: Option<Number>,
    /// A number that is at most this.
    pub max: Option<Number>,
    /// A text of at most so many characters, or a list of so many values.
    pub max_length: Option<usize>,
    /// Whether it may be missing.
    pub optional: bool,
}

/// One test of an argument.
#[derive(Clone, Debug)]
enum Test {
    OneOf(Vec<Value>),
    Claim(String),
    Matches(Regex),
    Min(Number),
    Max(Number),
    MaxLength(usize),
}

/// The tests of one argument.
#[derive(Clone, Debug)]
pub(super) struct ArgumentCondition {
    /// Where the argument stands.
    pub(super) path: String,
    tests: Vec<Test>,
    optional: bool,
}

impl ArgumentCondition {
    pub(super) fn new(path: &str, settings: &ArgumentSettings) -> Result<Self, String> {
        let mut tests = Vec::new();
        tests.extend(
            settings
                .equals
                .iter()
                .map(|value| Test::OneOf(vec![value.clone()])),
        );
        if !settings.one_of.is_empty() {
            tests.push(Test::OneOf(settings.one_of.clone()));
        }
        tests.extend(settings.claim.clone().map(Test::Claim));
        if let Some(pattern) = &settings.matches {
            // Only of a text as a whole one can say that it is good.
            let whole = Regex::new(&format!("^(?:{pattern})$"));
            // The parentheses must not be closed by the pattern itself.
            let alone = Regex::new(pattern);
            match (alone, whole) {
                (Ok(_), Ok(whole)) => tests.push(Test::Matches(whole)),
                _ => return Err(format!("`{pattern}` is no regular expression")),
            }
        }
        tests.extend(settings.min.clone().map(Test::Min));
        tests.extend(settings.max.clone().map(Test::Max));
        tests.extend(settings.max_length.map(Test::MaxLength));
        if tests.is_empty() {
            return Err(format!(
                "says nothing about the argument `{path}`: write what it must be, such as {{ claim = \"sub\" }}"
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            tests,
            optional: settings.optional,
        })
    }

    /// `argument` is what stands at the path, if anything does.
    pub(super) fn judge(&self, argument: Option<&Value>, caller: &Caller) -> Verdict {
        let Some(argument) = argument else {
            return Verdict::of(self.optional);
        };
        let verdicts = self.tests.iter().map(|test| test.judge(argument, caller));
        verdicts.fold(Verdict::Holds, Verdict::and)
    }

    /// What the argument has to be, in words.
    pub(super) fn in_words(&self) -> String {
        let tests: Vec<_> = self.tests.iter().map(Test::in_words).collect();
        format!("the argument `{}` is {}", self.path, tests.join(" and "))
    }
}

impl Test {
    fn judge(&self, argument: &Value, caller: &Caller) -> Verdict {
        match self {
            Self::OneOf(values) => {
                // An upstream may take "5" for 5 and [5] for 5; so what is of another kind is not
                // "something else", but something that cannot be judged.
                if !values.iter().any(|value| is_same_kind(value, argument)) {
                    return Verdict::Broken;
                }
                Verdict::of(values.iter().any(|value| is_equal(value, argument)))
            }
            Self::Claim(name) => match claim(caller, name) {
                Some(own) if is_same_kind(own, argument) => Verdict::of(is_equal(own, argument)),
                Some(_) => Verdict::Broken,
                None => Verdict::Fails,
            },
            Self::Matches(pattern) => match argument.as_str() {
                Some(text) => Verdict::of(pattern.is_match(text)),
                None => Verdict::Broken,
            },
            Self::Min(least) => match argument.as_number() {
                Some(number) => Verdict::of(compare(number, least) != Some(Ordering::Less)),
                None => Verdict::Broken,
            },
            Self::Max(most) => match argument.as_number() {
                Some(number) => Verdict::of(compare(number, most) != Some(Ordering::Greater)),
                None => Verdict::Broken,
            },
            Self::MaxLength(most) => match argument {
                Value::String(text) => Verdict::of(text.chars().nth(*most).is_none()),
                Value::Array(list) => Verdict::of(list.len() <= *most),
                _ => Verdict::Broken,
            },
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::OneOf(values) => {
                let values: Vec<_> = values.iter().map(Value::to_string).collect();
                values.join(" or ")
            }
            Self::Claim(name) if name == "sub" => "the caller".to_owned(),
            Self::Claim(name) => format!("the caller's claim `{name}`"),
            Self::Matches(pattern) => {
                let written = pattern.as_str();
                let written = written.strip_prefix("^(?:").unwrap_or(written);
                format!(
                    "a text like `{}`",
                    written.strip_suffix(")$").unwrap_or(written)
                )
            }
            Self::Min(least) => format!("at least {least}"),
            Self::Max(most) => format!("at most {most}"),
            Self::MaxLength(most) => format!("at most {most} long"),
        }
    }
}

fn is_same_kind(one: &Value, other: &Value) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// Equal as JSON values; 1 and 1.0 are the same number.
pub(super) fn is_equal(one: &Value, other: &Value) -> bool {
    match (one.as_number(), other.as_number()) {
        (Some(one), Some(other)) => compare(one, other) == Some(Ordering::Equal),
        _ => one == other,
    }
}

/// Whole numbers are compared exactly: as fractions, large ones would be equal that are not.
fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(settings: &ArgumentSettings, argument: &Value, expected: Verdict) {
        let condition = ArgumentCondition::new("x", settings).unwrap();
        let caller = Caller::new("alice");
        assert_eq!(
            condition.judge(Some(argument), &caller),
            expected,
            "{argument}"
        );
    }

    #[test]
    fn values_claims_and_limits() {
        let equals = |value| ArgumentSettings {
            equals: Some(value),
            ..ArgumentSettings::default()
        };
        check(&equals(json!(5)), &json!(5.0), Verdict::Holds);
        check(&equals(json!(5)), &json!(6), Verdict::Fails);
        let own = ArgumentSettings {
            claim: Some("sub".to_owned()),
            ..ArgumentSettings::default()
        };
        check(&own, &json!("alice"), Verdict::Holds);
        check(&own, &json!("bob"), Verdict::Fails);
        let limits = ArgumentSettings {
            min: Some(1.into()),
            max: Some(100.into()),
            ..ArgumentSettings::default()
        };
        for (argument, expected) in [
            (json!(1), Verdict::Holds),
            (json!(100), Verdict::Holds),
            (json!(0.5), Verdict::Fails),
            (json!(101), Verdict::Fails),
            (json!(18_446_744_073_709_551_615_u64), Verdict::Fails),
        ] {
            check(&limits, &argument, expected);
        }
        let short = ArgumentSettings {
            matches: Some("[가-힣]+|x".to_owned()),
            max_length: Some(2),
            ..ArgumentSettings::default()
        };
        check(&short, &json!("할일"), Verdict::Holds);
        check(&short, &json!("할일들"), Verdict::Fails);
        check(&short, &json!("xx"), Verdict::Fails);
    }

    #[test]
    fn what_an_upstream_may_read_otherwise_cannot_be_judged() {
        let five = ArgumentSettings {
            one_of: vec![json!(5)],
            max: Some(9.into()),
            ..ArgumentSettings::default()
        };
        for argument in [json!("5"), json!([5]), json!(null), json!({"x": 5})] {
            check(&five, &argument, Verdict::Broken);
        }
    }

    #[test]
    fn a_missing_argument_holds_only_if_it_may_be_missing() {
        let caller = Caller::new("alice");
        for optional in [false, true] {
            let settings = ArgumentSettings {
                claim: Some("sub".to_owned()),
                optional,
                ..ArgumentSettings::default()
            };
            let condition = ArgumentCondition::new("x", &settings).unwrap();
            assert_eq!(condition.judge(None, &caller), Verdict::of(optional));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert!(ArgumentCondition::new("x", &ArgumentSettings::default()).is_err());
        for pattern in ["(", "a)|(b"] {
            let settings = ArgumentSettings {
                matches: Some(pattern.to_owned()),
                ..ArgumentSettings::default()
            };
            assert!(ArgumentCondition::new("x", &settings).is_err(), "{pattern}");
        }
    }
}
