//! Characters that people do not see, or that change how they see others (UTS #39, UAX #9).

/// Whether a name is better off without `c`: it has no ink, or turns round the text behind it.
///
/// A name made of such characters alone looks like none, and one padded with them pushes what stands
/// behind it away. The fillers of Hangul are letters to Unicode, and blank on every screen.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay_and_blanks_that_look_like_nothing_go() {
        assert!(!"할 일 앱 ㅎㅏㄴ・ñ 👍".chars().any(is_hidden));
        assert!(
            "\u{3164}\u{115f}\u{1160}\u{ffa0}\u{2800}\u{202e}"
                .chars()
                .all(is_hidden)
        );
    }
}
