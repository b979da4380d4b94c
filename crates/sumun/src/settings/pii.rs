//! What happens to personal data, as it is written and as it is checked.

use pii::{Policy, Scanner};
use serde::Deserialize;

/// `[pii]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PiiSection {
    /// What is done with what no rule is about: `mask`, `encrypt`, `tokenize`, `reject` or `allow`. It
    /// stays as it is unless set.
    pub(crate) otherwise: Option<String>,
    /// A file with types of your own: a JSON object of names and regular expressions. A relative path
    /// starts at this file.
    pub(crate) patterns: Option<String>,
    /// What is done with which findings. The first rule that fits one decides.
    pub(crate) rules: Vec<PiiRuleSection>,
}

/// `[[pii.rules]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PiiRuleSection {
    /// The tools it is about, as `upstream.tool`; `*` stands for any text. All of them unless set.
    pub(crate) tools: Vec<String>,
    /// `arguments` of calls, or their `result`. Both unless set.
    pub(crate) direction: Option<String>,
    /// Places in the arguments or in the structured result, such as `$.customer.phone` and `$..email`.
    /// All of them unless set.
    pub(crate) paths: Vec<String>,
    /// Types of personal data, such as `EMAIL`, `PHONE` or `KR_RRN`. All of them unless set.
    pub(crate) types: Vec<String>,
    /// Only for callers who have all of these scopes. Tokens for the upstreams that the rule can be about may
    /// hold them, so they are described in `[scopes]`.
    pub(crate) scopes: Vec<String>,
    /// Only for callers who have none of these scopes, which are described, too.
    pub(crate) without_scopes: Vec<String>,
    /// Only for findings that are at least so sure, from 0.5 to 1.
    pub(crate) least_score: Option<f32>,
    /// What is done: `mask`, `encrypt`, `tokenize`, `reject` or `allow`. Required.
    pub(crate) action: Option<String>,
    /// With `tokenize`: the tools in whose arguments a stand-in becomes the value again.
    pub(crate) restore_in: Vec<String>,
}

/// What happens to personal data.
#[derive(Clone, Debug)]
pub(crate) struct Pii {
    /// Finds them.
    pub(crate) scanner: Scanner,
    /// Says what is done.
    pub(crate) policy: Policy,
}
