//! Detection of personal data on one core: against four bare patterns in the same run, on texts with and
//! without findings, and on hostile ones of two sizes, which have to cost in proportion.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use ::pii::{Context, Direction, Operator, Part, Policy, Redactor, Scanner};
use regex::Regex;

use crate::command_line::Effort;
use crate::machine::processor_time;
use crate::report::{Report, median};

/// What four patterns look like that somebody writes in an hour: e-mail, mobile, registration number, card.
const PATTERNS: [&str; 4] = [
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
    r"01[016789][- .]?[0-9]{3,4}[- .]?[0-9]{4}",
    r"[0-9]{6}-[1-8][0-9]{6}",
    r"(?:[0-9]{4}[- ]?){3}[0-9]{4}",
];

const LINE: &str =
    "고객 김민수님(010-1234-5678)의 주문 20260101-1234567, 문의는 kim.ms@naver.com 부탁";
const ENGLISH: &str =
    "The quick brown fox jumps over 12 lazy dogs, and nobody is hurt by it at all. ";
const KOREAN: &str = "오늘 회의에서는 다음 분기의 계획과 예산을 함께 살펴보기로 했습니다. ";
const LOG: &str =
    "2026-11-21 04:51:35 INFO request done status=200 duration_ms=17 path=/v1/items/42 size=1024\n";
const DENSE: &str = "담당자 홍길동님 010-2345-6789 kim@naver.com 주민번호 421210-1312230 카드 4111-1111-1111-1111 접속 IP 211.45.7.9 주문 20260101-1234567 금액 12,345원\n";
const HOSTILE: [&str; 20] = [
    "1 ",
    "a@",
    "1.1.1.",
    "sk-",
    "token=",
    "님 ",
    "김민수님",
    "%41",
    "&#6",
    "::",
    "eyJ.",
    "-----BEGIN PRIVATE KEY-----",
    "{\"a\":",
    "0-",
    "1(",
    "////",
    "://a:",
    "\u{200B}1",
    "MDEwLTEyMzQ=",
    "\\u0031",
];

/// How long is measured at least.
const LEAST_TIME: Duration = Duration::from_millis(100);

/// What is reached at least: microseconds for a short line, megabytes per second without and with findings.
const LONGEST_LINE: f64 = 10.0;
const LEAST_PLAIN: f64 = 100.0;
const LEAST_DENSE: f64 = 30.0;
/// Ten times as much text takes at most so many times as long.
const MOST_GROWTH: f64 = 15.0;

/// Measures and reports.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    let mut report = Report::with_header(
        "detection of personal data, one core",
        "| text | MB/s | of four bare patterns |\n|---|--:|--:|",
    );
    let scanner = Scanner::new();
    let patterns: Vec<Regex> = PATTERNS
        .into_iter()
        .map(Regex::new)
        .collect::<Result<_, _>>()?;
    let bare = |text: &str| {
        patterns
            .iter()
            .map(|pattern| pattern.find_iter(text).count())
            .sum()
    };
    let found = |text: &str| scanner.scan(text).len();
    let mut verdicts = String::new();
    for (name, piece, least) in [
        ("English, nothing in it", ENGLISH, LEAST_PLAIN),
        ("Korean, nothing in it", KOREAN, LEAST_PLAIN),
        ("a log, nothing in it", LOG, LEAST_PLAIN),
        ("dense: eight findings in 200 bytes", DENSE, LEAST_DENSE),
    ] {
        let text = piece.repeat(1_000_000 / piece.len());
        let by_patterns = speed(effort, &text, bare)?;
        let by_scanner = speed(effort, &text, found)?;
        let share = 100.0 * by_scanner / by_patterns;
        report.line(&format!("| {name} | {by_scanner:.0} | {share:.0} % |"));
        verdict(&mut verdicts, name, by_scanner, least)?;
    }
    let redactor = Redactor::new(Scanner::new(), Policy::of_everything(Operator::Mask));
    let context = Context {
        tool: "tool",
        direction: Direction::Result,
        part: Part::Message,
        subject: "kim",
        scopes: &[],
    };
    for (name, text) in [
        ("a result of 1 KiB, nothing in it", ENGLISH),
        ("a result of 1 KiB, dense", DENSE),
    ] {
        let inner = text.repeat(1024 / text.len());
        let message = serde_json::json!({"jsonrpc": "2.0", "id": 7, "result": {
            "content": [{"type": "text", "text": inner}], "isError": false,
        }});
        let message = message.to_string();
        let applied = |text: &str| {
            redactor
                .apply(&context, text)
                .map_or(0, |outcome| outcome.findings.len())
        };
        let each = micros_each(effort, &message, applied)?;
        report.line(&format!(
            "| {name}: {each:.1} µs each | {:.0} | |",
            length(&message) / each
        ));
    }
    report.line("");
    let line = micros_each(effort, LINE, found)?;
    let word = if line <= LONGEST_LINE {
        "reached"
    } else {
        "MISSED"
    };
    report.line(&format!(
        "a line of {} bytes with everything on: {line:.1} µs; target {LONGEST_LINE} µs: {word}",
        LINE.len()
    ));
    report.line(verdicts.trim_end());
    let mut worst = (0.0, "");
    for piece in HOSTILE {
        let small = piece.repeat(1_000_000 / piece.len());
        let large = piece.repeat(10_000_000 / piece.len());
        let growth = once(&large, found)?.as_secs_f64() / once(&small, found)?.as_secs_f64();
        if growth > worst.0 {
            worst = (growth, piece);
        }
    }
    let word = if worst.0 <= MOST_GROWTH {
        "reached"
    } else {
        "MISSED"
    };
    report.line(&format!(
        "ten times as much hostile text takes at most {:.1} times as long ({:?}); target {MOST_GROWTH}: {word}",
        worst.0, worst.1
    ));
    report.publish("pii")
}

fn verdict(verdicts: &mut String, name: &str, reached: f64, least: f64) -> anyhow::Result<()> {
    let word = if reached >= least {
        "reached"
    } else {
        "MISSED"
    };
    writeln!(verdicts, "{name}: target {least:.0} MB/s: {word}")?;
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "texts are far shorter than 2^52 bytes"
)]
fn length(text: &str) -> f64 {
    text.len() as f64
}

/// Megabytes per second of processor time, the middle of some runs.
fn speed(effort: &Effort, text: &str, scan: impl Fn(&str) -> usize) -> anyhow::Result<f64> {
    once(text, &scan)?;
    let runs: anyhow::Result<Vec<f64>> = (0..effort.reps.max(3))
        .map(|_| Ok(length(text) / 1e6 / once(text, &scan)?.as_secs_f64()))
        .collect();
    Ok(median(runs?))
}

/// Microseconds of processor time for one short text.
fn micros_each(effort: &Effort, text: &str, scan: impl Fn(&str) -> usize) -> anyhow::Result<f64> {
    Ok(length(text) / speed(effort, text, scan)?)
}

/// The processor time of one scan. The system tells it in ticks of milliseconds, so it takes many of them.
///
/// It is the best of three, since for the first one the system has to hand out memory: for a large hostile
/// text that takes longer than the scan, and in proportion to its length, too.
fn once(text: &str, scan: impl Fn(&str) -> usize) -> anyhow::Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        best = best.min(some(text, &scan)?);
    }
    Ok(best)
}

fn some(text: &str, scan: impl Fn(&str) -> usize) -> anyhow::Result<Duration> {
    let before = processor_time("self")?;
    let mut count = 0;
    loop {
        // Short texts are over before anybody has looked at the clock.
        for _ in 0..=100_000 / text.len() {
            black_box(scan(black_box(text)));
            count += 1;
        }
        let passed = processor_time("self")?.saturating_sub(before);
        if passed >= LEAST_TIME {
            return Ok(passed / count);
        }
    }
}
