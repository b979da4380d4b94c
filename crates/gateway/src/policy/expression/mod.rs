//! Conditions as expressions of the operator's (Common Expression Language).
//!
//! They come from the settings alone, never from a caller, and what they cost is bounded: the text, how
//! deep it is nested, loops inside loops, and how much of the arguments they may look at. Compiling
//! takes a lot of stack, so it is done on a thread of its own, once, when the settings are read.

mod inspection;
mod pattern;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cel::objects::Key;
use cel::{Context, Env, Program};
use oauth::json::is_disguised;
use serde_json::Value;

use self::inspection::Inspection;
use super::facts::{Facts, Unreadable};
use super::verdict::Verdict;

/// The longest expression.
const MAX_TEXT: usize = 4 * 1024;

/// The most values that an expression may look at in arguments and claims.
const MAX_VALUES: usize = 10_000;

/// So many bytes of text cost as much as a value where there is a loop: it may read every text once for
/// every value.
const BYTES_A_VALUE: usize = 64;

/// The stack on which expressions are compiled.
const STACK: usize = 64 * 1024 * 1024;

/// A compiled expression.
pub(super) struct Expression {
    text: Box<str>,
    program: Program,
    environment: Arc<Env>,
    uses_arguments: bool,
    has_loop: bool,
    /// What it may call by name in the arguments.
    names: Box<[String]>,
}

/// Compiles expressions, each for itself.
pub(super) fn compile(texts: Vec<String>) -> Vec<Result<Expression, String>> {
    if texts.is_empty() {
        return Vec::new();
    }
    let compile = move || {
        let environment = Arc::new(pattern::environment());
        let texts = texts.into_iter();
        texts
            .map(|text| Expression::new(text, &environment))
            .collect()
    };
    let thread = std::thread::Builder::new()
        .name("policy".to_owned())
        .stack_size(STACK);
    let thread = thread.spawn(compile).expect("a thread can be started");
    thread
        .join()
        .expect("compiling an expression does not panic")
}

impl Expression {
    fn new(text: String, environment: &Arc<Env>) -> Result<Self, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("the expression is longer than {MAX_TEXT} bytes"));
        }
        let program = environment.compile(&text);
        let program = program.map_err(|errors| {
            let first = errors.errors.first();
            let first = first.map_or_else(String::new, |error| {
                let (line, column) = error.pos;
                // The parser goes on with everything that it would have liked better.
                let message = error.msg.split(" expecting ").next().unwrap_or_default();
                format!(" (line {line}, column {column}: {message})")
            });
            format!("this is no expression{first}")
        })?;
        let mut inspection = Inspection::default();
        inspection.inspect(program.expression(), 0)?;
        let has_loop = inspection.has_loop;
        let names = inspection.names.into_iter().collect();
        let uses_arguments = program.references().has_variable("arguments");
        Ok(Self {
            text: text.into(),
            program,
            environment: Arc::clone(environment),
            uses_arguments,
            has_loop,
            names,
        })
    }

    /// Whether arguments have a name that some readers take for one that the expression looks at, wherever
    /// it stands (acceptance D5).
    fn is_misled_by(&self, arguments: &Value) -> bool {
        match arguments {
            Value::Object(members) => members.iter().any(|(key, value)| {
                let names = self.names.iter().map(String::as_str);
                is_disguised(key, names) || self.is_misled_by(value)
            }),
            Value::Array(list) => list.iter().any(|value| self.is_misled_by(value)),
            _ => false,
        }
    }

    /// The expression as it is written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn judge(&self, facts: &Facts<'_>) -> Verdict {
        self.evaluate(facts).unwrap_or(Verdict::Broken)
    }

    /// Whether it holds, or why that cannot be told.
    pub(super) fn evaluate(&self, facts: &Facts<'_>) -> Result<Verdict, String> {
        let mut context = Context::with_env(Arc::clone(&self.environment));
        let mut budget = Budget {
            values: MAX_VALUES,
            bytes_a_value: if self.has_loop {
                BYTES_A_VALUE
            } else {
                usize::MAX
            },
        };
        let inputs = facts.inputs(&mut budget).ok_or_else(too_large)?;
        context.add_variable_from_value("caller", inputs.caller.clone());
        context.add_variable_from_value("operation", inputs.operation.clone());
        if self.uses_arguments {
            match facts.arguments() {
                Ok(arguments) => {
                    if self.is_misled_by(arguments) {
                        return Err(
                            "an argument has a name that could be read as another one".to_owned()
                        );
                    }
                    let arguments = value(arguments, &mut budget).ok_or_else(too_large)?;
                    context.add_variable_from_value("arguments", arguments);
                }
                // Without them, what depends on them fails, and only the rest decides.
                Err(Unreadable::NotKnownYet) => {
                    return Ok(match self.program.execute(&context) {
                        Ok(cel::Value::Bool(holds)) => Verdict::of(holds),
                        _ => Verdict::Unknown,
                    });
                }
                Err(Unreadable::Wrong) => {
                    return Err("the arguments are no object, or name something twice".to_owned());
                }
            }
        }
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(holds)) => Ok(Verdict::of(holds)),
            Ok(_) => Err("it is neither true nor false".to_owned()),
            // The message may quote arguments.
            Err(error) => Err(error.to_string().chars().take(200).collect()),
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

fn too_large() -> String {
    format!("arguments and claims hold more than {MAX_VALUES} values, or too much text")
}

/// What expressions see of the caller and the operation.
pub(super) struct Inputs {
    caller: cel::Value,
    operation: cel::Value,
}

impl Inputs {
    pub(super) fn new(facts: &Facts<'_>, budget: &mut Budget) -> Option<Self> {
        let caller = facts.caller;
        let texts = |texts: &mut dyn Iterator<Item = &str>| {
            let texts: Vec<cel::Value> = texts.map(text).collect();
            cel::Value::List(texts.into())
        };
        let claims = caller.claims().iter();
        let claims = claims.map(|(name, claim)| Some((Key::from(&**name), value(claim, budget)?)));
        let claims: HashMap<Key, cel::Value> = claims.collect::<Option<_>>()?;
        let caller = map([
            ("sub", text(caller.subject())),
            ("client_id", or_null(caller.client_id())),
            ("issuer", or_null(caller.issuer())),
            ("client_kind", text(facts.first_party.kind(caller).as_str())),
            ("scopes", texts(&mut caller.scopes().iter())),
            ("roles", texts(&mut caller.roles())),
            ("claims", cel::Value::Map(claims.into())),
        ]);
        let operation = map([
            ("upstream", text(facts.operation.upstream)),
            ("method", text(facts.subject.method)),
            ("name", or_null(facts.operation.name)),
            (
                "read_only",
                (facts.operation.read_only == Some(true)).into(),
            ),
        ]);
        Some(Self { caller, operation })
    }
}

fn text(text: &str) -> cel::Value {
    cel::Value::String(Arc::new(text.to_owned()))
}

fn or_null(maybe: Option<&str>) -> cel::Value {
    maybe.map_or(cel::Value::Null, text)
}

fn map<const N: usize>(members: [(&str, cel::Value); N]) -> cel::Value {
    let members = members.map(|(name, value)| (Key::from(name), value));
    cel::Value::Map(HashMap::from(members).into())
}

/// How much an expression may still look at.
pub(super) struct Budget {
    values: usize,
    bytes_a_value: usize,
}

impl Budget {
    fn spend(&mut self, values: usize) -> Option<()> {
        self.values = self.values.checked_sub(values)?;
        Some(())
    }
}

/// A JSON value for expressions, unless it is larger than what is left of the budget.
fn value(json: &Value, budget: &mut Budget) -> Option<cel::Value> {
    budget.spend(1)?;
    Some(match json {
        Value::Null => cel::Value::Null,
        Value::Bool(bool) => (*bool).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => cel::Value::Int(whole),
            (None, Some(large)) => cel::Value::UInt(large),
            (None, None) => cel::Value::Float(number.as_f64()?),
        },
        Value::String(string) => {
            budget.spend(string.len() / budget.bytes_a_value)?;
            text(string)
        }
        Value::Array(list) => {
            let list = list.iter().map(|element| value(element, budget));
            cel::Value::List(list.collect::<Option<Vec<_>>>()?.into())
        }
        Value::Object(members) => {
            let members = members.iter();
            let members =
                members.map(|(name, json)| Some((Key::from(&**name), value(json, budget)?)));
            cel::Value::Map(members.collect::<Option<HashMap<_, _>>>()?.into())
        }
    })
}

#[cfg(test)]
mod tests {
    use resource_server::Caller;
    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::super::facts::FirstParty;
    use super::super::operation::{Operation, Subject};
    use super::inspection::MAX_DEPTH;
    use super::*;

    fn compiled(text: &str) -> Result<Expression, String> {
        compile(vec![text.to_owned()]).pop().unwrap()
    }

    /// What `text` says of a call with `arguments`, or of an entry of a list.
    fn said(text: &str, arguments: Option<&Value>) -> Result<Verdict, String> {
        let expression = compiled(text).unwrap();
        let caller = Caller::new("alice")
            .with_scopes("read write".parse().unwrap())
            .with_claim("department", "sales")
            .with_claim("roles", json!(["Admin"]))
            .with_client_id("c");
        let raw = arguments.map(|arguments| to_raw_value(arguments).unwrap());
        let method = if raw.is_some() {
            "tools/call"
        } else {
            "tools/list"
        };
        let operation = Operation::about("todo", method, "delete-todo")
            .with_arguments(raw.as_deref().map(serde_json::value::RawValue::get));
        let first_party = FirstParty::default();
        let subject = Subject::of(&operation);
        expression.evaluate(&Facts::new(&caller, &operation, subject, &first_party))
    }

    #[test]
    fn caller_operation_and_arguments_can_be_named() {
        let arguments = json!({"department": "sales", "amount": 7, "ratio": 0.5, "to": ["a", "b"]});
        for text in [
            "caller.claims.department == arguments.department",
            "caller.sub == 'alice' && caller.client_id == 'c' && caller.issuer == null",
            "'Admin' in caller.roles && 'read' in caller.scopes",
            "caller.client_kind == 'third_party'",
            "operation.upstream == 'todo' && operation.name.startsWith('delete-') && !operation.read_only",
            "operation.method == 'tools/call'",
            "arguments.amount <= 10 && arguments.amount == 7 && arguments.ratio < 1.0",
            "arguments.to.all(person, person.matches('^[a-z]+$')) && size(arguments.to) <= 2",
            "!has(arguments.none)",
            "type(arguments.amount) == int",
        ] {
            assert_eq!(said(text, Some(&arguments)), Ok(Verdict::Holds), "{text}");
        }
        assert_eq!(
            said("arguments.amount > 7", Some(&arguments)),
            Ok(Verdict::Fails)
        );
    }

    #[test]
    fn what_cannot_be_evaluated_says_why() {
        let said = |text| said(text, Some(&json!({"amount": "7"}))).unwrap_err();
        assert_eq!(
            said("arguments.amount <= 10"),
            "found no matching overload for '_<=_' applied to '(string, int)'"
        );
        assert_eq!(said("caller.claims.none == 'x'"), "No such key: none");
        assert_eq!(said("arguments.amount"), "it is neither true nor false");
    }

    #[test]
    fn a_list_shows_what_some_arguments_would_permit() {
        for (text, expected) in [
            ("caller.sub == 'alice'", Verdict::Holds),
            ("caller.sub == 'bob' && arguments.x == 1", Verdict::Fails),
            ("arguments.x == 1 && caller.sub == 'bob'", Verdict::Fails),
            (
                "caller.sub == 'alice' && arguments.x == 1",
                Verdict::Unknown,
            ),
            ("caller.sub == 'alice' || arguments.x == 1", Verdict::Holds),
            (
                "caller.claims.none == 1 || arguments.x == 1",
                Verdict::Unknown,
            ),
            ("!has(arguments.x)", Verdict::Unknown),
        ] {
            assert_eq!(said(text, None), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_would_be_dangerous_or_mistaken_does_not_compile() {
        let long = format!("'{}' == caller.sub", "x".repeat(MAX_TEXT));
        let deep = format!("{}true{}", "!(".repeat(40), ")".repeat(40));
        let sum = format!("{} > 0", vec!["1"; 200].join(" + "));
        for (text, words) in [
            ("caller.sub ==", "this is no expression"),
            ("user.name == 'x'", "nothing is called `user`"),
            (
                "arguments.a.all(x, arguments.b.all(y, x == y))",
                "a loop stands inside another",
            ),
            (
                "caller.sub.matches(arguments.pattern)",
                "must be written in quotes",
            ),
            ("caller.sub.matches('(')", "is no regular expression"),
            (&long, "longer than 4096 bytes"),
            (&deep, "nested more than"),
            (&sum, "nested more than"),
            ("Thing{x: 1} == null", "not known here"),
        ] {
            let error = compiled(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn a_large_call_is_not_evaluated() {
        let text = "arguments.all.all(x, x > 0)";
        let numbers = |count| json!({"all": vec![1; count]});
        assert_eq!(said(text, Some(&numbers(9_000))), Ok(Verdict::Holds));
        assert!(
            said(text, Some(&numbers(10_000)))
                .unwrap_err()
                .contains("more than 10000 values")
        );
        // A loop may read every text once for every value.
        let long = json!({"all": [1], "text": "x".repeat(1 << 20)});
        let loop_over_text = "arguments.all.all(x, !arguments.text.contains('y'))";
        assert!(said(loop_over_text, Some(&long)).is_err());
        let plain = said("!arguments.text.contains('y')", Some(&long));
        assert_eq!(plain, Ok(Verdict::Holds));
    }

    /// Handlers run on stacks of two MiB.
    #[test]
    fn the_deepest_expression_fits_on_a_small_stack() {
        let deep = format!(
            "{}caller.sub == 'alice'{}",
            "(true && ".repeat(MAX_DEPTH - 3),
            ")".repeat(MAX_DEPTH - 3)
        );
        let small = std::thread::Builder::new().stack_size(1024 * 1024);
        let said = small
            .spawn(move || said(&deep, Some(&json!({}))))
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(said, Ok(Verdict::Holds));
    }
}
