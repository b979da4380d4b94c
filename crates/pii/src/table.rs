//! Tables in text: lines of cells, whose first line says what stands in the columns.

use std::ops::Range;

use crate::context::{Label, of_heading};
use crate::name;
use crate::secret;

/// What stands between cells.
const DELIMITERS: [u8; 4] = [b',', b'\t', b'|', b';'];
/// The longest first line, the most columns and the longest cell that are looked at.
const LONGEST_LINE: usize = 1024;
const MOST_COLUMNS: usize = 64;
const LONGEST_CELL: usize = 128;

/// Headings of columns of things.
const OF_THINGS: [&str; 10] = [
    "수량",
    "가격",
    "단가",
    "재고",
    "판매가",
    "price",
    "qty",
    "quantity",
    "stock",
    "sku",
];

/// A table around a heading.
pub(crate) struct Table<'t> {
    text: &'t str,
    delimiter: u8,
    /// The columns whose heading is a label, with what it is.
    columns: Vec<(usize, &'t str, Column)>,
    count: usize,
    /// Where the line behind the first begins.
    rows: usize,
}

/// What a heading is a label of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    Secret,
    Number,
}

impl<'t> Table<'t> {
    /// The table in whose first line the word at `start..end` fills a cell.
    pub(crate) fn around(text: &'t str, start: usize, end: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_edge = |byte: u8| byte == b'\n' || byte == b'\r' || DELIMITERS.contains(&byte);
        let is_inner = |byte: &&u8| matches!(byte, b' ' | b'"' | b'\'' | b'*');
        let skipped = bytes[end..].iter().take(4).take_while(is_inner).count();
        let next = *bytes.get(end + skipped)?;
        let before = bytes[..start].iter().rev();
        let skipped = before.clone().take(4).take_while(is_inner).count();
        let last = before.clone().nth(skipped).copied().unwrap_or(b'\n');
        if !is_edge(next) || !is_edge(last) {
            return None;
        }
        let delimiter = [next, last]
            .into_iter()
            .find(|one| DELIMITERS.contains(one))?;
        let far = start.saturating_sub(LONGEST_LINE);
        let first = match memchr::memrchr(b'\n', &bytes[far..start]) {
            Some(at) => far + at + 1,
            None if far == 0 => 0,
            None => return None,
        };
        let near = &bytes[start..bytes.len().min(start + LONGEST_LINE)];
        let line = first..start + memchr::memchr(b'\n', near)?;
        let mut columns = Vec::new();
        let mut count = 0;
        for cell in cells(text, line.clone(), delimiter) {
            if let Some(column) = column(&text[cell.clone()]) {
                columns.push((count, &text[cell], column));
            }
            count += 1;
        }
        // Things have names as well, beside prices and quantities.
        if cells(text, line.clone(), delimiter).any(|cell| OF_THINGS.contains(&&text[cell])) {
            columns.retain(|(_, heading, _)| !matches!(*heading, "이름" | "name"));
        }
        (2..=MOST_COLUMNS).contains(&count).then_some(Self {
            text,
            delimiter,
            columns,
            count,
            rows: line.end + 1,
        })
    }

    /// Hands out every cell below a label with its heading, and says where the table ends.
    pub(crate) fn each(&self, mut found: impl FnMut(&'t str, Range<usize>)) -> usize {
        let mut at = self.rows;
        while let Some(line) = line(self.text.as_bytes(), at) {
            let mut count = 0;
            let mut of_row = [const { 0..0 }; MOST_COLUMNS];
            for cell in cells(self.text, line.clone(), self.delimiter) {
                if count == MOST_COLUMNS {
                    return at;
                }
                of_row[count] = cell;
                count += 1;
            }
            if count != self.count {
                break;
            }
            for (column, heading, kind) in &self.columns {
                let cell = of_row[*column].clone();
                if fits(*kind, &self.text[cell.clone()]) {
                    found(heading, cell);
                }
            }
            at = line.end + 1;
        }
        at
    }
}

/// The line that begins at `start`, if there is one.
fn line(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
    Some(start..start + memchr::memchr(b'\n', rest).unwrap_or(rest.len()))
}

/// The cells of a line without the spaces and quotes around them.
fn cells(text: &str, line: Range<usize>, delimiter: u8) -> impl Iterator<Item = Range<usize>> {
    let mut at = line.start;
    text[line].split(char::from(delimiter)).map(move |cell| {
        let trimmed = cell.trim_matches([' ', '"', '\'', '\r', '*', '\t']);
        let start = at + (trimmed.as_ptr() as usize - cell.as_ptr() as usize);
        at += cell.len() + 1;
        start..start + trimmed.len()
    })
}

fn column(heading: &str) -> Option<Column> {
    let is = |words: &[&str]| words.iter().any(|word| heading.eq_ignore_ascii_case(word));
    if name::is_label(&heading.to_ascii_lowercase()) {
        return Some(Column::Name);
    }
    if is(&secret::NAMES) {
        return Some(Column::Secret);
    }
    let label = of_heading(heading).filter(|_| heading.len() <= LONGEST_CELL)?;
    let is_kept = !matches!(label, Label::Harmless | Label::Phone | Label::Ip);
    is_kept.then_some(Column::Number)
}

/// Whether a cell may hold what its heading says.
fn fits(column: Column, cell: &str) -> bool {
    let digits = || cell.bytes().filter(u8::is_ascii_digit).count();
    (4..=LONGEST_CELL).contains(&cell.len())
        && match column {
            Column::Name => !cell.is_ascii(),
            Column::Secret => true,
            Column::Number => digits() >= 7,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, heading: &str) -> Vec<(String, String)> {
        let start = text.find(heading).unwrap();
        let mut all = Vec::new();
        if let Some(table) = Table::around(text, start, start + heading.len()) {
            table.each(|heading, cell| all.push((heading.to_owned(), text[cell].to_owned())));
        }
        all
    }

    #[test]
    fn cells_have_the_label_above_them() {
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        let table = "no,이름,계좌번호\n1,홍길동,\"110-123-456789\"\n2,김철수,-\n";
        let expect = [
            pair("이름", "홍길동"),
            pair("계좌번호", "110-123-456789"),
            pair("이름", "김철수"),
        ];
        assert_eq!(found(table, "이름"), expect);
        let lines = "| 이름 | 직급 |\n|---|---|\n| 홍길동 | 과장 |";
        assert_eq!(found(lines, "이름"), [pair("이름", "홍길동")]);
    }

    #[test]
    fn a_table_has_lines_of_as_many_cells() {
        assert_eq!(found("이름, 전화\n홍길동", "이름"), []);
        assert_eq!(found("이름을, 전화\n홍길동, 1", "이름"), []);
        assert_eq!(found("이름, 전화", "이름"), []);
    }

    #[test]
    fn a_cell_is_read_as_if_its_heading_stood_before_it() {
        let find = |text: &str| {
            let found = crate::scanner::Scanner::new().scan(text).into_iter();
            found.map(|finding| finding.value).collect::<Vec<_>>()
        };
        let secret = "6bebe2c76237ad919b2304c3ed152e7f";
        assert_eq!(find(&format!("user_id,api_key\nu1,{secret}\n")), [secret]);
        assert_eq!(
            find("이름;계좌\n김리아;110-576-229275"),
            ["김리아", "110-576-229275"]
        );
        // Things have names as well.
        assert_eq!(find("이름,수량,가격\n이어폰,10,500\n").len(), 0);
    }
}
