//! What a message costs: ten times as much of anything takes about ten times as many steps.
//!
//! Steps are counted where work could multiply. A clock would measure the machine as well.

use std::cell::Cell;

thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// One more step on this thread.
pub(crate) fn step() {
    STEPS.set(STEPS.get() + 1);
}

mod tests {
    use super::STEPS;
    use crate::document::{Document, LeafKind};
    use crate::fernet::{FernetKey, FernetKeys};
    use crate::kind::Kind;
    use crate::message::Part;
    use crate::operator::Operator;
    use crate::policy::path::Step;
    use crate::policy::{Context, Direction, Policy};
    use crate::redactor::Redactor;
    use crate::scanner::Scanner;
    use crate::sealing::Sealing;
    use crate::stand_in;

    const SMALL: usize = 40;
    const LARGE: usize = 10 * SMALL;

    const TEXT: Context<'_> = Context {
        part: Part::Text,
        ..CALL
    };

    const CALL: Context<'_> = Context {
        tool: "mail.send",
        direction: Direction::Arguments,
        part: Part::Data,
        subject: "kim",
        scopes: &[],
    };

    fn keys() -> FernetKeys {
        FernetKeys::new(vec![("k".to_owned(), FernetKey::of(&[7; 32]))]).unwrap()
    }

    /// A logarithm more than ten times as much is allowed; the square would be a hundred times.
    #[track_caller]
    fn grows_with(work: impl Fn(usize)) {
        let [small, large] = [SMALL, LARGE].map(|size| {
            STEPS.set(0);
            work(size);
            STEPS.get()
        });
        assert!(small >= SMALL / 2, "what costs is not counted: {small}");
        assert!(large < 25 * small, "{small} steps, and then {large}");
    }

    #[test]
    fn names_that_become_the_same_one() {
        let redactor = Redactor::new(Scanner::new(), Policy::of_everything(Operator::Mask));
        grows_with(|size| {
            let names = (0..size).map(|n| format!(r#""010-2345-{n:04}":{n}"#));
            let message = format!("{{{}}}", names.collect::<Vec<_>>().join(","));
            let replaced = redactor.apply(&CALL, &message).unwrap().replaced.unwrap();
            assert!(replaced.contains(&format!(r#""010-****-****~{size}":{}"#, size - 1)));
        });
    }

    #[test]
    fn one_name_with_many_values() {
        let redactor = Redactor::new(Scanner::new(), Policy::of_everything(Operator::Mask));
        let names = |n: usize| format!("010-2345-{n:04}, ");
        let one: String = (0..LARGE).map(names).collect();
        let other: String = (0..LARGE).rev().map(names).collect();
        let message = format!(r#"{{"{one}":1,"{other}":2}}"#);
        let replaced = redactor.apply(&CALL, &message).unwrap().replaced.unwrap();
        let masked = "010-****-****, ".repeat(LARGE);
        let counted = masked.trim_end_matches(", ").to_owned() + "~2, ";
        assert_eq!(replaced, format!(r#"{{"{masked}":1,"{counted}":2}}"#));
    }

    fn sealed(n: usize) -> String {
        stand_in::seal(&keys(), &Kind::Email, &format!("kim{n}@naver.com"), "kim").unwrap()
    }

    fn restoring() -> Redactor {
        let written = r#"{"rules":[{"action":"tokenize","restore_in":["*"],"types":["EMAIL"]}],"otherwise":"mask"}"#;
        let scanner = Scanner::new();
        let policy = Policy::read(&serde_json::from_str(written).unwrap(), &scanner).unwrap();
        Redactor::new(scanner, policy).with_sealing(Sealing::new(|| keys().into(), |_| (), || 0))
    }

    #[test]
    fn findings_beside_stand_ins_in_a_document() {
        let redactor = restoring();
        grows_with(|size| {
            let rows =
                (0..size).map(|n| format!(r#"{{"tel":"010-2345-6789","to":"{}"}}"#, sealed(n)));
            let message = format!("[{}]", rows.collect::<Vec<_>>().join(","));
            let outcome = redactor.apply(&CALL, &message).unwrap();
            let all = u32::try_from(size).unwrap();
            assert_eq!(outcome.restored, [(Kind::Email, all)]);
            let replaced = outcome.replaced.unwrap();
            assert_eq!(replaced.matches("010-****-****").count(), size);
        });
    }

    #[test]
    fn findings_beside_stand_ins_in_a_text() {
        let redactor = restoring();
        grows_with(|size| {
            let rows = (0..size).map(|n| format!("010-2345-6789 {}\n", sealed(n)));
            let outcome = redactor.apply(&TEXT, &rows.collect::<String>()).unwrap();
            let all = u32::try_from(size).unwrap();
            assert_eq!(outcome.restored, [(Kind::Email, all)]);
            let replaced = outcome.replaced.unwrap();
            assert_eq!(replaced.matches("010-****-****").count(), size);
        });
    }

    #[test]
    fn values_that_are_spread_over_fields() {
        let redactor = Redactor::new(Scanner::new(), Policy::of_everything(Operator::Mask));
        grows_with(|size| {
            let rows = (0..size).map(|n| format!(r#"{{"a":"010","b":"2345","c":"{n:04}"}}"#));
            let message = format!("[{}]", rows.collect::<Vec<_>>().join(","));
            let replaced = redactor.apply(&CALL, &message).unwrap().replaced.unwrap();
            assert_eq!(replaced.matches(r#""b":"****""#).count(), size);
        });
    }

    #[test]
    fn the_way_to_a_value_copies_no_name() {
        let message = format!(r#"{{"{}":["010-2345-6789"]}}"#, "name".repeat(1000));
        let mut document = Document::read(&message).unwrap();
        document.settle();
        let is_value = |kind: LeafKind| kind == LeafKind::Text;
        let leaf = document.leaves.iter().find(|leaf| is_value(leaf.kind));
        let [one, again] = [(); 2].map(|()| document.path(leaf.unwrap())[0]);
        let (Step::Name(one), Step::Name(again)) = (one, again) else {
            panic!("it stands under a name");
        };
        assert!(std::ptr::eq(one, again));
    }
}
