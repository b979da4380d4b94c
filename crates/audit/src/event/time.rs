//! Times as events have them (RFC 3339): UTC, milliseconds, always as long.

/// Writes a time as `2026-11-28T16:31:11.123Z` (RFC 3339): always as long, so that times sort as text.
pub(crate) fn timestamp(out: &mut Vec<u8>, millis: i64) {
    // The years of the form: from 0001 to 9999.
    let millis = millis.clamp(-62_135_596_800_000, 253_402_300_799_999);
    let (days, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (seconds, milli) = (rest / 1000, rest % 1000);
    pad(out, year, 4);
    out.push(b'-');
    pad(out, month, 2);
    out.push(b'-');
    pad(out, day, 2);
    out.push(b'T');
    pad(out, seconds / 3600, 2);
    out.push(b':');
    pad(out, seconds / 60 % 60, 2);
    out.push(b':');
    pad(out, seconds % 60, 2);
    out.push(b'.');
    pad(out, milli, 3);
    out.push(b'Z');
}

/// The Gregorian date of a day since the epoch. Every event has one, and this is all arithmetic.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the day that comes and goes is the last one.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era_year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = of_era_year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn pad(out: &mut Vec<u8>, number: i64, width: usize) {
    let mut digits = [b'0'; 4];
    let mut rest = number;
    for digit in digits[..width].iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    out.extend_from_slice(&digits[..width]);
}

/// Reads a time as [`timestamp`] writes it, in milliseconds since the epoch.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let bytes: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let digits = |range: std::ops::Range<usize>| {
        bytes[range].iter().try_fold(0_i64, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + i64::from(byte - b'0'))
        })
    };
    let marks = [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'.'),
        (23, b'Z'),
    ];
    if marks.iter().any(|(at, mark)| bytes[*at] != *mark) {
        return None;
    }
    let days = day_number(digits(0..4)?, digits(5..7)?, digits(8..10)?);
    let seconds = (digits(11..13)? * 60 + digits(14..16)?) * 60 + digits(17..19)?;
    Some(days * 86_400_000 + seconds * 1000 + digits(20..23)?)
}

/// The days from the epoch to a Gregorian date: the way back from [`civil`].
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let (era, of_era_year) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era_year * 365 + of_era_year / 4 - of_era_year / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn times_are_those_of_the_calendar(millis in -62_135_596_800_000_i64..253_402_300_799_999) {
            let mut out = Vec::new();
            timestamp(&mut out, millis);
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(text.len(), 24);
            prop_assert_eq!(text.parse::<Timestamp>().unwrap().as_millisecond(), millis);
            prop_assert_eq!(parse_timestamp(&text), Some(millis));
        }
    }
}
