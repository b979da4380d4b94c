//! Reports: medians, ratios of turns that were taken side by side, and the table of both.

use std::fmt::{self, Write as _};
use std::fs;
use std::io::Write as _;
use std::time::Duration;

use anyhow::Context as _;

use crate::load::Seen;

/// What one turn showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) per_second: f64,
    /// Processor time of the subject for each, in microseconds.
    pub(crate) processor: f64,
    /// Latencies, where there are any: of half of the requests, of 99 %.
    pub(crate) latency: Option<(Duration, Duration)>,
}

impl Turn {
    /// A turn of requests that took the subject so much processor time.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of seconds stay far below 2^52"
    )]
    pub(crate) fn of_load(seen: &Seen, processor: Duration) -> Self {
        let answers = seen.answers as f64;
        Self {
            per_second: answers / seen.elapsed.as_secs_f64(),
            processor: micros(processor) / answers,
            latency: Some((seen.p50, seen.p99)),
        }
    }

    /// A turn of work without a server, from the two numbers that it prints: microseconds of time and of
    /// processor time for each.
    pub(crate) fn of_work(printed: &str) -> anyhow::Result<Self> {
        let numbers: Result<Vec<f64>, _> = printed.split_whitespace().map(str::parse).collect();
        let &[each, processor] = numbers?.as_slice() else {
            anyhow::bail!("the subject has printed: {printed}");
        };
        Ok(Self {
            per_second: 1e6 / each,
            processor,
            latency: None,
        })
    }
}

/// The middle of `values`.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

/// How `turns` compare to `base`, pair by pair: the machine drifts less within a pair than over all.
pub(crate) struct Ratio {
    /// Of what was done per second.
    throughput: Spread,
    /// Of what was done in a second of processor time, which others on the machine disturb less.
    processor: Spread,
}

/// The middle of some ratios, and where the middle half of them lies.
struct Spread {
    median: f64,
    lower: f64,
    upper: f64,
}

impl Spread {
    fn of(ratios: impl Iterator<Item = f64>) -> Self {
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        let quarter = ratios.len() / 4;
        let (lower, upper) = (ratios[quarter], ratios[ratios.len() - 1 - quarter]);
        Self {
            median: median(ratios),
            lower,
            upper,
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            median,
            lower,
            upper,
        } = self;
        let percent = |ratio: &f64| ratio * 100.0;
        let (median, lower, upper) = (percent(median), percent(lower), percent(upper));
        write!(
            f,
            "{median:.1} % (half of all turns: {lower:.1} to {upper:.1} %)"
        )
    }
}

impl Ratio {
    pub(crate) fn of(turns: &[Turn], base: &[Turn]) -> Self {
        let pairs = || turns.iter().zip(base);
        Self {
            throughput: Spread::of(pairs().map(|(turn, base)| turn.per_second / base.per_second)),
            processor: Spread::of(pairs().map(|(turn, base)| base.processor / turn.processor)),
        }
    }

    /// Says what the ratio is.
    pub(crate) fn shown(&self, what: &str) -> String {
        let Self {
            throughput,
            processor,
        } = self;
        format!("{what}, throughput: {throughput}\n{what}, per processor time: {processor}")
    }

    /// Says what the ratio is, and whether it is what it should be.
    pub(crate) fn verdict(&self, what: &str, target: f64) -> String {
        let Self {
            throughput,
            processor,
        } = self;
        let word = if throughput.median >= target {
            "reached"
        } else {
            "MISSED"
        };
        let target = target * 100.0;
        format!(
            "{what}, throughput: {throughput}; target {target:.0} %: {word}\n\
             {what}, per processor time: {processor}"
        )
    }
}

/// A table in Markdown, and what is to be said below it.
pub(crate) struct Report {
    text: String,
}

impl Report {
    /// An empty table.
    fn new(title: &str) -> Self {
        let header = "| | per second | of the first | processor, µs each | p50, µs | p99, µs |\n|---|--:|--:|--:|--:|--:|";
        Self::with_header(title, header)
    }

    /// An empty table with other columns.
    pub(crate) fn with_header(title: &str, header: &str) -> Self {
        let text = format!("## {title}\n\n{header}\n");
        Self { text }
    }

    /// One more line.
    fn row(&mut self, name: &str, turns: &[Turn], base: &[Turn]) {
        let middle = |part: fn(&Turn) -> Option<f64>| {
            let values: Vec<_> = turns.iter().filter_map(part).collect();
            (!values.is_empty()).then(|| median(values))
        };
        let per_second = middle(|turn| Some(turn.per_second)).unwrap_or_default();
        let processor = middle(|turn| Some(turn.processor)).unwrap_or_default();
        let latency = |value: Option<f64>| value.map_or("–".to_owned(), |us| format!("{us:.0}"));
        let p50 = latency(middle(|turn| turn.latency.map(|(p50, _)| micros(p50))));
        let p99 = latency(middle(|turn| turn.latency.map(|(_, p99)| micros(p99))));
        let ratio = Ratio::of(turns, base).throughput.median * 100.0;
        self.line(&format!(
            "| {name} | {per_second:.0} | {ratio:.1} % | {processor:.1} | {p50} | {p99} |"
        ));
    }

    /// A line below the table, or an empty one.
    pub(crate) fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("writing to a string never fails");
    }

    /// Prints the report, and leaves it beside this program as `bench-<name>.md`.
    pub(crate) fn publish(&self, name: &str) -> anyhow::Result<()> {
        writeln!(std::io::stdout(), "{}", self.text)?;
        let program = std::env::current_exe()?;
        let directory = program.parent().context("a program lies in a directory")?;
        let path = directory.join(format!("bench-{name}.md"));
        fs::write(&path, &self.text).with_context(|| format!("write {}", path.display()))
    }
}

/// A table with one line for each name; the first one is what the others are compared to.
pub(crate) fn table(title: &str, names: &[&str], turns: &[Vec<Turn>]) -> Report {
    let mut report = Report::new(title);
    for (name, of_name) in names.iter().zip(turns) {
        report.row(name, of_name, &turns[0]);
    }
    report
}

fn micros(latency: Duration) -> f64 {
    latency.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(per_second: &[f64]) -> Vec<Turn> {
        let turn = |&per_second| Turn {
            per_second,
            processor: 1.0,
            latency: None,
        };
        per_second.iter().map(turn).collect()
    }

    #[test]
    fn the_median_of_odd_and_even_many() {
        assert_eq!(median([3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]).to_bits(), 2.5_f64.to_bits());
    }

    #[test]
    fn one_turn_is_enough_for_a_ratio() {
        let ratio = Ratio::of(&turns(&[50.0]), &turns(&[100.0]));
        assert!(ratio.verdict("x", 0.4).starts_with("x, throughput: 50.0 %"));
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine was three times slower in the second round; the ratio does not mind.
        let ratio = Ratio::of(&turns(&[90.0, 30.0]), &turns(&[100.0, 33.0]));
        assert!(ratio.throughput.median > 0.9 && ratio.throughput.median < 0.91);
        assert!(ratio.verdict("x", 0.9).contains("target 90 %: reached"));
        assert!(ratio.verdict("x", 0.95).contains("target 95 %: MISSED"));
    }
}
