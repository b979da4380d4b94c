//! Text out of HTML: tags are taken away, character references are read once (HTML, §13.5).

/// The references that search results have.
const NAMED: [(&str, char); 8] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("middot", '·'),
    ("hellip", '…'),
];

/// No reference is longer than this.
const LONGEST: usize = 10;

/// The text of a piece of HTML, with single blanks.
pub(super) fn cleaned(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let read = if rest.starts_with('<') {
            tag(rest).map(|length| (None, length))
        } else {
            reference(rest).map(|(read, length)| (Some(read), length))
        };
        // What is neither is text that somebody wrote.
        let first = rest.chars().next().unwrap_or_default();
        let (read, length) = read.unwrap_or((Some(first), 1));
        text.extend(read);
        rest = &rest[length..];
    }
    text.push_str(rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The length of the tag at the beginning of `html`, if there is one.
fn tag(html: &str) -> Option<usize> {
    let inside = html.strip_prefix('<')?;
    let begins = inside.strip_prefix('/').unwrap_or(inside);
    let is_tag = begins.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!');
    let end = html.find('>')?;
    is_tag.then_some(end + 1)
}

/// The character that is referred to at the beginning of `html`, and the length of the reference.
fn reference(html: &str) -> Option<(char, usize)> {
    let inside = html.strip_prefix('&')?;
    let end = inside.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = &inside[..end];
    let read = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| !c.is_control())?
        }
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((read, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_and_references_are_read_once() {
        for (html, text) in [
            ("<b>수문</b>의 역사", "수문의 역사"),
            ("Q&amp;A &quot;x&quot; &#39;y&#x27;", "Q&A \"x\" 'y'"),
            // Reading twice would make markup of what somebody wrote about markup.
            (
                "&lt;b&gt; is bold, &amp;lt; is not",
                "<b> is bold, &lt; is not",
            ),
            ("3 < 5 && 7 > 2", "3 < 5 && 7 > 2"),
            (
                "AT&T; &unknown; &#0; &#x110000;",
                "AT&T; &unknown; &#0; &#x110000;",
            ),
            ("a<br/>b <!-- c --> d", "ab d"),
            ("줄\n\n바꿈&nbsp; 끝", "줄 바꿈 끝"),
            ("<script>alert(1)</script>", "alert(1)"),
            ("<b", "<b"),
            ("&한글한글한글;", "&한글한글한글;"),
        ] {
            assert_eq!(cleaned(html), text);
        }
    }
}
