//! The function `matches`, whose patterns are compiled when the settings are read.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use cel::common::ast::{CallExpr, Expr, LiteralValue};
use cel::common::types::{CelBool, CelString};
use cel::{Env, ExecutionError, IdedExpr};

/// A pattern of `matches` is the operator's, never the caller's, and is good.
pub(super) fn learn(call: &CallExpr) -> Result<(), String> {
    let Some(IdedExpr {
        expr: Expr::Literal(LiteralValue::String(pattern)),
        ..
    }) = call.args.last()
    else {
        return Err("the pattern of `matches` must be written in quotes".to_owned());
    };
    let pattern = pattern.inner();
    let known = regex::Regex::new(pattern);
    let known = known.map_err(|_| format!("`{pattern}` is no regular expression"))?;
    let mut patterns = PATTERNS.write().unwrap_or_else(PoisonError::into_inner);
    patterns.insert(pattern.to_owned(), known);
    Ok(())
}

/// The patterns of all expressions: compiling one takes far longer than using it, and a loop uses it once
/// for every value that a caller sends. They are the operator's, so there are not many.
static PATTERNS: LazyLock<RwLock<HashMap<String, regex::Regex>>> = LazyLock::new(RwLock::default);

/// What expressions can do: the standard functions, and `matches` with patterns that are compiled already.
pub(super) fn environment() -> Env {
    let mut environment = Env::stdlib();
    cel::add_member_overload!(environment, fn matches: (CelString, CelString) -> Result<CelBool>)
        .expect("the standard functions are without it");
    environment
}

fn matches(text: &CelString<'_>, pattern: &CelString<'_>) -> Result<CelBool, ExecutionError> {
    let patterns = PATTERNS.read().unwrap_or_else(PoisonError::into_inner);
    match patterns.get(pattern.inner()) {
        Some(pattern) => Ok(CelBool::from(pattern.is_match(text.inner()))),
        None => Err(ExecutionError::FunctionError {
            function: "matches".to_owned(),
            message: "the pattern is not known".to_owned(),
        }),
    }
}
