//! Check digits: Luhn (ISO/IEC 7812), IBAN (ISO 13616), Korean registration numbers, EAN-13.

/// Whether the digits end in their Luhn check digit.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            match place % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    digits.len() > 1 && sum.is_multiple_of(10)
}

/// What the thirteenth digit of a registration number of a person is checked with.
fn weighted(digits: &[u8]) -> u32 {
    let weights = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];
    let pairs = digits.iter().zip(weights);
    pairs
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum()
}

/// Whether thirteen digits end as those of a resident do.
pub(crate) fn resident(digits: &[u8]) -> bool {
    digits.len() == 13 && (11 - weighted(digits) % 11) % 10 == u32::from(digits[12])
}

/// Whether thirteen digits end as those of a foreigner do.
pub(crate) fn foreigner(digits: &[u8]) -> bool {
    digits.len() == 13 && (13 - weighted(digits) % 11) % 10 == u32::from(digits[12])
}

/// Whether ten digits are a business registration number.
pub(crate) fn business(digits: &[u8]) -> bool {
    if digits.len() != 10 {
        return false;
    }
    let weights = [1, 3, 7, 1, 3, 7, 1, 3, 5];
    let pairs = digits.iter().zip(weights);
    let sum: u32 = pairs
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum();
    let sum = sum + u32::from(digits[8]) * 5 / 10;
    (10 - sum % 10) % 10 == u32::from(digits[9])
}

/// Whether thirteen digits are a valid article number.
pub(crate) fn ean13(digits: &[u8]) -> bool {
    if digits.len() != 13 {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(place, digit)| u32::from(*digit) * if place % 2 == 0 { 1 } else { 3 })
        .sum();
    sum.is_multiple_of(10)
}

/// How long an IBAN of a country is.
const IBAN_LENGTHS: [(&str, usize); 76] = [
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NL", 18),
    ("NO", 15),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("SA", 24),
    ("SC", 31),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("XK", 20),
];

/// The length of an IBAN that begins so, if there is such a country.
pub(crate) fn iban_length(country: &str) -> Option<usize> {
    let found = IBAN_LENGTHS.binary_search_by_key(&country, |(code, _)| code);
    found.ok().map(|at| IBAN_LENGTHS[at].1)
}

/// Whether the letters and digits of an IBAN leave 1 (ISO 7064 MOD 97-10).
pub(crate) fn iban(compact: &[u8]) -> bool {
    if compact.len() < 5 {
        return false;
    }
    let turned = compact[4..].iter().chain(&compact[..4]);
    let mut rest = 0_u32;
    for byte in turned {
        rest = match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            b'A'..=b'Z' => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
            _ => return false,
        };
    }
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| byte - b'0').collect()
    }

    #[test]
    fn luhn_knows_cards() {
        assert!(luhn(&digits("4111111111111111")));
        assert!(luhn(&digits("378282246310005")));
        assert!(!luhn(&digits("4111111111111112")));
        assert!(!luhn(&[]));
    }

    #[test]
    fn registration_numbers_end_in_their_check_digit() {
        assert!(resident(&digits("4212101312230")));
        assert!(!resident(&digits("4212101312231")));
        assert!(foreigner(&digits("7510255213380")));
        assert!(!foreigner(&digits("7510255213381")));
        assert!(business(&digits("8641576704")));
        assert!(!business(&digits("8641576705")));
    }

    #[test]
    fn article_numbers_and_accounts() {
        assert!(ean13(&digits("8801054209836")));
        assert!(!ean13(&digits("8801054209837")));
        assert!(iban(b"GB82WEST12345698765432"));
        assert!(!iban(b"GB82WEST12345698765433"));
        assert_eq!(iban_length("GB"), Some(22));
        assert_eq!(iban_length("ZZ"), None);
        assert!(IBAN_LENGTHS.is_sorted());
    }
}
