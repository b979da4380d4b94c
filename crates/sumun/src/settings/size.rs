//! Sizes as an operator writes them: `64KiB`, `16MiB`, `2GiB`.

/// Reads a size: a number and a unit of powers of 1024.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        "GiB" => 1024 * 1024 * 1024,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units() {
        for (text, expected) in [
            ("64KiB", Some(65_536)),
            ("16MiB", Some(16_777_216)),
            ("2GiB", Some(2_147_483_648)),
            ("0KiB", Some(0)),
            ("16", None),
            ("16MB", None),
            ("16 MiB", None),
            ("MiB", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
