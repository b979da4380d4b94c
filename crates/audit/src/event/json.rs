//! JSON as events are written in it (RFC 8259): one line, and nothing a terminal would obey.

/// Writes `text` as a JSON string. Everything that could end a line, move a cursor or turn the
/// direction of text is written as an escape, so that an event looks the same to `grep`, to a
/// terminal and to a parser.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.find(needs_escape) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let found = rest[at..].chars().next().unwrap_or_default();
        match found {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    out.extend_from_slice(b"\\u");
                    for shift in [12, 8, 4, 0] {
                        out.push(HEX[usize::from(*unit >> shift & 0xf)]);
                    }
                }
            }
        }
        rest = &rest[at + found.len_utf8()..];
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Control characters, line separators, and what Unicode uses to turn text around (UAX #9).
fn needs_escape(c: char) -> bool {
    match c {
        '"' | '\\' => true,
        ' '..='~' => false,
        _ => {
            c.is_control()
                || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
        }
    }
}

/// Writes a number.
pub(crate) fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_that_moves_a_cursor_survives() {
        assert_eq!(
            written("a\u{1b}[2J\u{85}\u{2028}\u{202e}\u{feff}\u{e0041}\r"),
            r#""a\u001b[2J\u0085\u2028\u202e\ufeff\udb40\udc41\u000d""#
        );
        assert_eq!(written("할 일\t추가"), r#""할 일\u0009추가""#);
    }

    proptest! {
        #[test]
        fn what_is_written_is_one_line_and_reads_back(text in any::<String>(), value in any::<u64>()) {
            let line = written(&text);
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
            let mut out = Vec::new();
            number(&mut out, value);
            prop_assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
