//! Scores on invented lines that the recognizers were not made for, and under disguises.

use pii::Scanner;
use pii::evaluation::{Sample, evaluate};

use crate::adversary::adverse_samples;
use crate::generator::samples;

/// Seeds; what is tuned is tuned on others.
const SEEDS: [u64; 3] = [11, 12, 13];

#[test]
fn personal_data_is_found_and_the_rest_is_left_alone() {
    let scanner = Scanner::new();
    for seed in SEEDS {
        let scores = evaluate(&scanner, &samples(seed, 12));
        let micro = scores.micro;
        println!("{}", scores.mistakes.join("\n"));
        println!(
            "seed {seed}: precision {:.4} recall {:.4}, {} of {} harmless lines touched",
            micro.precision(),
            micro.recall(),
            scores.touched,
            scores.harmless
        );
        assert!(micro.precision() >= 0.97, "{}", scores.mistakes.join("\n"));
        assert!(micro.recall() >= 0.97, "{}", scores.mistakes.join("\n"));
        assert!(
            scores.types["KR_NAME"].f1() >= 0.90,
            "{}",
            scores.mistakes.join("\n")
        );
        assert!(
            scores.touched * 45 <= scores.harmless,
            "{}",
            scores.mistakes.join("\n")
        );
    }
}

/// Writes a value in another way.
type Disguise = fn(&str) -> String;

/// The value of a sample under a disguise, with its new length.
fn disguised(sample: &Sample, disguise: Disguise) -> Sample {
    let chars: Vec<char> = sample.text.chars().collect();
    let mut entities = sample.entities.clone();
    let mut text = String::new();
    let mut from = 0;
    for entity in &mut entities {
        text.extend(&chars[from..entity.start]);
        from = entity.end;
        let value: String = chars[entity.start..entity.end].iter().collect();
        entity.start = text.chars().count();
        text.push_str(&disguise(&value));
        entity.end = text.chars().count();
    }
    text.extend(&chars[from..]);
    Sample {
        text,
        entities,
        ignore: Vec::new(),
    }
}

fn full_width(value: &str) -> String {
    let wide = |one: char| match one {
        '!'..='~' => char::from_u32(u32::from(one) + 0xFEE0).unwrap(),
        other => other,
    };
    value.chars().map(wide).collect()
}

fn zero_width(value: &str) -> String {
    value
        .chars()
        .flat_map(|one| [one, '\u{200B}'])
        .collect::<String>()
        .trim_end_matches('\u{200B}')
        .to_owned()
}

fn dashes(value: &str) -> String {
    value.replace('-', "ㅡ")
}

fn arabic(value: &str) -> String {
    let digit = |one: char| {
        one.to_digit(10)
            .map_or(one, |digit| char::from_u32(0x0660 + digit).unwrap())
    };
    value.chars().map(digit).collect()
}

fn percent(value: &str) -> String {
    let pieces: Vec<String> = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    pieces.concat()
}

fn entities(value: &str) -> String {
    let pieces: Vec<String> = value
        .chars()
        .map(|one| format!("&#{};", u32::from(one)))
        .collect();
    pieces.concat()
}

fn escapes(value: &str) -> String {
    let pieces: Vec<String> = value
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    pieces.concat()
}

fn hex(value: &str) -> String {
    let pieces: Vec<String> = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    pieces.concat()
}

#[test]
fn p1_disguises_that_can_be_undone_hide_nothing() {
    let disguises: [(&str, Disguise); 8] = [
        ("full width", full_width),
        ("zero width", zero_width),
        ("dashes", dashes),
        ("digits of another script", arabic),
        ("percent", percent),
        ("entities", entities),
        ("escapes", escapes),
        ("hexadecimal", hex),
    ];
    let scanner = Scanner::new();
    let plain = samples(21, 2);
    for (name, disguise) in disguises {
        let all: Vec<Sample> = plain
            .iter()
            .map(|sample| disguised(sample, disguise))
            .collect();
        let scores = evaluate(&scanner, &all);
        println!("{name}: recall {:.4}", scores.micro.recall());
        assert!(
            scores.micro.recall() >= 0.95,
            "{name}\n{}",
            scores.mistakes.join("\n")
        );
    }
}

#[test]
fn adverse_lines_are_read_as_well() {
    let scanner = Scanner::new();
    for seed in SEEDS {
        let scores = evaluate(&scanner, &adverse_samples(seed, 8));
        let mut mistakes = scores.mistakes.clone();
        mistakes.sort();
        println!("{}", mistakes.join("\n"));
        for (name, score) in &scores.types {
            println!("{name}: p {:.3} r {:.3}", score.precision(), score.recall());
        }
        let micro = scores.micro;
        println!(
            "seed {seed}: precision {:.4} recall {:.4}, {} of {} harmless lines touched",
            micro.precision(),
            micro.recall(),
            scores.touched,
            scores.harmless
        );
    }
}
