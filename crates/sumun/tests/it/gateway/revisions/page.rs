//! What was tried, as tables in `docs/revisions.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gateway::Revision;

use super::rule::{Ability, EXCEPTIONS, Outcome, RULES, Rule};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/revisions.md");
const BEGIN: &str = "<!-- The following is written by the test `gateway::revisions`. -->\n";
const END: &str = "<!-- The end of what is written by the test. -->\n";

/// What came of every ability between every client and every server.
pub(super) type Outcomes = BTreeMap<(Ability, Revision, Revision), Outcome>;

/// Writes the tables, if the page has others.
///
/// Run the test twice after a change: the first run writes the page, and fails.
pub(super) fn compare(outcomes: &Outcomes) {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the mark of the beginning");
    let (written, after) = rest.split_once(END).expect("the mark of the end");
    let tables = tables(outcomes);
    if tables != written {
        std::fs::write(PAGE, format!("{before}{BEGIN}{tables}{END}{after}")).unwrap();
        panic!("docs/revisions.md was out of date and has been written: review and commit it");
    }
}

fn tables(outcomes: &Outcomes) -> String {
    let mut text = String::from("\n| client ↓ server → |");
    for server in Revision::ALL {
        write!(text, " {server} |").unwrap();
    }
    text.push_str("\n|---|---|---|---|---|---|\n");
    for client in Revision::ALL {
        write!(text, "| **{client}** |").unwrap();
        for server in Revision::ALL {
            let of = |rule: &&Rule| rule.is_common(client, server);
            let common = RULES.iter().filter(of);
            let (all, works) = common.fold((0, 0), |(all, works), rule| {
                let outcome = outcomes[&(rule.ability, client, server)];
                (all + 1, works + usize::from(outcome == Outcome::Works))
            });
            write!(text, " {works} of {all} |").unwrap();
        }
        text.push('\n');
    }
    text.push_str(
        "\nHow many of the abilities that both revisions have work between them. Which ones, for the \
         client at the head\nof the column, and in each cell for servers from 2024-11-05 to 2026-07-28:\n\n| |",
    );
    for client in Revision::ALL {
        write!(text, " {client} |").unwrap();
    }
    text.push_str("\n|---|---|---|---|---|---|\n");
    for rule in &RULES {
        write!(text, "| {} |", rule.name).unwrap();
        for client in Revision::ALL {
            let signs = Revision::ALL.map(|server| sign(outcomes[&(rule.ability, client, server)]));
            write!(text, " {} |", signs.join(" ")).unwrap();
        }
        text.push('\n');
    }
    text.push_str(
        "\n✓ works. ✗ does not, and whoever tries is told so in words. – a revision does not have it, \
         so nobody tries.\nWhat the gateway does itself (ping, batches) works with every server.\n",
    );
    for exception in EXCEPTIONS {
        writeln!(text, "{}", exception.why).unwrap();
    }
    text.push('\n');
    text
}

fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Works => "✓",
        Outcome::Said => "✗",
        Outcome::Lacking => "–",
    }
}
