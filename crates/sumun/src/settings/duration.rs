//! Durations as an operator writes them: `45s`, `30m`, `12h`, `30d`, `1h30m`.

use std::time::Duration;

/// Reads a duration: one or more pairs of a number and a unit.
///
/// A number without a unit is refused: nobody can see whether seconds or minutes were meant.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut total = 0_u64;
    let mut rest = text;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let mut after = rest[digits..].chars();
        let seconds = match after.next()? {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(seconds)?)?;
        rest = after.as_str();
        if rest.is_empty() {
            return Some(Duration::from_secs(total));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, seconds: impl Into<Option<u64>>) {
        assert_eq!(
            parse(text),
            seconds.into().map(Duration::from_secs),
            "{text}"
        );
    }

    #[test]
    fn numbers_with_units() {
        check("0s", 0);
        check("45s", 45);
        check("1h30m", 5400);
        check("30d", 2_592_000);
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "30",
            "m",
            "30 m",
            "30min",
            "-1s",
            "1.5h",
            "٣s",
            "99999999999999999999d",
        ] {
            check(bad, None);
        }
    }
}
