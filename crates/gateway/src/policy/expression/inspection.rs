//! What an expression may be: what it names is known, and what it costs is bounded.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, LiteralValue};

use super::pattern;

/// The deepest nesting; each level takes stack, also when the expression is evaluated.
pub(super) const MAX_DEPTH: usize = 24;

/// What an expression can name.
const VARIABLES: [&str; 3] = ["caller", "operation", "arguments"];

/// Types can be named, too, as in `type(arguments.id) == string`.
const TYPES: [&str; 9] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "uint",
];

/// A look at an expression before it is used.
#[derive(Default)]
pub(super) struct Inspection<'e> {
    /// Variables of loops around.
    bound: Vec<&'e str>,
    is_in_loop: bool,
    pub(super) has_loop: bool,
    /// The names of members, and texts, since `arguments["name"]` names one, too.
    pub(super) names: BTreeSet<String>,
}

impl<'e> Inspection<'e> {
    pub(super) fn inspect(&mut self, expression: &'e IdedExpr, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!(
                "the expression is nested more than {MAX_DEPTH} levels deep: use several rules"
            ));
        }
        let deeper = depth + 1;
        match &expression.expr {
            Expr::Literal(LiteralValue::String(text)) => {
                self.names.insert(text.inner().to_owned());
                Ok(())
            }
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => {
                self.names.insert(select.field.clone());
                self.inspect(&select.operand, deeper)
            }
            Expr::Call(call) => {
                if call.func_name == "matches" {
                    pattern::learn(call)?;
                }
                let parts = call.target.as_deref().into_iter().chain(&call.args);
                parts
                    .into_iter()
                    .try_for_each(|part| self.inspect(part, deeper))
            }
            Expr::List(list) => list
                .elements
                .iter()
                .try_for_each(|element| self.inspect(element, deeper)),
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr), deeper),
            Expr::Struct(_) => Err("types of messages are not known here".to_owned()),
            Expr::Comprehension(every) => {
                self.inspect(&every.iter_range, deeper)?;
                // A loop in a loop over what a caller sends would let them choose how long it takes.
                if self.is_in_loop {
                    return Err(
                        "a loop stands inside another loop: only one is possible".to_owned()
                    );
                }
                let outside = self.bound.len();
                self.bound.push(&every.iter_var);
                self.bound.extend(every.iter_var2.as_deref());
                self.bound.push(&every.accu_var);
                (self.is_in_loop, self.has_loop) = (true, true);
                let parts = [
                    &every.accu_init,
                    &every.loop_cond,
                    &every.loop_step,
                    &every.result,
                ];
                let inspected = parts
                    .into_iter()
                    .try_for_each(|part| self.inspect(part, deeper));
                self.is_in_loop = false;
                self.bound.truncate(outside);
                inspected
            }
        }
    }

    fn entries(
        &mut self,
        entries: impl Iterator<Item = &'e EntryExpr>,
        depth: usize,
    ) -> Result<(), String> {
        for entry in entries {
            match entry {
                EntryExpr::MapEntry(entry) => {
                    self.inspect(&entry.key, depth)?;
                    self.inspect(&entry.value, depth)?;
                }
                EntryExpr::StructField(field) => self.inspect(&field.value, depth)?,
            }
        }
        Ok(())
    }

    fn name(&self, name: &str) -> Result<(), String> {
        let is_known =
            self.bound.contains(&name) || VARIABLES.contains(&name) || TYPES.contains(&name);
        if is_known {
            return Ok(());
        }
        Err(format!(
            "nothing is called `{name}`: known are {}",
            VARIABLES.join(", ")
        ))
    }
}
